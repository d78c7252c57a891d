# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that the daemon runs in a container (`docker exec`): what it says and is fed, over any kind of line.

The SDK reads the connection beneath the buffer of its HTTP library, which may hold the first lines already
(docker/docker-py#3332): they were lost. An answer of 101 keeps the connection open to its end, also over ssh, where any
other would be cut when its head has been read. Nothing is written without reading too: a command that prints before it
has read all, or ends before, would wait for us as we for it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import ssl
import time
from itertools import chain
from typing import Any, Iterable, Iterator, Optional

CHUNK = 1 << 16
STDOUT, STDERR = 1, 2
# A host that is gone is noticed in a minute: by probes where all is silent, by the last (ms) while data is on its way.
KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 60_000}
FEEDING = 300_000  # ms, in place of the last, while more is to be sent: whoever reads may pause (a disk that is busy)
NOT_NOW = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError, socket.timeout)
ENDED = (BrokenPipeError, ConnectionResetError)


class Talk:
    """An exec that was started. *api*: the SDK's client. *timeout*: seconds for the daemon's answer."""

    def __init__(self, api: Any, exec_id: str, timeout: float) -> None:
        url, words = api._url("/exec/{0}/start", exec_id), {"Detach": False, "Tty": False}
        upgrade = {"Connection": "Upgrade", "Upgrade": "tcp"}
        self._response = api._post_json(url, headers=upgrade, data=words, stream=True, timeout=timeout)
        try:
            api._raise_for_status(self._response)
            self._line = _line_of(self._response)
        except BaseException:
            self._response.close()
            raise
        self._got, self._over = bytearray(self._line.first), False
        self._input: Iterator[bytes] = iter(())
        self._piece = memoryview(b"")

    def feed(self, pieces: Iterable[bytes]) -> None:
        """More for the command's standard input; goes out while its output is awaited. The input stays open: TLS cannot
        close one direction alone."""
        self._input = chain(self._input, pieces)

    def frames(self, seconds: Optional[float] = None) -> Iterator[tuple[int, bytes]]:
        """(STDOUT or STDERR, data) in the order in which it came, until the command has closed both.

        *seconds* that each may be awaited (TimeoutError); None: for ever, as long as the other side is there.
        """
        until = seconds and time.monotonic() + seconds
        while True:
            frame = cut_frame(self._got)
            if frame:
                yield frame
                until = seconds and time.monotonic() + seconds
            elif self._over:
                if self._got:
                    raise ConnectionResetError(errno.ECONNRESET, "the connection was cut in the middle of the output")
                return
            elif not self._move():
                left = None if until is None else until - time.monotonic()
                if left is not None and left <= 0:
                    raise TimeoutError("timed out")
                self._line.wait(bool(self._next_piece()), left)

    def _move(self) -> bool:
        """Read or write what can be at once; False: nothing."""
        try:
            data = self._line.receive()
        except NOT_NOW as error:
            if error.errno == errno.ETIMEDOUT:  # the kernel has given the other side up
                raise
            data = None
        if data is not None:
            self._got += data
            self._over = not data
            return True
        piece = self._next_piece()
        if not piece:
            return False
        try:
            sent = self._line.send(piece)
        except NOT_NOW as error:
            if error.errno == errno.ETIMEDOUT:
                raise
            return False
        except ENDED:  # it ended without reading it all, and says why itself
            sent, self._input = len(piece), iter(())
        self._piece = piece[sent:]
        return sent > 0

    def _next_piece(self) -> memoryview:
        while not self._piece:
            data = next(self._input, None)
            if data is None:
                break
            self._piece = memoryview(data)
        return self._piece

    def close(self) -> None:
        self._response.close()

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def cut_frame(got: bytearray) -> Optional[tuple[int, bytes]]:
    """Take one of the engine's frames out of what came: a stream's number, three zeros, the length in four bytes, the
    data (API reference, ContainerAttach). None: it is not whole yet."""
    while len(got) >= 8:
        end = 8 + int.from_bytes(got[4:8], "big")
        if len(got) < end:
            return None
        stream, data = got[0], bytes(got[8:end])
        del got[:end]
        if data:
            return stream, data
    return None


