# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible on nodes of three engines: over the generated inventory and the live one, by each connection, and with a host
that is silent.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import pytest

from ansible_collections.tpaexec.docker.tests.integration.directory.conftest import tpaexec
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.clusters import Cluster, a_cluster, write_config
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.rig import Rig

BIN = Path(sys.executable).parent
API, CLI = "tpaexec.docker.docker_api", "docker"


@pytest.fixture(scope="module")
def made(rig: Rig, tmp_path_factory: Any) -> Iterator[tuple[Cluster, Path]]:
    """A provisioned directory: h1's certificate is known by another name, h3's keys lie in a folder with a blank."""
    rig.form_swarm()
    rig.await_managers()
    top = tmp_path_factory.mktemp("inventory")
    with a_cluster(rig, top / "kept", "t-inv", "10.97.11") as cluster:
        home = top / "t-inv"
        shutil.copytree(rig.home / "state" / "ca", home / "my keys")
        os.rename(home / "my keys" / "ca-key.pem", top / "ca-key.pem")
        files = {"tls_ca_cert": "ca.pem", "tls_client_cert": "cert.pem", "tls_client_key": "key.pem"}
        cluster.hosts["h1"]["tls_hostname"] = "h1"
        cluster.hosts["h3"].update({key: f"my keys/{name}" for key, name in files.items()})
        write_config(home, cluster.words())
        tpaexec("provision", home)
        yield cluster, home
        tpaexec("deprovision", home)


def ansible(home: Path, source: str, *words: str, check: bool = True, bundle: str = "") -> Any:
    """An ad-hoc command on all nodes of an inventory. *bundle*: what the environment says of authorities."""
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_FORKS": "10"}
    environment.update(dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"), bundle))
    command = [BIN / "ansible", "-i", source, "all", "-o", *words]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False, timeout=180)
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def names_said(done: Any) -> dict[str, str]:
    """What each node says is its name: a command that ran in another node would be seen."""
    return dict(re.findall(r"^(\S+) \| CHANGED \| rc=0 \| \(stdout\) (\S+)$", done.stdout, re.MULTILINE))


def listed(home: Path, source: str) -> dict[str, dict[str, Any]]:
    """The variables of each host, as ansible-inventory has them."""
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    command = [BIN / "ansible-inventory", "-i", source, "--list"]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=True, timeout=60)
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)["_meta"]["hostvars"]
    return found


def plain(value: Any) -> Any:
    """Newer cores mark in JSON what is never templated."""
    return value["__ansible_unsafe"] if isinstance(value, dict) else value


def same_name(cluster: Cluster) -> dict[str, str]:
    return {node: node for node in cluster.nodes}


def test_over_the_generated_inventory(made: tuple[Cluster, Path]) -> None:
    """By the docker command, and by the Docker SDK where that cannot say how the host is reached."""
    cluster, home = made
    found = listed(home, "inventory")
    used = {node: words["ansible_connection"] for node, words in found.items()}
    assert used == dict(zip(cluster.nodes, [API, CLI, API, API]))
    assert names_said(ansible(home, "inventory", "-m", "command", "-a", "cat /etc/hostname")) == same_name(cluster)
    assert ansible(home, "inventory", "-m", "ping").stdout.count('"ping": "pong"') == len(cluster.nodes)
    assert tpaexec("ping", home).stdout.count(" answers, Python 3") == len(cluster.nodes)


def test_authorities_of_the_environment(made: tuple[Cluster, Path]) -> None:
    """Neither the docker command nor docker_api heeds them."""
    _cluster, home = made
    said = {
        node: ansible(home, "inventory", "--limit", node, "-m", "ping", check=False, bundle="/nowhere/ca.pem")
        for node in ("t-inv-1", "t-inv-2")
    }
    assert [one.returncode for one in said.values()] == [0, 0], said


