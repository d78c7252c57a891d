# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of modules as text for people: nodes as a table, findings with their remedies. Pure."""

from __future__ import annotations

import textwrap
from typing import Any, Callable, Iterable, Mapping, Sequence

Paint = Callable[[str, str], str]
COLUMNS = (
    ("NAME", "name"),
    ("NODE", "node"),
    ("ROLE", "role"),
    ("LOCATION", "location"),
    ("HOST", "host"),
    ("ADDRESS", "ip_address"),
    ("IMAGE", "image"),
    ("STATUS", "status"),
)
SEVERITIES = ("error", "warning", "info")
COLOURS = {"error": "red", "warning": "bright purple", "info": "blue"}
WIDTH = 100
NAMED = 6  # more than that are counted


def plain(text: str, _colour: str) -> str:
    """No colour."""
    return text


def cell(value: Any) -> str:
    """A value as one cell; control characters, which a daemon may send, do not reach the terminal."""
    if isinstance(value, (list, tuple)):
        value = ",".join(cell(item) for item in value)
    text = "" if value is None else str(value)
    return "".join(character if character.isprintable() else "?" for character in text) or "-"


def node_table(instances: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line a node; columns that no node fills are left out, and that of the host where there is but one."""
    one_host = len({instance.get("host") for instance in instances}) < 2
    columns = [
        (head, key)
        for head, key in COLUMNS
        if any(instance.get(key) not in (None, "", []) for instance in instances) and not (key == "host" and one_host)
    ]
    rows = [[head for head, _key in columns]]
    rows += [[cell(instance.get(key)) for _head, key in columns] for instance in instances]
    return align(rows)


def align(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns two blanks apart."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths)).rstrip() for row in rows]


def what_changed(result: Mapping[str, Any]) -> str:
    """`network demo; nodes uno, due` of a result of docker_cluster: what was, or would be, changed."""
    parts = []
    for word, key in (("network", "networks"), ("node", "instances")):
        items = [item for item in result.get(key) or [] if isinstance(item, Mapping) and item.get("changed")]
        names = [cell(item.get("name")) for item in items]
        if len(names) > NAMED:
            parts.append(f"{len(names)} {word}s")
        elif names:
            parts.append(f"{word}{'s' if len(names) > 1 else ''} {', '.join(names)}")
    return "; ".join(parts)


def finding_lines(findings: Iterable[Mapping[str, Any]], paint: Paint = plain) -> list[str]:
    """Findings, the worst first: id, what was seen, and below it what mends it."""
    lines: list[str] = []
    ordered = [finding for severity in SEVERITIES for finding in findings if finding.get("severity") == severity]
    for finding in ordered:
        severity = str(finding["severity"])
        head = f"{severity:<8} {cell(finding.get('id'))}"
        lines.append(paint(head, COLOURS[severity]))
        lines += _paragraph(str(finding.get("message") or ""), "    ", "    ")
        lines += _paragraph(str(finding.get("remedy") or ""), "    → ", "      ")
    return lines


def _paragraph(text: str, first: str, others: str) -> list[str]:
    """Wrapped prose; a line that holds a command to copy is not broken inside."""
    lines: list[str] = []
    for number, line in enumerate(text.splitlines()):
        start = first if number == 0 else others
        lines += textwrap.wrap(
            line, WIDTH, initial_indent=start, subsequent_indent=others, break_long_words=False, break_on_hyphens=False
        ) or [""]
    return lines
