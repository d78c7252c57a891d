# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that reach over hosts: attachable overlays of a Swarm that is there already. What must hold; pure.

Addresses: the gateway is config.yml's, else the first of the subnet. Swarm gives one address a host, and those of nodes
without an `ip_address`, from the network's ip_range, so that no node's fixed address may lie in it: it is config.yml's
`iprange`, else the highest free block of the subnet that has room for them.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Iterable, Optional

from .._errors import Problem
from .._spec.model import Cluster, IpamPool, Network
from .fleet import Fleet, SwarmView, is_overlay
from .observe import OURS, ObservedNetwork, World
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

LARGEST_RANGE = 24
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
    ipam: tuple[IpamPool, ...] = ()
    if plan.action == KEEP and observed is not None:
        ranges = [str(pool.get("IPRange")) for pool in (observed.raw.get("IPAM") or {}).get("Config") or []]
        problems += _in_ranges(cluster, network.name, [item for item in ranges if item != "None" and item])
    else:
        ipam, found = with_ranges(cluster, wanted, len(fleet.required))
        problems += [*found, *_overlaps(network, fleet)]
    if (plan.action != KEEP or locals_) and not view.manager:
        problems.append(_no_manager(network.name, view))
    return replace(plan, host=view.manager, overlay=Overlay(ipam, locals_)), problems


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


def with_gateways(network: Network) -> Network:
    """Left to itself, Swarm takes its gateway from the ip_range: an odd address."""
    return replace(network, ipam=tuple(replace(pool, gateway=_gateway(pool)) for pool in network.ipam))


def _gateway(pool: IpamPool) -> str:
    return pool.gateway or str(ipaddress.ip_network(pool.subnet).network_address + 1)


def with_ranges(cluster: Cluster, network: Network, hosts: int) -> tuple[tuple[IpamPool, ...], list[Problem]]:
    """The pools to make the network with, each with an ip_range that holds no node's address."""
    place = f"docker_networks.{network.name}"
    if not network.ipam:
        return (), [Problem(place, "over several hosts it needs a subnet.", "Give it ipam_config with a subnet.")]
    given = [pool.iprange for pool in network.ipam if pool.iprange]
    problems = [*_gateway_problems(cluster, network), *_in_ranges(cluster, network.name, given)]
    fixed = set(fixed_addresses(cluster, network.name))
    free = sum(
        item.network == network.name and not item.ipv4_address
        for instance in cluster.instances
        for item in instance.settings.networks
    )
    pools = []
    for pool in network.ipam:
        subnet = ipaddress.ip_network(pool.subnet)
        chosen = pool.iprange
        if not chosen and subnet.version == 4:
            chosen = choose_range(subnet, {*fixed, pool.gateway}, hosts + free)
            if not chosen:
                problems.append(
                    Problem(
                        place,
                        f"{subnet} has no block free for Swarm's own addresses: one for each of {hosts} hosts"
                        + (f", and {free} for nodes without ip_address." if free else "."),
                        "Take a larger subnet, keep its end free of ip_address, or say an iprange.",
                    )
                )
        pools.append(replace(pool, iprange=chosen))
    return tuple(pools), problems


def choose_range(subnet: ipaddress.IPv4Network | ipaddress.IPv6Network, taken: Iterable[str], needed: int) -> str:
    """The highest block of at most 256 addresses that none of *taken* is in and that has *needed* addresses."""
    fixed = {ipaddress.ip_address(item) for item in taken if item}
    last = subnet.broadcast_address
    for prefix in range(max(subnet.prefixlen + 1, LARGEST_RANGE), subnet.max_prefixlen + 1):
        size = 2 ** (subnet.max_prefixlen - prefix)
        if size - 1 < needed:
            break
        start = int(last) + 1 - size
        while start > int(subnet.network_address):
            block = ipaddress.ip_network((start, prefix))
            if not any(item in block for item in fixed):
                return str(block)
            start -= size
    return ""


def fixed_addresses(cluster: Cluster, network: str) -> dict[str, str]:
    """address → node, for the addresses that config.yml gives in a network."""
    return {
        item.ipv4_address: instance.name
        for instance in cluster.instances
        for item in instance.settings.networks
        if item.network == network and item.ipv4_address
    }


def _in_ranges(cluster: Cluster, network: str, ranges: Iterable[str]) -> list[Problem]:
    blocks = [ipaddress.ip_network(item) for item in ranges]
    return [
        Problem(
            node,
            f"its address {address} in network {network} is in {block}, from which Swarm takes addresses for hosts.",
            "Choose an ip_address outside the range, or another iprange in docker_networks.",
        )
        for address, node in fixed_addresses(cluster, network).items()
        for block in blocks
        if ipaddress.ip_address(address) in block
    ]


def _gateway_problems(cluster: Cluster, network: Network) -> list[Problem]:
    gateways = {pool.gateway for pool in network.ipam}
    return [
        Problem(node, f"its address {address} is the gateway of network {network.name}.", "Choose another ip_address.")
        for address, node in fixed_addresses(cluster, network.name).items()
        if address in gateways
    ]


def _overlaps(network: Network, fleet: Fleet) -> list[Problem]:
    """Another network of some host has the addresses: its routes would lead the nodes' traffic astray."""
    problems = []
    for pool in network.ipam:
        mine = ipaddress.ip_network(pool.subnet)
        for host, world in fleet.worlds.items():
            for name, subnets in world.subnets.items():
                clash = next((item for item in subnets if name != network.name and _overlap(mine, item)), None)
                if clash:
                    message = f"its subnet {mine} overlaps {clash} of the network {name} on host {host}."
                    problems.append(Problem(f"docker_networks.{network.name}", message, "Choose a free subnet."))
    return problems


def _overlap(mine: ipaddress.IPv4Network | ipaddress.IPv6Network, other: str) -> bool:
    try:
        theirs = ipaddress.ip_network(other, strict=False)
    except ValueError:
        return False
    return theirs.version == mine.version and theirs.overlaps(mine)  # type: ignore[arg-type]


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
