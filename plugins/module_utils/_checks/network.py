# SPDX-License-Identifier: GPL-3.0-or-later
"""Subnets, ports and names that a cluster wants, against what is there. What is its own is no finding."""

from __future__ import annotations

import random
import re
from ipaddress import IPv4Network
from typing import Iterable, Mapping, Optional

from .._spec.problems import BadValue
from .._spec.subnet import DEFAULT_NETWORK, Taken, free_subnet
from . import values
from .facts import Facts
from .facts_cluster import Wants
from .facts_host import DockerContainer, DockerNetwork, Inventory, NetworkFacts, Route
from .model import ERROR, Check, Finding, NotRun, Rule, Unknown

SUBNET_OVERLAP = Rule(
    "SUBNET_OVERLAP",
    ERROR,
    "A wanted subnet overlaps another Docker network or a route of the daemon's host.",
    "Choose a free subnet under docker_networks in config.yml (`tpaexec configure` picks one), or remove the other "
    "network: "
    "docker network rm NAME",
)
PORT_IN_USE = Rule(
    "PORT_IN_USE",
    ERROR,
    "A published port is taken on the daemon's host.",
    "Publish another port in config.yml, or stop what has it.",
)
NAME_TAKEN = Rule(
    "NAME_TAKEN",
    ERROR,
    "A container or network of a wanted name belongs to someone else.",
    "Rename it in config.yml, or, if it is this cluster's (a copied directory): provision --adopt.",
)


PODMANS = re.compile(r"(cni-)?podman\d+")
POOLS = (DEFAULT_NETWORK, "172.16.0.0/12", "192.168.0.0/16", "10.0.0.0/8")


def find_overlaps(facts: Facts) -> Iterable[Finding]:
    wants, inventory = _wants(facts), _inventory(facts)
    others = _others(wants, inventory)
    for want in wants.networks:
        for subnet in want.subnets:
            for other in others:
                clash = next((item for item in other.subnets if _overlap(subnet, item)), "")
                if clash and other.name != want.name:
                    yield SUBNET_OVERLAP.finding(
                        f"Subnet {subnet} of network {want.name} overlaps {clash} of the Docker network {other.name}.",
                        _move(facts, subnet, f", or remove the other network: docker network rm {other.name}"),
                        subnet=subnet,
                        network=other.name,
                    )


def find_route_overlaps(facts: Facts) -> Iterable[Finding]:
    """Bridges of Docker's own networks are judged by their networks; what is left are the host's own routes."""
    wants, inventory = _wants(facts), _inventory(facts)
    if isinstance(facts.network, Unknown):
        raise NotRun(facts.network.reason)
    routes = _host_routes(facts.network, inventory)
    for want in wants.networks:
        for subnet in want.subnets:
            for route in routes:
                if _overlap(subnet, route.subnet):
                    yield SUBNET_OVERLAP.finding(
                        f"Subnet {subnet} of network {want.name} overlaps the host's route {route.subnet} by "
                        f"{route.device}: the host would "
                        "lose what is behind it.",
                        _move(facts, subnet),
                        subnet=subnet,
                        route=route.subnet,
                        device=route.device,
                    )


def _others(wants: Wants, inventory: Inventory) -> list[DockerNetwork]:
    return [network for network in inventory.networks if not wants.owns_network(network, inventory)]


def _host_routes(network: NetworkFacts, inventory: Inventory) -> list[Route]:
    bridges = {network.bridge for network in inventory.networks if network.bridge}
    bridges |= {"docker0" for network in inventory.networks if network.name == "bridge"}
    # Podman's API does not say which bridge is whose: one with exactly a network's subnet is that network's.
    known = {values.subnet(subnet) for network in inventory.networks for subnet in network.subnets}
    podmans = [route for route in network.routes if PODMANS.fullmatch(route.device)]
    bridges |= {route.device for route in podmans if values.subnet(route.subnet) in known}
    return [route for route in network.routes if route.device not in bridges and not _is_default(route.subnet)]


def _move(facts: Facts, subnet: str, otherwise: str = "") -> str:
    """The remedy, with a subnet of that size that nothing known takes."""
    free = free_for(facts, subnet)
    if not free:
        return ""
    return (
        f"Give the network {free} under docker_networks in config.yml, which is free here (with the gateway and each "
        f"ip_address in it){otherwise}."
    )


