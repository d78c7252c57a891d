# SPDX-License-Identifier: GPL-3.0-or-later
"""What a picture of a cluster shows, from config.yml and, where a daemon answered, from what is there. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional, Sequence

from .._spec.model import DEFAULT_HOST, Cluster, Instance

LONGEST = 64  # characters of one word in the picture
PLANNED = "planned"
# A node's state, as the engine says it, and what that means to a person.
GOOD = ("running",)
MEANS = {"exited": "stopped", "created": "never started"}


@dataclass(frozen=True)
class Node:
    """One node. `state` is `planned` in a picture made from config.yml alone."""

    name: str
    number: str = ""
    roles: tuple[str, ...] = ()
    addresses: tuple[tuple[str, str], ...] = ()  # network, address
    location: str = ""
    host: str = DEFAULT_HOST
    state: str = PLANNED
    upstream: str = ""
    backup: tuple[str, ...] = ()
    dropped: bool = False  # config.yml no longer names it

    @property
    def says(self) -> str:
        """Its state in words."""
        word = MEANS.get(self.state, self.state)
        return f"{word}, not in config.yml" if self.dropped else word

    @property
    def kind(self) -> str:
        """How it is coloured: planned, good, off or bad."""
        if self.state == PLANNED:
            return "planned"
        if self.state in GOOD:
            return "good"
        return "off" if self.state in ("exited", "created", "paused", "absent", "stopped") else "bad"


@dataclass(frozen=True)
class Net:
    """One network, with the address ranges that it has."""

    name: str
    subnets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """Everything in it. `hosts` when config.yml spreads the nodes over several Docker hosts."""

    cluster: str
    architecture: str = ""
    nodes: tuple[Node, ...] = ()
    networks: tuple[Net, ...] = ()
    hosts: bool = False
    live: bool = False

    @property
    def subtitle(self) -> str:
        count = f"{len(self.nodes)} node{'' if len(self.nodes) == 1 else 's'}"
        seen = "as it is now" if self.live else "as config.yml says"
        return " · ".join(part for part in (self.architecture, count, seen) if part)

    @property
    def only_network(self) -> Optional[Net]:
        """The one network that every node is in: it is drawn as a box around all."""
        names = {network for node in self.nodes for network, _address in node.addresses}
        if len(self.networks) != 1 or not names <= {self.networks[0].name}:
            return None
        return self.networks[0]

    @property
    def places(self) -> dict[str, dict[str, list[Node]]]:
        """Nodes by host and location, both in config.yml's order."""
        found: dict[str, dict[str, list[Node]]] = {}
        for node in self.nodes:
            found.setdefault(node.host, {}).setdefault(node.location, []).append(node)
        return found


def picture_of(cluster: Cluster, live: Optional[Sequence[Mapping[str, Any]]] = None) -> Picture:
    """*live* are the `instances` of docker_cluster_info; None draws what config.yml says."""
    seen = {str(item.get("name")): item for item in live or []}
    nodes = [_node(one, seen.get(one.name), live is not None) for one in cluster.instances]
    named = {node.name for node in nodes}
    nodes += [_dropped(item) for name, item in seen.items() if name not in named]
    networks = [Net(net.name, tuple(pool.subnet for pool in net.ipam)) for net in cluster.networks]
    known = {net.name for net in networks}
    others = dict.fromkeys(name for node in nodes for name, _address in node.addresses if name not in known)
    return Picture(
        cluster=cluster.name,
        architecture=cluster.architecture,
        nodes=tuple(nodes),
        networks=(*networks, *(Net(name) for name in others)),
        hosts=any(node.host != DEFAULT_HOST for node in nodes),
        live=live is not None,
    )


def _node(one: Instance, item: Optional[Mapping[str, Any]], live: bool) -> Node:
    addresses = {attached.network: attached.ipv4_address for attached in one.settings.networks}
    addresses.update((item or {}).get("addresses") or {})
    return Node(
        name=one.name,
        number=str(one.node),
        roles=one.role,
        addresses=tuple(addresses.items()),
        location=one.location,
        host=one.host,
        state=str((item or {}).get("status") or "absent") if live else PLANNED,
        upstream=one.upstream,
        backup=one.backup,
    )


def _dropped(item: Mapping[str, Any]) -> Node:
    addresses = item.get("addresses") or {}
    return Node(
        name=str(item.get("name")),
        addresses=tuple((str(network), str(address)) for network, address in addresses.items()),
        host=str(item.get("host") or DEFAULT_HOST),
        state=str(item.get("status") or "unknown"),
        dropped=True,
    )


def short(text: str) -> str:
    """One line without control characters, cut where it is too long for a picture."""
    clean = "".join(char if char.isprintable() else "?" for char in text)
    return clean if len(clean) <= LONGEST else clean[: LONGEST - 1] + "…"
