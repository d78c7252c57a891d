# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster over three real engines: its life, a host that dies and comes back, moves, and the four connections."""

from __future__ import annotations

import subprocess
import time
from typing import Any, Iterator

import pytest

from ansible_collections.tpaexec.docker.tests.integration.engines.runner import run
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.clusters import (
    Cluster,
    a_cluster,
    node,
    statuses,
)
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.rig import Rig


@pytest.fixture(scope="module")
def three(rig: Rig, tmp_path_factory: Any) -> Iterator[Cluster]:
    """Four booted nodes on three hosts, all of them managers; each test leaves it converged."""
    rig.form_swarm()
    rig.await_managers()
    with a_cluster(rig, tmp_path_factory.mktemp("three"), "t-sev", "10.97.7") as cluster:
        result = cluster.converged()
        assert set(statuses(result).values()) == {"running"}
        yield cluster


def test_nodes_find_each_other_across_hosts(three: Cluster) -> None:
    first, second, third, fourth = three.nodes
    expected = {name: (host, "running", f"{three.subnet}.{number}") for number, (name, host) in enumerate(
        three.places.items(), 2)}  # fmt: skip
    assert three.there() == expected
    assert all(three.reaches(*pair) for pair in ((first, second), (second, third), (third, fourth)))
    network = three.rig.sdk("h1").networks.get(three.name).attrs
    assert (network["Driver"], network["Attachable"]) == ("overlay", True)
    pool = {"Subnet": f"{three.subnet}.0/27", "IPRange": f"{three.subnet}.16/28", "Gateway": f"{three.subnet}.1"}
    assert network["IPAM"]["Config"] == [pool]


def test_a_second_run_changes_nothing(three: Cluster) -> None:
    before = three.there()
    assert not three.converged()["changed"]
    assert not three.run(check=True).result["changed"]
    assert three.there() == before


def test_a_host_dies_and_comes_back(three: Cluster) -> None:
    """Its nodes fail by its name, the others go on; it boots, and they have their addresses."""
    before = three.there()
    three.rig.kill("h3")
    try:
        gone = three.nodes[1]
        three.rig.sdk("h2").containers.get(gone).remove(force=True)
        reply = three.run()
        assert reply.failed
        assert statuses(reply.result) == dict(zip(three.nodes, ["running", "running", "failed", "running"]))
        assert "Host h3: " in node(reply.result, three.nodes[2])["error"]
        assert [one["name"] for one in reply.result["hosts"] if not one["answers"]] == ["h3"]
        info = three.run(check=True, recreate=[three.nodes[2]]).result
        assert node(info, three.nodes[2])["steps"] == []
    finally:
        three.rig.boot("h3")
    three.rig.await_managers()
    three.converged()
    assert three.there() == before
    assert three.reaches(three.nodes[0], three.nodes[2])


def test_moved_only_when_told(three: Cluster) -> None:
    last = three.nodes[3]
    three.places[last] = "h2"
    blocked = three.run()
    assert node(blocked.result, last)["status"] == "blocked"
    assert f"--recreate {last}" in node(blocked.result, last)["error"]
    assert three.there()[last][0] == "h1"
    three.converged(recreate=[last])
    assert three.there()[last] == ("h2", "running", f"{three.subnet}.5")
    assert not three.converged()["changed"]


def test_refused_before_anything_is_touched(three: Cluster) -> None:
    before = three.there()
    three.hosts = {**three.rig.mapping(), "h4": {"docker_host": three.rig.socket("h1")}}
    try:
        reply = three.run(recreate=["all"])
    finally:
        three.hosts = three.rig.mapping()
    assert reply.failed
    assert "tpaexec_docker.hosts.h4: it is the same engine as host h1" in reply.result["msg"]
    assert three.there() == before


