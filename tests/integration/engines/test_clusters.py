# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster on every engine at hand: provisioned, provisioned again with nothing to do, stopped, started, removed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

import pytest

from ansible_collections.tpaexec.docker.tests.integration.engines import ansible_cli
from ansible_collections.tpaexec.docker.tests.integration.engines import engine as harness
from ansible_collections.tpaexec.docker.tests.integration.engines.engine import Engine, ram_disk
from ansible_collections.tpaexec.docker.tests.integration.engines.runner import Reply, run
from ansible_collections.tpaexec.docker.tests.tools import packages

NAME = "t-eng"
SUBNET = "10.42.16"
MAIN = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
FURTHER = pytest.mark.skipif(bool(harness.why_not()), reason=harness.why_not() or "-")


@pytest.fixture(scope="module")
def archive(guest_image, tmp_path_factory) -> Path:
    """The guest image as a file, for engines that start empty."""
    path = tmp_path_factory.mktemp("image") / "guest.tar"
    subprocess.run(["docker", "save", "-o", str(path), guest_image], check=True)
    return path


@contextmanager
def main_engine(_archive: Path) -> Iterator[str]:
    yield MAIN


@contextmanager
def further_engine(archive: Path, suite: str, **options: Any) -> Iterator[str]:
    try:
        root = packages.engine(suite)
    except packages.Unavailable as error:
        pytest.skip(str(error))
    # in memory: unpacking an image onto a disk takes most of the time, and taking it away the rest
    disk = ram_disk(f"t-c{suite}-disk", 3072)
    with disk as place, Engine(f"t-c{suite}", unpacked=root, data_root=place / "data", **options) as engine:
        engine.load(archive)
        yield engine.docker_host


STORE = {"features": {"containerd-snapshotter": True}}
ENGINES = [
    # the main engine has its own tests elsewhere, all day long
    pytest.param(main_engine, id="this machine's", marks=pytest.mark.long),
    pytest.param(lambda archive: further_engine(archive, "trixie"), id="26.1", marks=FURTHER),
    pytest.param(lambda archive: further_engine(archive, "forky", config=STORE), id="28.5 containerd", marks=FURTHER),
]


@pytest.fixture(scope="module", params=ENGINES)
def docker_host(request, archive) -> Iterator[str]:
    with request.param(archive) as host:
        yield host


def cluster_of(image: str) -> dict[str, Any]:
    """Two nodes, in docker_cluster's words."""
    return {
        "name": NAME,
        "networks": [{"name": f"{NAME}-net", "ipam_config": [{"subnet": f"{SUBNET}.0/28"}]}],
        "instance_defaults": {"image": image, "platform": "docker"},
        "instances": [
            {"Name": f"{NAME}-{node}", "node": node, "ip_address": f"{SUBNET}.{node + 1}", "role": ["primary"]}
            for node in (1, 2)
        ],
    }


@pytest.fixture(scope="module")
def converge(docker_host, guest_image, tmp_path_factory) -> Iterator[Any]:
    """Calls docker_cluster for one cluster of two nodes; removes it at the end."""
    record = tmp_path_factory.mktemp("record")
    options = {"docker_host": docker_host, "record_dir": str(record), **cluster_of(guest_image)}

    def call(**more: Any) -> Reply:
        reply = run("docker_cluster", {**options, **more}, limit=180)
        assert not reply.failed, reply.result.get("msg")
        return reply

    try:
        yield call
    finally:
        run("docker_cluster", {**options, "state": "absent"}, limit=180)


