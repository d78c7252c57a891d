# SPDX-License-Identifier: GPL-3.0-or-later
"""What each host says of its Swarm, and what is to be done about it. No join token is ever in any of these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional

from .._checks.model import Finding

INACTIVE, ACTIVE, PENDING, LOCKED, ERROR = "inactive", "active", "pending", "locked", "error"
PORT = 2377


@dataclass(frozen=True)
class Member:
    """A node of the Swarm, as a manager lists it."""

    id: str
    hostname: str
    manager: bool
    ready: bool
    address: str = ""
    votes: bool = False  # a manager that the others reach

    @classmethod
    def from_api(cls, item: Mapping[str, Any]) -> Member:
        spec, status = _map(item.get("Spec")), _map(item.get("Status"))
        return cls(
            id=str(item.get("ID") or ""),
            hostname=str(_map(item.get("Description")).get("Hostname") or ""),
            manager=spec.get("Role") == "manager",
            ready=status.get("State") == "ready",
            address=str(status.get("Addr") or ""),
            votes=_map(item.get("ManagerStatus")).get("Reachability") == "reachable",
        )


@dataclass(frozen=True)
class HostSwarm:
    """One host. `members` is what a manager lists; None where it cannot: it is none, or its Swarm has no leader."""

    host: str
    state: str = INACTIVE
    node: str = ""
    address: str = ""
    manager: bool = False
    cluster: str = ""
    error: str = ""
    live_restore: bool = False
    remote_managers: tuple[str, ...] = ()
    members: Optional[tuple[Member, ...]] = None

    @classmethod
    def from_api(cls, host: str, info: Mapping[str, Any], nodes: Optional[list[Any]], error: str = "") -> HostSwarm:
        """From `/info` and, of a manager, `/nodes`; *error* is why the latter could not be had."""
        swarm = _map(info.get("Swarm"))
        remotes = [_map(item) for item in swarm.get("RemoteManagers") or []]
        return cls(
            host=host,
            state=str(swarm.get("LocalNodeState") or INACTIVE),
            node=str(swarm.get("NodeID") or ""),
            address=str(swarm.get("NodeAddr") or ""),
            manager=swarm.get("ControlAvailable") is True,
            cluster=str(_map(swarm.get("Cluster")).get("ID") or ""),
            error=error or str(swarm.get("Error") or ""),
            live_restore=info.get("LiveRestoreEnabled") is True,
            remote_managers=tuple(str(item.get("NodeID") or "") for item in remotes),
            members=None if nodes is None else tuple(Member.from_api(_map(item)) for item in nodes),
        )


@dataclass(frozen=True)
class Action:
    """One step: `init`, `promote` or `join` (as `manager` or `worker`) of a host."""

    kind: str
    host: str
    role: str = "manager"
    node: str = ""

    def __str__(self) -> str:
        words = {"init": "form a Swarm on", "promote": "make a manager of", "join": f"join as {self.role}:"}
        return f"{words[self.kind]} {self.host}"


@dataclass(frozen=True)
class Plan:
    """What is to be done, in order. With refusals, nothing is."""

    actions: tuple[Action, ...] = ()
    refusals: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()
    managers: tuple[str, ...] = ()  # hosts that manage the Swarm already

    @property
    def changed(self) -> bool:
        return bool(self.actions) and not self.refusals


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
