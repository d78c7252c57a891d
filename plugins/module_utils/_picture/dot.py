# SPDX-License-Identifier: GPL-3.0-or-later
"""A picture in Graphviz's language; pure. Names are no identifiers in it; every text is escaped, by allow-list."""

from __future__ import annotations

import re
from typing import Iterator

from .colours import BACKUP, CARD, FRAME, INK, LINE, OUTER, PAPER, PLACE, REPLICATION, SOFT, STATE
from .model import Node, Picture, short

MARK = "tpaexec diagram"
FONT = "Helvetica,Arial,sans-serif"
ROW = 5  # nodes side by side before the next row begins

HEAD = f"""\
// {MARK}
digraph cluster {{
  graph [bgcolor="{PAPER}", compound=true, fontname="{FONT}", fontcolor="{INK}", labelloc=t, labeljust=l,
         newrank=true, nodesep=0.35, pad=0.25, rankdir=TB, ranksep=0.55, splines=true, style="rounded"];
  node [fontname="{FONT}", fontcolor="{INK}", fontsize=12, margin=0, shape=plain];
  edge [arrowsize=0.8, fontname="{FONT}", fontsize=10, penwidth=1.6];
"""


def escaped(text: str) -> str:
    """Text for an HTML-like label: whatever is not harmless is written as a number.

    Graphviz looks for `\\N` and its like after that, so a backslash is written twice.
    """
    doubled = short(text).replace("\\", "\\\\")
    return re.sub(r"[^\w .,:/()·-]|_", lambda match: f"&#{ord(match[0])};", doubled) or " "


def to_dot(picture: Picture) -> str:
    """The whole text."""
    numbers = {node.name: f"n{index}" for index, node in enumerate(picture.nodes)}
    lines = [HEAD, f"  label=<{_title(picture)}>;"]
    lines += _boxes(picture, numbers)
    lines += _edges(picture, numbers)
    if picture.only_network is None:
        lines += _networks(picture, numbers)
    return "\n".join([*lines, "}", ""])


def _font(text: str, size: int, colour: str, bold: bool = False) -> str:
    words = f"<B>{escaped(text)}</B>" if bold else escaped(text)
    return f'<FONT POINT-SIZE="{size}" COLOR="{colour}">{words}</FONT>'


def _title(picture: Picture) -> str:
    rows = [_font(f"Cluster {picture.cluster}", 18, INK, bold=True), _font(picture.subtitle, 12, SOFT)]
    legend = []
    if any(node.upstream for node in picture.nodes):
        legend.append(f'<FONT POINT-SIZE="12" COLOR="{REPLICATION}">—→ replication</FONT>')
    if any(node.backup for node in picture.nodes):
        legend.append(f'<FONT POINT-SIZE="12" COLOR="{BACKUP}">- -→ backup</FONT>')
    if legend:
        rows.append("    ".join(legend))
    cells = "".join(f'<TR><TD ALIGN="LEFT">{row}</TD></TR>' for row in rows)
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3">{cells}</TABLE>'


def _boxes(picture: Picture, numbers: dict[str, str]) -> Iterator[str]:
    """Network (where there is one for all) around hosts around locations around nodes."""
    only, tied = picture.only_network, _tied(picture)
    if only is not None:
        name = _font(f"network {only.name}", 12, SOFT, bold=True)
        subnets = _font(f"  {', '.join(only.subnets)}", 12, SOFT) if only.subnets else ""
        yield _open("network", f"{name}{subnets}", OUTER, "rounded,dashed,filled", LINE)
    for index, (host, locations) in enumerate(picture.places.items()):
        if picture.hosts:
            yield _open(f"host{index}", _font(f"host {host}", 13, INK, bold=True), PAPER, "rounded,filled,bold", LINE)
        for number, (location, nodes) in enumerate(locations.items()):
            if location:
                label = _font(location, 13, INK, bold=True)
                yield _open(f"place{index}_{number}", label, PLACE, "rounded,filled", FRAME)
            yield from (f"    {numbers[node.name]} [label=<{_card(node, only is not None)}>];" for node in nodes)
            yield from _rows(nodes, numbers, tied)
            if location:
                yield "  }"
        if picture.hosts:
            yield "  }"
    if only is not None:
        yield "  }"


