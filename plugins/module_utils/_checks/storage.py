# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage driver: what is in use, and what it means for a database in a container."""

from __future__ import annotations

from typing import Iterable, Optional

from .facts import Facts
from .facts_storage import FileSystem, StorageFacts
from .model import ERROR, INFO, WARNING, Check, Finding, NotRun, Rule

DRIVERS_PAGE = "https://docs.docker.com/storage/storagedriver/"
DIRECT_LVM_PAGE = (
    "https://docs.docker.com/storage/storagedriver/device-mapper-driver/#configure-direct-lvm-mode-for-production"
)
TO_OVERLAY2 = (
    'Move to overlay2: save what you need (docker save), set {"storage-driver": "overlay2"} in '
    "/etc/docker/daemon.json, "
    f"restart the daemon; {DRIVERS_PAGE}"
)

LOOP_LVM = Rule(
    "LOOP_LVM",
    WARNING,
    "devicemapper on loop devices (the lvm-loop scheme).",
    f"{TO_OVERLAY2} or configure direct-lvm: {DIRECT_LVM_PAGE}",
    also="error with the option `severity: error`",
)
DEVICEMAPPER = Rule(
    "DEVICEMAPPER", WARNING, "devicemapper (direct-lvm): deprecated, removed in engine 25.", TO_OVERLAY2
)
EXTEND = "Extend the pool (lvextend -L +10G VG/thinpool), or set up automatic extension: " + DIRECT_LVM_PAGE
THINPOOL_LOW = Rule("THINPOOL_LOW", WARNING, "direct-lvm: data or metadata of the pool ≥ 80 % used.", EXTEND)
THINPOOL_CRITICAL = Rule(
    "THINPOOL_CRITICAL",
    ERROR,
    "direct-lvm: data or metadata of the pool ≥ 95 % used, or less free than its minimum.",
    EXTEND,
)
UDEV_SYNC = Rule(
    "UDEV_SYNC",
    ERROR,
    "devicemapper without udev synchronisation: devices come and go unseen, data may be damaged.",
    "Use a dynamically linked dockerd on a host with udev, or " + TO_OVERLAY2[0].lower() + TO_OVERLAY2[1:],
)
AUFS = Rule("AUFS", ERROR, "The driver aufs: removed in engine 24.", TO_OVERLAY2)
OVERLAY_LEGACY = Rule(
    "OVERLAY_LEGACY",
    ERROR,
    "The driver overlay, the old one: removed in engine 24 (it is Podman's normal driver: no finding there).",
    TO_OVERLAY2,
)
VFS = Rule("VFS", WARNING, "The driver vfs: no copy-on-write.", TO_OVERLAY2)
XFS_NO_DTYPE = Rule(
    "XFS_NO_DTYPE",
    ERROR,
    "An overlay driver on a file system without d_type (XFS with ftype=0).",
    "Make a new file system with mkfs.xfs -n ftype=1 and move the data root there (ftype cannot be changed later).",
)
OVERLAY_BACKING = Rule(
    "OVERLAY_BACKING",
    WARNING,
    "An overlay driver on a file system known to fail under it: nfs, ecryptfs, another overlay.",
    'Move the data root to ext4 or xfs ({"data-root": "/path"} in /etc/docker/daemon.json).',
)
FUSE = Rule(
    "FUSE_OVERLAYFS",
    WARNING,
    "The driver fuse-overlayfs: slower, fsync costs a database most.",
    "Use overlay2 on ext4 or on xfs with ftype=1; keep databases on named volumes.",
)
BTRFS = Rule(
    "BTRFS",
    WARNING,
    "The driver btrfs: copy-on-write fragments a database's files; its free space is hard to tell.",
    "Keep databases on named volumes with chattr +C, watch `btrfs filesystem usage`, or use overlay2 on ext4 or xfs.",
)
ZFS = Rule(
    "ZFS",
    INFO,
    "The driver zfs: what it means for a database.",
    "Set recordsize=8K for PostgreSQL's datasets, keep databases on named volumes, watch `zpool list`.",
)
CONTAINERD_STORE = Rule(
    "CONTAINERD_STORE",
    INFO,
    "Images are under containerd's root, not under the data root.",
    "Watch the file system of containerd's root as well as the data root's.",
)
STORAGE_UNKNOWN = Rule(
    "STORAGE_UNKNOWN",
    WARNING,
    "A driver that this catalogue does not know.",
    "Report what the message shows, so that the catalogue learns it; until then overlay2 is the safe choice.",
)
KNOWN = {
    "overlay2",
    "overlay",
    "overlayfs",
    "aufs",
    "devicemapper",
    "vfs",
    "fuse-overlayfs",
    "btrfs",
    "zfs",
    "windowsfilter",
}
OVERLAYS = {"overlay2", "overlay", "overlayfs"}
BAD_BACKING = {"nfs", "nfs4", "ecryptfs", "overlay", "overlayfs", "aufs"}


