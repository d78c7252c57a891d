# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes, written as for `docker run -v`: `SOURCE:TARGET[:OPTIONS]`, or `TARGET` alone for an anonymous one."""

from __future__ import annotations

import os
import posixpath
import re
from typing import Any

from .model import Volume
from .problems import BadValue, show
from .values import one_line

_USAGE = "Write SOURCE:TARGET[:OPTIONS] as for docker run -v, such as /srv/data:/data:ro or pgdata:/var/lib/pgsql."
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+", re.ASCII)

# Of each group one option may be given.
_ACCESS = ("ro", "rw")
_RELABEL = ("z", "Z")
_PROPAGATION = ("shared", "slave", "private", "rshared", "rslave", "rprivate")
_CONSISTENCY = ("consistent", "cached", "delegated")
_COPY = ("nocopy",)
_GROUPS = (_ACCESS, _RELABEL, _PROPAGATION, _CONSISTENCY, _COPY)

# systemd in the guest needs its own there.
TAKEN_TARGETS = ("/run", "/run/lock", "/sys/fs/cgroup")


def volume(value: Any, base_dir: str) -> Volume:
    """One entry of volumes; host paths that begin with `.` or `~` are made absolute against *base_dir*."""
    if isinstance(value, dict):
        raise BadValue("A map describes a volume of another platform (aws).", _USAGE)
    if not isinstance(value, str) or not value:
        raise BadValue(f"{show(value)} is no volume.", _USAGE)
    parts = one_line(value).split(":")
    if len(parts) > 3:
        raise BadValue(f"{show(value)} has too many colons.", _USAGE)
    if len(parts) == 2 and not parts[1].startswith("/") and parts[0].startswith("/"):
        raise BadValue(f"{show(value)}: {show(parts[1])} is no absolute path in the container.", _USAGE)
    if len(parts) == 1:
        return Volume("anonymous", "", _target(parts[0], value))
    options = _options(parts[2], value) if len(parts) == 3 else ()
    kind, source = _source(parts[0], value, base_dir)
    if kind == "bind" and "nocopy" in options:
        raise BadValue(f"{show(value)}: nocopy is for named volumes.", _USAGE)
    if kind == "volume" and any(option in _PROPAGATION for option in options):
        raise BadValue(f"{show(value)}: propagation is for paths of the host.", _USAGE)
    return Volume(kind, source, _target(parts[1], value), options)


def source_directory(value: Any, base_dir: str) -> Volume:
    """One entry of local_source_directories: read-only unless `rw` is written (TPA's shared ccache is)."""
    mount = volume(value, base_dir)
    if not mount.source:
        raise BadValue(f"{show(value)} names no directory of the host.", _USAGE)
    if "rw" in mount.options or "ro" in mount.options:
        return mount
    return Volume(mount.kind, mount.source, mount.target, ("ro", *mount.options))


def _target(path: str, value: Any) -> str:
    if not path.startswith("/") or ".." in path.split("/"):
        raise BadValue(f"{show(value)}: {show(path)} is no absolute path in the container.", _USAGE)
    target = posixpath.normpath("/" + path.lstrip("/"))
    if target == "/":
        raise BadValue(f"{show(value)} would hide the container's whole filesystem.", _USAGE)
    if target in TAKEN_TARGETS:
        raise BadValue(f"{target} is mounted by the platform itself: systemd needs it.", "Mount it at another path.")
    return target


def _source(word: str, value: Any, base_dir: str) -> tuple[str, str]:
    if word.startswith("/") or re.match(r"\.{1,2}(/|$)|~", word):
        return "bind", host_path(word, base_dir)
    if _NAME.fullmatch(word):
        return "volume", word
    if "/" in word:
        raise BadValue(f"{show(value)}: a host path begins with /, ~/ or ./.", f"Write ./{word} if that is meant.")
    raise BadValue(f"{show(value)}: {show(word)} is no name of a volume.", _USAGE)


def host_path(word: str, base_dir: str) -> str:
    """A path of the host, absolute, with `~` written out."""
    return os.path.normpath(os.path.join(os.path.abspath(base_dir), os.path.expanduser(word)))


def _options(word: str, value: Any) -> tuple[str, ...]:
    options = tuple(word.split(","))
    known = [option for group in _GROUPS for option in group]
    for option in options:
        if option not in known:
            raise BadValue(f"{show(value)}: there is no option {show(option)}.", f"Options are: {', '.join(known)}.")
    for group in _GROUPS:
        if sum(option in group for option in options) > 1:
            raise BadValue(f"{show(value)}: only one of {', '.join(group)} may be given, once.")
    return options
