# SPDX-License-Identifier: GPL-3.0-or-later
"""The harness itself: an engine is up in seconds, keeps out of the main one's way, and nothing of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.tpaexec.docker.tests.integration.engines import engine as harness
from ansible_collections.tpaexec.docker.tests.integration.engines.engine import Engine, base_dir, loop_disk
from ansible_collections.tpaexec.docker.tests.integration.engines.leftovers import sweep

pytestmark = pytest.mark.skipif(bool(harness.why_not()), reason=harness.why_not() or "-")

ENDLESS = """
import sys, time
from ansible_collections.tpaexec.docker.tests.integration.engines.engine import Engine, loop_disk
with loop_disk("t-kill-disk", 64, ["mkfs.ext4", "-q", "-F"]) as place, Engine("t-kill", data_root=place / "data"):
    print("up", flush=True)
    time.sleep(60)
"""


def traces(name: str) -> list[str]:
    """What an engine called *name* has on this machine."""
    found = [str(base_dir() / name)] if (base_dir() / name).exists() else []
    found += [line for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines() if f"/{name}" in line]
    found += [line for line in harness._ip("netns", "list").splitlines() if f"tpaexec-{name}" in line.split()]
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        found += [command] if f"{base_dir()}/{name}/" in command else []
    return found


def test_an_engine_comes_and_goes_without_a_trace(sdk):
    before = sdk.api.info()["ID"], harness._ip("-o", "link", "show", "type", "bridge")
    with Engine("t-harness", storage_driver="vfs") as engine:
        assert traces("t-harness")
        assert engine.docker("info", "--format", "{{.Driver}}").strip() == "vfs"
        assert engine.docker("info", "--format", "{{.ID}}").strip() != before[0]
        assert engine.docker("network", "ls", "-q", "--filter", "name=bridge").strip()
    assert traces("t-harness") == []
    assert (sdk.api.info()["ID"], harness._ip("-o", "link", "show", "type", "bridge")) == before


def test_an_engine_that_does_not_start_says_why_and_leaves_nothing():
    with (
        pytest.raises(harness.EngineFailed, match="no-such-driver"),
        Engine("t-broken", storage_driver="no-such-driver"),
    ):
        raise AssertionError("it started")
    assert traces("t-broken") == []


def test_a_killed_run_leaves_nothing_once_the_next_begins():
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, "-c", ENDLESS], env=env, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20  # what was killed takes a moment to end
    while time.monotonic() < deadline:
        sweep(base_dir())
        if not traces("t-kill"):
            break
        time.sleep(0.5)
    assert traces("t-kill") == []


def test_a_loop_disk_is_a_file_system_of_its_own():
    with loop_disk("t-disk", 64, ["mkfs.ext4", "-q", "-F"]) as place:
        assert os.path.ismount(place)
        assert os.statvfs(place).f_blocks * os.statvfs(place).f_frsize < 64 * 2**20
    assert traces("t-disk") == []
