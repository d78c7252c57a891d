# SPDX-License-Identifier: GPL-3.0-or-later
"""What must hold between the instances of one cluster: names, references, published ports."""

from __future__ import annotations

from typing import Mapping, Sequence

from .instances import Identity
from .model import DEFAULT_HOST, Settings
from .problems import Problems, did_you_mean


def check_unique(identities: Sequence[Identity], problems: Problems) -> None:
    """Name and node are each instance's own."""
    names: dict[str, str] = {}
    nodes: dict[int, str] = {}
    for one in identities:
        places = one.words.places
        if one.name and names.setdefault(one.name, places["Name"]) != places["Name"]:
            problems.add(
                places["Name"], f"The name {one.name} is taken by {names[one.name]}.", "Give each its own Name."
            )
        if one.node and nodes.setdefault(one.node, places["node"]) != places["node"]:
            problems.add(places["node"], f"The node {one.node} is taken by {nodes[one.node]}.", "Give each its own.")


def check_references(identities: Sequence[Identity], problems: Problems) -> None:
    """upstream and backup name other instances that can be what is asked of them."""
    by_name = {one.name: one for one in identities if one.name}
    for one in identities:
        if one.upstream:
            place = one.words.places["upstream"]
            if one.upstream == one.name:
                problems.add(place, "It names the node itself.", "Name the node that it replicates from.")
            elif one.upstream not in by_name:
                near = did_you_mean(one.upstream, by_name)
                problems.add(place, f"There is no instance {one.upstream}.", near or "Name one of instances.")
        for backup in one.backup:
            place = one.words.places["backup"]
            if backup not in by_name:
                near = did_you_mean(backup, by_name)
                problems.add(place, f"There is no instance {backup}.", near or "Name one with the role barman.")
            elif "barman" not in by_name[backup].role:
                problems.add(place, f"{backup} has not the role barman.", "Name the one that has it.")
    _refuse_circles({one.name: one for one in by_name.values()}, problems)


def _refuse_circles(by_name: Mapping[str, Identity], problems: Problems) -> None:
    done: set[str] = set()
    for start in by_name:
        path: list[str] = []
        name = start
        while name in by_name and name not in done:
            if name in path:
                circle = [*path[path.index(name) :], name]
                if len(circle) > 2:
                    place = by_name[name].words.places["upstream"]
                    problems.add(
                        place, f"Upstreams go in a circle: {' -> '.join(circle)}.", "One of them is the primary."
                    )
                break
            path.append(name)
            name = by_name[name].upstream
        done.update(path)


def check_published(nodes: Sequence[tuple[Identity, Settings, str]], problems: Problems) -> None:
    """No port of a host is published twice. *nodes* are the identity, the settings and the host of each."""
    seen: dict[tuple[str, int, str], list[tuple[str, str]]] = {}
    for one, settings, host in nodes:
        for port in settings.published_ports:
            if not port.host_port:
                continue
            others = seen.setdefault((host, port.host_port, port.container.protocol), [])
            for address, owner in others:
                if address == port.host_ip or {address, port.host_ip} & {"0.0.0.0", "::"}:  # noqa: S104
                    what = f"{port.host_port}/{port.container.protocol} of the host"
                    whom = "this instance twice" if owner == one.name else f"{owner} already"
                    problems.add(
                        one.words.places["published_ports"], f"{what} is published by {whom}.", "Choose another."
                    )
                    break
            others.append((port.host_ip, one.name))


def topology_warnings(
    nodes: Sequence[tuple[Identity, Settings, str]], networks: Sequence[str], whole: bool
) -> list[str]:
    """What is accepted here, and worth a word. *whole*: a config.yml, not a task's options."""
    found: list[str] = []
    without_platform = [one.name for one, _settings, _host in nodes if not one.words.said("platform")]
    if whole and without_platform:
        found.append("instance_defaults: no platform is said; TPA would take it for aws. Write `platform: docker`.")
    outside: dict[str, list[str]] = {}
    for one, settings, host in nodes:
        if "witness" in one.role and "bdr" not in one.role and not one.upstream and whole:
            place = one.words.places["Name"].rpartition(".")[0]
            found.append(f"{place}: {one.name} is a witness without upstream; TPA refuses to deploy that.")
        for item in settings.networks:
            if item.network not in networks and item.network != "bridge" and host == DEFAULT_HOST:
                outside.setdefault(item.network, []).append(one.name)
    for network, names in outside.items():
        near = did_you_mean(network, networks)
        whose = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        found.append(f"docker_networks: {network}, network of {whose}, is not in it: it must exist. {near}".strip())
    if not networks and len(nodes) > 1:
        found.append("docker_networks: there is none, so nodes will not find each other by name.")
    return found
