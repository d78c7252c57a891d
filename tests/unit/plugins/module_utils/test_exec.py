# SPDX-License-Identifier: GPL-3.0-or-later
"""The stream of an exec over a real socket; other kinds of lines: integration/several_hosts/test_connection.py."""

from __future__ import annotations

import socket
import threading
from types import SimpleNamespace
from typing import Any, Callable, Iterator

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils import _exec
from ansible_collections.tpaexec.docker.plugins.module_utils._exec import STDERR, STDOUT, Talk, cut_frame

OUT, ERR = b"\x01\0\0\0\0\0\0\x06hello\n", b"\x02\0\0\0\0\0\0\x04oops"


def framed(stream: int, data: bytes) -> bytes:
    return bytes((stream, 0, 0, 0)) + len(data).to_bytes(4, "big") + data


@pytest.mark.parametrize(
    ("body", "expected", "left"),
    [
        (b"", [], b""),
        (OUT + ERR, [(STDOUT, b"hello\n"), (STDERR, b"oops")], b""),
        (b"\x01\0\0\0\0\0\0\0" + OUT, [(STDOUT, b"hello\n")], b""),
        (OUT + ERR[:-2], [(STDOUT, b"hello\n")], ERR[:-2]),
        (OUT + ERR[:5], [(STDOUT, b"hello\n")], ERR[:5]),
        (framed(1, b"x" * 65536), [(STDOUT, b"x" * 65536)], b""),
    ],
)
def test_frames(body: bytes, expected: list[Any], left: bytes) -> None:
    got, found = bytearray(body), []
    while frame := cut_frame(got):
        found.append(frame)
    assert (found, bytes(got)) == (expected, left)


class Api:
    """The SDK's client, whose daemon is at the other end of a socket."""

    def __init__(self, status: int = 101, body: bytes = b"") -> None:
        self.near, self.far = socket.socketpair()
        self.status, self.body, self.closed = status, body, False

    def _url(self, path: str, *words: str) -> str:
        return path.format(*words)

    def _post_json(self, url: str, **_how: Any) -> Any:
        assert url == "/exec/e1/start"
        raw = SimpleNamespace(
            _connection=SimpleNamespace(sock=self.near), _fp=SimpleNamespace(fp=self.near.makefile("rb"))
        )
        return SimpleNamespace(raw=raw, status_code=self.status, content=self.body, close=self.close)

    def _raise_for_status(self, response: Any) -> None:
        if response.status_code >= 400:
            raise ValueError(response.status_code)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def engine() -> Iterator[Callable[..., Any]]:
    """Starts an exec, whose command is a function of the daemon's end of the line."""
    threads, apis = [], []

    def start(command: Callable[[socket.socket], None]) -> Talk:
        api = Api()
        threads.append(threading.Thread(target=command, args=(api.far,), daemon=True))
        threads[-1].start()
        apis.append(api)
        return Talk(api, "e1", 5)

    yield start
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    for api in apis:
        api.near.close()
        api.far.close()


def taken(line: socket.socket, size: int) -> bytes:
    found = bytearray()
    while len(found) < size and (data := line.recv(size - len(found))):
        found += data
    return bytes(found)


def test_output_that_came_with_the_head_is_there() -> None:
    api = Api()
    api.far.sendall(OUT + ERR)
    reader = api.near.makefile("rb")
    reader.peek()  # as the HTTP library does when it looks for the head's end
    api._post_json = lambda _url, **_how: SimpleNamespace(  # type: ignore[method-assign]
        raw=SimpleNamespace(_connection=SimpleNamespace(sock=api.near), _fp=SimpleNamespace(fp=reader)),
        status_code=101, close=api.close,
    )  # fmt: skip
    api.far.sendall(framed(1, b"later"))
    api.far.close()
    with Talk(api, "e1", 5) as talk:
        assert list(talk.frames()) == [(STDOUT, b"hello\n"), (STDERR, b"oops"), (STDOUT, b"later")]
    assert api.closed


def test_a_command_that_prints_before_it_reads(engine: Any) -> None:
    size = 5 << 20  # more than any buffer on the way
    given: list[bytes] = []

    def command(line: socket.socket) -> None:
        for _number in range(size // 65536):
            line.sendall(framed(1, b"x" * 65536))
        given.append(taken(line, size))
        line.sendall(framed(2, b"read"))
        line.shutdown(socket.SHUT_RDWR)

    talk = engine(command)
    talk.feed([b"a" * (size - 10)])
    talk.feed(iter([b"b" * 4, b"c" * 6]))
    found = list(talk.frames())
    assert sum(len(data) for stream, data in found if stream == STDOUT) == size
    assert found[-1] == (STDERR, b"read")
    assert given == [b"a" * (size - 10) + b"bbbbcccccc"]


def test_a_command_that_ends_before_it_has_read_all(engine: Any) -> None:
    def command(line: socket.socket) -> None:
        taken(line, 1000)
        line.sendall(ERR)
        line.shutdown(socket.SHUT_WR)  # and reads no more, as the engine does when the process has gone

    talk = engine(command)
    talk.feed([b"a" * (5 << 20)])
    assert list(talk.frames()) == [(STDERR, b"oops")]


def test_a_line_that_is_cut_in_the_middle(engine: Any) -> None:
    def command(line: socket.socket) -> None:
        line.sendall(OUT + ERR[:-1])
        line.shutdown(socket.SHUT_WR)

    talk = engine(command)
    frames = talk.frames()
    assert next(frames) == (STDOUT, b"hello\n")
    with pytest.raises(ConnectionResetError, match="in the middle of the output"):
        next(frames)


def test_patience_has_an_end_where_one_is_given(engine: Any) -> None:
    over = threading.Event()
    talk = engine(lambda line: (line.sendall(OUT), over.wait(5), line.shutdown(socket.SHUT_WR)))
    assert next(talk.frames(10)) == (STDOUT, b"hello\n")
    with pytest.raises(TimeoutError):
        next(talk.frames(0.2))
    over.set()
    assert list(talk.frames()) == []


@pytest.mark.parametrize("broken", ["receive", "send"])
def test_a_host_that_the_kernel_has_given_up(engine: Any, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    """It is no silence that passes: TimeoutError has two meanings."""
    over = threading.Event()
    talk = engine(lambda _line: over.wait(5))

    def timed_out(*_data: Any) -> Any:
        raise TimeoutError(110, "Connection timed out")

    monkeypatch.setattr(talk._line, broken, timed_out)
    talk.feed([b"data"])
    with pytest.raises(TimeoutError, match="Connection timed out"):
        next(talk.frames())
    over.set()


def test_whoever_reads_may_pause_longer_than_a_host_may_be_gone() -> None:
    """TCP's limit counts a window that is shut, too (tcp(7), TCP_USER_TIMEOUT)."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as near:
        far, _peer = server.accept()
        far.sendall(OUT)
        line = _exec._Socket(near, near.makefile("rb"))
        assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000
        line.wait(True, 0.01)
        assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 300_000
        line.wait(False, 0.01)
        assert near.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000
        far.close()


def test_a_daemon_that_keeps_no_connection_open() -> None:
    assert list(Talk(Api(200, OUT), "e1", 5).frames()) == [(STDOUT, b"hello\n")]
    api = Api(500)
    with pytest.raises(ValueError, match="500"):
        Talk(api, "e1", 5)
    assert api.closed
