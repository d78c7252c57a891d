# SPDX-License-Identifier: GPL-3.0-or-later
"""`molecule test -s several_hosts`: PostgreSQL streams between hosts, and the primary's host is lost and comes back."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import docker
import pytest

from ansible_collections.tpaexec.docker.tests.integration.several_hosts.rig import why_not

TOP = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent


@pytest.mark.long
@pytest.mark.skipif(bool(why_not()), reason=why_not())
def test_the_scenario_of_several_hosts(tmp_path: Path, guest_image: str, sdk: docker.DockerClient) -> None:
    environment = {
        **os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "TPAEXEC_TEST_IMAGE": guest_image,
        "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path),
    }  # fmt: skip
    done = subprocess.run(
        [BIN / "molecule", "test", "-s", "several_hosts"], cwd=TOP, env=environment, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, timeout=900,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    said = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    for step in ("create", "converge", "side_effect", "verify", "destroy"):
        assert f"several_hosts ➜ {step}: Executed: Successful" in said, said[-6000:]
    assert not (tmp_path / "rig.json").exists()
    assert not sdk.images.list(name="tpaexec-molecule/postgres")
