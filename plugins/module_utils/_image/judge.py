# SPDX-License-Identifier: GPL-3.0-or-later
"""Images → findings in the form of every module: looked into side by side, judged by the shared policy."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Optional, Sequence

from .._checks import image_content, policy
from .._checks.facts_engine import EngineFacts
from .._checks.image import guest_on_host
from .._checks.model import Finding, run_checks
from .._client import Daemon
from .._cluster.pool import run_all
from .inspect import look
from .model import ImageFacts

PARALLEL = 4


@dataclass(frozen=True)
class Verdict:
    """Findings of all images; `failure` is what a person reads when one is an error."""

    facts: tuple[ImageFacts, ...]
    findings: tuple[Finding, ...]
    ran: tuple[str, ...]
    not_run: dict[str, str]
    failure: str

    def as_result(self) -> dict[str, Any]:
        """For a module: failed when a finding is an error."""
        result: dict[str, Any] = {
            "facts": [facts.as_dict() for facts in self.facts],
            "findings": [finding.as_dict() for finding in self.findings],
            "checked": {"ran": list(self.ran), "not_run": self.not_run},
        }
        return dict(result, failed=True, msg=self.failure) if self.failure else result


@dataclass(frozen=True)
class Policy:
    """What the user decided. `known` are all ids; None: `ignore` is for other checks too, and was judged there."""

    ignore: Sequence[str] = ()
    strict: bool = False
    known: Optional[Sequence[str]] = None
    waivers: Sequence[Any] = ()


def judge(
    daemon: Daemon, names: Sequence[str], decided: Policy, cache_dir: str = "", fresh: Sequence[str] = ()
) -> Verdict:
    """Look into every distinct image and run every check on it.

    *fresh* ones were not there when preflight looked: whether they boot on this host is judged here.
    """
    distinct = list(dict.fromkeys(names))
    facts = run_all([_looker(daemon, name, cache_dir) for name in distinct], PARALLEL)
    return judge_facts(facts, decided, date.today(), on_host(daemon, [one for one in facts if one.name in fresh]))


def on_host(daemon: Daemon, facts: Sequence[ImageFacts]) -> list[Finding]:
    """Guests × host, by the same rules as preflight's."""
    if not facts:
        return []
    engine = EngineFacts.from_api(daemon.call("version"), daemon.call("info"))
    return [finding for one in facts for finding in guest_on_host(one.name, one.systemd_version, engine)]


def _looker(daemon: Daemon, name: str, cache_dir: str) -> Any:
    return lambda: look(daemon, name, cache_dir)


def judge_facts(facts: Sequence[ImageFacts], decided: Policy, today: date, besides: Sequence[Finding] = ()) -> Verdict:
    """The pure part: an id counts as run when it ran on every image. *besides* are findings that others made."""
    waived = [str(item.get("id")) for item in decided.waivers if isinstance(item, dict)]
    known = [*decided.ignore, *waived] if decided.known is None else decided.known
    rules = policy.read_policy(decided.ignore, decided.waivers, decided.strict, known, today)
    found: list[Finding] = [*besides]
    ran: dict[str, None] = {}
    not_run: dict[str, str] = {}
    for one in facts:
        outcome = run_checks(image_content.CHECKS, one)  # type: ignore[arg-type]
        found += [_of_image(finding, one.name) for finding in outcome.findings]
        ran.update(dict.fromkeys(outcome.ran))
        not_run.update({ident: f"{one.name}: {reason}" for ident, reason in outcome.not_run.items()})
    findings = tuple(policy.apply_policy(found, rules))
    names = ", ".join(one.name for one in facts)
    left = tuple(ident for ident in ran if ident not in not_run)
    return Verdict(tuple(facts), findings, left, not_run, policy.failure_message(findings, names))


def _of_image(finding: Finding, image: str) -> Finding:
    return finding.as_severity(finding.severity, image=image)
