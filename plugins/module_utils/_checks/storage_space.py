# SPDX-License-Identifier: GPL-3.0-or-later
"""The file systems under the engine: space, inodes, kind, mount options."""

from __future__ import annotations

from typing import Iterable, Optional

from . import values
from .capacity import BOOT_DISK, BOOT_INODES, Limit, capacity, layers
from .facts import Facts
from .facts_storage import FileSystem
from .model import ERROR, INFO, WARNING, Check, Finding, NotRun, Rule

FREE = (
    "See what takes it: docker system df -v. Remove what nobody uses: docker system prune (stopped containers, "
    "unused networks, dangling images). "
    'Or move the data root: {"data-root": "/bigger/path"} in /etc/docker/daemon.json.'
)
MORE_INODES = (
    "Remove unused images and containers (docker system prune), or move the data root to xfs or an ext4 made with "
    "mkfs.ext4 -N."
)
DISK_LOW = Rule(
    "DISK_LOW", WARNING, "Free space below what N nodes need, or ≥ 85 % used with less than 20 GiB free.", FREE
)
DISK_CRITICAL = Rule(
    "DISK_CRITICAL", ERROR, "≥ 95 % used with less than 20 GiB free, or too little for the nodes to boot.", FREE
)
INODES_LOW = Rule("INODES_LOW", WARNING, "Free inodes below what N nodes need, or ≥ 85 % used.", MORE_INODES)
INODES_CRITICAL = Rule(
    "INODES_CRITICAL", ERROR, "≥ 95 % of the inodes used, or too few for the nodes to boot.", MORE_INODES
)
MOVE = '{"data-root": "/path"} in /etc/docker/daemon.json, on a local ext4 or xfs, and restart the daemon.'
TMPFS = Rule(
    "ROOT_ON_TMPFS", WARNING, "The data root is on tmpfs: nodes are lost at a reboot and live in memory.", MOVE
)
NFS = Rule("ROOT_ON_NFS", ERROR, "The data root is on a network file system (nfs, cifs).", MOVE)
READONLY = Rule(
    "ROOT_READONLY",
    ERROR,
    "The data root's file system is mounted read-only.",
    "Find out why (dmesg | grep -i remount), check the file system, then: mount -o remount,rw MOUNTPOINT",
)
QUOTA = Rule(
    "PROJECT_QUOTA",
    INFO,
    "Whether `storage_opt size` can be honoured (overlay2 on xfs with pquota).",
    "For size limits a node: xfs mounted with -o pquota under the data root.",
)
ENOUGH = 20 * 2**30
READ_ONLY = {"ro", "emergency_ro"}  # newer kernels leave `rw` there when an error made ext4 read-only
ENOUGH_INODES = 1_000_000
NETWORK_TYPES = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "ceph", "glusterfs", "fuse.glusterfs", "fuse.sshfs"}


def find_disk(facts: Facts) -> Iterable[Finding]:
    room = capacity(facts)
    for system in _systems(facts):
        limit = room.limit("disk space", system.path)
        percent, tight = system.used_percent, system.free < ENOUGH
        short = limit is not None and room.wanted > 0 and system.free < limit.need(room.wanted)
        hopeless = short and limit is not None and system.free < limit.once + BOOT_DISK * room.wanted
        if (percent >= 95 and tight) or hopeless:
            rule = DISK_CRITICAL
        elif (percent >= 85 and tight) or short:
            rule = DISK_LOW
        else:
            continue
        yield rule.finding(
            f"{system.label} has {values.human(system.free)} free of {values.human(system.total)} ({percent:.0f} % "
            f"used)"
            f"{_short(limit, room.wanted)}: nodes fail with ENOSPC when it is full.",
            path=system.path,
            free=system.free,
            percent=round(percent, 1),
        )


def find_inodes(facts: Facts) -> Iterable[Finding]:
    room = capacity(facts)
    for system in _systems(facts):
        if not system.inodes:
            continue  # btrfs and others make inodes as they need them
        limit = room.limit("inodes", system.path)
        percent, tight = system.inodes_percent, system.inodes_free < ENOUGH_INODES
        short = limit is not None and room.wanted > 0 and system.inodes_free < limit.need(room.wanted)
        hopeless = short and limit is not None and system.inodes_free < limit.once + BOOT_INODES * room.wanted
        if (percent >= 95 and tight) or hopeless:
            rule = INODES_CRITICAL
        elif (percent >= 85 and tight) or short:
            rule = INODES_LOW
        else:
            continue
        yield rule.finding(
            f"{system.label} has {system.inodes_free} inodes free of {system.inodes} ({percent:.0f} % used)"
            f"{_short(limit, room.wanted)}: with none left, nodes fail with 'no space left on device' whatever df "
            f"says.",
            path=system.path,
            inodes_free=system.inodes_free,
            percent=round(percent, 1),
        )


def _short(limit: Optional[Limit], wanted: int) -> str:
    if limit is None or not wanted:
        return ""
    what = "1 node needs" if wanted == 1 else f"{wanted} nodes need"
    return f"; {what} about {limit.amount(limit.need(wanted))}, {limit.nodes} fit"


def find_kind(facts: Facts) -> Iterable[Finding]:
    for system in _systems(facts):
        if not system.type:
            raise NotRun(f"the mount table does not show what {system.path} is on")
        if system.type in ("tmpfs", "ramfs"):
            yield TMPFS.finding(
                f"{system.label} is on {system.type}: nodes live in memory and are gone after a reboot.",
                path=system.path,
            )
        if system.type in NETWORK_TYPES:
            yield NFS.finding(
                f"{system.label} is on {system.type}: the engine does not support it, locks and fsync lie.",
                path=system.path,
            )


def find_readonly(facts: Facts) -> Iterable[Finding]:
    for system in _systems(facts):
        if not system.type:
            raise NotRun(f"the mount table does not show what {system.path} is on")
        if READ_ONLY & set(system.options):
            yield READONLY.finding(f"{system.label} is mounted read-only: nothing can be created.", path=system.path)


def find_quota(facts: Facts) -> Iterable[Finding]:
    holder = layers(facts)
    if getattr(facts.storage, "driver", "") != "overlay2" or holder is None:
        return
    if not holder.type:
        raise NotRun(f"the mount table does not show what {holder.path} is on")
    can = holder.type == "xfs" and bool({"pquota", "prjquota"} & set(holder.options))
    seen = f"{holder.path} is {holder.type}" + (" with project quotas" if can else " without project quotas")
    word = "can" if can else "cannot"
    yield QUOTA.finding(
        f"A size limit for a node's file system (storage_opt size) {word} be honoured: {seen}.", honoured=can
    )


def _systems(facts: Facts) -> tuple[FileSystem, ...]:
    """For checks whose `needs` name the file systems."""
    return facts.filesystems  # type: ignore[return-value]


def _check(rules: tuple[Rule, ...], find: object) -> Check:
    return Check(rules, find, ("storage", "filesystems"), "storage", "space")  # type: ignore[arg-type]


CHECKS = (
    _check((DISK_LOW, DISK_CRITICAL), find_disk),
    _check((INODES_LOW, INODES_CRITICAL), find_inodes),
    _check((TMPFS, NFS), find_kind),
    _check((READONLY,), find_readonly),
    _check((QUOTA,), find_quota),
)
