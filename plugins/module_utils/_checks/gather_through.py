# SPDX-License-Identifier: GPL-3.0-or-later
"""A daemon's machine that is not ours, measured through the daemon: as one of its containers sees it.

Limits, memory and the kernel are the same for the whole machine. Docker mounts /etc/hostname into every container from
the data root, so the file system below that path is the data root's, and the one below / is that of the layers.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Mapping, Optional, Union

from .._client import Daemon
from .._cluster.ready import run_in
from .facts_engine import EngineFacts
from .facts_host import HostFacts
from .facts_storage import FileSystem, StorageFacts
from .gather_disks import mount_of
from .gather_host import FEATURES, kernel_feature, kernel_limits
from .machine import Machine
from .model import Unknown

DATA_ROOT, LAYERS = "/etc/hostname", "/"
SCRIPT = r"""
for f in /proc/sys/fs/inotify/max_user_instances /proc/sys/fs/inotify/max_user_watches /proc/sys/kernel/pid_max \
  /proc/sys/kernel/threads-max /proc/sys/fs/file-max /proc/sys/fs/file-nr /proc/loadavg /proc/meminfo /proc/modules \
  /proc/self/mountinfo; do
  echo "@@ $f"; cat "$f" 2>/dev/null
done
for f in /etc/hostname /; do echo "@@ stat $f"; stat -f -c "%S %b %f %a %c %d" "$f" 2>/dev/null; done
echo "@@ config"; zcat /proc/config.gz 2>/dev/null | grep -E "CONFIG_(IP_VS|INET_ESP)[= ]"
exit 0
"""


@dataclass(frozen=True)
class FromInside(Machine):
    """What a container printed, read like files."""

    files: Mapping[str, str] = field(default_factory=dict)

    def read(self, path: str) -> Optional[str]:
        return self.files.get(path)

    def exists(self, path: str) -> bool:
        return path in self.files

    def children(self, pid: int) -> list[int]:
        return []

    def kernel_config(self) -> str:
        return self.files.get("config", "")


@dataclass(frozen=True)
class Measured:
    host: Union[HostFacts, Unknown]
    filesystems: Union[tuple[FileSystem, ...], Unknown]


def measure(daemon: Daemon, ident: str) -> str:
    """What the script printed in a running container."""
    _code, output = run_in(daemon, ident, SCRIPT)
    return output


def understand(text: str, engine: EngineFacts, storage: StorageFacts, overlay: bool) -> Measured:
    """The script's output as facts; pure."""
    parts = text.split("@@ ")[1:]
    seen = FromInside(files={head.strip(): body for head, _newline, body in (part.partition("\n") for part in parts)})
    limits = kernel_limits(seen)
    features = {name: kernel_feature(seen, name) for name in FEATURES} if overlay else {}
    host = HostFacts(partial=True, kernel_features=features, **limits)
    systems = _file_systems(seen, engine, storage)
    nothing = "a container of this daemon's host showed nothing of it"
    return Measured(
        host if any(value is not None for value in limits.values()) else Unknown(nothing), systems or Unknown(nothing)
    )


def _file_systems(seen: FromInside, engine: EngineFacts, storage: StorageFacts) -> tuple[FileSystem, ...]:
    device, kind, options = mount_of(seen, DATA_ROOT)
    root = _space(seen, DATA_ROOT, storage.data_root or "the data root", "data root")
    if root and kind != "overlay":  # that would be the container's own /: nothing is mounted at /etc/hostname
        root = replace(root, device=device, type=kind, options=options)
    store = engine.docker and storage.containerd_store
    layers = _space(seen, LAYERS, "containerd's root", "containerd root") if store else None
    return tuple(system for system in (root, layers) if system)


def _space(seen: FromInside, path: str, name: str, role: str) -> Optional[FileSystem]:
    words = (seen.read(f"stat {path}") or "").split()
    if len(words) != 6 or not all(word.isdecimal() and len(word) < 20 for word in words):
        return None
    unit, blocks, free, available, inodes, inodes_free = (int(word) for word in words)
    return FileSystem(
        path=name,
        roles=(role,),
        total=(blocks - free + available) * unit,
        free=available * unit,
        inodes=inodes,
        inodes_free=inodes_free,
    )
