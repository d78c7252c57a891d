# SPDX-License-Identifier: GPL-3.0-or-later
"""How many nodes fit on this host, and which limit gives out first. Pure.

What a node needs was measured on booted Debian 12 guests (systemd, journald, dbus, sshd: 20 MiB, 65 open files,
6 inotify instances, 19 watches, 4 processes) and rounded up for what TPA deploys on them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

from . import values
from .facts import Facts
from .facts_cluster import CLUSTER_LABEL, ID_LABEL, NodeWant
from .facts_storage import FileSystem
from .model import Unknown

MIB = 2**20
BOOT_MEMORY = 48 * MIB
NODE_MEMORY = 256 * MIB
SHM = 64 * MIB
NODE_PIDS = 200
NODE_FILES = 1024
NODE_INOTIFY_INSTANCES = 8
NODE_INOTIFY_WATCHES = 256
RUNNING_INOTIFY_INSTANCES = 6  # what a node that runs was seen to hold
HOST_INOTIFY_INSTANCES = 16  # what a host's own programs of the same user usually hold
NODE_DISK = 512 * MIB
BOOT_DISK = 16 * MIB
ROOT_DISK = 64 * MIB  # of the data root where the layers are elsewhere: a node's log, its settings
ROOT_INODES = 100
NODE_INODES = 20_000
BOOT_INODES = 300
IMAGE_DISK = 600 * MIB
IMAGE_INODES = 30_000


@dataclass(frozen=True)
class Limit:
    """One resource: what is free, what one node takes, what stands ready to be taken once (images), nodes that fit."""

    resource: str
    free: int
    per_node: int
    once: int
    nodes: int
    where: str = ""
    bytes: bool = False

    def need(self, count: int) -> int:
        return self.once + self.per_node * count

    def amount(self, count: int) -> str:
        return values.human(count) if self.bytes else str(count)


@dataclass(frozen=True)
class Capacity:
    """*wanted* new nodes against every limit that is known; *unknown* says why others are not."""

    wanted: int
    limits: tuple[Limit, ...]
    unknown: dict[str, str]

    @property
    def first(self) -> Optional[Limit]:
        return min(self.limits, key=lambda limit: limit.nodes, default=None)

    def limit(self, resource: str, where: str = "") -> Optional[Limit]:
        matching = (item for item in self.limits if item.resource == resource and where in ("", item.where))
        return min(matching, key=lambda limit: limit.nodes, default=None)

    def says(self) -> str:
        """One sentence for people; "" when nothing is known."""
        first = self.first
        if first is None:
            return ""
        where = f" on {first.where}" if first.where else ""
        fit = values.plural(first.nodes, "more node") if first.nodes else "no more node"
        return (
            f"Room for {fit} of this kind ({self.wanted} wanted): {first.resource}{where} gives out first "
            f"({first.amount(first.free)} free, {first.amount(first.per_node)} a node)."
        )

    def as_dict(self) -> dict[str, Any]:
        first = self.first
        return {
            "wanted": self.wanted,
            "limits": [
                {
                    "resource": item.resource,
                    "where": item.where,
                    "free": item.free,
                    "per_node": item.per_node,
                    "nodes": item.nodes,
                }
                for item in self.limits
            ],
            "first": {"resource": first.resource, "where": first.where, "nodes": first.nodes} if first else None,
            "summary": self.says(),
            "unknown": dict(self.unknown),
        }


def capacity(facts: Facts) -> Capacity:
    """Everything that is known of room for the nodes that are to be made."""
    nodes = _new_nodes(facts)
    wanted = len(nodes) if nodes is not None else facts.client.spare
    limits = [*_host_limits(facts, nodes or ()), *_disk_limits(facts, nodes or ())]
    parts = {"memory, processes and files": facts.host, "disk and inodes": facts.filesystems}
    unknown = {name: part.reason for name, part in parts.items() if isinstance(part, Unknown)}
    return Capacity(wanted, tuple(limits), unknown)


def _new_nodes(facts: Facts) -> Optional[tuple[NodeWant, ...]]:
    """The cluster's nodes that do not run yet; None when no cluster is given."""
    wants = facts.wants
    if isinstance(wants, Unknown) or not wants.name:
        return None
    if isinstance(facts.inventory, Unknown):
        return wants.nodes
    return wants.new_nodes(facts.inventory.containers)


