# SPDX-License-Identifier: GPL-3.0-or-later
"""Before there is a Swarm: what is refused then, and what an interrupted run leaves for the next."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest

from ansible_collections.tpaexec.docker.tests.integration.directory.conftest import tpaexec
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.clusters import Cluster, a_cluster, write_config
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.rig import Rig

HELPER = {"label": "tpaexec.docker.helper"}


@pytest.fixture
def cluster(apart: Rig, tmp_path: Path) -> Iterator[Cluster]:
    with a_cluster(apart, tmp_path / "kept", "t-int", "10.97.12") as made:
        yield made
    apart.leave_swarm()


def test_what_the_swarm_will_take_for_itself_is_refused_before_it_is_formed(cluster: Cluster, tmp_path: Path) -> None:
    cluster.subnet = "10.0.0"
    home = write_config(tmp_path / "t-int", cluster.words())
    for words in (("provision", home), ("provision", home, "--check"), ("preflight", home)):
        refused = tpaexec(*words, check=False)
        said = refused.stdout + refused.stderr
        assert refused.returncode, words
        assert "overlaps 10.0.0.0/24, which the Swarm takes for itself when it is formed" in said, words
    assert {cluster.rig.swarm_state(host) for host in cluster.rig.hosts} == {"inactive"}


KILLED = """
import os, sys
from ansible_collections.tpaexec.docker.plugins.module_utils._address import Address
from ansible_collections.tpaexec.docker.plugins.module_utils._client import connect
from ansible_collections.tpaexec.docker.plugins.module_utils._swarm.helper import PORTS, Helper
image, *sockets = sys.argv[1:]
for socket in sockets:
    helper = Helper(connect(Address(socket)), image)
    helper.start()
    helper.look(PORTS)
os.kill(os.getpid(), 9)
"""


def helpers(rig: Rig) -> int:
    return sum(len(rig.sdk(host).api.containers(all=True, filters=HELPER)) for host in rig.hosts)


def test_helpers_of_a_run_that_was_killed_are_in_nobodys_way(cluster: Cluster, tmp_path: Path) -> None:
    home, rig = write_config(tmp_path / "t-int", cluster.words()), cluster.rig
    command = [sys.executable, "-c", KILLED, rig.image, *map(rig.socket, rig.hosts)]
    assert subprocess.run(command, check=False, timeout=60).returncode == -signal.SIGKILL
    assert helpers(rig) == len(rig.hosts)
    done = tpaexec("provision", home)  # else SWARM_PORT_TAKEN
    assert "formed" in done.stdout or "Swarm of 3 hosts" in done.stdout
    assert helpers(rig) == 0
    subprocess.run(command, check=False, timeout=60)
    tpaexec("deprovision", home)
    assert helpers(rig) == 0
