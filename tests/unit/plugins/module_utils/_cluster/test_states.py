# SPDX-License-Identifier: GPL-3.0-or-later
"""Each state of a node to each wish; mends, blocked drift, recreation, dropped nodes. On an engine in memory."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError

from .conftest import ONE, TWO, cluster, made, node, put


@pytest.mark.parametrize(
    ("status", "state", "steps", "after", "said"),
    [
        ("absent", "present", ["create", "start"], "running", "running"),
        ("created", "present", ["start"], "running", "running"),
        ("running", "present", [], "running", "running"),
        ("paused", "present", ["unpause"], "running", "running"),
        ("exited", "present", ["start"], "running", "running"),
        ("restarting", "present", [], "restarting", "failed"),
        ("dead", "present", ["remove", "create", "start"], "running", "running"),
        ("removing", "present", [], "removing", "blocked"),
        ("absent", "started", [], None, "blocked"),
        ("created", "started", ["start"], "running", "running"),
        ("running", "started", [], "running", "running"),
        ("paused", "started", ["unpause"], "running", "running"),
        ("exited", "started", ["start"], "running", "running"),
        ("restarting", "started", [], "restarting", "failed"),
        ("dead", "started", [], "dead", "blocked"),
        ("removing", "started", [], "removing", "blocked"),
        ("absent", "stopped", [], None, "absent"),
        ("created", "stopped", [], "created", "stopped"),
        ("running", "stopped", ["stop"], "exited", "stopped"),
        ("paused", "stopped", ["stop"], "exited", "stopped"),
        ("exited", "stopped", [], "exited", "stopped"),
        ("restarting", "stopped", ["stop"], "exited", "stopped"),
        ("absent", "absent", [], None, "absent"),
        ("created", "absent", ["remove"], None, "absent"),
        ("running", "absent", ["remove"], None, "absent"),
        ("paused", "absent", ["remove"], None, "absent"),
        ("exited", "absent", ["remove"], None, "absent"),
        ("restarting", "absent", ["remove"], None, "absent"),
        ("dead", "absent", ["remove"], None, "absent"),
    ],
)  # fmt: skip
def test_each_state_to_each_wish(site, status, state, steps, after, said):
    engine = made(site)
    if status == "absent":
        engine.do_remove_container(engine.by_name("uno")["Id"], force=True)
    else:
        put(engine, "uno", status)
    foreseen = site.run(TWO, check=True, state=state)
    assert engine.calls == []
    result = site.run(TWO, state=state)
    uno = node(result, "uno")
    assert (uno["steps"], uno["status"]) == (steps, said)
    assert node(foreseen, "uno")["steps"] == steps
    assert bool(result.get("failed")) is (said in ("blocked", "failed"))
    assert (engine.by_name("uno")["State"]["Status"] if "uno" in engine.names() else None) == after
    if state in ("present", "started"):
        assert node(result, "due")["status"] == "running"


def test_a_second_run_changes_nothing_and_writes_nothing(site):
    engine = made(site)
    before = {path: path.stat().st_mtime_ns for path in site.directory.iterdir() if path.name != "lock"}
    again = site.run(TWO)
    assert (again["changed"], engine.calls, again["diff"]) == (False, [], {"before": "", "after": ""})
    assert {path: path.stat().st_mtime_ns for path in site.directory.iterdir() if path.name != "lock"} == before


def test_check_mode_on_an_empty_host_makes_no_file(site):
    result = site.run(TWO, check=True)
    assert result["changed"]
    assert (site.engine.calls, site.directory.exists()) == ([], False)
    assert result["diff"]["after"].splitlines() == [
        "network net: present  # not there",
        "node uno: running, image guest:1, address 10.48.0.2  # not there",
        "node due: running, image guest:1, address 10.48.0.3  # not there",
    ]
    assert set(result["diff"]["before"].split()) == {"network", "net:", "absent", "node", "uno:", "due:"}


MENDS = [
    ({"memory": "64m"}, {"memory": "128m"}, {"Memory": 128 * 2**20, "MemorySwap": 256 * 2**20}),
    ({}, {"memory": "128m"}, {"Memory": 128 * 2**20}),
    ({}, {"memory_reservation": "32m"}, {"MemoryReservation": 32 * 2**20}),
    ({"restart_policy": "no"}, {"restart_policy": "on-failure:3"},
     {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}),
    ({"restart_policy": "always"}, {}, {"RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0}}),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "host"), MENDS)
def test_mended_in_place(site, before, after, host):
    engine = made(site, cluster({"Name": "uno", **before}))
    ident = engine.by_name("uno")["Id"]
    result = site.run(cluster({"Name": "uno", **after}))
    assert (node(result, "uno")["steps"], engine.by_name("uno")["Id"]) == (["update"], ident)
    assert {key: engine.by_name("uno")["HostConfig"][key] for key in host} == host
    assert not site.run(cluster({"Name": "uno", **after}))["changed"]


@pytest.mark.parametrize(("before", "after"), [({"cpus": 1}, {"cpus": 1.5}), ({}, {"pids_limit": 400}),
                                               ({"pids_limit": 400}, {})])  # fmt: skip
def test_own_words_are_mended_in_place(site, before, after):
    def config(words):
        return cluster({"Name": "uno"}, tpaexec_docker={"instance_defaults": words})

    engine = made(site, config(before))
    ident = engine.by_name("uno")["Id"]
    assert node(site.run(config(after)), "uno")["steps"] == ["update"]
    assert engine.by_name("uno")["Id"] == ident
    assert not site.run(config(after))["changed"]


def test_a_mend_that_config_forgets_again_is_drift_by_the_record(site):
    """The label says nothing of memory; only the record knows that the limit was ours."""
    made(site, cluster({"Name": "uno"}))
    site.run(cluster({"Name": "uno", "memory": "64m"}))
    result = site.run(cluster({"Name": "uno"}))
    assert node(result, "uno")["status"] == "blocked"
    assert "memory: wanted nothing, found 64m" in result["msg"]
    (site.directory / "record.json").write_text("{not json")
    assert not site.run(cluster({"Name": "uno"}))["changed"]


def test_blocked_drift_fails_that_node_alone_and_changes_nothing_of_it(site):
    engine = made(site)
    engine.do_stop(engine.by_name("due")["Id"])
    config = copy.deepcopy(TWO)
    config["instances"][0]["env"] = {"SECRET": "hunter2"}
    before = copy.deepcopy(engine.by_name("uno"))
    foreseen = site.run(config, check=True)
    result = site.run(config)
    for said in (foreseen, result):
        assert said["failed"]
        assert "1 of 2 nodes failed" in said["msg"]
        assert "--recreate uno" in said["msg"]
        assert "hunter2" not in str(said)
    assert engine.by_name("uno") == before
    assert engine.by_name("due")["State"]["Status"] == "running"
    assert "BLOCKED" in foreseen["diff"]["after"]


@pytest.mark.parametrize("wish", [["uno"], ["all"]])
def test_recreate_replaces_the_named_ones(site, wish):
    engine = made(site)
    ids = {name: engine.by_name(name)["Id"] for name in ("uno", "due")}
    config = copy.deepcopy(TWO)
    config["instances"][0]["env"] = {"A": "1"}
    result = site.run(config, recreate=wish)
    assert node(result, "uno")["steps"] == ["remove", "create", "start"]
    assert engine.by_name("uno")["Id"] != ids["uno"]
    assert (engine.by_name("due")["Id"] == ids["due"]) is (wish == ["uno"])
    assert not site.run(config)["changed"]


@pytest.mark.parametrize("option", ["recreate", "nodes"])
def test_a_name_of_no_node_is_refused_before_anything(site, option):
    engine = made(site)
    with pytest.raises(ConfigError, match="there is no node tre"):
        site.run(TWO, **{option: ["tre"]})
    assert engine.calls == []


def test_dropped_nodes_are_reported_and_pruned_on_request(site):
    engine = made(site)
    result = site.run(ONE)
    assert not result["changed"]
    assert any("due is no longer in config.yml" in word and "--prune" in word for word in site.warnings)
    result = site.run(ONE, prune=True)
    assert node(result, "due")["status"] == "absent"
    assert engine.names() == {"uno"}


def test_absent_takes_dropped_nodes_too_and_forgets(site):
    engine = made(site)
    site.run(ONE, state="absent")
    assert (engine.boxes, engine.nets) == ({}, {})
    assert not site.directory.exists()


def test_a_dead_container_is_explained(site):
    engine = made(site)
    put(engine, "uno", "dead")
    assert "Make it again: tpaexec provision" in site.run(TWO, state="started")["msg"]
    reasons = node(site.run(TWO, check=True), "uno")["reasons"]
    assert reasons == ["its container is dead: a removal of it began and did not end"]


def test_lines_added_to_a_hosts_file_come_back_after_every_stop(site):
    engine = made(site)
    engine.by_name("uno")["hosts"] += "10.9.9.9 repository\n"
    site.run(TWO, state="stopped")
    assert "repository" in (site.directory / "record.json").read_text()
    site.run(TWO, state="started")
    assert engine.by_name("uno")["hosts"].count("10.9.9.9 repository\n") == 1
    put(engine, "uno", "restarting")  # it cannot be asked: what is known stays
    site.run(TWO, state="stopped")
    assert not site.run(TWO).get("failed")
    assert engine.by_name("uno")["hosts"].count("10.9.9.9 repository\n") == 1
    assert "repository" not in engine.by_name("due")["hosts"]
