# SPDX-License-Identifier: GPL-3.0-or-later
"""One image from the engine that has it to engines that have not, through this process and without a file.

The archive is read once and handed on to all of them at once, a few chunks at a time. An engine untars all of it before
it takes anything in: where it breaks off, nothing stands behind the name.
"""

from __future__ import annotations

import queue
import threading
from typing import Any, Callable, Iterator, Mapping, Optional

from .._client import Daemon
from .._errors import DaemonError, PlatformError
from .._hosts import REPORT_IT
from .bundle import save
from .stream import load

AHEAD = 8  # chunks that the fastest engine may be ahead of the slowest
END = b""


class BrokenOff(Exception):
    """The archive ended too early; ends the request of an engine that is still reading."""


class _Reader:
    """One engine's end: what it has not read yet, and how it went."""

    def __init__(self, daemon: Daemon, name: str) -> None:
        self.daemon, self.name = daemon, name
        self.waiting: queue.Queue[Optional[bytes]] = queue.Queue(AHEAD)
        self.error: Optional[PlatformError] = None
        self.gone = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            load(self.daemon, self._chunks(), self.name)
        except PlatformError as error:
            self.error = error
        except Exception as error:  # pylint: disable=broad-except
            self.error = DaemonError(f"Loading {self.name} failed: {type(error).__name__}: {error}.", REPORT_IT)
        finally:
            self.gone.set()

    def _chunks(self) -> Iterator[bytes]:
        while True:
            chunk = self.waiting.get()
            if chunk is None:
                raise BrokenOff("the archive ended too early")
            if chunk == END:
                return
            yield chunk

    def give(self, chunk: Optional[bytes]) -> None:
        """Wait for room, but not for an engine that has given up."""
        while not self.gone.is_set():
            try:
                self.waiting.put(chunk, timeout=0.2)
                return
            except queue.Full:
                continue


def ship(
    source: Daemon,
    name: str,
    targets: Mapping[str, Daemon],
    tell: Callable[[str], Any] = lambda _words: None,
    read: Callable[[Daemon, list[str]], Iterator[bytes]] = save,
) -> dict[str, Optional[PlatformError]]:
    """Copy *name* to all *targets* at once; by target, None or why it failed. Raises when it cannot be read."""
    readers: dict[str, _Reader] = {}
    chunks = read(source, [name])
    readers = {host: _Reader(daemon, name) for host, daemon in targets.items()}
    last: Optional[bytes] = None
    try:
        sent = 0
        for chunk in filter(None, iter(lambda: source.guard(next, chunks, None), None)):
            for reader in readers.values():
                reader.give(chunk)
            sent += len(chunk)
            tell(f"ship: {sent / 1e6:.0f} MB")
            if all(reader.gone.is_set() for reader in readers.values()):
                break
        last = END
    finally:
        for reader in readers.values():
            reader.give(last)
        for reader in readers.values():
            reader.thread.join()
    return {host: reader.error for host, reader in readers.items()}
