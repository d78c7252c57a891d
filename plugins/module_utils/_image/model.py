# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of an image: frozen values without behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Optional

LABEL = "tpaexec.docker.image"  # marks an image that this collection made: only those are ever pruned
LABEL_SOURCE = "tpaexec.docker.image.source"
LABEL_INPUTS = "tpaexec.docker.image.inputs"
CREATED_BY = "tpaexec.docker guest_image"  # the one step in the history of a bootstrapped image
LABEL_PROBE = "tpaexec.docker.probe"  # a container that only lends its file system to `inspect`


@dataclass(frozen=True)
class Python:
    """One interpreter in the image."""

    path: str
    version: str


@dataclass(frozen=True)
class PackageCache:
    """Packages that were downloaded and not installed."""

    path: str
    files: tuple[str, ...]
    size: int
    complete: bool = True


@dataclass(frozen=True)
class ImageFacts:
    """What `inspect.look` found in an image. Empty strings and None: not there, or not to be found out."""

    name: str
    image_id: str
    architecture: str = ""
    os_id: str = ""
    os_version: str = ""
    os_name: str = ""
    has_systemd: bool = False
    systemd_version: Optional[int] = None
    init: str = ""
    stop_signal: str = ""
    sshd: bool = False
    package_manager: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    package_cache: Optional[PackageCache] = None
    pythons: tuple[Python, ...] = ()
    postgres_packages: tuple[str, ...] = ()
    postgres_files: tuple[str, ...] = ()
    postgres_dependencies: tuple[str, ...] = ()
    machine_id: str = ""
    host_keys: tuple[str, ...] = ()
    postgres_units: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    size: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)
    not_seen: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For a module's result: without the list of every package, which is long."""
        shown = dict(vars(self), packages=len(self.packages))
        shown["package_cache"] = vars(self.package_cache).copy() if self.package_cache else None
        shown["pythons"] = [vars(python).copy() for python in self.pythons]
        return shown
