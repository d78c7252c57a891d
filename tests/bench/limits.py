# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest takes about six inotify instances, and a kernel allows 128 for all of root's: raised while the bench runs."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Iterator

LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
ENOUGH = 1024


@contextlib.contextmanager
def raised_inotify() -> Iterator[str]:
    """Yields a remark for the report. The old value is put back unless somebody else has changed it meanwhile."""
    before = int(LIMIT.read_text())
    if before >= ENOUGH:
        yield f"fs.inotify.max_user_instances is {before}"
        return
    try:
        LIMIT.write_text(str(ENOUGH))
    except OSError:
        yield f"fs.inotify.max_user_instances is {before} and could not be raised: run as root for many nodes"
        return
    try:
        yield f"fs.inotify.max_user_instances was raised from {before} to {ENOUGH} for the run"
    finally:
        if int(LIMIT.read_text()) == ENOUGH:
            LIMIT.write_text(str(before))
