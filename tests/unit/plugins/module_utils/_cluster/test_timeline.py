# SPDX-License-Identifier: GPL-3.0-or-later
"""What a provision keeps of its steps: for the owner alone, whole or not at all, and believed as far as it goes."""

from __future__ import annotations

import json
import stat

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._cluster import timeline

from .conftest import TWO, Site


def test_a_provision_keeps_its_steps_and_a_run_without_any_leaves_them(site: Site):
    result = site.run(TWO)
    path = site.directory / timeline.FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = timeline.read(str(site.directory))
    assert kept is not None
    assert {step["step"] for step in kept["steps"] if step["target"] == "uno"} == {"create", "start", "boot"}
    assert all(step["at"] >= 0 and step["seconds"] >= 0 for step in kept["steps"])
    assert [(one["name"], one["status"]) for one in kept["nodes"]] == [("uno", "running"), ("due", "running")]
    assert all("at" in step for step in result["steps"])
    before = path.read_bytes()
    assert not site.run(TWO)["changed"]
    assert not site.run(TWO, state="stopped").get("failed")
    assert path.read_bytes() == before
    assert not list(site.directory.glob(".last-run*"))


def test_check_mode_keeps_nothing(site: Site):
    site.run(TWO, check=True)
    assert not (site.directory / timeline.FILE).exists()


def test_it_goes_with_the_cluster(site: Site):
    site.run(TWO)
    site.run(TWO, state="absent")
    assert not site.directory.exists()


def test_a_place_that_cannot_be_written_is_no_failure(tmp_path):
    timeline.keep(str(tmp_path / "none"), {"changed": True, "steps": [], "instances": []})


WRONG = [
    "", "{", "[]", "7", '{"steps": 3}', '{"steps": [], "nodes": 5, "ended": null}', "[" * 100000,
    '{"steps": [3, {"step": "x"}, {"seconds": "y"}, {"seconds": -1}, {"seconds": 1e99}]}',
    json.dumps({"steps": [{"seconds": 1, "at": float("nan")}]}),
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG, ids=range(len(WRONG)))
def test_a_damaged_file_is_no_timeline(tmp_path, text: str):
    (tmp_path / timeline.FILE).write_text(text)
    found = timeline.read(str(tmp_path))
    assert found is None or found["steps"] == []
