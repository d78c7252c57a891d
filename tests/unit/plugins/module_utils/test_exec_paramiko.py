# SPDX-License-Identifier: GPL-3.0-or-later
"""The stream of an exec over paramiko, against a server of paramiko's own in this process."""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import threading
from types import SimpleNamespace
from typing import Any, Callable, Iterator

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._exec import STDOUT, Talk

from .test_exec import ERR, OUT, framed

if not importlib.util.find_spec("paramiko"):
    pytest.skip("paramiko is not installed here", allow_module_level=True)
import paramiko


class Server(paramiko.ServerInterface):
    """Lets everyone in and starts whatever is asked for."""

    def get_allowed_auths(self, username: str) -> str:
        return "none"

    def check_auth_none(self, username: str) -> int:
        return int(paramiko.AUTH_SUCCESSFUL)

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return int(paramiko.OPEN_SUCCEEDED)

    def check_channel_exec_request(self, channel: Any, command: bytes) -> bool:
        return True


class Line:
    """One connection; `talk` starts an exec on it, whose command is a function of the server's end of its channel."""

    def __init__(self) -> None:
        near, far = socket.socketpair()
        self.server, self.client = paramiko.Transport(far), paramiko.Transport(near)
        self.server.add_server_key(paramiko.ECDSAKey.generate())
        self.server.start_server(server=Server(), event=threading.Event())
        self.client.connect(username="joe")
        self.client.auth_none("joe")

    def talk(self, command: Callable[[Any], None]) -> Talk:
        channel = self.client.open_session(timeout=10)
        channel.exec_command("docker system dial-stdio")
        far = self.server.accept(10)
        threading.Thread(target=self._run, args=(command, far), daemon=True).start()
        raw = SimpleNamespace(
            _connection=SimpleNamespace(sock=channel), _fp=SimpleNamespace(fp=SimpleNamespace(_rbuffer=b""))
        )
        response = SimpleNamespace(raw=raw, status_code=101, close=channel.close)
        api: Any = SimpleNamespace(
            _url=lambda *_a: "", _post_json=lambda *_a, **_how: response, _raise_for_status=lambda _response: None
        )
        return Talk(api, "e1", 5)

    @staticmethod
    def _run(command: Callable[[Any], None], far: Any) -> None:
        with contextlib.suppress(OSError, EOFError):  # the other side has gone
            command(far)
        far.close()

    def close(self) -> None:
        self.client.close()
        self.server.close()


@pytest.fixture
def line() -> Iterator[Line]:
    made = Line()
    yield made
    made.close()


def test_both_directions_and_silence(line: Line) -> None:
    size = 3 << 20  # more than a channel's window
    given = bytearray()

    def command(far: Any) -> None:
        for _number in range(size // 65536):
            far.sendall(framed(1, b"x" * 65536))
        while len(given) < size:
            given.extend(far.recv(65536))
        far.send_stderr(b"not of the exec\n")  # what `docker system dial-stdio` says itself
        far.sendall(ERR)

    with line.talk(command) as talk:
        talk.feed([b"a" * size])
        found = list(talk.frames(10))
    assert sum(len(data) for stream, data in found if stream == STDOUT) == size
    assert found[-1] == (2, b"oops")
    assert given == b"a" * size


def test_silence_has_a_limit(line: Line) -> None:
    over = threading.Event()
    with line.talk(lambda far: (far.sendall(OUT), over.wait(10))) as talk:
        assert next(talk.frames(10)) == (STDOUT, b"hello\n")
        with pytest.raises(TimeoutError):
            next(talk.frames(0.2))
    over.set()


def test_a_talk_that_is_left_leaves_the_connection_whole(line: Line) -> None:
    """paramiko's pipe was written to after its end, by the thread that all channels of a connection share."""

    def command(far: Any) -> None:
        while True:
            far.sendall(OUT * 50)

    for _number in range(100):
        with line.talk(command) as talk:
            assert next(talk.frames(10)) == (STDOUT, b"hello\n")
        assert line.client.is_active()
    with line.talk(lambda far: far.sendall(OUT)) as talk:
        assert list(talk.frames(10)) == [(STDOUT, b"hello\n")]
