# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of this collection in a process of its own, as Ansible would, and reads its one JSON reply."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Sequence

MODULES = "ansible_collections.tpaexec.docker.plugins.modules"
FOREIGN = ("DOCKER_", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass
class Reply:
    """What the module returned, and how long it took."""

    result: dict[str, Any]
    seconds: float
    stderr: str = ""
    findings: dict[str, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self.findings = {item["id"]: item for item in self.result.get("findings") or []}

    @property
    def failed(self) -> bool:
        return bool(self.result.get("failed"))

    def severity(self, ident: str) -> str:
        """A finding's severity, or why there is none."""
        if ident in self.findings:
            return str(self.findings[ident]["severity"])
        checked = self.result.get("checked") or {}
        reason = (checked.get("not_run") or {}).get(ident)
        return f"not run: {reason}" if reason else "no finding" if ident in (checked.get("ran") or []) else "unknown id"


def run(
    module: str,
    arguments: Mapping[str, Any],
    *,
    prefix: Sequence[str] = (),
    environ: Optional[Mapping[str, str]] = None,
    check_mode: bool = False,
    limit: float = 60,
) -> Reply:
    """*prefix* comes before the interpreter (setpriv …); nothing of this process's DOCKER_* reaches the module."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(FOREIGN)}
    env.update({"PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONDONTWRITEBYTECODE": "1"})
    env.update(environ or {})
    order = {"ANSIBLE_MODULE_ARGS": {**arguments, "_ansible_check_mode": check_mode}}
    command = [*prefix, sys.executable, "-W", "ignore", "-m", f"{MODULES}.{module}"]
    started = time.monotonic()
    done = subprocess.run(
        command, input=json.dumps(order), capture_output=True, text=True, check=False, env=env, timeout=limit, cwd="/"
    )
    seconds = time.monotonic() - started
    try:
        result = json.loads(done.stdout)
    except ValueError:
        raise AssertionError(f"{module} printed no JSON:\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}") from None
    assert "Traceback" not in done.stdout + done.stderr, done.stderr or result
    return Reply(result, seconds, done.stderr)
