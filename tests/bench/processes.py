# SPDX-License-Identifier: GPL-3.0-or-later
"""One command, timed: wall clock, CPU seconds of it and its children, peak memory; and the daemon's CPU meanwhile."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Optional, Sequence

PID_FILE = Path("/var/run/docker.pid")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Sample:
    """What one run cost. `daemon_cpu` is None where the daemon's processes are not on this machine."""

    seconds: float
    cpu: float
    peak_mib: float
    daemon_cpu: Optional[float]


class Failed(Exception):
    """A command that was to be measured failed; its output is the message."""


def daemon_cpu() -> Optional[float]:
    """CPU seconds so far of dockerd, of its containerd, and of the children that they waited for (runc)."""
    try:
        daemon = int(PID_FILE.read_text())
    except (OSError, ValueError):
        return None
    total, found = 0, False
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            name, _sep, rest = (folder / "stat").read_text().partition("(")[2].rpartition(")")
        except OSError:
            continue
        words = rest.split()
        # containerd is dockerd's child, or a service of its own
        if int(folder.name) == daemon or (name == "containerd" and int(words[1]) in (daemon, 1)):
            found = True
            total += sum(int(ticks) for ticks in words[11:15])
    return total / TICKS if found else None


def _inherited() -> dict[str, str]:
    """Ours, without what forbids Python to keep what it compiled: images for CI set it, the users' machines do not."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run(command: Sequence[str], environment: Optional[Mapping[str, str]] = None, cwd: Optional[str] = None) -> Sample:
    """Raises Failed. Output goes to a file: a full pipe would stop the clock's subject, a terminal slow it down."""
    before = daemon_cpu()
    with tempfile.TemporaryFile() as output:
        started = time.monotonic()
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**_inherited(), **(environment or {})},
            cwd=cwd,
        )
        _pid, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(0)
            said = output.read().decode("utf-8", "replace")[-6000:]
            raise Failed(f"{' '.join(map(str, command))} ended with {process.returncode}:\n{said}")
    after = daemon_cpu()
    return Sample(
        seconds=seconds,
        cpu=usage.ru_utime + usage.ru_stime,
        peak_mib=usage.ru_maxrss / 1024,
        daemon_cpu=None if before is None or after is None else after - before,
    )