def test_another_name_of_the_certificate_is_looked_at(made: tuple[Cluster, Path]) -> None:
    """Else the test above would have shown nothing of the name."""
    _cluster, home = made
    words = ("--limit", "t-inv-1", "-m", "ping", "-e", "ansible_docker_tls_hostname=elsewhere.example.com")
    refused = ansible(home, "inventory", *words, check=False)
    assert refused.returncode
    assert "pong" not in refused.stdout


@pytest.mark.parametrize("node", ["t-inv-1", "t-inv-2"])
def test_a_strangers_container_on_another_host_is_not_entered(made: tuple[Cluster, Path], node: str) -> None:
    """Behind a certificate with another name, which the docker command cannot be told of, and by that command."""
    cluster, home = made
    sdk = cluster.rig.sdk(cluster.places[node])
    sdk.containers.get(node).remove(force=True)
    theirs = sdk.containers.run(cluster.rig.image, ["sleep", "600"], name=node, detach=True)
    try:
        refused = tpaexec("cmd", home, "-m", "ansible.builtin.raw", "-a", "touch /entered", check=False)
        assert refused.returncode
        assert f"the container {node} is someone else's. Nothing was run." in refused.stderr
        assert theirs.diff() is None
    finally:
        theirs.remove(force=True)
    tpaexec("provision", home)
    assert tpaexec("cmd", home, "-a", "true").stdout.count("rc=0") == len(cluster.nodes)


def test_ssh_and_the_table_of_nodes(made: tuple[Cluster, Path]) -> None:
    cluster, home = made
    for node in cluster.nodes:
        command = ["ssh", "-F", "ssh_config", "-o", "BatchMode=yes", f"root@{node}", "cat", "/etc/hostname"]
        done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False, timeout=60)
        assert done.stdout.strip() == node, done.stderr
    head, *rows = tpaexec("list-containers", home).stdout.splitlines()
    column = head.split().index("HOST")
    assert {row.split()[0]: row.split()[column] for row in rows if row.startswith("t-inv-")} == cluster.places


@pytest.mark.parametrize("connection", ["docker_api", "docker", "ssh"])
def test_one_source_covers_all_hosts(made: tuple[Cluster, Path], connection: str) -> None:
    cluster, home = made
    (home / "live.docker_cluster.yml").write_text(
        f"plugin: tpaexec.docker.docker_cluster\ncluster_dir: .\nconnection: {connection}\n"
    )
    if connection == "docker_api":
        found = listed(home, "live.docker_cluster.yml")
        assert {node: plain(words["docker_cluster_daemon"]) for node, words in found.items()} == cluster.places
        assert plain(found["t-inv-1"]["ansible_docker_tls_hostname"]) == "h1"
    done = ansible(home, "live.docker_cluster.yml", "-m", "command", "-a", "cat /etc/hostname")
    assert names_said(done) == same_name(cluster)


@pytest.mark.long  # the cut and what Swarm needs after it take 45 s; the unit tests have the same by a stand-in
def test_a_silent_host_is_named_and_the_others_are_listed_if_told(made: tuple[Cluster, Path]) -> None:
    cluster, home = made
    source = home / "live.docker_cluster.yml"
    source.write_text("plugin: tpaexec.docker.docker_cluster\ncluster_dir: .\n")
    cluster.rig.call("cut", "h3")
    try:
        refused = ansible(home, source.name, "-m", "ping", check=False)
        assert "Host h3: The host does not answer" in refused.stdout + refused.stderr
        assert "pong" not in refused.stdout
        with source.open("a") as file:
            file.write("unreachable: warning\n")
        done = ansible(home, source.name, "-m", "command", "-a", "cat /etc/hostname")
        assert "Host h3: The host does not answer" in done.stdout + done.stderr
        here = {node: node for node, host in cluster.places.items() if host != "h3"}
        assert names_said(done) == here
    finally:
        cluster.rig.call("heal", "h3")
        cluster.rig.await_managers()
