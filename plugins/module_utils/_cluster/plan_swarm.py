# SPDX-License-Identifier: GPL-3.0-or-later
"""The Swarm that overlays need: every host is in one, under one name, and a manager answers. What must hold; pure."""

from __future__ import annotations

from typing import Iterable, Optional

from .._errors import Problem
from .._spec.model import Cluster
from .fleet import Fleet, SwarmView, is_overlay
from .observe import World

JOIN = "Let provision form the Swarm (role swarm), or join it: docker swarm join-token worker, on a manager."


def swarm_problems(cluster: Cluster, fleet: Fleet) -> list[Problem]:
    """Every host that answers is in the one Swarm, under one name."""
    problems = _same_engine(fleet)
    if not fleet.several:
        return problems
    first = ""
    for name in fleet.required:
        if name not in fleet.worlds:
            continue
        swarm = fleet.swarm_of(name)
        place = f"tpaexec_docker.hosts.{name}"
        if swarm.state == "locked":
            problems.append(Problem(place, "its Swarm is locked.", "Unlock it there: docker swarm unlock"))
        elif swarm.state != "active" or swarm.error:
            why = f": {swarm.error}" if swarm.error else ""
            problems.append(Problem(place, f"it is in no Swarm that works (its state is {swarm.state}{why}).", JOIN))
        elif _elsewhere(name, fleet, first):
            whose = first or (fleet.swarm.manager if fleet.swarm else "")
            problems.append(
                Problem(
                    place,
                    f"it is in another Swarm than host {whose}; no network reaches from one to the other.",
                    f"Decide which of the two stays; {name} is never taken out of its Swarm here. "
                    "By hand, when nobody needs it: docker swarm leave, on that host.",
                )
            )
        first = first or (name if swarm.manager else "")
    return problems


def _elsewhere(name: str, fleet: Fleet, manager: str) -> bool:
    """Managers know their Swarm's id; a worker is known to the manager that was asked, or is not."""
    swarm, view = fleet.swarm_of(name), fleet.swarm or SwarmView()
    if swarm.manager and manager:
        return swarm.cluster_id != fleet.swarm_of(manager).cluster_id
    return bool(view.nodes) and not swarm.manager and swarm.node_id not in view.nodes


def _same_engine(fleet: Fleet) -> list[Problem]:
    """Engines that were copied share their id, but never their place in a Swarm."""
    first: dict[str, str] = {}
    problems = []
    for name, world in fleet.worlds.items():
        ident = world.host.swarm.node_id or world.host.engine_id
        other = first.setdefault(ident, name) if ident else name
        if other != name:
            problems.append(
                Problem(
                    f"tpaexec_docker.hosts.{name}",
                    f"it is the same engine as host {other} (both answer with the id {ident}).",
                    "Name each engine once.",
                )
            )
    return problems


def attach_blocker(fleet: Fleet, networks: Iterable[str], merged: World) -> Optional[str]:
    """Why nothing can be attached to one of these networks now: a start would fail after 20 s, saying little."""
    if fleet.swarm is None or fleet.swarm.manager:
        return None
    over = [name for name in networks if name not in merged.networks or is_overlay(merged.networks[name])]
    if not over:
        return None
    return (
        f"it cannot be attached to network {over[0]}: no manager of the Swarm answers. {fleet.swarm.silence} "
        "Bring a manager back, then run it again"
    )
