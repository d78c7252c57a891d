# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that reach over hosts: attachable overlays of a Swarm that is there already; pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterable

from .._errors import Problem
from .._spec.model import Cluster, IpamPool, Network
from .fleet import Fleet, SwarmView, is_overlay
from .observe import OURS, ObservedNetwork, World
from .plan_addresses import in_ranges, overlaps, with_gateways, with_ranges
from .plan_network import (
    KEEP,
    REMOVE,
    NetworkPlan,
    Overlay,
    foreign_problem,
    in_use,
    plan_absent,
    plan_present,
    strangers_of,
)


def plan_overlays(
    cluster: Cluster, fleet: Fleet, merged: World, state: str, members: set[str]
) -> tuple[tuple[NetworkPlan, ...], list[Problem]]:
    """Like plan_networks, over hosts."""
    view = fleet.swarm or SwarmView()
    if state == "absent":
        return tuple(_absent(cluster, fleet, merged, members, view)), []
    if state != "present":
        return (), []
    problems = _external(cluster, fleet, merged)
    plans = []
    for network in cluster.networks:
        plan, found = _present(cluster, network, fleet, merged, members)
        plans.append(plan)
        problems += found
    return tuple(plans), problems


def _external(cluster: Cluster, fleet: Fleet, merged: World) -> list[Problem]:
    """Networks that instances name and docker_networks does not."""
    declared = {network.name for network in cluster.networks} | {"bridge", "host", "none", "default"}
    wanted = {
        (item.network, instance.host)
        for instance in cluster.instances
        for item in instance.settings.networks
        if item.network not in declared
    }
    return [
        Problem(
            "docker_networks",
            f"there is no network {name} on host {host}.",
            "Declare it in docker_networks, or create it: on one host as a bridge, for all as an attachable overlay.",
        )
        for name, host in sorted(wanted)
        if host in fleet.worlds and name not in merged.networks and name not in fleet.worlds[host].networks
    ]


def _present(
    cluster: Cluster, network: Network, fleet: Fleet, merged: World, members: set[str]
) -> tuple[NetworkPlan, list[Problem]]:
    view = fleet.swarm or SwarmView()
    observed = merged.networks.get(network.name)
    locals_, problems = _locals(network, fleet, members)
    wanted = with_gateways(network)
    plan, found = plan_present(cluster, wanted, observed, merged, members)
    problems += found
    if plan.replaces and observed is not None:
        problems += _held(observed, plan, fleet, members)
    ipam: tuple[IpamPool, ...] = ()
    if plan.action == KEEP and observed is not None:
        ranges = [str(pool.get("IPRange")) for pool in (observed.raw.get("IPAM") or {}).get("Config") or []]
        problems += in_ranges(cluster, network.name, [item for item in ranges if item != "None" and item])
    else:
        ipam, found = with_ranges(cluster, wanted, len(fleet.required))
        problems += [*found, *overlaps(network, fleet)]
    if (plan.action != KEEP or locals_) and not view.manager:
        problems.append(_no_manager(network.name, view))
    return replace(plan, host=view.manager, overlay=Overlay(ipam, locals_)), problems


def _held(observed: ObservedNetwork, plan: NetworkPlan, fleet: Fleet, members: set[str]) -> list[Problem]:
    """Nodes that cannot be reached hold the overlay: the others would let go of it, and no new one could be made."""
    seen = {item.id for item in fleet.containers}
    away = sorted(name for ident, name in observed.members.items() if ident not in seen and name in members)
    if not away:
        return []
    are = "is attached and cannot be reached" if len(away) == 1 else "are attached and cannot be reached"
    return [
        Problem(
            f"docker_networks.{observed.name}",
            f"it cannot be made anew now ({'; '.join(plan.reasons)}): {', '.join(away)} {are}.",
            "Bring their hosts back (or write them into config.yml again), or take that change of the network back.",
        )
    ]


def _no_manager(name: str, view: SwarmView) -> Problem:
    return Problem(
        f"docker_networks.{name}",
        f"only a manager of the Swarm can make it, and none answers. {view.silence}",
        "Bring a manager back; with three managers one may be away.",
    )


def _locals(
    network: Network, fleet: Fleet, members: set[str]
) -> tuple[tuple[tuple[str, ObservedNetwork], ...], list[Problem]]:
    """Networks of this name that reach one host only: ours make way, others are in the way."""
    found, problems = [], []
    for host, world in fleet.worlds.items():
        observed = world.networks.get(network.name)
        if observed is None or is_overlay(observed):
            continue
        strangers = strangers_of(observed, members)
        if observed.owner == OURS and not strangers:
            found.append((host, observed))
            continue
        why = [f"on host {host} it reaches that host only"]
        problem = in_use(network.name, strangers, why) if strangers else foreign_problem(network, observed, why)
        problems.append(problem)
    return tuple(found), problems


def _absent(cluster: Cluster, fleet: Fleet, merged: World, members: set[str], view: SwarmView) -> Iterable[NetworkPlan]:
    """Overlays at the manager, and networks of ours that reach one host, at each. The Swarm stays as it is."""
    declared = {network.name: network for network in cluster.networks}
    for name in dict.fromkeys([*declared, *merged.networks]):
        observed = merged.networks.get(name)
        if name not in declared and (observed is None or observed.owner != OURS):
            continue
        plan = plan_absent(name, observed, merged, members, None)
        if plan.action == REMOVE and fleet.lost:
            warning = f"Network {name} is left: nodes on {', '.join(fleet.lost)}, which does not answer, may use it."
            plan = NetworkPlan(name, KEEP, declared.get(name), observed, (), (warning,))
        elif plan.action == REMOVE and not view.manager:
            warning = f"Network {name} is left: only a manager of the Swarm can remove it, and none answers."
            plan = NetworkPlan(name, KEEP, declared.get(name), observed, (), (warning,))
        yield replace(plan, host=view.manager, overlay=Overlay())
    yield from local_leftovers(fleet, members, set())


def local_leftovers(fleet: Fleet, members: set[str], but: set[str]) -> Iterable[NetworkPlan]:
    """Our networks that reach one host only, on all hosts *but* some."""
    for host, world in fleet.worlds.items():
        for observed in world.networks.values() if host not in but else ():
            if observed.owner == OURS and not is_overlay(observed):
                yield replace(plan_absent(observed.name, observed, world, members, None), host=host)