def test_a_cluster_from_nothing_to_nothing(converge, docker_host, sdk, guest_image, tmp_path):
    first = converge()
    assert first.result["changed"]
    assert [node["status"] for node in first.result["instances"]] == ["running", "running"]
    assert [node["ip_address"] for node in first.result["instances"]] == [f"{SUBNET}.2", f"{SUBNET}.3"]
    again = converge()
    assert not again.result["changed"], again.result["steps"]
    assert in_node(docker_host, 1, "getent", "hosts", f"{NAME}-2").split()[0] == f"{SUBNET}.3"
    if "forky" in docker_host:  # one of the further engines will do
        with a_node_of_the_same_name(sdk, guest_image):
            one_inventory_over_both(docker_host, tmp_path)
    assert converge(state="stopped").result["changed"]
    started = converge()
    assert started.result["changed"]
    assert [node["ip_address"] for node in started.result["instances"]] == [f"{SUBNET}.2", f"{SUBNET}.3"]
    assert in_node(docker_host, 1, "systemctl", "is-system-running").strip() in ("running", "degraded")
    assert converge(state="absent").result["changed"]
    assert not converge(state="absent").result["changed"]
    assert not list(Path("/sys/fs/cgroup").glob(f"*/tpaexec.docker/*/{NAME}-[12]"))


@contextmanager
def a_node_of_the_same_name(sdk: Any, image: str) -> Iterator[None]:
    """On this machine's own engine: created, not started; it has TPA's labels and none of ours."""
    labels = {"Cluster": NAME, "Name": NAME}
    container = sdk.containers.create(image, name=f"{NAME}-1", labels=labels, network_mode="none")
    try:
        yield
    finally:
        container.remove(force=True)


def one_inventory_over_both(docker_host: str, place: Path) -> None:
    """Both daemons in one source: a name that both have, groups, filters, a cache; both connections reach the nodes."""
    source = place / "two.docker_cluster.yml"
    text = (
        f"plugin: tpaexec.docker.docker_cluster\nclusters: [{NAME}]\n"
        f"daemons:\n- {{name: here, docker_host: '{MAIN}'}}\n- {{name: there, docker_host: '{docker_host}'}}\n"
        "keyed_groups: [{key: docker_cluster_state, prefix: is}]\ncompose: {where: docker_cluster_daemon ~ '!'}\n"
        f"cache: true\ncache_plugin: ansible.builtin.jsonfile\ncache_connection: {place / 'cache'}\n"
    )
    source.write_text(text)
    for _asked_then_cached in range(2):
        listed = json.loads(cli("ansible-inventory", "-i", source, "--list"))
        assert listed["daemon_here"]["hosts"] == [f"{NAME}-1"]
        assert listed["daemon_there"]["hosts"] == [f"{NAME}-1.there", f"{NAME}-2"]
        assert listed["is_running"]["hosts"] == [f"{NAME}-1.there", f"{NAME}-2"]
        assert listed["_meta"]["hostvars"][f"{NAME}-2"]["where"] in ("there!", {"__ansible_unsafe": "there!"})
    for connection in ("docker_api", "docker"):
        only = "filters: [{exclude: docker_cluster_state != 'running'}]\n"
        source.write_text(f"{text}connection: {connection}\n{only}")
        said = cli("ansible", "-i", source, "all", "-m", "ansible.builtin.raw", "-a", "hostname")
        assert sorted(line for line in said.splitlines() if line.startswith(f"{NAME}-") and "|" not in line) == [
            f"{NAME}-1",
            f"{NAME}-2",
        ]


def cli(program: str, *words: Any) -> str:
    command = [str(Path(sys.executable).with_name(program)), *map(str, words)]
    done = subprocess.run(command, env=ansible_cli.environment(), capture_output=True, text=True, check=False, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_preflight_looks_into_the_image_and_proves_the_host(docker_host, guest_image):
    options = {"docker_host": docker_host, "cluster": cluster_of(guest_image), "canary": True, "storage": True}
    seen = run("docker_preflight", {**options, "timeout": 20}, limit=180)
    assert [item for item in seen.result["findings"] if item["severity"] == "error"] == []
    for ident in ("CANARY_FAILED", "CGROUP_GUEST_MISMATCH", "ARCH_MISMATCH"):
        assert seen.severity(ident) == "no finding"


def in_node(docker_host: str, node: int, *words: str) -> str:
    env = {key: value for key, value in os.environ.items() if not key.startswith("DOCKER_")}
    command = ["docker", "-H", docker_host, "exec", f"{NAME}-{node}", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env).stdout
