# SPDX-License-Identifier: GPL-3.0-or-later
"""The curve: seconds of a cold provision over the number of nodes, and over the pool's size, as one SVG. Pure.

picture.py bench.json picture.svg
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any, Mapping, Sequence
from xml.sax.saxutils import escape

WIDTH, HEIGHT, MARGIN = 760, 340, 50
AGAIN = "tpaexec, with nothing to do"
LINES = (("tpaexec", "#1f6f8b"), ("plain SDK", "#c05621"), ("compose", "#6b46c1"), (AGAIN, "#3f9142"))
Points = Sequence[tuple[float, float]]


def curves(medians: Mapping[str, float], action: str) -> dict[str, list[tuple[float, float]]]:
    """Subject → (nodes, seconds), by nodes: `provision/16/tpaexec` gives a point of `tpaexec`."""
    found: dict[str, list[tuple[float, float]]] = {}
    for key, seconds in medians.items():
        words = key.split("/")
        if len(words) == 3 and words[0] == action and words[1].isdigit():
            found.setdefault(words[2], []).append((int(words[1]), seconds))
    return {subject: sorted(points) for subject, points in found.items()}


def pools(medians: Mapping[str, float]) -> dict[str, list[tuple[float, float]]]:
    """Subject → (pool's size, seconds): `pool 8/16/tpaexec`."""
    found: dict[str, list[tuple[float, float]]] = {}
    for key, seconds in medians.items():
        words = key.split("/")
        if len(words) == 3 and words[0].startswith("pool "):
            found.setdefault(words[2], []).append((int(words[0].removeprefix("pool ")), seconds))
    return {subject: sorted(points) for subject, points in found.items()}


def step(most: float) -> float:
    """The least of 1, 2, 5 times a power of ten of which six reach *most*."""
    power = 10.0 ** math.floor(math.log10(most)) / 10 if most > 0 else 1.0
    return next(each * power for each in (1, 2, 5, 10, 20) if each * power * 6 >= most)


def panel(title: str, below: str, lines: Mapping[str, Points], left: float, width: float) -> list[str]:
    """One diagram: axes from zero, a line and dots a subject."""
    points = [point for line in lines.values() for point in line]
    right, most = max(x for x, _y in points), max(y for _x, y in points)
    each = step(most)
    parts = math.ceil(most / each)
    top = parts * each
    bottom, upper = HEIGHT - MARGIN, MARGIN

    def place(x: float, y: float) -> tuple[float, float]:
        return left + x / right * width, bottom - y / top * (bottom - upper)

    drawn = [f'<text x="{left}" y="20" font-weight="bold">{escape(title)}</text>']
    drawn.append(f'<path d="M{left} {upper}V{bottom}H{left + width}" fill="none" stroke="#555"/>')
    for number in range(parts + 1):
        y = place(0, number * each)[1]
        if number:  # the axis itself is there
            drawn.append(f'<path d="M{left} {y:.1f}H{left + width}" stroke="#ddd"/>')
        drawn.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{number * each:g} s</text>')
    for number in sorted({x for x, _y in points}):
        x = place(number, 0)[0]
        drawn.append(f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{number:g}</text>')
    drawn.append(f'<text x="{left + width / 2}" y="{bottom + 36}" text-anchor="middle">{escape(below)}</text>')
    for number, (subject, colour) in enumerate(line for line in LINES if line[0] in lines):
        spots = [place(*point) for point in lines[subject]]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in spots)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in spots]
        drawn.append(f'<text x="{left + 12}" y="{upper + 6 + 16 * number}" fill="{colour}">{escape(subject)}</text>')
    return drawn


def picture(data: Mapping[str, Any]) -> str:
    """The whole SVG of what `make bench` wrote; "" where no provision of one host was measured."""
    medians, machine = data["medians"], data.get("machine") or {}
    by_nodes, by_pool = curves(medians, "provision"), pools(medians)
    if not by_nodes:
        return ""
    again = curves(medians, "rerun").get("tpaexec")
    by_nodes.update({AGAIN: again} if again else {})
    wide = WIDTH - 2 * MARGIN
    half = wide if not by_pool else (wide - MARGIN) * 0.6
    drawn = panel("Provision", "nodes", by_nodes, MARGIN, half)
    if by_pool:
        left, width = 2 * MARGIN + half, wide - MARGIN - half
        drawn += panel("16 nodes, by the pool's size", "nodes at a time", by_pool, left, width)
    said = ", ".join(
        f"{name} {machine[key]}"
        for name, key in (("CPUs", "cpus"), ("engine", "engine"), ("ansible-core", "ansible_core"), ("", "date"))
        if machine.get(key)
    )
    drawn.append(f'<text x="{WIDTH - 8}" y="{HEIGHT - 4}" text-anchor="end" fill="#777">{escape(said)}</text>')
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<!-- SPDX-License-' + "Identifier: GPL-3.0-or-later -->\n"
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="sans-serif" font-size="12">\n<rect width="100%" height="100%" fill="white"/>\n'
    )
    return head + "\n".join(drawn) + "\n</svg>\n"


def main(source: str, target: str) -> None:
    data = json.loads(Path(source).read_text(encoding="utf-8"))
    Path(target).parent.mkdir(parents=True, exist_ok=True)
    Path(target).write_text(picture(data), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
