# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the recipe table that this machine's kernel cannot run, each on a real kernel, engine and cgroup driver."""

from __future__ import annotations

import contextlib
import json
import subprocess
from pathlib import Path
from typing import Any, Iterator

import docker
import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.recipe import RECIPES, group_of
from ansible_collections.tpaexec.docker.tests.integration.cluster.conftest import Cluster
from ansible_collections.tpaexec.docker.tests.integration.cluster.test_privilege import WRITABLE

from .machine import machine, why_not

pytestmark = [pytest.mark.long, pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")]
NAME, SUBNET = "t-vm", "10.48.9"
V1 = "systemd.unified_cgroup_hierarchy=0"
ROWS = [
    pytest.param("bookworm", "cgroupdriver=cgroupfs", "cgroup2-own-subtree", id="v2, cgroupfs, engine 20.10"),
    pytest.param("bookworm", "cgroupdriver=systemd", "cgroup2-own-slice", id="v2, systemd, engine 20.10"),
    pytest.param("bookworm", f"cgroupdriver=systemd {V1}", "cgroup1-own-slice", id="v1, systemd, engine 20.10"),
    pytest.param("forky", "cgroupdriver=systemd", "cgroup2-private", id="v2, systemd, engine 28"),
]


@contextlib.contextmanager
def cluster_in(suite: str, words: str, image: str, folder: Path) -> Iterator[tuple[Cluster, dict[str, Any]]]:
    archive = folder / "guest.tar"
    subprocess.run(["docker", "save", "-o", str(archive), image], check=True)
    with machine(suite, words, folder / "machine.log") as docker_host:
        sdk = docker.DockerClient(base_url=docker_host, timeout=900)
        with open(archive, "rb") as file:
            sdk.images.load(file)
        cluster = Cluster(sdk, folder / "cluster", NAME, SUBNET, image)
        cluster.directory.mkdir()
        cluster.instance(2)["docker_security_opts"] = ["no-new-privileges"]
        # an emulated machine is slow, and a busy host makes it slower
        yield cluster, {"docker_host": docker_host, "timeout": 300, "wait_timeout": 600, "limit": 1200}
        sdk.close()


@pytest.mark.parametrize(("suite", "words", "recipe"), ROWS)
def test_a_row_boots_and_gives_no_more_than_it_says(suite, words, recipe, guest_image, tmp_path):
    with cluster_in(suite, words, guest_image, tmp_path) as (cluster, host):
        result = cluster.converged(**host)
        assert result["recipe"]["id"] == recipe
        assert [(item["status"], item["failed_units"]) for item in result["instances"]] == [("running", [])] * 2
        assert not cluster.converged(**host)["changed"]
        for number in (1, 2):
            assert_only_its_own_is_writable(cluster, number)
        assert "NoNewPrivs:\t1" in cluster.sh("cat /proc/1/status", number=2)
        cluster.sh("echo precious > /root/data")
        cluster.converged(state="stopped", **host)
        again = cluster.converged(**host)
        assert [(item["status"], item["failed_units"]) for item in again["instances"]] == [("running", [])] * 2
        assert cluster.sh("cat /root/data") == "precious"
        cluster.converged(state="absent", **host)
        assert cluster.picture()[:2] == ([], [])


def assert_only_its_own_is_writable(cluster: Cluster, number: int) -> None:
    """In a private namespace the node's own part is all that there is; else it lies below its cgroup_parent."""
    writable = json.loads(cluster.get(number).exec_run(["python3", "-c", WRITABLE]).output)
    assert writable
    attrs = cluster.attrs(number)["HostConfig"]
    if attrs["CgroupnsMode"] == "private":
        binds = [bind for bind in attrs["Binds"] or [] if "/sys/fs/cgroup" in bind]
        assert (binds, attrs["CgroupParent"]) == ([], "")
        return
    own = group_of(attrs["CgroupParent"])
    assert len(own) > 1
    assert [path for path in writable if f"{own}/" not in f"{path}/"] == []


def test_every_proven_recipe_is_booted_by_a_test():
    """This machine's own row by every other test here."""
    booted = {row.values[2] for row in ROWS} | {"cgroup1-own-subtree"}
    assert {recipe.id for recipe in RECIPES if recipe.proven} <= booted
