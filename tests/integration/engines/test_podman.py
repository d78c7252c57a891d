# SPDX-License-Identifier: GPL-3.0-or-later
"""The first ten minutes with Podman only: what docs/first-ten-minutes.md says of it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from ansible_collections.tpaexec.docker.tests.tools import packages

from . import engine
from .podman import PACKAGES, Podman

TOP = Path(__file__).resolve().parents[3]
NAME = "t-podman"


@pytest.fixture
def podman() -> Iterator[Podman]:
    if engine.why_not():
        pytest.skip(engine.why_not())
    try:
        packages.unpack(packages.own_suite(), PACKAGES)
    except packages.Unavailable as error:
        pytest.skip(str(error))
    with Podman("podman") as one:
        yield one


def tpaexec(podman: Podman, place: Path, *words: str) -> tuple[int, str]:
    environ = {**os.environ, "DOCKER_HOST": podman.docker_host, "NO_COLOR": "1"}
    done = subprocess.run(
        [str(TOP / "bin/tpaexec"), *words], cwd=place, env=environ, text=True, check=False, timeout=180,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert "Traceback" not in done.stdout, done.stdout
    return done.returncode, done.stdout


@pytest.mark.long
def test_nodes_boot_on_podman_and_a_warning_says_that_it_is_not_docker(podman, guest_image, tmp_path):
    archive = tmp_path / "guest.tar"
    subprocess.run(["docker", "save", "-o", str(archive), guest_image], check=True, timeout=120)
    subprocess.run(["docker", "-H", podman.docker_host, "load", "-i", str(archive)], check=True, timeout=120)
    archive.unlink()

    code, said = tpaexec(podman, tmp_path, "preflight")
    assert code == 0
    assert "ENGINE_NOT_DOCKER" in said

    assert tpaexec(podman, tmp_path, "configure", NAME, "--platform", "docker", "--os-image", guest_image)[0] == 0
    try:
        code, said = tpaexec(podman, tmp_path, "provision", NAME)
        assert code == 0, said
        assert "Podman 4" in said or "Podman 5" in said
        assert said.count(" running") == 3
        code, said = tpaexec(podman, tmp_path, "provision", NAME)
        assert code == 0, said
        assert "Nothing to change" in said
        code, said = tpaexec(podman, tmp_path, "ping", NAME)
        assert code == 0, said
        assert said.count("answers, Python 3") == 3
    finally:
        code, said = tpaexec(podman, tmp_path, "deprovision", NAME)
    assert code == 0, said
    assert tpaexec(podman, tmp_path, "deprovision", NAME)[0] == 0
