# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs that are killed, and two at once: whatever the moment, the next run finishes, and nothing is left over."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import time

import pytest

from .conftest import Cluster, a_cluster, command
from .kills import TOP, assert_files_are_whole, assert_no_orphans, killed

NAME, SUBNET = "t-clu-kill", "10.48.6"
SHORT, LONG = 6, 50


@pytest.fixture(scope="module")
def cluster(sdk, guest_image, tmp_path_factory):
    with a_cluster(sdk, tmp_path_factory, NAME, SUBNET, guest_image) as made:
        (made.directory / "config.yml").write_text(
            f"cluster_name: {NAME}\ncluster_vars: {{preferred_python_version: python3}}\n"
            f"docker_networks: [{{name: {NAME}, ipam_config: [{{subnet: {SUBNET}.0/28}}]}}]\n"
            f"instance_defaults: {{platform: docker, image: '{guest_image}', vars: {{ansible_user: root}}}}\n"
            "instances:\n"
            + "".join(f"- {{Name: {node}, node: {n}, ip_address: {SUBNET}.{n + 1}}}\n"
                      for n, node in enumerate(made.nodes, 1))
        )  # fmt: skip
        yield made


def a_kill(cluster: Cluster, words: list[str], after: float) -> None:
    """From a whole cluster, or from none: killed, looked at, finished."""
    if words == ["provision"]:
        cluster.clear()
    killed([words[0], cluster.directory, *words[1:]], after)
    assert_files_are_whole(cluster.directory)
    command("provision", cluster.directory)
    assert_no_orphans(cluster.sdk, cluster.directory, NAME, set(cluster.nodes))
    assert_files_are_whole(cluster.directory)


def kills(cluster: Cluster, count: int) -> None:
    started = time.monotonic()
    command("provision", cluster.directory)
    whole = time.monotonic() - started
    seed = random.randrange(10**6)
    print(f"seed {seed}, a run takes {whole:.1f} s")
    moments = random.Random(seed)
    kinds = [["provision"], ["provision", "--recreate", "all"], ["provision"], ["deprovision"]]
    for number in range(count):
        # Starting up does nothing yet: the moments lie where things are made, one in each part of the run.
        part = (number // len(kinds) + moments.random()) % 4 / 4
        a_kill(cluster, kinds[number % len(kinds)], whole * (0.15 + 0.8 * part))


def test_killed_at_random_moments_the_next_run_finishes(cluster):
    kills(cluster, SHORT)


def test_afterwards_ssh_and_host_keys_are_right(cluster):
    for number, name in enumerate(cluster.nodes, 1):
        line = ["ssh", "-F", "ssh_config", "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes", name, "hostname"]
        done = subprocess.run(line, cwd=cluster.directory, capture_output=True, text=True, check=False, timeout=60)
        assert (done.returncode, done.stdout.strip()) == (0, name), done.stderr
        assert f"{SUBNET}.{number + 1}" in (cluster.directory / "ssh_config").read_text()


def test_two_runs_at_once_one_works_and_the_other_names_it(cluster):
    lock = cluster.directory / ".tpaexec-docker" / "lock"
    first = subprocess.Popen(
        [sys.executable, str(TOP / "bin" / "tpaexec"), "provision", str(cluster.directory), "--recreate", "all"],
        stdout=subprocess.DEVNULL,
    )
    with first:
        deadline = time.monotonic() + 60
        while "process" not in lock.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        reply = cluster.run()
        assert reply.failed
        assert "Another run is converging this cluster: process " in reply.result["msg"]
        assert "since 20" in reply.result["msg"]
        assert first.wait(120) == 0
    assert_no_orphans(cluster.sdk, cluster.directory, NAME, set(cluster.nodes))


def test_deprovision_leaves_config_alone(cluster):
    before = (cluster.directory / "config.yml").read_text()
    command("deprovision", cluster.directory)
    assert_no_orphans(cluster.sdk, cluster.directory, NAME, set())
    assert (cluster.directory / "config.yml").read_text() == before
    with contextlib.suppress(FileNotFoundError):
        assert set((cluster.directory / ".tpaexec-docker").iterdir()) == set()


@pytest.mark.long
def test_killed_at_fifty_random_moments(cluster):
    kills(cluster, LONG)
