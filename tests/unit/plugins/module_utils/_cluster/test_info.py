# SPDX-License-Identifier: GPL-3.0-or-later
"""What docker_cluster_info reports, on an engine in memory."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._cluster import info
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.fleet import Fleet
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.job import job_of
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.observe import observe
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.record import read_id, read_record

from .conftest import ONE, OPTIONS, TWO, Site, cluster, made, put, stranger

NOW = datetime(2026, 1, 1, 0, 1, 30, tzinfo=timezone.utc)


def look(site: Site, config=TWO) -> dict:
    wanted = job_of({**OPTIONS, **config, "record_dir": str(site.directory)}).cluster
    site.engine.calls.clear()
    place = str(site.directory)
    seen = info.report(wanted, Fleet.of(observe(site.engine, wanted, read_id(place))), read_record(place), NOW)
    assert site.engine.calls == []
    return seen


def by_name(report: dict) -> dict[str, dict]:
    return {item["name"]: item for item in report["instances"]}


def test_a_whole_cluster(site):
    made(site)
    report = look(site)
    uno = by_name(report)["uno"]
    assert (uno["status"], uno["owner"], uno["ip_address"], uno["uptime"]) == ("running", "ours", "10.48.0.2", 90)
    assert (uno["drift"], uno["in_config"], uno["image"]) == ([], True, "guest:1")
    assert [(net["name"], net["present"]) for net in report["networks"]] == [("net", True)]
    assert report["problems"] == []


def test_an_empty_host(site):
    report = look(site)
    assert {item["status"] for item in report["instances"]} == {"absent"}
    assert report["networks"][0]["present"] is False
    assert not site.directory.exists()


@pytest.mark.parametrize("status", ["exited", "paused", "created", "restarting", "dead"])
def test_a_node_in_another_state(site, status):
    engine = made(site)
    put(engine, "uno", status)
    uno = by_name(look(site))["uno"]
    assert (uno["status"], uno["uptime"]) == (status, None)
    assert uno["ip_address"] == "10.48.0.2"


def test_what_differs_is_drift_and_secrets_stay_veiled(site):
    made(site, ONE)
    config = cluster({"Name": "uno", "ip_address": "10.48.0.2", "memory": "64m", "env": {"A": "hunter2"}})
    report = look(site, config)
    drift = by_name(report)["uno"]["drift"]
    assert any(line.startswith("env: ") for line in drift)
    assert "hunter2" not in str(report)


def test_dropped_and_foreign_containers(site):
    engine = made(site)
    assert (by_name(look(site, ONE))["due"]["in_config"], by_name(look(site, ONE))["due"]["status"]) == (
        False,
        "running",
    )
    engine.do_remove_container(engine.by_name("due")["Id"], force=True)
    stranger(engine, "due")
    report = look(site)
    due = by_name(report)["due"]
    assert (due["status"], due["owner"], due["container_id"], due["addresses"]) == ("foreign", "foreign", "", {})
    assert {problem["place"] for problem in report["problems"]} == {"due"}