def _open(name: str, label: str, fill: str, style: str, line: str) -> str:
    look = f'style="{style}"; color="{line}"; fillcolor="{fill}"; margin=14; labeljust=l; labelloc=t;'
    return f"  subgraph cluster_{name} {{ label=<{label}>; {look}"


def _card(node: Node, bare: bool) -> str:
    """A node: name and number, roles, addresses (*bare*: without the network's name), state."""
    colour = STATE[node.kind]
    border = f'COLOR="{colour if node.kind in ("good", "bad") else LINE}"'
    number = _font(node.number, 11, SOFT) if node.number else " "
    rows = [
        f'<TR><TD ALIGN="LEFT">{_font(node.name, 14, INK, bold=True)}</TD><TD ALIGN="RIGHT">{number}</TD></TR>',
    ]
    texts = [_font(", ".join(node.roles), 12, SOFT)] if node.roles else []
    for network, address in node.addresses:
        text = address or "address by the engine"
        texts.append(_font(text if bare else f"{network}: {text}", 12, INK))
    if node.kind != "planned":
        texts.append(f'<FONT POINT-SIZE="12" COLOR="{colour}">● {escaped(node.says)}</FONT>')
    rows += [f'<TR><TD ALIGN="LEFT" COLSPAN="2">{text}</TD></TR>' for text in texts]
    style = "ROUNDED,DASHED" if node.kind == "off" or node.dropped else "ROUNDED"
    look = f'BORDER="1" {border} BGCOLOR="{CARD}" STYLE="{style}" CELLBORDER="0" CELLSPACING="1" CELLPADDING="4"'
    return f"<TABLE {look}>{''.join(rows)}</TABLE>"


def _rows(nodes: list[Node], numbers: dict[str, str], tied: set[str]) -> Iterator[str]:
    """Nodes that no arrow orders stand in rows, in config.yml's order, else a big cluster is one endless line."""
    free = [numbers[node.name] for node in nodes if node.name not in tied]
    rows = [free[start : start + ROW] for start in range(0, len(free), ROW)]
    yield from (f"    {{rank=same; {' -> '.join(row)} [style=invis];}}" for row in rows if len(row) > 1)
    yield from (f"    {above[0]} -> {below[0]} [style=invis];" for above, below in zip(rows, rows[1:]))


def _tied(picture: Picture) -> set[str]:
    """The names that an arrow of replication or backup touches."""
    found = {name for node in picture.nodes for name in (node.upstream, *node.backup) if name}
    return found | {node.name for node in picture.nodes if node.upstream or node.backup}


def _edges(picture: Picture, numbers: dict[str, str]) -> Iterator[str]:
    """From where data comes to where it goes."""
    children: dict[str, int] = {}
    for node in picture.nodes:
        if node.upstream in numbers:
            count = children[node.upstream] = children.get(node.upstream, 0) + 1
            rank = 1 + (count - 1) // ROW
            look = f'color="{REPLICATION}", minlen={rank}'
            yield f"  {numbers[node.upstream]} -> {numbers[node.name]} [{look}];"
    for node in picture.nodes:
        for backup in node.backup:
            if backup in numbers:
                look = f'color="{BACKUP}", style=dashed, weight=0'
                yield f"  {numbers[node.name]} -> {numbers[backup]} [{look}];"


def _networks(picture: Picture, numbers: dict[str, str]) -> Iterator[str]:
    """Each network as a bar below, with a line from every node in it."""
    for index, network in enumerate(picture.networks):
        name = _font(network.name, 12, INK, bold=True)
        subnets = _font(f"  {', '.join(network.subnets)}", 12, SOFT) if network.subnets else ""
        text = f"{_font('network', 12, SOFT)} {name}{subnets}"
        look = f'BORDER="1" COLOR="{LINE}" BGCOLOR="{PLACE}" STYLE="ROUNDED" CELLBORDER="0" CELLPADDING="6"'
        yield f"  net{index} [label=<<TABLE {look}><TR><TD>{text}</TD></TR></TABLE>>];"
        for node in picture.nodes:
            if network.name in dict(node.addresses):
                yield f'  {numbers[node.name]} -> net{index} [dir=none, color="{LINE}", penwidth=1];'
