# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/molecule.md, for anybody's role: its three files as they are printed there, and one scenario twice at once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import docker
import pytest
import yaml

TOP = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent
RUNS = ("t-mol-a", "t-mol-b")
CONVERGE = """---
- name: Converge
  hosts: frontend
  gather_facts: false
  tasks:
    - name: The other node is found by its name
      ansible.builtin.command: getent hosts {{ groups.database[0] }}
      changed_when: false
    - name: This is a booted system
      ansible.builtin.command: systemctl is-system-running
      changed_when: false
"""


@pytest.fixture
def scenario(tmp_path: Path, guest_image: str) -> Path:
    """A role's scenario from the blocks of the page; names, as it says, from the environment."""
    page = (TOP / "docs" / "molecule.md").read_text(encoding="utf-8")
    directory = tmp_path / "role" / "molecule" / "default"
    directory.mkdir(parents=True)
    blocks = re.findall(r"```yaml\n# (\w+\.yml)\n(.*?)```", page, re.DOTALL)
    assert [name for name, _text in blocks] == ["molecule.yml", "create.yml", "destroy.yml"]
    for name, text in blocks:
        (directory / name).write_text(text, encoding="utf-8")
    config = yaml.safe_load((directory / "molecule.yml").read_text(encoding="utf-8"))
    for platform in config["platforms"]:
        platform["name"] += "-${RUN:-1}"
        platform["image"] = guest_image
    config.update(prerun=False, scenario={"test_sequence": ["create", "converge", "destroy"]})
    (directory / "molecule.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (directory / "converge.yml").write_text(CONVERGE, encoding="utf-8")
    return directory.parents[1]


def test_one_scenario_twice_at_once(scenario: Path, tmp_path: Path, sdk: docker.DockerClient) -> None:
    """Neither hinders the other, and nothing is left of either."""
    started = {}
    for run in RUNS:
        environment = {**os.environ, "RUN": run, "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path / run)}
        environment["PATH"] = f"{BIN}:{os.environ['PATH']}"
        with (tmp_path / f"{run}.log").open("wb") as log:
            command = [BIN / "molecule", "test"]
            started[run] = subprocess.Popen(
                command, cwd=scenario, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
    codes = {run: process.wait(timeout=300) for run, process in started.items()}
    logs = "\n".join((tmp_path / f"{run}.log").read_text(errors="replace")[-4000:] for run in RUNS)
    assert codes == dict.fromkeys(RUNS, 0), logs
    names = [container.name for container in sdk.containers.list(all=True)]
    assert not [name for name in names if any(run in name for run in RUNS)]
