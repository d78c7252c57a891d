# SPDX-License-Identifier: GPL-3.0-or-later
"""A folder to make an image in: one maker at a time for one name, and a folder that a killed run left is cleared."""

from __future__ import annotations

import errno
import fcntl
import glob
import os
import re
import shutil
import signal
import sqlite3
import tempfile
import threading
import time
from contextlib import contextmanager
from typing import Any, Iterator

from .._errors import PlatformError

NO_ROOM = (
    "The disk is full: make room, or take another place: TMPDIR=/a/larger/place before the command, `work_dir` in a "
    "playbook's `bootstrap`."
)
ELSEWHERE = "name another place: TMPDIR=/another/place before the command, or `work_dir`."
FULL = r"No space left|more space needed|disk is full"  # libc's, rpm's and SQLite's words


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
            f"No image can be made in {home}: {error.strerror}.", f"Mend that, or {ELSEWHERE}"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        remove(folder)
        os.mkdir(folder, 0o711)  # other user ids work in it, of apt's and of a user namespace: by name
        yield folder
    finally:
        remove(folder)
        os.close(lock)


@contextmanager
def room(image: str) -> Iterator[None]:
    """What this process itself cannot write for want of room is said as plainly as what a tool cannot."""
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        full = "disk is full" in str(error) or getattr(error, "errno", 0) in (errno.ENOSPC, errno.EDQUOT)
        if not full:
            raise
        said = getattr(error, "strerror", None) or error
        raise PlatformError(f"Bootstrapping {image} failed: {said}.", NO_ROOM) from error


def remove(folder: str) -> None:
    """The folder, though something that is about to end may still write there; never what is mounted in it."""
    inside = mounts_in(folder)
    if inside:
        raise PlatformError(
            f"A killed bootstrap left {inside[0]} mounted.", f"Unmount it: sudo umount {' '.join(inside)}"
        )
    for _again in range(5):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):
            return
        time.sleep(0.2)


def mounts_in(folder: str, table: str = "/proc/self/mounts") -> list[str]:
    """Mount points below the folder, the innermost first."""
    try:
        with open(table, encoding="utf-8", errors="replace") as handle:
            places = [line.split()[1] for line in handle if len(line.split()) > 1]
    except OSError:
        return []
    return sorted((place for place in places if place.startswith(f"{folder}/")), reverse=True)


def check_own(path: str) -> None:
    """In a shared temporary directory, somebody else may have made the folder first."""
    seen = os.lstat(path)
    if seen.st_uid != os.geteuid() or not os.path.isdir(path) or os.path.islink(path):
        raise PlatformError(f"{path} belongs to another user.", f"Remove it, or {ELSEWHERE}")


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
    end(descendants(os.getpid()))
    raise SystemExit(128 + number)


def descendants(process: int) -> list[int]:
    """Every process below this one."""
    found = []
    for path in glob.glob(f"/proc/{process}/task/*/children"):
        try:
            with open(path, encoding="ascii") as handle:
                found += [int(word) for word in handle.read().split()]
        except OSError:
            continue
    return found + [below for child in found for below in descendants(child)]


def end(processes: list[int], patience: float = 3) -> None:
    """SIGTERM to all, a moment to clean up, and SIGKILL to what is left of them; back when they are gone.

    A parent is killed before its children: one whose child ends first may start the next.
    """
    signal_all(processes, signal.SIGTERM)
    wait_gone(processes, patience)
    left = [below for process in processes for below in (process, *descendants(process))]
    signal_all(left, signal.SIGKILL)
    wait_gone(left, patience)


def wait_gone(processes: list[int], patience: float) -> None:
    """Until none of them runs, for *patience* seconds at the most: a signal's work is done after `kill` returns."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and any(alive(process) for process in processes):
        time.sleep(0.02)


def signal_all(processes: list[int], number: int) -> None:
    for process in processes:
        try:
            os.kill(process, number)
        except OSError:
            continue


def alive(process: int) -> bool:
    """It runs; one that has ended and was not waited for does not count."""
    try:
        with open(f"/proc/{process}/stat", encoding="ascii", errors="replace") as handle:
            return handle.read().rpartition(")")[2].split()[0] not in "ZX"
    except (OSError, IndexError):
        return False
