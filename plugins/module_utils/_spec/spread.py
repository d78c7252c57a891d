# SPDX-License-Identifier: GPL-3.0-or-later
"""Which node goes to which Docker host: so that none holds more than half of the voters of any location.

Pure. Voters are the nodes that elect a primary: for patroni those of etcd, else the data nodes and the witness.
"""

from __future__ import annotations

import os
import re
from typing import Any, Callable, Mapping, Optional, Sequence

from .._errors import ConfigError
from .hosts import PLACE, parse_hosts
from .keys import HOST_KEYS
from .layout import Seat
from .load import read_config
from .model import DEFAULT_HOST
from .problems import BadValue, Problems, show
from .settings import Files

_HOW = (
    "Write it as `h1: {docker_host: ssh://root@h1.example.com}`, a line a host; what stands under tpaexec_docker.hosts "
    f"in config.yml. The words of a host are: {', '.join(HOST_KEYS)}."
)
ALLOW = "--allow-host-majority"
_VOTE = {"primary", "replica", "witness"}
_FILES = ("tls_ca_cert", "tls_client_cert", "tls_client_key")


def read_hosts(text: str, folder: str, read_file: Callable[[str], str] = str) -> dict[str, dict[str, Any]]:
    """The mapping of a hosts file. Its relative paths start from *folder*, the file's own."""
    try:
        data = read_config(text)
    except ConfigError as error:
        first = error.problems[0]
        remedy = _HOW if re.search("config|cluster_name", first.remedy) else first.remedy  # it would be a config.yml's
        raise BadValue(f"{first.place}: {first.message}" if first.place else first.message, remedy) from None
    for key in ("tpaexec_docker", "hosts"):
        if isinstance(data.get(key), dict) and not set(data[key]) & set(HOST_KEYS):
            raise BadValue(f"The hosts stand under the key {key}.", f"The file's top level are the hosts. {_HOW}")
    if not data or not all(isinstance(words, dict) for words in data.values()):
        raise BadValue("It is no map of hosts.", _HOW)
    if DEFAULT_HOST in data:
        raise BadValue(f"The name {DEFAULT_HOST} is reserved.", "Give that host another name.")
    hosts = {str(name): _placed(words, folder) for name, words in data.items()}
    _check(hosts, folder, read_file)
    return hosts


def _check(hosts: Mapping[str, Any], folder: str, read_file: Callable[[str], str]) -> None:
    """As in config.yml, before anything is made of them; the places are those of the file."""
    problems = Problems()
    parse_hosts(hosts, Files(folder, read_file), problems)
    try:
        problems.raise_any("the hosts file")
    except ConfigError as error:
        at = ("the directory of config.yml", "that of this file")
        found = [BadValue(one.message, one.remedy.replace(*at), one.place.replace(PLACE, "")) for one in error.problems]
        found[0].others = found[1:]
        raise found[0] from None


def _placed(words: Mapping[str, Any], folder: str) -> dict[str, Any]:
    placed = dict(words)
    for key in _FILES:
        if isinstance(placed.get(key), str):
            placed[key] = os.path.join(folder, os.path.expanduser(placed[key]))
    return placed


def votes(seat: Seat, failover_manager: str) -> bool:
    return "etcd" in seat.roles if failover_manager == "patroni" else bool(_VOTE & set(seat.roles))


def spread(
    seats: Sequence[Seat], hosts: Sequence[str], failover_manager: str, allow_majority: bool = False
) -> list[str]:
    """The host of each seat. Raises BadValue where one host would hold a location's majority, unless that is allowed.

    Each location has hosts of its own where there are enough of them, else all locations share all hosts.
    """
    locations = list(dict.fromkeys(seat.location for seat in seats))
    apart = _placements(seats, _groups(locations, hosts), failover_manager)
    if allow_majority or not majority(seats, apart, failover_manager):
        return apart
    shared = {location: _rotated(hosts, place) for place, location in enumerate(locations)}
    together = _placements(seats, shared, failover_manager)
    found = majority(seats, together, failover_manager)
    if found:
        raise BadValue(found, f"Name more hosts, three at least, or accept it: {ALLOW}.")
    return together


def _groups(locations: Sequence[str], hosts: Sequence[str]) -> dict[str, list[str]]:
    """Hosts shared out among the locations; with fewer hosts than locations, they take turns."""
    size = len(hosts) // len(locations)
    if not size:
        return {location: [hosts[place % len(hosts)]] for place, location in enumerate(locations)}
    return {location: list(hosts[place * size : (place + 1) * size]) for place, location in enumerate(locations)}


def _rotated(hosts: Sequence[str], by: int) -> list[str]:
    shift = by % len(hosts)
    return [*hosts[shift:], *hosts[:shift]]


def _placements(seats: Sequence[Seat], groups: Mapping[str, Sequence[str]], failover_manager: str) -> list[str]:
    """Voters and the others in turn by themselves, so that both are even."""
    turns: dict[tuple[str, bool, bool], int] = {}
    found = []
    for seat in seats:
        kind = (seat.location, votes(seat, failover_manager), "etcd" in seat.roles)
        group = groups[seat.location]
        found.append(group[turns.get(kind, 0) % len(group)])
        turns[kind] = turns.get(kind, 0) + 1
    return found


def majority(seats: Sequence[Seat], placed: Sequence[str], failover_manager: str) -> str:
    """Which location would lose the majority of its voters with which host; "" for none. One voter has none to lose."""
    for location in dict.fromkeys(seat.location for seat in seats):
        held = [
            host for seat, host in zip(seats, placed) if seat.location == location and votes(seat, failover_manager)
        ]
        worst: Optional[str] = max(held, key=held.count, default=None)
        if worst is not None and len(held) > 1 and held.count(worst) * 2 > len(held):
            return (
                f"Host {show(worst)} would hold {held.count(worst)} of the {len(held)} voters of location {location}: "
                "with it, the location loses its majority."
            )
    return ""


def as_words(
    hosts: Mapping[str, Any], seats: Sequence[Seat], names: Sequence[str], placed: Sequence[str]
) -> dict[str, Any]:
    """`tpaexec_docker` of the new config.yml: a location's host where it has one only, else each node's."""
    locations: dict[str, Any] = {}
    instances: dict[str, Any] = {}
    for location in dict.fromkeys(seat.location for seat in seats):
        here = [(names[seat.number - 1], host) for seat, host in zip(seats, placed) if seat.location == location]
        if len({host for _name, host in here}) == 1:
            locations[location] = {"host": here[0][1]}
        else:
            instances.update({name: {"host": host} for name, host in here})
    words: dict[str, Any] = {"hosts": dict(hosts)}
    if locations:
        words["locations"] = locations
    if instances:
        words["instances"] = instances
    return words


def swarm_room(hosts: int) -> int:
    """Addresses of the overlay that nodes must leave free: Swarm takes one a host, out of a block of its own."""
    block = 1
    while block < hosts + 2:
        block *= 2
    return 2 * block
