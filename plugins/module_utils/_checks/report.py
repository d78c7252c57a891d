# SPDX-License-Identifier: GPL-3.0-or-later
"""The findings for people (a table) and for machines (JSON, JUnit XML). Pure."""

from __future__ import annotations

import json
import textwrap
from dataclasses import dataclass
from typing import Any, Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from . import values
from .model import ERROR, INFO, SEVERITIES, WARNING, Check, Finding, Outcome

FORMATS = ("table", "json", "junit")
# As Ansible and the other words colour them: red, bright purple, blue, green.
COLOURS = {ERROR: "\033[0;31m", WARNING: "\033[1;35m", INFO: "\033[0;34m", "ok": "\033[0;32m", "head": "\033[1m"}
RESET = "\033[0m"
THEMES = {
    "access": "Access to the daemon",
    "engine": "Engine",
    "host": "Limits of the host",
    "storage": "Storage driver",
    "space": "Space",
    "network": "Network",
    "image": "Images",
    "canary": "Canary",
    "hosts": "Between the hosts",
    "": "Policy",
}


@dataclass(frozen=True)
class Report:
    """What is to be shown; `summary` is the sentence on capacity."""

    where: str
    findings: Sequence[Finding]
    outcome: Outcome
    checks: Sequence[Check]
    summary: str = ""

    @property
    def themes(self) -> dict[str, str]:
        return {rule.id: check.theme for check in self.checks for rule in check.rules}


def render(report: Report, form: str, colour: bool = False) -> str:
    """The report in one of FORMATS."""
    if form == "json":
        return _json(report)
    if form == "junit":
        return _junit(report)
    return _table(report, colour)


def counts(findings: Sequence[Finding]) -> dict[str, int]:
    return {severity: sum(1 for finding in findings if finding.severity == severity) for severity in SEVERITIES}


def _json(report: Report) -> str:
    document: dict[str, Any] = {
        "host": report.where,
        "counts": counts(report.findings),
        "findings": [finding.as_dict() for finding in report.findings],
        "checked": report.outcome.checked(),
        "capacity": report.summary,
    }
    return json.dumps(document, indent=2, sort_keys=False)


def _table(report: Report, colour: bool) -> str:
    def paint(word: str, kind: str) -> str:
        return f"{COLOURS[kind]}{word}{RESET}" if colour else word

    findings, outcome = report.findings, report.outcome
    lines = [paint(f"Preflight {'' if report.where.startswith('between ') else 'of '}{report.where}", "head")]
    width = max((len(finding.id) for finding in findings), default=0)
    for theme, title in THEMES.items():
        rows = [finding for finding in findings if report.themes.get(finding.id, "") == theme]
        if rows:
            lines += ["", paint(title, "head")]
        for finding in sorted(rows, key=lambda row: SEVERITIES.index(row.severity)):
            label = paint(f"{finding.severity:<7}", finding.severity)
            lines += _row(f"  {label}  {finding.id:<{width}}  ", 2 + 7 + 2 + width + 2, finding)
    lines += ["", *_not_run(outcome.not_run)]
    if report.summary:
        lines += textwrap.wrap(report.summary, 118, subsequent_indent="  ", break_long_words=False)
    number = counts(findings)
    total = ", ".join(values.plural(number[kind], word) for kind, word in ((ERROR, "error"), (WARNING, "warning")))
    looked = f"{values.plural(len(outcome.ran), 'check')} ran, {len(outcome.not_run)} could not."
    verdict = f"{total}, {number[INFO]} for information; {looked}"
    kind = ERROR if number[ERROR] else WARNING if number[WARNING] else "ok"
    lines.append(paint(verdict, kind))
    return "\n".join(lines)


def _row(head: str, indent: int, finding: Finding) -> list[str]:
    """The message beside the id, the remedy below it; commands are not broken where that can be helped."""
    room = max(40, 118 - indent)
    options: dict[str, Any] = {"width": room, "break_long_words": False, "break_on_hyphens": False}
    message = textwrap.wrap(finding.message, **options) or [""]
    remedy = textwrap.wrap(f"→ {finding.remedy}", **options) if finding.remedy else []
    rest = [" " * indent + line for line in [*message[1:], *remedy]]
    return [head + message[0], *rest]


def _not_run(not_run: Mapping[str, str]) -> list[str]:
    """Ids that could not be checked, one line a reason."""
    reasons: dict[str, list[str]] = {}
    for identifier, reason in not_run.items():
        reasons.setdefault(reason, []).append(identifier)
    lines = []
    for reason, found in reasons.items():
        text = f"Not checked, {reason}: {', '.join(found)}"
        lines += textwrap.wrap(text, 118, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return lines


def _junit(report: Report) -> str:
    """One test case an id; errors are failures, checks that could not run are skipped."""
    themes, outcome = report.themes, report.outcome
    by_id: dict[str, list[Finding]] = {}
    for finding in report.findings:
        by_id.setdefault(finding.id, []).append(finding)
    identifiers = list(dict.fromkeys([*by_id, *outcome.ran, *outcome.not_run]))
    cases = [
        _case(item, themes.get(item, "policy"), by_id.get(item, []), outcome.not_run.get(item, ""))
        for item in identifiers
    ]
    failures = sum(1 for rows in by_id.values() if any(row.severity == ERROR for row in rows))
    skipped = sum(1 for item in outcome.not_run if item not in by_id)
    numbers = f'tests="{len(cases)}" failures="{failures}" errors="0" skipped="{skipped}"'
    head = f"<testsuite name={quoteattr(_xml('preflight ' + report.where))} {numbers}>"
    body = "\n".join(cases)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n{head}\n{body}\n</testsuite>\n</testsuites>'


def _case(identifier: str, theme: str, rows: Sequence[Finding], reason: str) -> str:
    head = f"<testcase name={quoteattr(identifier)} classname={quoteattr('preflight.' + (theme or 'policy'))}"
    errors = [row for row in rows if row.severity == ERROR]
    others = [row for row in rows if row.severity != ERROR]
    inside = []
    if errors:
        text = "\n".join(f"{row.message}\n{row.remedy}" for row in errors)
        inside.append(f"<failure message={quoteattr(_xml(errors[0].message))}>{escape(_xml(text))}</failure>")
    elif reason:
        inside.append(f"<skipped message={quoteattr(_xml(reason))}/>")
    if others:
        text = "\n".join(f"{row.severity}: {row.message}\n{row.remedy}" for row in others)
        inside.append(f"<system-out>{escape(_xml(text))}</system-out>")
    return f"{head}>{''.join(inside)}</testcase>" if inside else f"{head}/>"


def _xml(text: str) -> str:
    """Without the characters that XML 1.0 cannot hold."""
    return "".join(char for char in text if char in "\n\t" or (ord(char) >= 32 and ord(char) not in (0xFFFE, 0xFFFF)))
