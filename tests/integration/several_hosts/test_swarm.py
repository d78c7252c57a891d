# SPDX-License-Identifier: GPL-3.0-or-later
"""docker_swarm_hosts on three real engines: measured first, formed, left alone after; what it refuses."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any, Iterator

import docker
import pytest

from ansible_collections.tpaexec.docker.tests.integration.engines.runner import Reply, run
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.rig import Rig


def cluster(rig: Rig, **hosts: dict[str, str]) -> dict[str, Any]:
    """A node on each host. *hosts* replace how a host is reached."""
    nodes = [f"t-swm-{number}" for number in range(1, rig.count + 1)]
    return {
        "name": "t-swm",
        "networks": [{"name": "t-swm", "ipam_config": [{"subnet": "10.97.1.0/24"}]}],
        "instance_defaults": {"image": rig.image},
        "instances": [
            {"Name": node, "node": number, "ip_address": f"10.97.1.{number + 1}"}
            for number, node in enumerate(nodes, 1)
        ],
        "tpaexec_docker": {
            "hosts": {**rig.mapping(), **hosts},
            "instances": {node: {"host": host} for node, host in zip(nodes, rig.hosts)},
        },
    }


def swarm_hosts(rig: Rig, check: bool = False, hosts: Any = None, **options: Any) -> Reply:
    return run("docker_swarm_hosts", {"cluster": cluster(rig, **(hosts or {})), **options}, check_mode=check)


def states(rig: Rig) -> list[str]:
    return [rig.swarm_state(host) for host in rig.hosts]


def containers(rig: Rig) -> list[Any]:
    return [box for host in rig.hosts for box in rig.sdk(host).containers.list(all=True)]


@contextlib.contextmanager
def obstacles(rig: Rig) -> Iterator[None]:
    """h2 drops VXLAN, the cable to h3 carries small packets, and h1 has a route where the overlay would be."""
    rule = ("INPUT", "-p", "udp", "--dport", "4789", "-j", "DROP")
    rig.inside("h2", "iptables", "-A", *rule)
    rig.cable("h3", mtu=1400)
    rig.inside("h1", "ip", "route", "add", "10.97.1.0/25", "via", rig.address("h2"))
    try:
        yield
    finally:
        rig.inside("h1", "ip", "route", "del", "10.97.1.0/25")
        rig.cable("h3", mtu=1500)
        rig.inside("h2", "iptables", "-D", *rule)


def test_measured_formed_and_left_alone(apart):
    rig = apart
    would = swarm_hosts(rig, check=True)
    assert would.result["changed"]
    assert would.result["diff"]["after"].count("manager of the Swarm") == 3
    assert would.result["checked"]["not_run"]["SWARM_PORT_BLOCKED"]
    silent = {"h3": {**rig.words("h3"), "docker_host": f"tcp://{rig.address('h3')}:9"}}
    assert set(swarm_hosts(rig, hosts=silent).findings) == {"SWARM_UNKNOWN"}
    with obstacles(rig):
        refused = swarm_hosts(rig)
    assert refused.failed
    ways = {(way["from"], way["to"]): way for way in refused.result["ways"]}
    assert ways["h1", "h2"]["blocked"] == ways["h3", "h2"]["blocked"] == {"4789/udp": "no answer"}
    assert (ways["h1", "h3"]["mtu"], ways["h1", "h2"]["mtu"]) == (1400, 1500)
    assert {"SWARM_PORT_BLOCKED", "OVERLAY_MTU", "SUBNET_OVERLAP"} <= set(refused.findings)
    assert states(rig) == ["inactive"] * 3
    assert containers(rig) == []

    formed = swarm_hosts(rig)
    assert not formed.failed, formed.result["msg"]
    assert formed.result["managers"] == rig.hosts
    assert {host: formed.result["hosts"][host]["address"] for host in rig.hosts} == {
        host: rig.address(host) for host in rig.hosts
    }
    assert "SWMTKN" not in json.dumps([would.result, refused.result, formed.result])
    assert containers(rig) == []

    again = swarm_hosts(rig, measure="never")
    assert (again.failed, again.result["changed"], again.result["diff"]) == (False, False, {"before": "", "after": ""})
    on = swarm_hosts(rig, hosts=silent, measure="never")
    assert not on.failed, on.result["msg"]  # where the Swarm is there, the others go on
    assert "h3" in on.result["hosts"]["h3"]["error"]


def test_into_a_swarm_that_is_there(apart):
    """A worker becomes a manager, and a host without advertise address is found by its network."""
    rig = apart
    rig.docker("h1", "swarm", "init", "--advertise-addr", rig.address("h1"))
    token = rig.docker("h1", "swarm", "join-token", "-q", "worker").strip()
    rig.docker("h2", "swarm", "join", "--token", token, f"{rig.address('h1')}:2377")
    rig.inside("h3", "ip", "addr", "add", "198.51.100.9/24", "dev", "lo")
    try:
        reply = swarm_hosts(rig, hosts={"h3": {"docker_host": rig.socket("h3")}})
    finally:
        rig.inside("h3", "ip", "addr", "del", "198.51.100.9/24", "dev", "lo")
    assert not reply.failed, reply.result["msg"]
    assert [step["step"] for step in reply.result["steps"]] == ["make a manager of h2", "join as manager: h3"]
    assert reply.result["hosts"]["h3"]["address"] == rig.address("h3")
    assert reply.result["managers"] == rig.hosts


def test_refusals_touch_nothing(apart):
    rig = apart
    for host in ("h1", "h2"):
        rig.docker(host, "swarm", "init", "--advertise-addr", rig.address(host))
    before = [rig.sdk(host).info()["Swarm"].get("NodeID") for host in rig.hosts]
    different = swarm_hosts(rig)
    assert different.failed
    assert set(different.findings) == {"SWARM_DIFFERENT"}
    assert "docker swarm leave" in different.result["msg"]
    ignored = swarm_hosts(rig, ignore=["SWARM_DIFFERENT"])
    assert ignored.failed  # it cannot be
    assert [rig.sdk(host).info()["Swarm"].get("NodeID") for host in rig.hosts] == before


def await_loss(rig: Rig) -> None:
    """Until h1 has noticed that it is alone: it leads for some seconds more."""
    deadline = time.monotonic() + 60
    with contextlib.suppress(docker.errors.APIError):
        while time.monotonic() < deadline:
            rig.sdk("h1").api.nodes()
            time.sleep(1)


@pytest.mark.long
def test_locked_and_without_quorum(apart):
    rig = apart
    rig.form_swarm()
    rig.docker("h1", "swarm", "update", "--autolock=true")
    rig.call("stop-engine", "h3")
    rig.call("start-engine", "h3")
    locked = swarm_hosts(rig)
    assert set(locked.findings) == {"SWARM_LOCKED"}
    rig.docker("h1", "swarm", "update", "--autolock=false")
    rig.kill("h2")
    rig.kill("h3")
    try:
        await_loss(rig)
        lost = swarm_hosts(rig, timeout=20)
        assert lost.failed
        assert "SWARM_NO_QUORUM" in lost.findings
        assert "force-new-cluster" in lost.result["msg"]
    finally:
        rig.boot("h2")
        rig.boot("h3")
        rig.leave_swarm()
