# SPDX-License-Identifier: GPL-3.0-or-later
"""Killing a whole command, with every process that it started, and what must be true afterwards."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.tpaexec.docker.plugins.module_utils._directory.paths import TEMPORARY

TOP = Path(__file__).resolve().parents[3]
KEPT = {"id", "record.json", "lock", "last-run.json"}


def descendants(leader: int) -> list[int]:
    """The process and all below it, parents first; Ansible's workers have sessions of their own."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, ValueError, IndexError):
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(entry.name))
    found = [leader]
    for pid in found:
        found += children.get(pid, [])
    return found


def killed(words: list[Any], after: float) -> bool:
    """Start bin/tpaexec, and kill all of it after some seconds. False: it was done before."""
    environ = {**os.environ, "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])}
    with subprocess.Popen(
        [sys.executable, str(TOP / "bin" / "tpaexec"), *map(str, words)],
        env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        try:
            process.wait(after)
            return False
        except subprocess.TimeoutExpired:
            pass
        tree = descendants(process.pid)
        for pid in tree:
            os.kill(pid, signal.SIGSTOP)
        for pid in dict.fromkeys([*tree, *descendants(process.pid)]):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
    time.sleep(0.1)
    return True


def assert_files_are_whole(directory: Path) -> None:
    """Right after a kill: what has a generated file's name is one, from its beginning to its end."""
    for path in directory.rglob("*"):
        if not path.is_file() or TEMPORARY in path.name or path.parent.name == ".tpaexec-docker":
            continue
        text = path.read_text()
        assert text.endswith("\n") or path.name == "vault_pass.txt", path
        if path.suffix == ".yml":
            assert isinstance(yaml.safe_load(text), dict), path
        if path.name.startswith(("id_", "ssh_host_")) and path.suffix != ".pub":
            assert text.startswith("-----BEGIN"), path
            assert text.rstrip().endswith("-----"), path


def assert_no_orphans(sdk: Any, directory: Path, name: str, nodes: set[str]) -> None:
    """The cluster's nodes, its one network, and no file that only a run in between could want."""
    containers = sdk.containers.list(all=True, filters={"label": f"Cluster={name}"})
    assert {one.name for one in containers} == nodes
    networks = sdk.networks.list(filters={"label": f"Cluster={name}"})
    assert [one.name for one in networks] == ([name] if nodes else [])
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert not [path for path in files if TEMPORARY in path.name]
    kept = {path.name for path in files if path.parent.name == ".tpaexec-docker"}
    assert kept <= KEPT
