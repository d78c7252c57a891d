# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check is: a small value with the ids it may find, the facts it needs, and a pure function over them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Callable, Iterable, Mapping

if TYPE_CHECKING:
    from .facts import Facts

ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES = (ERROR, WARNING, INFO)


@dataclass(frozen=True)
class Unknown:
    """A fact that could not be had, and why: checks that need it are reported as not run."""

    reason: str


class NotRun(Exception):
    """Raised by a check that finds, half-way, that what it needs cannot be known."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Finding:
    """One thing found: `message` says what was seen and why it matters, `remedy` what mends it."""

    id: str
    severity: str
    message: str
    remedy: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        head = {"id": self.id, "severity": self.severity, "message": self.message, "remedy": self.remedy}
        return {**self.data, **head}

    def as_severity(self, severity: str, message: str = "", **data: Any) -> Finding:
        return replace(
            self, severity=severity, message=message or self.message, data={**self.data, **data} if data else self.data
        )


@dataclass(frozen=True)
class Rule:
    """One id of the catalogue: its usual severity, what it means, and what mends it. The docs are made from these."""

    id: str
    severity: str
    meaning: str
    remedy: str
    also: str = ""

    def finding(self, message: str, remedy: str = "", severity: str = "", **data: Any) -> Finding:
        return Finding(self.id, severity or self.severity, message, remedy or self.remedy, data)


@dataclass(frozen=True)
class Check:
    """*find* runs when every fact named in *needs* is known; *module* is `preflight`, `storage` or `both`."""

    rules: tuple[Rule, ...]
    find: Callable[[Facts], Iterable[Finding]]
    needs: tuple[str, ...] = ()
    module: str = "preflight"
    theme: str = ""


@dataclass(frozen=True)
class Outcome:
    """All findings in the registry's order, the ids that ran, and those that could not, with the reason."""

    findings: tuple[Finding, ...]
    ran: tuple[str, ...]
    not_run: Mapping[str, str]

    def checked(self) -> dict[str, Any]:
        return {"ran": list(self.ran), "not_run": dict(self.not_run)}


def run_checks(checks: Iterable[Check], facts: Facts) -> Outcome:
    """Run everything, report everything. A check that breaks is a check that did not run, never a traceback."""
    findings: list[Finding] = []
    ran: dict[str, None] = {}  # in order, each id once
    not_run: dict[str, str] = {}
    for check in checks:
        ids = [rule.id for rule in check.rules]
        reason = _missing(check, facts)
        if not reason:
            try:
                for finding in check.find(facts):  # one by one: what was found before a NotRun counts
                    findings.append(finding)
            except NotRun as error:
                reason = error.reason
            except Exception as error:  # pylint: disable=broad-except
                reason = f"the check itself failed, please report this: {type(error).__name__}: {error}"
            else:
                ran.update(dict.fromkeys(ids))
        if reason:
            not_run.update(dict.fromkeys(ids, reason))
    # an id that several checks share ran only when all of them did
    return Outcome(tuple(findings), tuple(item for item in ran if item not in not_run), not_run)


def _missing(check: Check, facts: Facts) -> str:
    """Why the check cannot run: the reason of the first fact that is not known."""
    for name in check.needs:
        value = getattr(facts, name)
        if isinstance(value, Unknown):
            return value.reason
    return ""
