# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of a plan: wishes, steps, what is to become of each node, and the whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Optional

from .._errors import Problem
from .._spec.model import DEFAULT_HOST, Instance
from .observe import Container
from .plan_network import NetworkPlan

PRESENT, STARTED, STOPPED, ABSENT = "present", "started", "stopped", "absent"
ALL = "all"
BEYOND = ("dead", "removing")


@dataclass(frozen=True)
class Wishes:
    """What the caller asks for beyond config.yml. `foresee`: nothing is done, so images may still be on their way."""

    state: str = PRESENT
    recreate: tuple[str, ...] = ()
    prune: bool = False
    nodes: tuple[str, ...] = ()
    remove_volumes: bool = False
    foresee: bool = False

    def renews(self, name: str) -> bool:
        """Whether this node is to be made again though it is there."""
        return name in self.recreate or ALL in self.recreate


@dataclass(frozen=True)
class Step:
    """One thing to do to one node. kind: create, start, stop, unpause, remove, update, connect, disconnect."""

    kind: str
    data: Any = None

    def __str__(self) -> str:
        network = getattr(self.data, "network", "")
        return f"{self.kind} {network}".strip()


@dataclass(frozen=True)
class NodePlan:
    """One node: the container that is there (if any), the steps, and why. `host` is where it is to be, the container's
    own `host` where it is; `unreachable`: a host that it depends on does not answer."""

    name: str
    instance: Optional[Instance]
    container: Optional[Container]
    steps: tuple[Step, ...] = ()
    reasons: tuple[str, ...] = ()
    blocked: bool = False
    warnings: tuple[str, ...] = ()
    foreign: bool = False
    mended: Mapping[str, Any] = field(default_factory=dict)
    host: str = DEFAULT_HOST
    unreachable: bool = False

    @property
    def changed(self) -> bool:
        return bool(self.steps)

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(step.kind for step in self.steps)


@dataclass(frozen=True)
class Plan:
    """Everything to do, or `problems`: then nothing may be done at all. `volumes` are named ones, by host."""

    networks: tuple[NetworkPlan, ...] = ()
    nodes: tuple[NodePlan, ...] = ()
    volumes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return any(network.changed for network in self.networks) or any(node.changed for node in self.nodes)
