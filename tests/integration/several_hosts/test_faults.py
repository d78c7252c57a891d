# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on three real engines: the only manager dead, a cable cut while nodes are made, an engine restarted."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, Iterator

import pytest

from ansible_collections.tpaexec.docker.tests.integration.directory.conftest import tpaexec
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.clusters import (
    Cluster,
    a_cluster,
    node,
    statuses,
    write_config,
)
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.rig import Rig

pytestmark = pytest.mark.long


@pytest.fixture
def led_by_one(rig: Rig, tmp_path: Any) -> Iterator[Cluster]:
    """Four booted nodes; h1 is the only manager."""
    rig.leave_swarm()
    rig.form_swarm("worker")
    rig.await_managers()
    with a_cluster(rig, tmp_path, "t-flt", "10.97.9") as cluster:
        cluster.converged()
        yield cluster
    rig.leave_swarm()


def test_the_only_manager_dies(led_by_one: Cluster) -> None:
    cluster, rig = led_by_one, led_by_one.rig
    before, second = cluster.there(), cluster.nodes[1]
    rig.kill("h1")
    try:
        rig.sdk("h2").containers.get(second).stop(timeout=1)
        reply = cluster.run()
        assert statuses(reply.result) == dict(zip(cluster.nodes, ["failed", "blocked", "running", "failed"]))
        assert "no manager of the Swarm answers" in node(reply.result, second)["error"]
        assert reply.seconds < 20
    finally:
        rig.boot("h1")
    rig.await_managers()
    cluster.converged()
    assert cluster.there() == before


def test_a_cable_is_cut_half_way(led_by_one: Cluster) -> None:
    cluster, rig = led_by_one, led_by_one.rig
    cluster.converged(state="absent")
    timer = threading.Timer(1.5, rig.call, ("cut", "h2"))
    timer.start()
    try:
        reply = cluster.run()
        timer.join()
        assert reply.failed
        assert statuses(reply.result)[cluster.nodes[1]] == "failed"
        assert "Host h2: " in node(reply.result, cluster.nodes[1])["error"]
        assert {statuses(reply.result)[name] for name in (cluster.nodes[0], cluster.nodes[2])} == {"running"}
    finally:
        timer.join()
        rig.call("heal", "h2")
    rig.await_managers()
    cluster.converged()
    assert {state for _host, state, _address in cluster.there().values()} == {"running"}


def test_a_host_loses_its_power_while_nodes_are_made(led_by_one: Cluster) -> None:
    """At several moments of a run: the others go on, the dead one is named; after its boot the next run converges."""
    cluster, rig = led_by_one, led_by_one.rig
    for moment in (0.7, 1.1, 1.6):
        cluster.converged(state="absent")
        timer = threading.Timer(moment, rig.kill, ("h3",))
        timer.start()
        try:
            reply = cluster.run()
            timer.join()
            assert reply.failed, moment
            assert statuses(reply.result) == dict(zip(cluster.nodes, ["running", "running", "failed", "running"]))
            assert "Host h3: " in node(reply.result, cluster.nodes[2])["error"]
        finally:
            timer.join()
            rig.boot("h3")
        rig.await_managers()
        cluster.converged()
        assert {state for _host, state, _address in cluster.there().values()} == {"running"}
        assert cluster.reaches(cluster.nodes[0], cluster.nodes[2])


def test_a_host_is_replaced_in_config_yml(led_by_one: Cluster) -> None:
    """Its node stays where its data is until it is recreated, and its address cannot be had while the old one runs."""
    cluster, rig = led_by_one, led_by_one.rig
    cluster.converged(state="absent")
    second = cluster.nodes[1]
    cluster.places = {**dict.fromkeys(cluster.nodes, "h1"), second: "h2"}
    cluster.hosts = {"h1": rig.words("h1"), "h2": rig.words("h2")}
    cluster.converged()
    cluster.hosts["h2"] = rig.words("h3")
    blocked = cluster.run()
    assert node(blocked.result, second)["status"] == "blocked"
    assert "another engine than the one that answers as host h2" in node(blocked.result, second)["error"]
    assert f"--recreate {second}" in node(blocked.result, second)["error"]
    held = cluster.run(recreate=[second])
    assert held.failed
    assert "still held by its old container on the Swarm's node h2" in node(held.result, second)["error"]
    assert held.seconds < 15
    assert cluster.there()[second][:2] == ("h2", "running")
    rig.sdk("h2").containers.get(second).stop(timeout=1)
    cluster.converged(recreate=[second])
    assert rig.sdk("h3").containers.get(second).status == "running"
    assert rig.sdk("h2").containers.get(second).status == "exited"  # its data is left alone
    assert not cluster.converged()["changed"]


def test_an_engine_is_restarted_under_its_nodes(led_by_one: Cluster) -> None:
    cluster, rig = led_by_one, led_by_one.rig
    before = cluster.there()
    rig.call("stop-engine", "h2")
    rig.call("start-engine", "h2")
    rig.await_managers()
    cluster.converged()
    assert cluster.there() == before
    assert cluster.reaches(cluster.nodes[0], cluster.nodes[1])


def test_a_manager_that_is_cut_off_and_answers(swarm: Rig, tmp_path: Path) -> None:
    """By its socket, as a second cable would: the others go on without it, and nobody is told to split the Swarm."""
    rig = swarm
    rig.await_managers()
    with a_cluster(rig, tmp_path / "kept", "t-cut", "10.97.13") as cluster:
        cluster.hosts = {host: {"docker_host": rig.socket(host)} for host in rig.hosts}
        home = write_config(tmp_path / "t-cut", cluster.words())
        tpaexec("provision", home)
        second, third = cluster.nodes[1:3]
        rig.call("cut", "h3")
        said = ""
        try:
            rig.sdk("h2").containers.get(second).stop(timeout=1)
            for _time in range(2):
                done = tpaexec("provision", home, check=False)
                said += done.stdout + done.stderr
                assert done.returncode
                assert "Host h3: " in done.stdout + done.stderr
            assert rig.sdk("h2").containers.get(second).status == "running"
            said += made_beside_a_host_that_is_cut_off(rig, tmp_path)
        finally:
            rig.call("heal", "h3")
        until = time.monotonic() + 90
        while (done := tpaexec("provision", home, check=False)).returncode and time.monotonic() < until:
            said += done.stdout + done.stderr
            time.sleep(1)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "force-new-cluster" not in said
        assert rig.sdk("h3").containers.get(third).status == "running"
        tpaexec("deprovision", home)


def made_beside_a_host_that_is_cut_off(rig: Rig, tmp_path: Path) -> str:
    """Its overlay is to be made, so the hosts are measured; the one that is cut off is left out of that."""
    with a_cluster(rig, tmp_path / "new", "t-cuu", "10.97.14") as cluster:
        cluster.hosts = {host: {"docker_host": rig.socket(host)} for host in rig.hosts}
        done = tpaexec("provision", write_config(tmp_path / "t-cuu", cluster.words()), check=False)
        assert done.returncode
        assert "Host h3: " in done.stdout + done.stderr
        first, second, _third, fourth = cluster.nodes
        there = {node: state for node, (_host, state, _address) in cluster.there().items()}
        assert there == dict.fromkeys((first, second, fourth), "running"), done.stdout + done.stderr
        return str(done.stdout + done.stderr)
