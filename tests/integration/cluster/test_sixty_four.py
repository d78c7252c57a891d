# SPDX-License-Identifier: GPL-3.0-or-later
"""64 nodes on one machine: what provision says beforehand of the room, the role engine's sysctls that make it, and the
whole life of such a cluster. The kernel's settings, and the file that would keep them, are as they were afterwards.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.tpaexec.docker.tests.integration.engines import ansible_cli

from .conftest import Cluster, a_cluster, command

NAME, SUBNET, NODES = "t-clu-many", "10.48.10", 64
INOTIFY = Path("/proc/sys/fs/inotify")
SETTINGS = ("max_user_instances", "max_user_watches")
KEPT = Path("/etc/sysctl.d/60-tpaexec-docker.conf")
LOW = 128  # a kernel's own default
needs_root = pytest.mark.skipif(bool(os.geteuid()), reason="setting the kernel's limits needs root")


@pytest.fixture
def low_limits() -> Iterator[None]:
    """The kernel's own default of inotify instances; what was set before is set again."""
    before = {name: (INOTIFY / name).read_text() for name in SETTINGS}
    kept = KEPT.read_bytes() if KEPT.exists() else None
    (INOTIFY / "max_user_instances").write_text(str(LOW))
    try:
        yield
    finally:
        for name, value in before.items():
            (INOTIFY / name).write_text(value)
        if kept is None:
            KEPT.unlink(missing_ok=True)
        else:
            KEPT.write_bytes(kept)


@pytest.fixture
def cluster(sdk, guest_image, tmp_path_factory) -> Iterator[Cluster]:
    with a_cluster(sdk, tmp_path_factory, NAME, SUBNET, guest_image, count=NODES) as made:
        instances = "".join(
            f"- {{Name: {node}, node: {number}, ip_address: {SUBNET}.{number + 1}}}\n"
            for number, node in enumerate(made.nodes, 1)
        )
        (made.directory / "config.yml").write_text(
            f"cluster_name: {NAME}\ncluster_vars: {{preferred_python_version: python3}}\n"
            f"docker_networks: [{{name: {NAME}, ipam_config: [{{subnet: {SUBNET}.0/24}}]}}]\n"
            f"instance_defaults: {{platform: docker, image: '{guest_image}', vars: {{ansible_user: root}}}}\n"
            f"instances:\n{instances}"
        )
        yield made


def says_how_many_fit(cluster: Cluster) -> int:
    """What provision says before anything is made, where inotify instances are what gives out first."""
    done = command("provision", cluster.directory, "--check", check=False)
    said = done.stdout + done.stderr
    assert "INOTIFY_LOW" in said
    said = " ".join(said.split())
    found = re.search(rf"max_user_instances is {LOW}; 64 nodes need about \d+ .*?, (\d+) fit\.", said)
    assert found, said
    assert cluster.picture()[0] == []
    return int(found.group(1))


@needs_root
def test_beforehand_provision_says_how_many_fit(cluster, low_limits):
    assert 8 <= says_how_many_fit(cluster) < NODES


def the_engine_role_raises_them() -> None:
    """As a user asks for it: the role's own option."""
    words = [sys.executable, "-m", "ansible", "playbook", "tpaexec.docker.install_docker", "-e", "engine_sysctls=true"]
    done = subprocess.run(
        words, env=ansible_cli.environment(), capture_output=True, text=True, check=False, timeout=300, cwd="/"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int((INOTIFY / "max_user_instances").read_text()) >= 1024
    assert "fs.inotify.max_user_instances = 1024" in KEPT.read_text()


@needs_root
@pytest.mark.long
def test_64_nodes_live(sdk, cluster, low_limits):
    room = says_how_many_fit(cluster)
    the_engine_role_raises_them()
    seconds = {}

    def timed(*words: str) -> str:
        started = time.monotonic()
        done = command(words[0], cluster.directory, *words[1:])
        seconds[f"{words[0]} {len(seconds)}"] = round(time.monotonic() - started, 1)
        return str(done.stdout)

    assert "INOTIFY_LOW" not in timed("provision")
    states = {one.name: one.exec_run("systemctl is-system-running").output for one in nodes(sdk)}
    assert states == dict.fromkeys(cluster.nodes, b"running\n")
    before = cluster.picture()
    assert len(before[0]) == NODES
    assert timed("ping").count(" answers, Python 3") == NODES
    assert "Nothing to change" in timed("provision")
    assert cluster.picture() == before
    timed("deprovision")
    assert cluster.picture()[:2] == ([], [])
    assert (cluster.directory / "config.yml").exists()
    print(f"64 nodes; with {LOW} inotify instances room for {room}; seconds: {seconds}")


def nodes(sdk) -> list:
    return sdk.containers.list(filters={"label": f"Cluster={NAME}"})
