# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's commands as a user calls them, and a clean daemon before and after."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator

import docker
import pytest

TOP = Path(__file__).resolve().parents[3]


def ansible(command: str, *words: Any, cwd: Path, check: bool = True, **environ: str) -> str:
    """What a command of the Ansible that runs the tests prints; it must succeed, and show no traceback."""
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "0",
        "ANSIBLE_HOST_KEY_CHECKING": "0",
        **environ,
    }
    argv = [str(Path(sys.executable).with_name(command)), *map(str, words)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=cwd, env=environment, timeout=240)
    said = f"{command} {words}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in said, said
    assert not check or done.returncode == 0, said
    return done.stdout if done.returncode == 0 else said


def remove_cluster(sdk: Any, name: str, *networks: str) -> None:
    """Everything that carries the cluster's name."""
    for container in sdk.containers.list(all=True, filters={"label": f"Cluster={name}"}):
        with contextlib.suppress(docker.errors.NotFound):
            container.remove(force=True, v=True)
    for network in sdk.networks.list(names=[name, *networks]):
        if network.name in (name, *networks):
            network.remove()


@pytest.fixture(scope="module")
def clean(sdk: Any, request: pytest.FixtureRequest) -> Iterator[None]:
    """Removes the clusters that a module lists in CLUSTERS, before and after."""
    for name in request.module.CLUSTERS:
        remove_cluster(sdk, name)
    yield
    for name in request.module.CLUSTERS:
        remove_cluster(sdk, name)