def test_addresses_of_strangers(three: Cluster) -> None:
    """Someone else's container on another host has a node's address: found before a start that would take 20 s."""
    second = three.nodes[1]
    three.rig.sdk("h2").containers.get(second).remove(force=True)
    theirs = three.rig.sdk("h3").containers.create(three.rig.image, ["sleep", "900"], name="t-sev-theirs")
    network = three.rig.sdk("h3").networks.get(three.name)
    try:
        three.rig.sdk("h3").networks.get("bridge").disconnect(theirs)
        network.connect(theirs, ipv4_address=f"{three.subnet}.3")
        theirs.start()
        reply = three.run()
        assert reply.failed
        assert reply.seconds < 15
        assert f"{second}: its address {three.subnet}.3 in network {three.name} is held by" in reply.result["msg"]
    finally:
        theirs.remove(force=True)
    three.converged()


def test_four_ways_to_an_engine(three: Cluster, tmp_path: Any) -> None:
    """TLS is given its own CA whatever the environment says; a socket; both kinds of ssh, and a strange key."""
    rig = three.rig
    key = rig.sshd("h1")
    config, known = tmp_path / "home" / ".ssh", tmp_path / "home" / ".ssh" / "known_hosts"
    config.mkdir(parents=True)
    known.write_text("")
    (config / "config").write_text(f"Host *\n  IdentityFile {key}\n  UserKnownHostsFile {known}\n")
    url = f"ssh://root@{rig.address('h1')}"
    for use_ssh_client in (True, False):
        strange = ping(rig, {"docker_host": url, "use_ssh_client": use_ssh_client}, tmp_path, key)
        assert "known_hosts" in strange or "Host key verification failed" in strange, strange
    known.write_text(rig.host_key("h1"))
    for words in (
        rig.words("h1"),
        {"docker_host": rig.socket("h1")},
        {"docker_host": url},
        {"docker_host": url, "use_ssh_client": True},
    ):
        assert ping(rig, words, tmp_path, key) == "", words
    rule = ["INPUT", "-p", "tcp", "--dport", "22", "-j", "DROP"]
    rig.inside("h1", "iptables", "-I", *rule)
    try:
        started = time.monotonic()
        silent = ping(rig, {"docker_host": url}, tmp_path, key)
        assert "does not answer to ssh" in silent, silent
        assert time.monotonic() - started < 20  # of the kernel's 130
    finally:
        rig.inside("h1", "iptables", "-D", *rule)
    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    known.write_text(f"{rig.address('h1')} {other.with_suffix('.pub').read_text()}")
    for use_ssh_client in (True, False):
        changed = ping(rig, {"docker_host": url, "use_ssh_client": use_ssh_client}, tmp_path, key)
        assert "the host's key is not the one that is known here. If the host was made anew" in changed, changed


def ping(rig: Rig, words: dict[str, Any], tmp_path: Any, key: Any) -> str:
    """docker_ping of the first node over this connection: "" or why not."""
    (tmp_path / "agentless").write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {tmp_path}/home/.ssh/config "$@"\n')
    (tmp_path / "agentless").rename(tmp_path / "ssh")
    (tmp_path / "ssh").chmod(0o755)
    environ = {
        "HOME": str(tmp_path / "home"),
        "PATH": f"{tmp_path}:{rig.path}",
        "REQUESTS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt",
        "CURL_CA_BUNDLE": "/nowhere",
        "SSH_AUTH_SOCK": "",
    }
    host = {"name": "h1", **words}
    reply = run("docker_ping", {"names": ["t-sev-1"], "hosts": [host], "timeout": 20}, environ=environ)
    if reply.result.get("msg"):
        return str(reply.result["msg"])
    [answer] = reply.result["nodes"]
    assert answer["python"].startswith("3."), answer  # what a command prints comes through whole, over each of them
    return ""


def test_absent_leaves_the_swarm_as_it_found_it(three: Cluster) -> None:
    before = [three.rig.swarm_state(host) for host in three.rig.hosts]
    three.converged(state="absent")
    assert three.there() == {}
    assert three.rig.sdk("h1").networks.list(names=[three.name]) == []
    assert [three.rig.swarm_state(host) for host in three.rig.hosts] == before == ["active"] * 3
    assert not (three.directory / ".tpaexec-docker").exists()
