# SPDX-License-Identifier: GPL-3.0-or-later
"""The architecture M1 as a list of nodes: one primary, replicas, and one node for backup, logs and the casting vote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator, Sequence

ETCD_NODES = 3


@dataclass(frozen=True)
class Seat:
    """One node to be, before it has a name; upstream and backup are numbers of seats, 0 for none."""

    number: int
    location: str
    roles: tuple[str, ...]
    upstream: int = 0
    backup: int = 0
    etcd_location: str = ""


def count_nodes(locations: int, data_nodes: int, failover_manager: str) -> int:
    """How many nodes `lay_out` gives."""
    return locations * (data_nodes + (ETCD_NODES if failover_manager == "patroni" else 0)) + 1


def lay_out(locations: Sequence[str], data_nodes: int, failover_manager: str) -> list[Seat]:
    """The seats in order: each location's data nodes; in the first location the backup node; etcd for patroni.

    The primary is seat 1. The first replica of another location follows it, and leads its own location.
    """
    backup = data_nodes + 1
    seats: list[Seat] = []
    for location in locations:
        first = len(seats) + 1
        seats.extend(_data_seats(location, first, data_nodes, backup))
        if first == 1:
            votes = _needs_witness(len(locations), data_nodes, failover_manager)
            roles = ("barman", "log-server", "witness") if votes else ("barman", "log-server")
            seats.append(Seat(backup, location, roles, upstream=1 if votes else 0))
        if failover_manager == "patroni":
            number = len(seats) + 1
            etcd = (
                Seat(number + offset, location, ("etcd",), etcd_location=locations[0]) for offset in range(ETCD_NODES)
            )
            seats.extend(etcd)
    return seats


def _data_seats(location: str, first: int, data_nodes: int, backup: int) -> Iterator[Seat]:
    for number in range(first, first + data_nodes):
        if number == 1:
            yield Seat(1, location, ("primary",), backup=backup)
        else:
            yield Seat(number, location, ("replica",), upstream=first if number > first else 1)


def _needs_witness(locations: int, data_nodes: int, failover_manager: str) -> bool:
    """An even number of voters needs one more; patroni votes in etcd."""
    even = locations == 2 or (locations == 1 and data_nodes % 2 == 0)
    return even and failover_manager != "patroni"


def as_instances(seats: Sequence[Seat], names: Sequence[str], addresses: Sequence[str]) -> list[dict[str, Any]]:
    """The seats in config.yml's words; the first name and address are seat 1's."""
    return [_instance(seat, names, addresses) for seat in seats]


def _instance(seat: Seat, names: Sequence[str], addresses: Sequence[str]) -> dict[str, Any]:
    words: dict[str, Any] = {
        "Name": names[seat.number - 1],
        "node": seat.number,
        "location": seat.location,
        "ip_address": addresses[seat.number - 1],
        "role": list(seat.roles),
    }
    if seat.backup:
        words["backup"] = names[seat.backup - 1]
    if seat.upstream:
        words["upstream"] = names[seat.upstream - 1]
    if seat.etcd_location:
        words["vars"] = {"etcd_location": seat.etcd_location}
    return words
