# SPDX-License-Identifier: GPL-3.0-or-later
"""Ignored ids, waivers, strictness: what lets a finding pass is said, and what is wrong with it is an error."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._checks.model import Finding
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.policy import (
    apply_policy,
    failure_message,
    read_policy,
)

KNOWN = ["DISK_LOW", "LOOP_LVM", "ROOT_EQUIVALENT"]
TODAY = date(2026, 11, 24)
GOOD = {"id": "DISK_LOW", "reason": "new disk ordered", "expires": "2026-11-24"}
ERROR = Finding("DISK_LOW", "error", "It is full.", "Empty it.")
WARNING = Finding("LOOP_LVM", "warning", "Loops.", "Move.")
INFO = Finding("ROOT_EQUIVALENT", "info", "Root.", "")


def policy(ignore=(), waivers=(), strict=False):
    return read_policy(list(ignore), list(waivers), strict, KNOWN, TODAY)


def judged(finding, **words):
    [result] = apply_policy([finding], policy(**words))
    return result


@pytest.mark.parametrize(
    ("finding", "words", "severity", "said"),
    [
        (ERROR, {}, "error", ""),
        (ERROR, {"ignore": ["DISK_LOW"]}, "info", "Ignored, as asked; it would be: error"),
        (WARNING, {"ignore": ["DISK_LOW"]}, "warning", ""),
        (ERROR, {"waivers": [GOOD]}, "info", "Waived until 2026-11-24: new disk ordered"),
        (ERROR, {"waivers": [{**GOOD, "expires": date(2027, 1, 1)}]}, "info", "Waived until 2027-01-01"),
        (WARNING, {"strict": True}, "error", "An error because of"),
        (INFO, {"strict": True}, "info", ""),
        (WARNING, {"strict": True, "ignore": ["LOOP_LVM"]}, "info", "it would be: warning"),
        (INFO, {"ignore": ["ROOT_EQUIVALENT"]}, "info", ""),
    ],
)
def test_severities(finding, words, severity, said):
    result = judged(finding, **words)
    assert result.severity == severity
    assert said in result.message
    assert result.message.startswith(finding.message)


BAD_WAIVERS = [
    ("no map", "WAIVER_INVALID", "is no map"),
    (None, "WAIVER_INVALID", "is no map"),
    ({}, "WAIVER_INVALID", "is no map"),
    ({**GOOD, "id": "DISKLOW"}, "WAIVER_INVALID", "Did you mean DISK_LOW?"),
    ({**GOOD, "id": None}, "WAIVER_INVALID", "names ''"),
    ({**GOOD, "reason": " "}, "WAIVER_INVALID", "has no reason"),
    ({**GOOD, "expires": "tomorrow"}, "WAIVER_INVALID", "not YYYY-MM-DD"),
    ({**GOOD, "expires": 20261124}, "WAIVER_INVALID", "not YYYY-MM-DD"),
    ({"id": "DISK_LOW", "reason": "x"}, "WAIVER_INVALID", "not YYYY-MM-DD"),
    ({**GOOD, "until": "2030-01-01"}, "WAIVER_INVALID", "unknown keys: until"),
    ({**GOOD, "expires": "2026-11-23"}, "WAIVER_EXPIRED", "expired on 2026-11-23"),
]


@pytest.mark.parametrize(("waiver", "identifier", "said"), BAD_WAIVERS)
def test_bad_waivers_are_errors_and_let_nothing_pass(waiver, identifier, said):
    problem, finding = apply_policy(
        [ERROR], policy(waivers=[waiver], ignore=[identifier] if identifier in KNOWN else [])
    )
    assert (problem.id, problem.severity) == (identifier, "error")
    assert "waivers[0]" in problem.message
    assert said in problem.message
    assert problem.remedy
    assert finding == ERROR


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("DISKLOW", "Did you mean DISK_LOW?"),
        ("disk_low", "Did you mean DISK_LOW?"),
        ("QQQQ", "which is no check."),
        ("", ""),
    ],
)
def test_an_unknown_id_is_an_error_with_a_hint(word, said):
    problem, _finding = apply_policy([ERROR], policy(ignore=[word]))
    assert (problem.id, problem.severity) == ("IGNORE_UNKNOWN", "error")
    assert said in problem.message


def test_a_failure_tells_a_person_what_to_do():
    text = failure_message([ERROR, WARNING, INFO], "vm (unix:///var/run/docker.sock)")
    assert text.splitlines()[0] == "Mend 1 error on vm (unix:///var/run/docker.sock) before going on."
    assert "DISK_LOW: It is full." in text
    assert "Remedy: Empty it." in text
    assert "--ignore" in text
    assert "LOOP_LVM" not in text
    assert failure_message([WARNING, INFO], "vm") == ""


def test_of_several_hosts_those_are_named_that_have_errors():
    second, both = (replace(ERROR, data={"hosts": hosts}) for hosts in (["h2"], ["h2", "h3"]))
    assert failure_message([second, WARNING], "h1, h2, h3").startswith("Mend 1 error on h2 before")
    assert failure_message([second, both], "h1, h2, h3").startswith("Mend 2 errors on h2, h3 before")
    assert failure_message([ERROR, second], "h1, h2, h3").startswith("Mend 2 errors on h1, h2, h3 before")
