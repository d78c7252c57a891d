# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder to make an image in: one maker at a time for one name, and a folder that a killed run left is cleared."""

from __future__ import annotations

import fcntl
import glob
import os
import re
import shutil
import signal
import tempfile
import threading
import time
from contextlib import contextmanager
from typing import Any, Iterator

from .._errors import PlatformError


@contextmanager
def locked(image: str, parent: str = "") -> Iterator[str]:
    """An empty folder for making *image*; whoever comes second waits. Gone afterwards."""
    home = os.path.join(parent or tempfile.gettempdir(), f"tpaexec-images-{os.geteuid()}")
    folder = os.path.join(home, re.sub(r"[^A-Za-z0-9_.-]", "_", image))
    try:
        os.makedirs(home, mode=0o755, exist_ok=True)
        check_own(home)
        lock = os.open(folder + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise PlatformError(
            f"No image can be made in {home}: {error.strerror}.", "Give `work_dir` a directory that can be written."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder, 0o755)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def check_own(path: str) -> None:
    """In a shared temporary directory, somebody else may have made the folder first."""
    seen = os.lstat(path)
    if seen.st_uid != os.geteuid() or not os.path.isdir(path) or os.path.islink(path):
        raise PlatformError(f"{path} belongs to another user.", "Remove it, or give `work_dir` another directory.")


@contextmanager
def terminable() -> Iterator[None]:
    """Within the block, SIGTERM unwinds the stack as an interrupt does: nothing is left over. Main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _stop(number: int, frame: Any) -> None:
    """What was started to make an image ends first: it would go on writing."""
    for child in children():
        end(child)
    raise SystemExit(128 + number)


def children() -> list[int]:
    """Processes that this one started and that have not ended."""
    found = []
    for path in glob.glob("/proc/self/task/*/children"):
        with open(path, encoding="ascii") as handle:
            found += [int(word) for word in handle.read().split()]
    return found


def end(child: int, patience: float = 10) -> None:
    """SIGTERM, and SIGKILL to what does not heed it."""
    deadline = time.monotonic() + patience
    try:
        os.kill(child, signal.SIGTERM)
        while os.waitpid(child, os.WNOHANG)[0] == 0:
            if time.monotonic() > deadline:
                os.kill(child, signal.SIGKILL)
            time.sleep(0.05)
    except (ProcessLookupError, ChildProcessError):
        return
