# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults on three real engines: the only manager dead, a cable cut while nodes are made, an engine restarted."""

from __future__ import annotations

import threading
from typing import Any, Iterator

import pytest

from ansible_collections.tpaexec.docker.tests.integration.several_hosts.clusters import (
    Cluster,
    a_cluster,
    node,
    statuses,
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


def test_an_engine_is_restarted_under_its_nodes(led_by_one: Cluster) -> None:
    cluster, rig = led_by_one, led_by_one.rig
    before = cluster.there()
    rig.call("stop-engine", "h2")
    rig.call("start-engine", "h2")
    rig.await_managers()
    cluster.converged()
    assert cluster.there() == before
    assert cluster.reaches(cluster.nodes[0], cluster.nodes[1])
