# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps of a cluster seen while they happen: live lines on a terminal, one line a node in a log.

Threads of a module's body report steps. What is written goes through Ansible's display, which works from a worker too.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import threading
from types import FrameType
from typing import Any, Callable, Iterator, Optional

from ansible import constants as C

# Seen in the process that forks the workers: a worker has no terminal of its own.
TERMINAL = sys.stdout.isatty()
INDENT = " " * 9
LEAST = 16  # of a name are always seen
# The step after which nothing more is to be expected of a node, and how both are called.
LAST = "boot"
SHORT = ("network ", "volume ", "image ")  # of these one step is all
WORDS = {"boot": "ready", "create": "created", "start": "started", "stop": "stopped", "remove": "removed"}
WORDS.update({"pull": "pulled", "load": "loaded", "build": "built", "bootstrap": "bootstrapped"})

Write = Callable[[str], None]


class Progress:
    """The lines so far. `step` may be called from many threads."""

    def __init__(self, write: Write, live: bool, width: int = 100, height: int = 24) -> None:
        self._write = write
        self._live = live
        self._width = width
        self._height = height
        self._lock = threading.RLock()
        self._writing = False
        self._end: Optional[Callable[[], None]] = None
        self._done: dict[str, list[str]] = {}
        self._now: dict[str, str] = {}
        self._drawn = 0

    def step(self, target: str, step: str, seconds: Optional[float]) -> None:
        """A step begins (no seconds) or has ended."""
        with self._whole():
            done = self._done.setdefault(target, [])
            if seconds is None:
                self._now[target] = step
            else:
                self._now.pop(target, None)
                done.append(f"{WORDS.get(step, step)} {seconds:.1f} s")
            if self._live and len(self._done) < self._height:
                self._draw()
            elif seconds is not None and (step == LAST or target.startswith(SHORT)):
                self._write(self._line(target) + "\n")
                done.clear()

    @contextlib.contextmanager
    def _whole(self) -> Iterator[None]:
        """One writer at a time; an end that was asked for meanwhile comes after the line."""
        with self._lock:
            self._writing = True
            try:
                yield
            finally:
                self._writing = False
        if self._end is not None and threading.current_thread() is threading.main_thread():
            self._end()

    def end_with(self, end: Callable[[], None]) -> None:
        """Call *end*, which ends this process, when no line is half written. From a signal's handler.

        A worker that dies while it writes to Ansible's queue keeps the queue's lock: Ansible would wait for ever.
        """
        # Never given back: nobody else is to write any more.
        self._lock.acquire(timeout=5)  # pylint: disable=consider-using-with
        if self._writing:  # it is this very thread that the signal came upon
            self._end = end
            self._lock.release()
            return
        end()

    def finish(self) -> None:
        """Nothing more comes: what a log has not been told is said now."""
        with self._whole():
            for target, step in self._now.items():
                self._done[target].append(f"{step} failed")
            broken, self._now = bool(self._now), {}
            if self._drawn and broken:
                self._draw()
            elif not self._drawn:
                for target, done in self._done.items():
                    if done:
                        self._write(self._line(target) + "\n")

    def _line(self, target: str, limit: int = 0) -> str:
        """One target's line. On a narrow terminal its name gives way: how far it is stays readable."""
        width = max(len(name) for name in self._done)
        parts = list(self._done[target])
        if target in self._now:
            parts.append(f"{self._now[target]} …")
        told = ", ".join(parts)
        room = max(limit - len(INDENT) - 2 - len(told), LEAST) if limit else width
        if room < width:
            width = room
            target = target if len(target) <= room else f"{target[: room - 1]}…"
        line = f"{INDENT}{target:<{width}}  {told}"
        return line[:limit] if limit else line

    def _draw(self) -> None:
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        lines = [self._line(target, self._width - 1) for target in self._done]
        self._drawn = len(lines)
        self._write(up + "".join(f"\r{line}\x1b[K\n" for line in lines))


def of_display(display: Any) -> Optional[Progress]:
    """A Progress for the command's own output; None for another output, when quiet, and for a form for machines."""
    if C.DEFAULT_STDOUT_CALLBACK != "tpaexec.docker.tpaexec":
        return None
    if os.environ.get("TPAEXEC_DOCKER_FORMAT", "table") != "table" or os.environ.get("TPAEXEC_DOCKER_QUIET") == "True":
        return None

    def write(text: str) -> None:
        display.display(text, screen_only=TERMINAL, newline=False)

    size = shutil.get_terminal_size()
    return Progress(write, TERMINAL, size.columns, size.lines)


@contextlib.contextmanager
def ends_between_lines(progress: Optional[Progress]) -> Iterator[None]:
    """A Ctrl-C or a SIGTERM in here does what it did before, but not while a line is being written."""
    if progress is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    lines = progress
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(number: int, frame: Optional[FrameType]) -> None:
        lines.end_with(lambda: _as_before(number, frame))

    def _as_before(number: int, frame: Optional[FrameType]) -> None:
        handler = before[signal.Signals(number)]
        if callable(handler):
            handler(number, frame)
        else:
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
            os.kill(os.getpid(), number)

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
