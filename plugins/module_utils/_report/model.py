# SPDX-License-Identifier: GPL-3.0-or-later
"""What a report holds. Every field is one that was chosen; free text has been through the veil. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Mapping, Optional, Sequence

from .secrets import Veil

SEVERITIES = ("error", "warning", "info")


@dataclass(frozen=True)
class NodeRow:
    """One node of the table. `health` is what its systemd says, where it could be asked."""

    name: str
    number: str = ""
    roles: tuple[str, ...] = ()
    location: str = ""
    host: str = ""
    status: str = ""
    health: str = ""
    addresses: tuple[tuple[str, str], ...] = ()
    image: str = ""
    uptime: Optional[int] = None
    in_config: bool = True

    @property
    def well(self) -> bool:
        return self.status == "running" and self.health in ("", "running")


@dataclass(frozen=True)
class Finding:
    """One finding of preflight."""

    id: str
    severity: str
    message: str
    remedy: str = ""


@dataclass(frozen=True)
class Journal:
    """What a node that is not well has to say, and where that was read."""

    node: str
    title: str
    text: str


@dataclass(frozen=True)
class Step:
    """One bar of the timeline: seconds from the beginning of the run, and how long."""

    target: str
    step: str
    at: float
    seconds: float
    failed: bool = False


@dataclass(frozen=True)
class Report:
    """Everything. `unread` are sentences on what could not be looked at; `svg` is the picture, "" without Graphviz."""

    cluster: str
    made: str
    architecture: str = ""
    nodes: tuple[NodeRow, ...] = ()
    findings: tuple[Finding, ...] = ()
    checks_ran: int = 0
    not_run: tuple[tuple[str, str], ...] = ()
    drift: tuple[tuple[str, tuple[str, ...]], ...] = ()
    steps: tuple[Step, ...] = ()
    run_ended: str = ""
    journals: tuple[Journal, ...] = ()
    versions: tuple[tuple[str, str], ...] = ()
    unread: tuple[str, ...] = ()
    svg: str = field(default="", repr=False)

    def count(self, severity: str) -> int:
        return sum(1 for finding in self.findings if finding.severity == severity)

    def as_dict(self) -> dict[str, Any]:
        """For machines; without the picture, which stands beside it."""
        plain = asdict(self)
        del plain["svg"]
        return plain


def findings_of(found: Sequence[Mapping[str, Any]], veil: Veil) -> tuple[Finding, ...]:
    """Four fields of each finding: its `data` may hold anything."""
    rows = [
        Finding(
            id=str(item.get("id") or ""),
            severity=str(item.get("severity")) if item.get("severity") in SEVERITIES else "info",
            message=veil(str(item.get("message") or "")),
            remedy=veil(str(item.get("remedy") or "")),
        )
        for item in found
        if isinstance(item, Mapping)
    ]
    return tuple(sorted(rows, key=lambda row: SEVERITIES.index(row.severity)))


def rows_of(
    instances: Sequence[Mapping[str, Any]], hosts: Mapping[str, str], health: Mapping[str, str]
) -> list[NodeRow]:
    """*instances* as docker_cluster_info returns them."""
    return [
        NodeRow(
            name=str(item.get("name") or ""),
            number=str(item.get("node") or ""),
            roles=tuple(str(role) for role in item.get("role") or []),
            location=str(item.get("location") or ""),
            host=hosts.get(str(item.get("name")), ""),
            status=str(item.get("status") or "unknown"),
            health=health.get(str(item.get("name")), ""),
            addresses=tuple((str(name), str(value)) for name, value in (item.get("addresses") or {}).items()),
            image=str(item.get("image") or ""),
            uptime=item.get("uptime"),
            in_config=bool(item.get("in_config", True)),
        )
        for item in instances
    ]


def drift_of(result: Mapping[str, Any], veil: Veil) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What provision would change, and what stands in its way: by node or network."""
    found: list[tuple[str, tuple[str, ...]]] = []
    for item in result.get("instances") or []:
        reasons = [*(item.get("drift") or []), *(item.get("warnings") or [])]
        if item.get("status") == "absent" and not reasons:
            reasons = ["it is not there: provision makes it"]
        if not item.get("in_config", True):
            reasons = [*reasons, "config.yml no longer names it: provision --prune removes it"]
        if reasons:
            found.append((str(item.get("name")), tuple(veil(str(reason)) for reason in reasons)))
    for item in result.get("networks") or []:
        reasons = list(item.get("reasons") or ([] if item.get("present") else ["it is not there: provision makes it"]))
        if reasons:
            found.append((f"network {item.get('name')}", tuple(veil(str(reason)) for reason in reasons)))
    for item in result.get("problems") or []:
        place = str(item.get("place") or "in the way")
        found.append((place, (veil(f"{item.get('message')} {item.get('remedy') or ''}".strip()),)))
    return tuple(found)