def free_for(facts: Facts, subnet: str) -> str:
    """A free subnet as large as *subnet*, for the same one always the same; "" for IPv6, or where there is none."""
    wanted, wants, inventory = values.subnet(subnet), _wants(facts), _inventory(facts)
    if not isinstance(wanted, IPv4Network):
        return ""
    routes = [] if isinstance(facts.network, Unknown) else _host_routes(facts.network, inventory)
    used = [item for other in _others(wants, inventory) for item in other.subnets]
    used += [item for want in wants.networks for item in want.subnets] + [route.subnet for route in routes]
    networks = (values.subnet(item) for item in used)
    taken = [Taken(network, "") for network in networks if isinstance(network, IPv4Network)]
    for pool in POOLS:
        try:
            return str(free_subnet(IPv4Network(pool), wanted.prefixlen, taken, random.Random(subnet)))  # noqa: S311
        except BadValue:
            continue
    return ""


def _is_default(subnet: str) -> bool:
    """0.0.0.0/1 and 128.0.0.0/1 are how a VPN writes a default route: nothing could be free of them."""
    route = values.subnet(subnet)
    return route is not None and route.prefixlen <= 1


def _overlap(one: str, other: str) -> bool:
    left, right = values.subnet(one), values.subnet(other)
    return left is not None and right is not None and left.version == right.version and left.overlaps(right)  # type: ignore[arg-type]


def find_ports(facts: Facts) -> Iterable[Finding]:
    wants, inventory = _wants(facts), _inventory(facts)
    own = {(port, kind) for box in inventory.containers if wants.owns(box.labels) for _address, port, kind in box.ports}
    listeners = () if isinstance(facts.network, Unknown) else facts.network.listeners
    for node in wants.nodes:
        for address, port, protocol in node.ports:
            holder = _holder(inventory, wants, address, port, protocol)
            heard = next(
                (
                    one
                    for one in listeners
                    if (one.protocol, one.port) == (protocol, port) and _meet(one.address, address)
                ),
                None,
            )
            if holder is not None:
                by = f"the container {holder.name}"
            elif heard is not None and (port, protocol) not in own:
                by = heard.owner or "another program (root sees which: ss -lptn)"
            else:
                continue
            yield PORT_IN_USE.finding(
                f"Port {port}/{protocol}, which node {node.name} is to publish, is taken by {by}.",
                node=node.name,
                port=port,
                by=by,
            )


def find_unseen_ports(facts: Facts) -> Iterable[Finding]:
    """Ports of the host's own programs: says so where they could not be compared."""
    if isinstance(facts.network, Unknown) and any(node.ports for node in _wants(facts).nodes):
        raise NotRun(f"only ports of containers were compared: {facts.network.reason}")
    return ()


def _holder(inventory: Inventory, wants: Wants, address: str, port: int, protocol: str) -> Optional[DockerContainer]:
    for box in inventory.containers:
        if not wants.owns(box.labels) and any(
            (taken, kind) == (port, protocol) and _meet(where, address) for where, taken, kind in box.ports
        ):
            return box
    return None


def _meet(one: str, other: str) -> bool:
    """Whether two listening addresses get in each other's way: equal, or one of them means all."""
    everywhere = {"", "0.0.0.0", "::"}  # noqa: S104
    return one == other or one in everywhere or other in everywhere


def find_names(facts: Facts) -> Iterable[Finding]:
    wants, inventory = _wants(facts), _inventory(facts)
    nodes = {node.name for node in wants.nodes}
    networks = {network.name for network in wants.networks}
    for box in inventory.containers:
        if box.name in nodes and not wants.owns(box.labels):
            yield NAME_TAKEN.finding(
                f"The container {box.name} is there already and is not this cluster's ({_shown(box.labels)}).",
                name=box.name,
                kind="container",
            )
    for network in inventory.networks:
        if network.name in networks and not wants.owns_network(network, inventory):
            yield NAME_TAKEN.finding(
                f"The network {network.name} is there already and is not this cluster's ({_network_shown(network)}).",
                name=network.name,
                kind="network",
            )


def _shown(labels: Mapping[str, str]) -> str:
    shown = ", ".join(f"{key}={value}" for key, value in list(labels.items())[:4] if len(value) < 80)
    return f"labels {shown}" if shown else "no labels"


def _network_shown(network: DockerNetwork) -> str:
    return f"subnet {', '.join(network.subnets) or 'none'}, {_shown(network.labels)}"


def _wants(facts: Facts) -> Wants:
    return facts.wants  # type: ignore[return-value]


def _inventory(facts: Facts) -> Inventory:
    return facts.inventory  # type: ignore[return-value]


def _check(rule: Rule, find: object, *needs: str) -> Check:
    return Check((rule,), find, needs, theme="network")  # type: ignore[arg-type]


CHECKS = (
    _check(SUBNET_OVERLAP, find_overlaps, "wants", "inventory"),
    _check(SUBNET_OVERLAP, find_route_overlaps, "wants", "inventory"),
    _check(PORT_IN_USE, find_ports, "wants", "inventory"),
    _check(PORT_IN_USE, find_unseen_ports, "wants"),
    _check(NAME_TAKEN, find_names, "wants", "inventory"),
)
