# SPDX-License-Identifier: GPL-3.0-or-later
"""The `ansible` command of the environment that runs the tests, with this collection."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from .runner import Reply


def environment() -> dict[str, str]:
    """Child processes import from where we do, and ansible finds the collection there."""
    top = Path(next(iter(importlib.import_module("ansible_collections.tpaexec.docker").__path__))).parents[2]
    plain = {"ANSIBLE_COLLECTIONS_PATH": str(top), "ANSIBLE_STDOUT_CALLBACK": "minimal", "ANSIBLE_NOCOLOR": "1"}
    return {**os.environ, **plain, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}


def command(module: str, words: str) -> list[str]:
    program = Path(sys.executable).with_name("ansible")
    return [str(program), "localhost", "-m", f"tpaexec.docker.{module}", "-a", words]


def call(module: str, words: str, *more: str) -> Reply:
    """The module's result, read from `localhost | SUCCESS => {…}`."""
    started = time.monotonic()
    line = [*command(module, words), *more]
    done = subprocess.run(line, env=environment(), capture_output=True, text=True, check=False, timeout=120, cwd="/")
    seconds = time.monotonic() - started
    text = done.stdout.partition(" => ")[2]
    assert text.startswith("{"), done.stdout + done.stderr
    result: dict[str, Any] = json.JSONDecoder().raw_decode(text)[0]
    return Reply({**result, "failed": done.returncode != 0}, seconds, done.stderr)