def _line_of(response: Any) -> Any:
    raw = response.raw
    if response.status_code != 101 or raw._connection is None:
        return _Answer(response.content)
    line, output = raw._connection.sock, raw._fp.fp
    if hasattr(line, "get_transport"):
        return _Channel(line, output)
    return _Pipes(line.proc, output) if hasattr(line, "proc") else _Socket(line, output)


class _Answer:
    """A daemon that keeps no connection open: the whole output at once, and no input."""

    def __init__(self, body: bytes) -> None:
        self.first = body

    def receive(self) -> bytes:
        return b""

    def send(self, _data: memoryview) -> int:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))

    def wait(self, _write: bool, _seconds: Optional[float]) -> None:
        """There is nothing to wait for."""


class _Socket:
    """A unix socket, TCP, TLS. *output*: the HTTP library's reader of it, in whose buffer the first lines may be."""

    def __init__(self, line: Any, output: Any) -> None:
        self.line, self._feeding = line, False
        line.setblocking(False)
        _keep_alive(line)
        self.first = b""
        with contextlib.suppress(*NOT_NOW):
            self.first = output.peek()

    def receive(self) -> Optional[bytes]:
        data: bytes = self.line.recv(CHUNK)
        return data

    def send(self, data: memoryview) -> int:
        return int(self.line.send(data))

    def wait(self, write: bool, seconds: Optional[float]) -> None:
        if write != self._feeding:
            self._feeding = write
            _keep_alive(self.line, **({"TCP_USER_TIMEOUT": FEEDING} if write else {}))
        _wait(self.line.fileno(), self.line.fileno() if write else None, seconds)


class _Channel:
    """paramiko. Whether it takes data cannot be waited for, only asked. Its `fileno` is of no use: that pipe is written
    to by the connection's thread after `close` (paramiko/pipe.py), which ends the connection or strikes another file.
    """

    LOOK = 0.02  # seconds between two looks

    def __init__(self, line: Any, output: Any) -> None:
        self.line = line
        line.settimeout(0)
        _keep_alive(line.get_transport().sock)
        self.first = bytes(output._rbuffer)
        self._came: Optional[bytes] = None

    def receive(self) -> Optional[bytes]:
        data, self._came = self._came, None
        if data is None:
            data = self.line.recv(CHUNK)
        return data

    def send(self, data: memoryview) -> int:
        if self.line.closed or self.line.eof_received:
            raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))
        return int(self.line.send(bytes(data[:CHUNK])))

    def wait(self, write: bool, seconds: Optional[float]) -> None:
        look = self.LOOK if seconds is None else min(self.LOOK, seconds)
        self.line.settimeout(look if write else seconds)
        with contextlib.suppress(*NOT_NOW):
            self._came = self.line.recv(CHUNK)
        self.line.settimeout(0)


class _Pipes:
    """The system's ssh, a process."""

    def __init__(self, process: Any, output: Any) -> None:
        self.reads, self.writes = process.stdout.fileno(), process.stdin.fileno()
        for number in (self.reads, self.writes):
            os.set_blocking(number, False)
        self.first = output.peek()

    def receive(self) -> Optional[bytes]:
        return os.read(self.reads, CHUNK)

    def send(self, data: memoryview) -> int:
        return os.write(self.writes, data[:CHUNK])

    def wait(self, write: bool, seconds: Optional[float]) -> None:
        _wait(self.reads, self.writes if write else None, seconds)


def _wait(reads: int, writes: Optional[int], seconds: Optional[float]) -> None:
    poll = select.poll()
    poll.register(reads, select.POLLIN)
    if writes is not None:
        poll.register(writes, select.POLLOUT if writes != reads else select.POLLIN | select.POLLOUT)
    poll.poll(None if seconds is None else max(1, int(seconds * 1000)))


def _keep_alive(line: Any, **otherwise: int) -> None:
    with contextlib.suppress(OSError, AttributeError):  # no TCP, or not of Linux
        if line.family in (socket.AF_INET, socket.AF_INET6):
            line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in {**KEEPALIVE, **otherwise}.items():
                line.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