def _limit(resource: str, free: int, per_node: int, *, once: int = 0, where: str = "", bytes: bool = False) -> Limit:
    fit = max(0, (free - once) // per_node) if per_node else 0
    return Limit(resource, max(0, free), per_node, once, fit, where, bytes)


def _host_limits(facts: Facts, nodes: tuple[NodeWant, ...]) -> list[Limit]:
    host = facts.host
    if isinstance(host, Unknown):
        return []
    memory = _mean(
        [node.memory_reservation or min(node.memory or NODE_MEMORY, NODE_MEMORY) for node in nodes], NODE_MEMORY
    )
    shm = _mean([node.shm or SHM for node in nodes], SHM)
    rows = [
        ("memory", host.memory_available, memory, True),
        ("shared memory", host.memory_available, shm, True),
        ("processes (kernel.pid_max)", _less(host.pid_max, host.threads), NODE_PIDS, False),
        ("threads (kernel.threads-max)", _less(host.threads_max, host.threads), NODE_PIDS, False),
        ("open files (fs.file-max)", _less(host.file_max, host.files), NODE_FILES, False),
        (
            "inotify instances (fs.inotify.max_user_instances)",
            _less(host.inotify_instances, inotify_taken(facts)),
            NODE_INOTIFY_INSTANCES,
            False,
        ),
        ("inotify watches (fs.inotify.max_user_watches)", host.inotify_watches, NODE_INOTIFY_WATCHES, False),
    ]
    return [_limit(name, free, each, bytes=is_bytes) for name, free, each, is_bytes in rows if free is not None]


def inotify_taken(facts: Facts) -> int:
    """The kernel shows no sum: what the host's programs usually hold, and what every running node holds."""
    boxes = () if isinstance(facts.inventory, Unknown) else facts.inventory.containers
    nodes = [box for box in boxes if box.state == "running" and {ID_LABEL, CLUSTER_LABEL} & set(box.labels)]
    return HOST_INOTIFY_INSTANCES + RUNNING_INOTIFY_INSTANCES * len(nodes)


def _less(total: Optional[int], used: Optional[int]) -> Optional[int]:
    return None if total is None else total - (used or 0)


def _mean(amounts: list[int], usual: int) -> int:
    return max(1, sum(amounts) // len(amounts)) if amounts else usual


def _disk_limits(facts: Facts, nodes: tuple[NodeWant, ...]) -> list[Limit]:
    """Layers go where the images are: containerd's root with its store, else the data root."""
    systems = facts.filesystems
    if isinstance(systems, Unknown):
        return []
    holder = layers(facts)
    if holder is None:
        return []
    images = {image.name: image for image in facts.images} if isinstance(facts.images, tuple) else {}
    absent = [image for image in images.values() if not image.present]
    disk, inodes = NODE_DISK, NODE_INODES
    if getattr(facts.storage, "driver", "") == "vfs":
        disk += _mean([images[node.image].size or IMAGE_DISK for node in nodes if node.image in images], IMAGE_DISK)
        inodes += IMAGE_INODES
    limits = [_limit("disk space", holder.free, disk, once=len(absent) * IMAGE_DISK, where=holder.path, bytes=True)]
    if holder.inodes:
        limits.append(_limit("inodes", holder.inodes_free, inodes, once=len(absent) * IMAGE_INODES, where=holder.path))
    root = next((system for system in systems if "data root" in system.roles and system is not holder), None)
    if root:
        limits.append(_limit("disk space", root.free, ROOT_DISK, where=root.path, bytes=True))
    if root and root.inodes:
        limits.append(_limit("inodes", root.inodes_free, ROOT_INODES, where=root.path))
    return limits


def layers(facts: Facts) -> Optional[FileSystem]:
    """The file system that images and nodes' writable layers are on."""
    systems = facts.filesystems if isinstance(facts.filesystems, tuple) else ()
    role = "containerd root" if getattr(facts.storage, "containerd_store", False) else "data root"
    return next((system for system in systems if role in system.roles), systems[0] if systems else None)
