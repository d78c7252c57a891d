# SPDX-License-Identifier: GPL-3.0-or-later
"""Several hosts' engines against each other, and one report of them all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._checks import hosts, several
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts import NO_DAEMON, Facts
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_host import Failure
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.model import ERROR, Finding, Outcome
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.policy import Policy
from ansible_collections.tpaexec.docker.tests.unit.plugins.module_utils._checks.captures import good_facts


def engine(ahead: float = 0.0, **words: Any) -> Facts:
    """A good host whose clock is *ahead* of ours."""
    facts = good_facts()
    seen = replace(facts.engine, **{"system_time": 1000.0 + ahead, "id": "A", **words})  # type: ignore[type-var]
    return replace(facts, client=replace(facts.client, clock=1000.0), engine=seen)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ({}, {"id": "B"}, []),
        ({}, {}, ["ENGINE_TWICE"]),
        ({"id": ""}, {"id": ""}, []),
        ({}, {"id": "B", "ahead": 4.0}, []),
        ({"ahead": -3.0}, {"id": "B", "ahead": 4.0}, ["HOST_CLOCKS"]),
        ({}, {"id": "B", "system_time": None}, []),
        ({}, {"id": "B", "version_numbers": (19, 3, 1), "version": "19.3.1"}, ["HOST_VERSIONS"]),
        ({}, {"id": "B", "architecture": "arm64"}, ["HOST_ARCHITECTURES"]),
    ],
)
def test_engines_against_each_other(one, other, expected):
    found = list(hosts.compare({"h1": engine(**one), "h2": engine(**other)}))
    assert [item.id for item in found] == expected
    assert all("h2" in item.message for item in found)


def test_a_silent_host_is_not_compared():
    silent = replace(good_facts(), engine=NO_DAEMON)
    assert list(hosts.compare({"h1": engine(), "h2": silent})) == []


@pytest.mark.parametrize(
    ("unreachable", "silent", "failed"),
    [("error", ["h2"], True), ("warning", ["h2"], False), ("warning", ["h1", "h2"], True)],
)  # fmt: skip
@pytest.mark.parametrize("form", ["table", "json", "junit"])
def test_one_result_for_all(unreachable, silent, failed, form):
    def one(name: str) -> several.One:
        bad = name in silent
        facts = replace(engine(), failure=Failure("DAEMON_HUNG", "-", "-") if bad else None)
        findings = (Finding("DAEMON_HUNG", ERROR, "silent", "look"),) if bad else ()
        return several.One(facts, None, Outcome(findings, () if bad else ("X",), {"X": "no daemon"} if bad else {}))

    def result_of(name: str, _one: several.One, findings: Any) -> dict[str, Any]:
        report = {"table": name, "json": "{}", "junit": "<testsuites><testsuite name='a'/></testsuites>"}[form]
        return {"facts": {}, "server_version": None, "driver": None, "storage": None, "report": report, "summary": ""}

    params = {"unreachable": unreachable, "format": form, "color": False}
    found = {name: one(name) for name in ("h1", "h2")}
    result = several.combine(found, [], "not asked", policy=Policy(), params=params, result_of=result_of)
    assert bool(result.get("failed")) is failed
    assert [item["hosts"] for item in result["findings"]] == [silent]
    assert result["findings"][0]["message"].startswith(f"{', '.join(silent)}: ")
    assert "h2: no daemon" in result["checked"]["not_run"]["X"]
    assert result["report"]
