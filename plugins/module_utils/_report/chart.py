# SPDX-License-Identifier: GPL-3.0-or-later
"""The timeline of a run as a chart: one bar a node, its steps where they were in time. Pure."""

from __future__ import annotations

import math
from html import escape
from typing import Iterable, Sequence

from .model import Step

KINDS = ("create", "start", "boot")
TICKS = 5


def chart(steps: Sequence[Step], order: Iterable[str]) -> str:
    """HTML; "" where nothing was done. Nodes in *order*, then what else had steps (networks, volumes)."""
    whole = max((step.at + step.seconds for step in steps), default=0.0)
    if whole <= 0:
        return ""
    targets = dict.fromkeys(step.target for step in steps)
    nodes = [name for name in order if name in targets]
    others = [name for name in targets if name not in nodes]
    rows = [_row(name, [step for step in steps if step.target == name], whole) for name in (*others, *nodes)]
    return f'{_legend(steps)}<dl class="chart">{"".join(rows)}<dt></dt><dd>{_axis(whole)}</dd></dl>'


def kind_of(step: Step) -> str:
    """How it is coloured: `start`, of `start` and of `connect net`, which is `other`."""
    if step.failed:
        return "failed"
    word = step.step.split(" ", 1)[0]
    return word if word in KINDS else "other"


def _row(name: str, steps: Sequence[Step], whole: float) -> str:
    ordered = sorted(steps, key=lambda step: step.at)
    bars = "".join(_bar(step, whole) for step in ordered)
    says = " · ".join(f"{step.step}{' failed after' if step.failed else ''} {step.seconds:.1f} s" for step in ordered)
    track = f'<div class="track" aria-hidden="true">{bars}</div>'
    return f'<dt>{escape(name)}</dt><dd>{track}<div class="says">{escape(says)}</div></dd>'


def _bar(step: Step, whole: float) -> str:
    left, width = 100 * step.at / whole, 100 * step.seconds / whole
    title = escape(f"{step.step}: {step.seconds:.2f} s, from {step.at:.2f} s", quote=True)
    return f'<i class="{kind_of(step)}" style="left:{left:.2f}%;width:{width:.2f}%" title="{title}"></i>'


def _legend(steps: Sequence[Step]) -> str:
    kinds = dict.fromkeys(kind_of(step) for step in steps)
    ordered = [kind for kind in (*KINDS, "other", "failed") if kind in kinds]
    items = "".join(f'<li><i class="{kind}"></i>{kind}</li>' for kind in ordered)
    return f'<ul class="legend">{items}</ul>'


def ticks(whole: float) -> list[float]:
    """0, some round seconds, and the end."""
    rough = whole / TICKS
    unit = 10 ** math.floor(math.log10(rough))
    size = next(factor * unit for factor in (1, 2, 5, 10) if factor * unit >= rough)
    found = [number * size for number in range(int(whole / size) + 1)]
    return [*(tick for tick in found if whole - tick > 0.4 * size), whole]


def _axis(whole: float) -> str:
    spans = "".join(f'<span style="left:{100 * tick / whole:.2f}%">{tick:.3g} s</span>' for tick in ticks(whole))
    return f'<div class="axis" aria-hidden="true">{spans}</div>'