def find_devicemapper(facts: Facts) -> Iterable[Finding]:
    storage = _storage(facts)
    if storage.driver != "devicemapper":
        return
    if storage.loop:
        seen = ", ".join(f"{key}: {path}" for key, path in storage.loop.items())
        yield LOOP_LVM.finding(
            f"The storage driver is devicemapper on loop devices ({seen}). The lvm-loop scheme is slow, loses space, "
            f"and "
            "is not suitable for production.",
            severity=facts.client.loop_lvm_severity,
            loop=dict(storage.loop),
        )
    else:
        yield DEVICEMAPPER.finding(
            f"The storage driver is devicemapper in direct-lvm mode (pool {storage.pool_name or 'unnamed'}). It is "
            "deprecated, and engine 25 no longer has it: move before you upgrade."
        )
    if storage.udev_sync is False:
        yield UDEV_SYNC.finding("devicemapper runs without udev synchronisation: data may be damaged.")


def find_pool(facts: Facts) -> Iterable[Finding]:
    """The pool's own figures; on loop-lvm they follow the file system below and would misfire."""
    storage = _storage(facts)
    if storage.driver != "devicemapper" or storage.loop:
        return
    shares = {"data": storage.data.percent, "metadata": storage.metadata.percent}
    if all(share is None for share in shares.values()):
        raise NotRun("the daemon does not show how full the thin pool is")
    least, free = storage.pool_least_free, storage.data.available
    if least is not None and free is not None and free < least:
        yield THINPOOL_CRITICAL.finding(
            f"The thin pool {storage.pool_name} has {free} bytes of data free, below its minimum of {least}: "
            "the engine refuses new containers.",
            part="data",
        )
    for part, share in shares.items():
        if share is not None and share >= 80:
            rule = THINPOOL_CRITICAL if share >= 95 else THINPOOL_LOW
            yield rule.finding(
                f"The {part} of the thin pool {storage.pool_name} is {share:.0f} % used: at 100 % nodes' writes fail.",
                part=part,
                percent=round(share, 1),
            )


def find_removed(facts: Facts) -> Iterable[Finding]:
    storage = _storage(facts)
    if storage.driver == "aufs":
        yield AUFS.finding("The storage driver is aufs, which engine 24 and newer no longer have.")
    if storage.driver == "overlay" and getattr(facts.engine, "product", "") != "podman":
        yield OVERLAY_LEGACY.finding(
            "The storage driver is overlay (the old one), which engine 24 and newer no longer have; it uses up inodes."
        )
    if storage.driver == "vfs":
        yield VFS.finding(
            "The storage driver is vfs: every node copies its whole image, N nodes cost N images of disk and time."
        )


