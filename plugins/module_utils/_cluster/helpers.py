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
    """Machine, boot, process and its start: nobody else's, also after the number was given away again."""
    return " ".join((_read("/proc/sys/kernel/random/boot_id"), str(os.getpid()), _began(os.getpid())))


def sweep(daemon: Daemon) -> None:
    """Remove what runs of this machine left that are no more. What other machines run is theirs."""
    with contextlib.suppress(DaemonError):  # whoever needs the daemon next says what is wrong with it
        for item in daemon.call("containers", all=True, filters={"label": [LABEL]}):
            if is_left(item):
                with contextlib.suppress(DaemonError):
                    daemon.call("remove_container", item["Id"], force=True, v=True)


def is_left(item: Mapping[str, Any]) -> bool:
    boot, _blank, process = str((item.get("Labels") or {}).get(RUN_LABEL) or "").partition(" ")
    number, _blank, began = process.partition(" ")
    here = bool(boot) and boot == _read("/proc/sys/kernel/random/boot_id")
    return here and number.isdigit() and _began(int(number)) != began


def _began(process: int) -> str:
    """Ticks since the machine's start, "" where there is no such process (proc(5), stat, field 22)."""
    return next(iter(_read(f"/proc/{process}/stat").rpartition(")")[2].split()[19:20]), "")


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""
