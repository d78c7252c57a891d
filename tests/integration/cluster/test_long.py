# SPDX-License-Identifier: GPL-3.0-or-later
"""What takes long: many boots at once, and daemons that are killed. `make test-long` runs it; the numbers can be set
lower by hand to try it."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from ansible_collections.tpaexec.docker.tests.integration.engines import engine as harness
from ansible_collections.tpaexec.docker.tests.integration.engines.engine import Engine, ram_disk

from .conftest import Cluster, a_cluster
from .kills import assert_no_orphans

pytestmark = pytest.mark.long
ROUNDS = int(os.environ.get("TPAEXEC_TEST_BOOT_ROUNDS", "30"))
DAEMON_KILLS = int(os.environ.get("TPAEXEC_TEST_DAEMON_KILLS", "20"))
NODES = 16
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")


@pytest.fixture
def room_for_boots() -> Iterator[None]:
    """A guest takes about six inotify instances, and the usual limit is 128."""
    before = INOTIFY.read_text()
    if int(before) < 1024:
        if os.geteuid():
            pytest.skip("fs.inotify.max_user_instances is too low, and raising it needs root")
        INOTIFY.write_text("1024")
    yield
    if INOTIFY.read_text() != before:
        INOTIFY.write_text(before)


def test_simultaneous_boots_do_not_race(sdk, guest_image, tmp_path_factory, room_for_boots):
    """Every round all nodes boot at once from nothing: to `running`, without one failed unit."""
    with a_cluster(sdk, tmp_path_factory, "t-clu-race", "10.48.7", guest_image, count=NODES) as cluster:
        cluster.config["networks"][0]["ipam_config"] = [{"subnet": "10.48.7.0/24"}]
        seconds = []
        for number in range(ROUNDS):
            started = time.monotonic()
            result = cluster.converged(parallel=NODES, wait_timeout=200, **({"recreate": ["all"]} if number else {}))
            seconds.append(time.monotonic() - started)
            bad = {
                item["name"]: (item["status"], item["failed_units"])
                for item in result["instances"]
                if item["status"] != "running" or item["failed_units"]
            }
            assert bad == {}, f"round {number + 1}"
        print(f"{ROUNDS} rounds of {NODES} nodes, no failed unit; {min(seconds):.1f} to {max(seconds):.1f} s a round")


@pytest.fixture
def engine(guest_image, tmp_path_factory) -> Iterator[Engine]:
    archive = tmp_path_factory.mktemp("image") / "guest.tar"
    subprocess.run(["docker", "save", "-o", str(archive), guest_image], check=True)
    with ram_disk("t-cluk-disk", 3072) as place, Engine("t-cluk", data_root=place / "data") as made:
        made.load(archive)
        yield made


class PowerFailure(threading.Timer):
    """dockerd, containerd and all containers end at once, some time from now."""

    def __init__(self, engine: Engine, delay: float) -> None:
        assert engine.process is not None
        super().__init__(delay, engine.process.send_signal, [signal.SIGKILL])
        self.engine = engine
        self.start()

    def over(self) -> None:
        """The daemon is started again; not by the timer, with whose thread it would end."""
        self.join()
        assert self.engine.process is not None
        self.engine.process.wait()
        self.engine.process = self.engine._spawn()
        self.engine._await()


@pytest.mark.skipif(bool(harness.why_not()), reason=harness.why_not() or "-")
def test_a_daemon_that_is_killed_loses_nothing(engine, guest_image, tmp_path_factory):
    """The daemon ends in the middle of a run, or of a recreation; data of a node that is not recreated stays."""
    sdk = docker.DockerClient(base_url=engine.docker_host)
    cluster = Cluster(sdk, tmp_path_factory.mktemp("cluster"), "t-clu-pow", "10.48.8", guest_image)
    seed = random.randrange(10**6)
    moments = random.Random(seed)
    host = {"docker_host": engine.docker_host, "timeout": 20, "wait_timeout": 60}
    started = time.monotonic()
    cluster.converged(**host)
    whole = time.monotonic() - started
    print(f"seed {seed}, a run takes {whole:.1f} s")
    cluster.sh("echo precious > /root/data && sync")
    for number in range(DAEMON_KILLS):
        if number % 2:
            with contextlib.suppress(docker.errors.NotFound):
                cluster.get(2).remove(force=True)
        outage = PowerFailure(engine, whole * (0.1 + 0.9 * moments.random()))
        cluster.run(**host, **({} if number % 2 else {"recreate": [cluster.nodes[1]]}))
        outage.over()
        result = cluster.converged(**host)
        assert {item["status"] for item in result["instances"]} <= {"running", "degraded"}
        assert cluster.sh("cat /root/data") == "precious"
        assert_no_orphans(sdk, cluster.directory, cluster.name, set(cluster.nodes))
    sdk.close()
