# SPDX-License-Identifier: GPL-3.0-or-later
"""A free subnet for a new cluster: of the right size, within a network, apart from all that are taken."""

from __future__ import annotations

import ipaddress
import random
from dataclasses import dataclass
from typing import Iterator, Optional, Sequence

from .problems import BadValue, show

DEFAULT_NETWORK = "10.33.0.0/16"
DEFAULT_PREFIX = 28
LONGEST_PREFIX = 29
RESERVED = 3  # the subnet's own address, the gateway, the broadcast address


@dataclass(frozen=True)
class Taken:
    """A subnet that is in use, and by whom."""

    subnet: ipaddress.IPv4Network
    owner: str


def room(prefix: int) -> int:
    """How many nodes have an address in a subnet of this size."""
    return 2 ** (32 - prefix) - RESERVED


def supernet(value: str) -> ipaddress.IPv4Network:
    """The network that subnets are taken from."""
    try:
        return ipaddress.IPv4Network(value)
    except ValueError:
        pass
    try:
        meant = ipaddress.IPv4Network(value, strict=False)
    except ValueError:
        raise BadValue(f"{show(value)} is no IPv4 network.", f"Write it as {DEFAULT_NETWORK}.") from None
    raise BadValue(f"{value} is an address within a network.", f"The network is {meant}.")


def choose_prefix(nodes: int, network: ipaddress.IPv4Network, wanted: Optional[int] = None) -> int:
    """*wanted*, if all nodes fit into it; else /28, or the next larger size in which they do."""
    if wanted is not None:
        if not network.prefixlen <= wanted <= LONGEST_PREFIX:
            remedy = f"Take one from {network.prefixlen}, the size of {network}, to {LONGEST_PREFIX}."
            raise BadValue(f"A subnet of /{wanted} cannot be taken.", remedy)
        if room(wanted) < nodes:
            message = f"{nodes} nodes do not fit into a /{wanted}, which has room for {room(wanted)}."
            raise BadValue(message, f"Take {_fitting(nodes)} or less.")
        return wanted
    prefix = max(min(DEFAULT_PREFIX, _fitting(nodes)), network.prefixlen)
    if room(prefix) < nodes:
        raise BadValue(f"{nodes} nodes do not fit into {network}.", f"It must be a /{_fitting(nodes)} or larger.")
    return prefix


def _fitting(nodes: int) -> int:
    return next(prefix for prefix in range(LONGEST_PREFIX, -1, -1) if room(prefix) >= nodes)


def free_subnet(
    network: ipaddress.IPv4Network, prefix: int, taken: Sequence[Taken], rng: random.Random
) -> ipaddress.IPv4Network:
    """Any of the free subnets, by chance, so that two people who configure at once seldom choose the same."""
    size = 2 ** (32 - prefix)
    gaps = [(first, (last - first) // size) for first, last in _gaps(network, size, taken)]
    count = sum(number for _first, number in gaps)
    if not count:
        raise BadValue(
            f"There is no free /{prefix} in {network}: {_owners(network, taken)}.",
            "Name another network, such as 172.30.0.0/16 or 192.168.0.0/16.",
        )
    pick = rng.randrange(count)
    for first, number in gaps:
        if pick < number:
            return ipaddress.IPv4Network((first + pick * size, prefix))
        pick -= number
    raise AssertionError("the pick is below the count")


def _gaps(network: ipaddress.IPv4Network, size: int, taken: Sequence[Taken]) -> Iterator[tuple[int, int]]:
    """Where nothing is taken: first address and the one after the last, both multiples of *size*."""
    position = int(network.network_address)
    end = int(network.broadcast_address) + 1
    blocks = sorted(
        (int(item.subnet.network_address), int(item.subnet.broadcast_address) + 1)
        for item in taken
        if item.subnet.overlaps(network)
    )
    for first, last in blocks:
        gap_end = first // size * size
        if gap_end > position:
            yield position, gap_end
        position = max(position, -(-last // size) * size)
    if end > position:
        yield position, end


def _owners(network: ipaddress.IPv4Network, taken: Sequence[Taken]) -> str:
    names = [f"{item.subnet} ({item.owner})" for item in taken if item.subnet.overlaps(network)]
    return "taken by " + ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
