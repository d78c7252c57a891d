# SPDX-License-Identifier: GPL-3.0-or-later
"""Helper containers by their label, and how those of a run that was killed are told from those of one that works."""

from __future__ import annotations

import contextlib
import os
from typing import Any, Mapping

from .._client import Daemon
from .._errors import DaemonError

LABEL = "tpaexec.docker.helper"
RUN_LABEL = "tpaexec.docker.helper.run"


def this_run() -> str:
    """Machine, boot, space of process numbers, process and its start: nobody else's, also after the number was given
    away again."""
    return " ".join((*_here(), str(os.getpid()), _began(os.getpid())))


def sweep(daemon: Daemon) -> None:
    """Remove what runs of this machine left that are no more. What other machines run is theirs."""
    with contextlib.suppress(DaemonError):  # whoever needs the daemon next says what is wrong with it
        for item in daemon.call("containers", all=True, filters={"label": [LABEL]}):
            if is_left(item):
                with contextlib.suppress(DaemonError):
                    daemon.call("remove_container", item["Id"], force=True, v=True)


def is_left(item: Mapping[str, Any]) -> bool:
    """It is of a run here that is no more. Of one in another container, or of one that we may not see, that cannot be
    known."""
    parts = str((item.get("Labels") or {}).get(RUN_LABEL) or "").split(" ")
    if tuple(parts[:2]) != _here() or "" in parts[:2] or not _began(1):
        return False
    return len(parts) == 4 and parts[2].isdigit() and _began(int(parts[2])) != parts[3]


def _here() -> tuple[str, str]:
    """The machine's boot, and the space of process numbers that this process is in."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return _read("/proc/sys/kernel/random/boot_id"), space


def _began(process: int) -> str:
    """Ticks since the machine's start, "" where there is no such process (proc(5), stat, field 22)."""
    return next(iter(_read(f"/proc/{process}/stat").rpartition(")")[2].split()[19:20]), "")


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
