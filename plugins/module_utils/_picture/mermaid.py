# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture as a Mermaid flow chart, which GitHub and GitLab draw in a page; pure, and escaped as to_dot is."""

from __future__ import annotations

import re
from typing import Iterator

from .colours import BACKUP, CARD, INK, LINE, REPLICATION, STATE
from .dot import MARK
from .model import Node, Picture, short


def quoted(*lines: str) -> str:
    """A label. What is not harmless is a number: Mermaid looks for words of its own inside of texts, too."""
    return '"' + "<br/>".join(_plain(line) for line in lines if line) + '"'


def _plain(text: str) -> str:
    return re.sub(r"[^\w .,:/()·-]|_", lambda match: f"#{ord(match[0])};", short(text)) or " "


def to_mermaid(picture: Picture) -> str:
    """The whole text."""
    numbers = {node.name: f"n{index}" for index, node in enumerate(picture.nodes)}
    lines = [f"%% {MARK}: Cluster {_plain(picture.cluster)}, {_plain(picture.subtitle)}", "flowchart TB"]
    lines += _boxes(picture, numbers)
    edges = list(_edges(picture, numbers))
    lines += [f"  {edge}" for edge, _colour in edges]
    for kind, colour in STATE.items():
        lines.append(f"  classDef {kind} fill:{CARD},stroke:{colour},color:{INK}")
    styles = [(number, colour) for number, (_edge, colour) in enumerate(edges)]
    lines += [f"  linkStyle {number} stroke:{colour}" for number, colour in styles]
    return "\n".join([*lines, ""])


def _boxes(picture: Picture, numbers: dict[str, str]) -> Iterator[str]:
    only = picture.only_network
    if only is not None:
        yield f"  subgraph network [{quoted('network ' + only.name + ' ' + ', '.join(only.subnets))}]"
    for index, (host, locations) in enumerate(picture.places.items()):
        if picture.hosts:
            yield f"  subgraph host{index} [{quoted('host ' + host)}]"
        for number, (location, nodes) in enumerate(locations.items()):
            if location:
                yield f"  subgraph place{index}x{number} [{quoted(location)}]"
            yield from (f"    {numbers[node.name]}[{_label(node, only is not None)}]:::{node.kind}" for node in nodes)
            if location:
                yield "  end"
        if picture.hosts:
            yield "  end"
    if only is not None:
        yield "  end"
        return
    for index, network in enumerate(picture.networks):
        yield f"  net{index}([{quoted('network ' + network.name, ', '.join(network.subnets))}])"


def _label(node: Node, bare: bool) -> str:
    addresses = [address if bare else f"{network}: {address}" for network, address in node.addresses if address]
    state = "" if node.kind == "planned" else node.says
    return quoted(node.name, ", ".join(node.roles), *addresses, state)


def _edges(picture: Picture, numbers: dict[str, str]) -> Iterator[tuple[str, str]]:
    for node in picture.nodes:
        if node.upstream in numbers:
            yield f"{numbers[node.upstream]} -->|replication| {numbers[node.name]}", REPLICATION
        for backup in node.backup:
            if backup in numbers:
                yield f"{numbers[node.name]} -.->|backup| {numbers[backup]}", BACKUP
    if picture.only_network is None:
        for index, network in enumerate(picture.networks):
            for node in picture.nodes:
                if network.name in dict(node.addresses):
                    yield f"{numbers[node.name]} --- net{index}", LINE
