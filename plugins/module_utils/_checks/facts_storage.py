# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage driver as `/info` shows it, and the file systems under it as they were measured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Optional

from . import values

LOOP_KEYS = ("Data loop file", "Metadata loop file")
FILE_KEYS = ("Data file", "Metadata file")


@dataclass(frozen=True)
class Space:
    """Used, total and available bytes of one part of a thin pool."""

    used: Optional[int] = None
    total: Optional[int] = None
    available: Optional[int] = None

    @property
    def percent(self) -> Optional[float]:
        return 100.0 * self.used / self.total if self.used is not None and self.total else None


@dataclass(frozen=True)
class StorageFacts:
    """`Driver` and `DriverStatus`; rows that are not there are unknown."""

    driver: str
    status: Mapping[str, str]
    data_root: str
    backing_filesystem: str = ""
    d_type: Optional[bool] = None
    udev_sync: Optional[bool] = None
    loop: Mapping[str, str] = field(default_factory=dict)
    pool_name: str = ""
    data: Space = Space()
    metadata: Space = Space()
    pool_least_free: Optional[int] = None
    containerd_store: bool = False

    @classmethod
    def from_api(cls, info: Any) -> StorageFacts:
        info = values.mapping(info)
        status = values.pairs(info.get("DriverStatus"))
        loop = {key: status[key] for key in LOOP_KEYS if status.get(key)}
        loop.update({key: status[key] for key in FILE_KEYS if status.get(key, "").startswith("/dev/loop")})
        return cls(
            driver=values.text(info.get("Driver")),
            status=status,
            data_root=values.text(info.get("DockerRootDir")),
            backing_filesystem=status.get("Backing Filesystem", ""),
            d_type=_truth(status.get("Supports d_type")),
            udev_sync=_truth(status.get("Udev Sync Supported")),
            loop=loop,
            pool_name=status.get("Pool Name", ""),
            data=_space(status, "Data"),
            metadata=_space(status, "Metadata"),
            pool_least_free=values.size(status.get("Thin Pool Minimum Free Space")),
            containerd_store=status.get("driver-type", "").startswith("io.containerd.snapshotter"),
        )


def _truth(word: Optional[str]) -> Optional[bool]:
    return {"true": True, "false": False}.get((word or "").lower())


def _space(status: Mapping[str, str], part: str) -> Space:
    rows = (status.get(f"{part} Space {word}") for word in ("Used", "Total", "Available"))
    return Space(*(values.size(row) for row in rows))


@dataclass(frozen=True)
class FileSystem:
    """One file system, measured with statvfs and looked up in the mount table."""

    path: str
    roles: tuple[str, ...]
    device: str = ""
    type: str = ""
    options: tuple[str, ...] = ()
    total: int = 0
    free: int = 0
    inodes: int = 0
    inodes_free: int = 0
    ftype: Optional[bool] = None

    @property
    def used_percent(self) -> float:
        return 100.0 * (self.total - self.free) / self.total if self.total else 0.0

    @property
    def inodes_percent(self) -> float:
        return 100.0 * (self.inodes - self.inodes_free) / self.inodes if self.inodes else 0.0

    @property
    def label(self) -> str:
        return f"{self.path} ({' and '.join(self.roles)})"
