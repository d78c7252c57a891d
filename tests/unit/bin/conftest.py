# SPDX-License-Identifier: GPL-3.0-or-later
"""The command: its package made importable, and a copy of it whose Ansible only tells how it was called."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "bin"))

TELLER = f"""#!{sys.executable}
import json, os, sys
with open(os.environ["TOLD"], "w") as told:
    json.dump({{"argv": sys.argv, "env": dict(os.environ), "cwd": os.getcwd()}}, told)
sys.exit(int(os.environ.get("TELL_EXIT", "0")))
"""


class Command:
    """A checkout in a temporary place: the real command, and tellers in the place of Ansible."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.top = base / "check out"
        shutil.copytree(TOP / "bin", self.top / "bin", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(TOP / "playbooks" / "files", self.top / "playbooks" / "files")
        shutil.copy(TOP / "galaxy.yml", self.top)
        self.bin = self.top / ".venv" / "bin"
        self.bin.mkdir(parents=True)
        for name in ("ansible", "ansible-playbook"):
            write_teller(self.bin / name)
        self.env = {"PATH": os.environ["PATH"], "HOME": str(base), "TOLD": str(base / "told.json")}

    def run(self, *argv: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
        (self.base / "told.json").unlink(missing_ok=True)
        command = [sys.executable, "-IS", str(self.top / "bin" / "tpaexec"), *argv]  # as bin/tpaexec's shell starts it
        return subprocess.run(
            command,
            cwd=cwd or self.base,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @property
    def told(self) -> dict:
        return json.loads((self.base / "told.json").read_text())

    @property
    def started(self) -> bool:
        return (self.base / "told.json").exists()

    def cluster(self, name: str, *files: str) -> Path:
        directory = self.base / name
        directory.mkdir()
        for file in files:
            (directory / file).parent.mkdir(parents=True, exist_ok=True)
            (directory / file).write_text("")
        return directory


def write_teller(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(TELLER)
    path.chmod(0o755)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path)