def find_d_type(facts: Facts) -> Iterable[Finding]:
    storage = _storage(facts)
    if storage.driver not in OVERLAYS:
        return
    d_type, source = storage.d_type, "Supports d_type: false"
    if d_type is None:
        root = _images_root(facts)
        if root is None or not root.type:
            raise NotRun(
                "the daemon does not say whether the file system has d_type, and it could not be looked at here"
            )
        if root.type != "xfs":
            return
        d_type, source = root.ftype, f"{root.path} is XFS with ftype=0"
        if d_type is None:
            raise NotRun(
                "the daemon does not say whether the file system has d_type, nor could its XFS be asked (root can)"
            )
    if not d_type:
        yield XFS_NO_DTYPE.finding(
            f"The storage driver {storage.driver} stands on a file system without d_type ({source}): files that were "
            f"removed "
            "come back, images break. A fresh engine refuses to start there."
        )


def find_backing(facts: Facts) -> Iterable[Finding]:
    storage = _storage(facts)
    if storage.driver not in OVERLAYS:
        return
    root = _images_root(facts)
    backing = storage.backing_filesystem or (root.type if root else "")
    if not backing:
        raise NotRun("the daemon does not say which file system is below the storage driver")
    if backing in BAD_BACKING:
        yield OVERLAY_BACKING.finding(
            f"The storage driver {storage.driver} stands on {backing}, where it is known to fail (whiteouts, "
            f"renames, locks)."
        )


def find_others(facts: Facts) -> Iterable[Finding]:
    storage = _storage(facts)
    if not storage.driver:
        raise NotRun("the daemon does not say its storage driver")
    root = _images_root(facts)
    if storage.driver == "fuse-overlayfs":
        silent = root is not None and root.ftype is False
        why = " The engine chose it by itself, because the XFS below has ftype=0." if silent else ""
        yield FUSE.finding(
            f"The storage driver is fuse-overlayfs: every file access goes through user space, fsync costs a "
            f"database most.{why}",
            ftype0=silent,
        )
    if storage.driver == "btrfs":
        yield BTRFS.finding(
            "The storage driver is btrfs: copy-on-write fragments a database's files, quota groups slow it down, and "
            "free space as statvfs shows it may not be usable (metadata fills up apart from data)."
        )
    if storage.driver == "zfs":
        yield ZFS.finding(
            "The storage driver is zfs: copy-on-write with 128K records costs a database writes; free space is the "
            "pool's."
        )
    if storage.driver not in KNOWN:
        rows = ", ".join(f"{key}: {value}" for key, value in list(storage.status.items())[:10]) or "no driver status"
        yield STORAGE_UNKNOWN.finding(f"The storage driver {storage.driver} is not in this catalogue ({rows}).")


def find_containerd_store(facts: Facts) -> Iterable[Finding]:
    if not _storage(facts).containerd_store:
        return
    systems = facts.filesystems if isinstance(facts.filesystems, tuple) else ()
    measured = ", ".join(system.label for system in systems) or "none could be measured from here"
    yield CONTAINERD_STORE.finding(
        f"Images and containers are in containerd's store, not under the data root. File systems measured: {measured}.",
        measured=[system.path for system in systems],
    )


def _storage(facts: Facts) -> StorageFacts:
    """For checks whose `needs` name the storage."""
    return facts.storage  # type: ignore[return-value]


def _images_root(facts: Facts) -> Optional[FileSystem]:
    """What the driver stands on: the data root's file system, or containerd's with its store."""
    role = "containerd root" if _storage(facts).containerd_store else "data root"
    systems = facts.filesystems if isinstance(facts.filesystems, tuple) else ()
    return next((system for system in systems if role in system.roles), None)


def _check(rules: tuple[Rule, ...], find: object) -> Check:
    return Check(rules, find, ("storage",), "storage", "storage")  # type: ignore[arg-type]


CHECKS = (
    _check((LOOP_LVM, DEVICEMAPPER, UDEV_SYNC), find_devicemapper),
    _check((THINPOOL_LOW, THINPOOL_CRITICAL), find_pool),
    _check((AUFS, OVERLAY_LEGACY, VFS), find_removed),
    _check((XFS_NO_DTYPE,), find_d_type),
    _check((OVERLAY_BACKING,), find_backing),
    _check((FUSE, BTRFS, ZFS, STORAGE_UNKNOWN), find_others),
    _check((CONTAINERD_STORE,), find_containerd_store),
)
