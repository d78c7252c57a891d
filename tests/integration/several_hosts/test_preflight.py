# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check on three real engines at once, and the hosts against each other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.tpaexec.docker.tests.integration.directory.conftest import tpaexec
from ansible_collections.tpaexec.docker.tests.integration.engines.runner import Reply, run
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.clusters import write_config
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.rig import Rig
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.test_swarm import cluster, containers


def check(rig: Rig, hosts: Any = None, **options: Any) -> Reply:
    words = {"cluster": cluster(rig, **(hosts or {})), "storage": True, "images": False, "cli": False, "timeout": 6}
    return run("docker_preflight", {**words, **options})


@pytest.mark.long
def test_with_the_canary_ways_are_measured(apart):
    reply = check(apart, canary=True, canary_image=apart.image)
    assert not reply.failed, reply.result["msg"]
    assert {"SWARM_PORT_BLOCKED", "OVERLAY_MTU", "CANARY_FAILED"} <= set(reply.result["checked"]["ran"])
    assert containers(apart) == []


def test_each_host_and_what_is_between(rig):
    reply = check(rig, timeout=30)  # engines that have just started, on a machine that does other things as well
    assert not reply.failed, reply.result["msg"]
    assert set(reply.result["hosts"]) == set(rig.hosts)
    who = {ident: [item["hosts"] for item in reply.result["findings"] if item["id"] == ident]
           for ident in ("LIVE_RESTORE_OFF", "ROOT_EQUIVALENT")}  # fmt: skip
    assert who["LIVE_RESTORE_OFF"] == []  # Swarm forbids it
    assert who["ROOT_EQUIVALENT"] == [[host] for host in rig.hosts]  # this names each daemon's address
    assert "ENGINE_TWICE" in reply.result["checked"]["ran"]
    assert "--canary" in reply.result["checked"]["not_run"]["SWARM_PORT_BLOCKED"]
    assert "Preflight between the hosts" in reply.result["report"]


def test_one_engine_twice_and_a_silent_one(rig):
    """A silent host is its own finding, in time; the others are checked all the same."""
    odd = {
        "h2": {"docker_host": rig.socket("h1")},
        "h3": {**rig.words("h3"), "docker_host": f"tcp://{rig.subnet}.77:2376"},
    }
    reply = check(rig, odd, format="json")
    assert reply.failed
    assert reply.findings["ENGINE_TWICE"]["severity"] == "error"
    silent = [item for item in reply.result["findings"] if item.get("host") == "h3"]
    assert [(item["id"] in ("DAEMON_HUNG", "DAEMON_NOT_RUNNING"), item["severity"]) for item in silent] == [
        (True, "error")
    ]
    assert set(json.loads(reply.result["report"])["hosts"]) == set(rig.hosts)
    assert reply.seconds < 6 + 8  # the timeout, and a busy machine's start of Python and of a helper
    mild = check(rig, {"h3": {**rig.words("h3"), "docker_host": f"tcp://{rig.address('h3')}:9"}}, unreachable="warning")
    assert not mild.failed, mild.result["msg"]


def test_as_a_user_types_it(rig, tmp_path):
    """tpaexec preflight DIR: one report a host."""
    home = write_config(tmp_path / "t-swm", cluster(rig))
    done = tpaexec("preflight", home, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [f"Preflight of {host} (" in done.stdout for host in rig.hosts] == [True] * 3
