# SPDX-License-Identifier: GPL-3.0-or-later
"""The colours of pictures and of the report, once; each has its counterpart for a dark page."""

from __future__ import annotations

PAPER, CARD, PLACE, OUTER = "#ffffff", "#fffffe", "#f1f5f9", "#f8fafc"
INK, SOFT, LINE, FRAME = "#0f172a", "#475569", "#94a3b8", "#cbd5e1"
REPLICATION, BACKUP = "#2563eb", "#b45309"
STATE = {"good": "#15803d", "off": "#64748b", "bad": "#b91c1c", "planned": "#475568"}

# How an SVG with these colours is shown on a dark page.
DARK = {
    PAPER: "#0f172b",
    CARD: "#1e293b",
    PLACE: "#172033",
    OUTER: "#121a2c",
    INK: "#e2e8f0",
    SOFT: "#a3b1c6",
    LINE: "#64748c",
    FRAME: "#334155",
    REPLICATION: "#7aa7ff",
    BACKUP: "#f0a94c",
    STATE["good"]: "#4ade80",
    STATE["off"]: "#9aa8bc",
    STATE["bad"]: "#f87171",
    STATE["planned"]: "#b6c2d4",
}


def dark_rules(scope: str) -> str:
    """CSS that turns the colours of an SVG below *scope* into those for a dark page."""
    rules = []
    for light, dark in DARK.items():
        for attribute in ("fill", "stroke"):
            rules.append(f'{scope} [{attribute}="{light}"]{{{attribute}:{dark}}}')
    return "\n".join(rules)
