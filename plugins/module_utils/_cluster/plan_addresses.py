# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of an overlay: its gateway, the range that Swarm takes its own from, and what overlaps; pure.

The gateway is config.yml's, else the first of the subnet. Swarm gives one address a host, and those of nodes without an
`ip_address`, from the network's ip_range, so that no node's fixed address may lie in it: it is config.yml's `iprange`,
else the highest free block of the subnet that has room for them.
"""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Iterable

from .._errors import Problem
from .._spec.model import Cluster, IpamPool, Network
from .fleet import Fleet

LARGEST_RANGE = 24


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
    problems = [*_gateway_problems(cluster, network), *in_ranges(cluster, network.name, given)]
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


def in_ranges(cluster: Cluster, network: str, ranges: Iterable[str]) -> list[Problem]:
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


def overlaps(network: Network, fleet: Fleet) -> list[Problem]:
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
