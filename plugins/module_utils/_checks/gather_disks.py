# SPDX-License-Identifier: GPL-3.0-or-later
"""The file systems under the engine, measured: statvfs, the mount table, and XFS's own word on ftype."""

from __future__ import annotations

import fcntl
import os
import re
import struct
from typing import Optional, Union

from .facts_engine import EngineFacts
from .facts_storage import FileSystem, StorageFacts
from .machine import Machine, name_of
from .model import Unknown

# Linux: ioctl XFS_IOC_FSGEOMETRY_V1 fills a struct of 112 bytes; `flags` is at 92, and bit 16 says ftype=1.
XFS_GEOMETRY, XFS_SIZE, XFS_FLAGS_AT, XFS_FTYPE = 0x80705864, 112, 92, 1 << 16


def measure(machine: Machine, engine: EngineFacts, storage: StorageFacts) -> Union[tuple[FileSystem, ...], Unknown]:
    """The data root's and containerd's file systems; one entry when both are on the same one."""
    if not storage.data_root.startswith("/"):
        return Unknown("the daemon does not say its data root (DockerRootDir)")
    paths = {"data root": storage.data_root}
    if engine.docker:
        paths["containerd root"] = containerd_root(machine, engine, storage)
    found: dict[int, FileSystem] = {}
    for role, path in paths.items():
        try:
            _measure_one(machine, role, path, found)
        except OSError as error:
            if role == "data root":
                return Unknown(f"{path} cannot be looked at ({error.strerror})")
    return tuple(found.values())


def _measure_one(machine: Machine, role: str, path: str, found: dict[int, FileSystem]) -> None:
    where = machine.seen_by_daemon(path)
    device = os.stat(where).st_dev
    if device in found:
        known = found[device]
        found[device] = FileSystem(**{**vars(known), "roles": (*known.roles, role)})
        return
    figures = os.statvfs(where)
    source, kind, options = mount_of(machine, path)
    unit = figures.f_frsize or figures.f_bsize
    used = figures.f_blocks - figures.f_bfree
    found[device] = FileSystem(
        path=path,
        roles=(role,),
        device=source,
        type=kind,
        options=options,
        total=(used + figures.f_bavail) * unit,  # as df counts: without what is kept for root
        free=figures.f_bavail * unit,
        inodes=figures.f_files,
        inodes_free=figures.f_favail,
        ftype=xfs_ftype(where) if kind == "xfs" else None,
    )


def containerd_root(machine: Machine, engine: EngineFacts, storage: StorageFacts) -> str:
    """The engine's own containerd keeps all under the data root; the system's where its configuration says."""
    own = f"{storage.data_root.rstrip('/')}/containerd/daemon"
    address = engine.containerd_address
    if address and not address.startswith(("/run/containerd/", "/var/run/containerd/")):
        return own
    if not address and (_started_by_daemon(machine) or not machine.exists("/run/containerd/containerd.sock")):
        return own
    config = machine.read("/etc/containerd/config.toml") or ""
    match = re.search(r'^\s*root\s*=\s*["\'](/[^"\']*)["\']', config, re.MULTILINE)
    return match.group(1) if match else "/var/lib/containerd"


def _started_by_daemon(machine: Machine) -> bool:
    return any(name_of(machine, child) == "containerd" for child in machine.children(machine.pid))


def mount_of(machine: Machine, path: str) -> tuple[str, str, tuple[str, ...]]:
    """Device, type and options of the mount that holds *path*, from the daemon's mount table where we may read it."""
    table = (machine.read(f"/proc/{machine.pid}/mountinfo") if machine.pid else None) or machine.read(
        "/proc/self/mountinfo"
    )
    best: tuple[int, tuple[str, str, tuple[str, ...]]] = (-1, ("", "", ()))
    for line in (table or "").splitlines():
        left, dash, right = line.partition(" - ")
        head, tail = left.split(" "), right.split(" ")
        if not dash or len(head) < 6 or len(tail) < 3:
            continue
        point = _unescape(head[4])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= best[0]:
            options = dict.fromkeys([*head[5].split(","), *tail[2].split(",")])
            best = (len(point), (_unescape(tail[1]), tail[0], _writable(tuple(options), head[5], tail[2])))
    return best[1]


def _unescape(word: str) -> str:
    return re.sub(r"\\(0\d\d|1[0-7][0-7])", lambda match: chr(int(match.group(1), 8)), word)


def _writable(options: tuple[str, ...], mount: str, superblock: str) -> tuple[str, ...]:
    """`ro` when either the mount or the file system is read-only, and `rw` only when both are not."""
    read_only = "ro" in mount.split(",") or "ro" in superblock.split(",")
    return tuple(option for option in options if option != ("rw" if read_only else "ro"))


def xfs_ftype(path: str) -> Optional[bool]:
    """Whether an XFS has ftype=1; None when it cannot be asked (only who may open the directory can)."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        reply = fcntl.ioctl(handle, XFS_GEOMETRY, bytes(XFS_SIZE))
        return bool(struct.unpack_from("I", reply, XFS_FLAGS_AT)[0] & XFS_FTYPE)
    except OSError:
        return None
    finally:
        os.close(handle)
