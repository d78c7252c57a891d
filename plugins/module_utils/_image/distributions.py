# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases that can be bootstrapped, and the image names that stand for them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

NAMESPACE = "tpaexec"

# release number → codename; a codename may be given as well
DEBIAN = {"11": "bullseye", "12": "bookworm", "13": "trixie", "14": "forky"}
UBUNTU = {"20.04": "focal", "22.04": "jammy", "24.04": "noble", "26.04": "resolute"}

DNF_DISTRIBUTIONS = ("el", "rocky", "almalinux", "centos", "oraclelinux", "fedora")

COMMON = ("systemd", "systemd-sysv", "dbus", "python3", "openssh-server", "sudo", "iproute2")
DNF = ("systemd", "dbus", "python3", "openssh-server", "sudo", "iproute", "passwd", "dnf")


@dataclass(frozen=True)
class Release:
    """One release of one distribution; `family` says which tool makes it."""

    distribution: str
    version: str
    codename: str
    family: str

    @property
    def image(self) -> str:
        """The name under which this collection keeps its guest image."""
        return f"{NAMESPACE}/{self.distribution}-systemd:{self.version}"

    @property
    def packages(self) -> tuple[str, ...]:
        return COMMON if self.family == "apt" else DNF


def find_release(distribution: str, version: str) -> Optional[Release]:
    """`debian`, `12` or `bookworm` → the release; None when it is not known."""
    tables = {"debian": DEBIAN, "ubuntu": UBUNTU}
    if distribution in tables:
        table = tables[distribution]
        for number, codename in table.items():
            if version in (number, codename):
                return Release(distribution, number, codename, "apt")
        return None
    if distribution in DNF_DISTRIBUTIONS and re.fullmatch(r"\d+(\.\d+)?", version):
        return Release(distribution, version, version, "dnf")
    return None


def release_of_image(name: str) -> Optional[Release]:
    """The release that an image name of ours stands for: `tpaexec/debian-systemd:12`."""
    match = re.fullmatch(rf"(?:docker\.io/)?{NAMESPACE}/([a-z]+)-systemd:([a-z0-9.]+)", name)
    return find_release(match.group(1), match.group(2)) if match else None


def known_images() -> list[str]:
    """For messages: what can be bootstrapped by name."""
    releases = [find_release("debian", version) for version in DEBIAN]
    releases += [find_release("ubuntu", version) for version in UBUNTU]
    return [release.image for release in releases if release]
