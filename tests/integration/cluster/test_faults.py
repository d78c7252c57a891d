# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong on a real daemon: said clearly, for that node alone, and the next run goes on from there."""

from __future__ import annotations

import multiprocessing
import os
import socket
from pathlib import Path

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._argspec import connection_argument_spec
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster import converge
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import Run, outcome

from .conftest import DOCKER_HOST, a_cluster, fixed_network, node

NAME, SUBNET = "t-clu-bad", "10.48.4"
ONE, TWO, THREE = (f"{NAME}-{number}" for number in (1, 2, 3))
PORT = 24804


@pytest.fixture
def cluster(sdk, guest_image, tmp_path_factory):
    with a_cluster(sdk, tmp_path_factory, NAME, SUBNET, guest_image, count=1) as made:
        yield made


def test_nodes_that_never_boot_are_explained_and_the_others_are_ready(sdk, cluster, broken_image, ending_image):
    """Systemd that waits for ever, an init that ends, and a good one; afterwards --recreate mends both."""
    cluster.config["instances"] += [
        {"Name": TWO, "node": 2, "image": broken_image},
        {"Name": THREE, "node": 3, "image": ending_image},
    ]
    reply = cluster.run(wait_timeout=8)
    assert reply.failed
    assert "2 of 3 nodes failed" in reply.result["msg"]
    assert [item["status"] == "failed" for item in reply.result["instances"]] == [False, True, True]
    waits, ends = node(reply, TWO)["error"], node(reply, THREE)["error"]
    assert "systemd says starting" in waits
    assert "Failed units: fails.service" in waits
    assert "words of fails" in waits
    assert "waiting job: " in waits
    assert "cannot go on" in ends
    assert "exit code 3" in ends
    assert cluster.sh("systemctl is-system-running || true") in ("running", "degraded")
    cluster.sh("echo precious > /root/data")
    cluster.config["instances"][1]["image"] = cluster.config["instances"][2]["image"] = sdk.containers.get(ONE).attrs[
        "Config"
    ]["Image"]
    again = cluster.run()
    assert [item["status"] == "blocked" for item in again.result["instances"]] == [False, True, True]
    cluster.converged(recreate=[TWO, THREE])
    assert cluster.sh("cat /root/data") == "precious"


def test_a_taken_port_fails_that_node_and_the_next_run_starts_it(cluster):
    cluster.config["instances"].append({"Name": TWO, "node": 2, "published_ports": [f"127.0.0.1:{PORT}:5432"]})
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", PORT))
        taken.listen()
        reply = cluster.run()
        assert [item["status"] == "failed" for item in reply.result["instances"]] == [False, True]
        assert "change published_ports" in node(reply, TWO)["error"]
    result = cluster.converged()
    assert [item["steps"] for item in result["instances"]] == [[], ["start"]]


def test_refused_before_anything_is_touched(sdk, cluster):
    cluster.config["instance_defaults"]["image"] = "t-clu/nobody:1"
    reply = cluster.run()
    assert "the image t-clu/nobody:1 is not on the Docker host" in reply.result["msg"]
    reply = cluster.run(check=True)  # a check comes before the image is obtained
    assert [item["steps"] for item in reply.result["instances"]] == [["create", "start"]]
    assert reply.result["diff"]["after"].count("image t-clu/nobody:1") == 1
    assert cluster.picture()[:2] == ([], [])


def test_a_subnet_of_another_network(sdk, cluster):
    other = fixed_network(sdk, "t-clu-other", f"{SUBNET}.0/24")
    try:
        reply = cluster.run()
        assert reply.failed
        assert "Another Docker network has that subnet" in reply.result["msg"]
        assert cluster.picture()[:2] == ([], [])
    finally:
        other.remove()
    assert not cluster.run().failed


def as_nobody(params, answers):
    """In a process of its own: the daemon can be reached, the directory cannot be written."""
    os.setgroups([])
    os.setgid(os.stat(DOCKER_HOST.removeprefix("unix://")).st_gid)
    os.setuid(65534)
    run = Run(False, False, lambda text: None, lambda *words: (1, "", ""))
    answers.put(outcome(converge.body, params, run))


@pytest.mark.skipif(bool(os.geteuid()), reason="becoming another user needs root")
def test_a_directory_that_may_not_be_written(cluster):
    os.chmod(cluster.directory, 0o555)
    for folder in (cluster.directory, *cluster.directory.parents):
        if folder != Path("/") and folder.owner() == "root" and folder != Path("/tmp"):
            os.chmod(folder, os.stat(folder).st_mode | 0o055)
    defaults = {key: word.get("default") for key, word in connection_argument_spec().items()}
    params = {**defaults, "docker_host": DOCKER_HOST, "cluster_dir": str(cluster.directory), "state": "present"}
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    process = context.Process(target=as_nobody, args=({**params, **cluster.config}, answers))
    process.start()
    result = answers.get(timeout=30)
    process.join(10)
    assert result["failed"]
    assert "Cannot write to" in result["msg"]
    assert "Permission denied" in result["msg"]
    assert cluster.picture()[:2] == ([], [])
