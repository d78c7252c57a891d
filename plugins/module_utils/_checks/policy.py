# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user decided about findings: ignored ids, waivers until a day, strictness. Pure.

An ignored or waived finding is still reported, as information, and says who let it pass. What is wrong with the policy
itself is an error of its own and cannot be ignored.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Iterable, Mapping, Optional

from .._errors import quoted
from . import values
from .model import ERROR, INFO, WARNING, Finding, Rule

IGNORE_UNKNOWN = Rule(
    "IGNORE_UNKNOWN",
    ERROR,
    "`ignore` names an id that does not exist.",
    "Correct the id; docs/checks.md lists all of them.",
)
WAIVER_INVALID = Rule(
    "WAIVER_INVALID",
    ERROR,
    "A waiver is malformed: it needs an id that exists, a reason and a date.",
    "Write it as {id: DISK_LOW, reason: 'new disk ordered', expires: 2030-01-31}.",
)
WAIVER_EXPIRED = Rule(
    "WAIVER_EXPIRED",
    ERROR,
    "A waiver's day has passed.",
    "Mend the finding, or renew the waiver with a later date and a reason that still holds.",
)
RULES = (IGNORE_UNKNOWN, WAIVER_INVALID, WAIVER_EXPIRED)


@dataclass(frozen=True)
class Waived:
    id: str
    reason: str
    expires: date


@dataclass(frozen=True)
class Policy:
    """`problems` are findings about the policy itself."""

    ignore: frozenset[str] = frozenset()
    waivers: Mapping[str, Waived] = field(default_factory=dict)
    strict: bool = False
    problems: tuple[Finding, ...] = ()


def read_policy(ignore: Any, waivers: Any, strict: bool, known: Iterable[str], today: date) -> Policy:
    """From the module's options and config.yml, both as they come."""
    ids = list(known)
    problems: list[Finding] = []
    ignored = set()
    for item in values.sequence(ignore):
        word = values.text(item).strip()
        if word in ids:
            ignored.add(word)
        else:
            problems.append(
                IGNORE_UNKNOWN.finding(f"`ignore` names {quoted(word or item)}, which is no check.{_hint(word, ids)}")
            )
    accepted: dict[str, Waived] = {}
    for place, item in enumerate(values.sequence(waivers)):
        problem = _read_waiver(item, place, ids, today, accepted)
        if problem is not None:
            problems.append(problem)
    return Policy(frozenset(ignored), accepted, strict, tuple(problems))


def _read_waiver(item: Any, place: int, ids: list[str], today: date, accepted: dict[str, Waived]) -> Optional[Finding]:
    where = f"waivers[{place}]"
    waiver = values.mapping(item)
    word, reason = values.text(waiver.get("id")).strip(), values.text(waiver.get("reason")).strip()
    extra = sorted(set(waiver) - {"id", "reason", "expires"})
    day = _day(waiver.get("expires"))
    if not waiver or extra:
        what = f"has unknown keys: {', '.join(extra)}" if extra else "is no map of id, reason, expires"
        return WAIVER_INVALID.finding(f"{where} {what}.", place=where)
    if word not in ids:
        what = f"names {quoted(word)}, which is no check.{_hint(word, ids)}"
        return WAIVER_INVALID.finding(f"{where} {what}", place=where)
    if not reason:
        return WAIVER_INVALID.finding(f"{where} ({word}) has no reason.", place=where)
    if day is None:
        said = f"expires is {quoted(waiver.get('expires'))}, not YYYY-MM-DD."
        return WAIVER_INVALID.finding(f"{where} ({word}) has no date that can be read: {said}", place=where)
    if day < today:
        return WAIVER_EXPIRED.finding(f"{where} ({word}, {reason}) expired on {day}.", place=where)
    accepted[word] = Waived(word, reason, day)
    return None


def _day(value: Any) -> Optional[date]:
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(values.text(value).strip()[:32])
    except ValueError:
        return None


def _hint(word: str, ids: list[str]) -> str:
    close = difflib.get_close_matches(word.upper(), ids, n=1, cutoff=0.6)
    return f" Did you mean {close[0]}?" if close else ""


def apply_policy(findings: Iterable[Finding], policy: Policy) -> list[Finding]:
    """Findings with their final severity, the policy's own problems first."""
    return [*policy.problems, *(_judge(finding, policy) for finding in findings)]


def _judge(finding: Finding, policy: Policy) -> Finding:
    if finding.severity == INFO:
        return finding
    if finding.id in policy.ignore:
        return finding.as_severity(
            INFO, f"{finding.message} (Ignored, as asked; it would be: {finding.severity}.)", ignored=True
        )
    waiver = policy.waivers.get(finding.id)
    if waiver is not None:
        note = f"(Waived until {waiver.expires}: {waiver.reason}; it would be: {finding.severity}.)"
        return finding.as_severity(
            INFO, f"{finding.message} {note}", waived={"reason": waiver.reason, "expires": str(waiver.expires)}
        )
    if policy.strict and finding.severity == WARNING:
        return finding.as_severity(ERROR, f"{finding.message} (An error because of `strict`.)", strict=True)
    return finding


IGNORING = "To let one pass: --ignore ID, or a waiver under tpaexec_docker.preflight in config.yml (docs/checks.md)."


def failure_message(findings: Iterable[Finding], where: str, tail: str = IGNORING) -> str:
    """What a person reads when the module fails: every error with what mends it. "" when there is none."""
    errors = [finding for finding in findings if finding.severity == ERROR]
    if not errors:
        return ""
    lines = [f"  - {finding.id}: {finding.message}\n    Remedy: {finding.remedy}" for finding in errors]
    hosts = [finding.data.get("hosts") for finding in errors]
    if all(hosts):  # of several: those that have errors
        where = ", ".join(dict.fromkeys(name for names in hosts for name in names or ()))
    head = f"Mend {values.plural(len(errors), 'error')} on {where} before going on."
    return "\n".join([head, *lines, tail])
