# SPDX-License-Identifier: GPL-3.0-or-later
"""What a daemon says of its host, as far as a container's recipe depends on it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping, Optional


@dataclass(frozen=True)
class SwarmFacts:
    """`/info`'s Swarm. state: `inactive`, `pending`, `active`, `error` or `locked`; managers know `cluster_id`."""

    state: str = "inactive"
    node_id: str = ""
    manager: bool = False
    cluster_id: str = ""
    error: str = ""

    @classmethod
    def from_api(cls, swarm: Mapping[str, Any]) -> SwarmFacts:
        return cls(
            state=str(swarm.get("LocalNodeState") or "inactive"),
            node_id=str(swarm.get("NodeID") or ""),
            manager=bool(swarm.get("ControlAvailable")),
            cluster_id=str((swarm.get("Cluster") or {}).get("ID") or ""),
            error=str(swarm.get("Error") or ""),
        )


@dataclass(frozen=True)
class HostFacts:
    """From `/version` and `/info`; a field that an engine does not send keeps its default."""

    engine: tuple[int, ...] = (0,)
    api: tuple[int, ...] = (1, 41)
    cgroup_version: int = 1
    cgroup_driver: str = "cgroupfs"
    rootless: bool = False
    name: str = ""
    nofile: Optional[int] = None
    engine_id: str = ""
    swarm: SwarmFacts = SwarmFacts()

    @classmethod
    def from_api(cls, version: Any, info: Any, nofile: Optional[int] = None) -> HostFacts:
        """Both as they come. *nofile* is the limit of open files that containers start with, where it can be known."""
        version, info = (reply if isinstance(reply, dict) else {} for reply in (version, info))
        options = info.get("SecurityOptions")
        options = [str(option) for option in options] if isinstance(options, list) else []
        return cls(
            engine=_numbers(version.get("Version"), 3),
            api=_numbers(version.get("ApiVersion"), 2),
            cgroup_version=2 if str(info.get("CgroupVersion") or "1") == "2" else 1,
            cgroup_driver=str(info.get("CgroupDriver") or "cgroupfs"),
            rootless=any(option.startswith("name=rootless") for option in options),
            name=str(info.get("Name") or ""),
            nofile=nofile,
            engine_id=str(info.get("ID") or ""),
            swarm=SwarmFacts.from_api(info.get("Swarm") or {}),
        )


def _numbers(text: Any, count: int) -> tuple[int, ...]:
    """`20.10.24+dfsg1` → (20, 10, 24)."""
    words = re.findall(r"\d{1,9}", text[:64] if isinstance(text, str) else "")
    return tuple(int(word) for word in words[:count]) or (0,)
