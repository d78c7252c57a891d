# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Iterator

import pytest


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """The bench is a program of its own: its files import each other by plain names."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "bench"))
    yield importlib.import_module("report")
    for name in ("report", "processes"):
        sys.modules.pop(name, None)


def samples(report: object, **seconds: float) -> dict[str, list[object]]:
    sample = importlib.import_module("processes").Sample
    names = {"empty": "empty playbook"}
    return {
        names.get(key, key.replace("__", "/").replace("plain", "plain SDK")): [
            sample(value - 0.1, value / 10, 50.0, None),
            sample(value, value / 10, 50.0, None),
            sample(value + 5, value / 10, 50.0, None),
        ]
        for key, value in seconds.items()
    }


def test_medians_decide_pass_and_fail(report) -> None:
    taken = samples(report, provision__16__tpaexec=13, provision__16__plain=8.1, provision__3__tpaexec=5, empty=1)
    rows = {row["what"]: row for row in report.judged(report.TARGETS, report.medians(taken))}
    assert rows["provision 16 nodes, cold"]["result"] == "PASS"
    assert rows["provision 16 nodes, cold"]["limit"] == 13.125
    assert rows["provision 3 nodes, cold"]["result"] == "FAIL"
    assert rows["provision 16 nodes, nothing to do"]["result"] == "not measured (rerun/16/tpaexec)"


@pytest.mark.parametrize(("with_checks", "result"), [(2.1, "PASS"), (2.3, "FAIL")])
def test_what_the_checks_cost_is_a_difference(report, with_checks, result) -> None:
    found = {"read config.yml/16/tpaexec": 1.4, "and check/16/tpaexec": with_checks}
    rows = {row["what"]: row for row in report.judged(report.TARGETS, found)}
    assert rows["preflight and the image's check within provision, 16 nodes"]["result"] == result


def test_ratio_and_growth(report) -> None:
    taken = samples(report, provision__3__tpaexec=4, provision__16__tpaexec=17, provision__16__plain=8.5)
    data = report.as_data(taken, {}, [])
    assert data["ratios"] == {"provision/16/tpaexec": 2.0}
    assert data["medians"]["seconds per node"] == 1.0
    assert data["medians"]["own CPU per node"] == 0.1
    assert "provision/16/plain SDK" in report.table(taken)
    assert "not measured" in report.verdicts(data["goals"])
