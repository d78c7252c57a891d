# SPDX-License-Identifier: GPL-3.0-or-later
"""Helpers on all hosts at once: they look, an address is chosen for each host, then each tries all others."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Iterator, Mapping, Sequence, Union

from .._checks import hosts as rules
from .._checks.facts_cluster import NetworkWant
from .._checks.facts_hosts import Seen, Way
from .._checks.model import Finding, Unknown
from .._client import Daemon
from .._cluster.pool import run_all
from .._errors import DaemonError
from .helper import PORTS, Helper, choose_address, targets


@dataclass(frozen=True)
class Place:
    """One host that is to be measured: its daemon, an image that is there, and what is known of its addresses."""

    daemon: Daemon
    image: str
    said: str = ""  # advertise_addr of config.yml
    reached_by: str = ""  # the address in docker_host, where it is one
    address: str = ""  # what the Swarm knows it by
    inside: bool = False  # it is in the Swarm
    bridges: frozenset[str] = frozenset()  # of networks that reach this host only and make way for an overlay


@dataclass(frozen=True)
class Survey:
    """What was seen and measured. A host whose helper could not work is Unknown, with the reason."""

    seen: Mapping[str, Union[Seen, Unknown]] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    ways: tuple[Way, ...] = ()

    @property
    def unknown(self) -> dict[str, str]:
        return {host: found.reason for host, found in self.seen.items() if isinstance(found, Unknown)}

    def findings(self, networks: Sequence[NetworkWant]) -> list[Finding]:
        without = [host for host, address in self.addresses.items() if not address]
        return [
            *(_no_address(host, self.seen.get(host)) for host in without),
            *rules.look(self.seen, networks),
            *rules.ways(self.ways, networks),
        ]


def _no_address(host: str, seen: Any) -> Finding:
    own = ", ".join(f"{item.ip} ({item.name})" for item in getattr(seen, "interfaces", ())) or "none that can be seen"
    text = f"{host}: by which address the other hosts reach it cannot be told; its addresses: {own}."
    return rules.NO_ADDRESS.finding(text, host=host)


def survey(places: Mapping[str, Place], make: Callable[[Daemon, str], Helper] = Helper) -> Survey:
    """Measure between *places*. Everything that was started is removed, whatever happens."""
    helpers = {host: make(place.daemon, place.image) for host, place in places.items() if place.image}
    try:
        seen = _looked(places, helpers)
        addresses = _addresses(places, seen)
        return Survey(seen, addresses, tuple(_measured(places, helpers, seen, addresses)))
    finally:
        run_all([_quietly(helper) for helper in helpers.values()], len(helpers))


def _quietly(helper: Helper) -> Callable[[], None]:
    def job() -> None:
        with contextlib.suppress(DaemonError):  # it ends by itself
            helper.remove()

    return job


def _looked(places: Mapping[str, Place], helpers: Mapping[str, Helper]) -> dict[str, Union[Seen, Unknown]]:
    def job(host: str) -> Callable[[], Union[Seen, Unknown]]:
        def look() -> Union[Seen, Unknown]:
            if host not in helpers:
                return Unknown("no image of the cluster's is there yet, of which a helper could be made")
            try:
                helpers[host].start()
                found = helpers[host].look(() if places[host].inside else PORTS)
                if isinstance(found, Unknown):
                    return found
                routes = tuple(route for route in found.routes if route.device not in places[host].bridges)
                return replace(found, routes=routes)
            except DaemonError as error:
                return Unknown(f"the helper container failed: {error.message}")

        return look

    return dict(zip(places, run_all([job(host) for host in places], len(places))))


def _addresses(places: Mapping[str, Place], seen: Mapping[str, Union[Seen, Unknown]]) -> dict[str, str]:
    """Those that are sure first: they tell in which network the hosts meet."""
    chosen: dict[str, str] = {}
    sure = {host: place.address or place.said or place.reached_by for host, place in places.items()}
    for host, place in sorted(places.items(), key=lambda item: not sure[item[0]]):
        found = seen[host]
        peers = [address for address in (chosen.get(other) for other in places if other != host) if address]
        known = None if isinstance(found, Unknown) else found
        chosen[host] = place.address or choose_address(place.said, place.reached_by, known, peers)
    return {host: chosen[host] for host in places}


def _measured(
    places: Mapping[str, Place],
    helpers: Mapping[str, Helper],
    seen: Mapping[str, Union[Seen, Unknown]],
    addresses: Mapping[str, str],
) -> Iterator[Way]:
    """All directions at once. Hosts whose helper does not answer are no targets, unless the Swarm answers there."""
    ready = [host for host in places if not isinstance(seen[host], Unknown)]
    inside = {host: place.inside for host, place in places.items()}
    aims = {host: address for host, address in addresses.items() if host in ready or inside[host]}

    def job(host: str) -> Callable[[], Any]:
        def measure() -> Any:
            try:
                return helpers[host].measure(host, [_free(aim, seen) for aim in targets(host, aims, inside)])
            except DaemonError:
                return []

        return measure

    for found in run_all([job(host) for host in ready], len(ready)):
        yield from () if isinstance(found, Unknown) else found


def _free(aim: dict[str, Any], seen: Mapping[str, Union[Seen, Unknown]]) -> dict[str, Any]:
    """Without the ports that something else has there: that is a finding of its own."""
    found = seen[aim["host"]]
    taken = found.taken if isinstance(found, Seen) else ()
    return {**aim, "ports": [port for port in aim["ports"] if port not in taken]}
