# SPDX-License-Identifier: GPL-3.0-or-later
"""The stream of a command that the daemon runs in a container (`docker exec`), over any kind of line.

The SDK reads the connection beneath the buffer of its HTTP library, which may hold the first lines already
(docker/docker-py#3332): they were lost. An answer of 101 keeps the connection open to its end, also over ssh, where any
other would be cut when its head has been read.
"""

from __future__ import annotations

import contextlib
import io
import socket
from typing import Any, Iterator, Optional

CHUNK = 1 << 16
STDOUT, STDERR = 1, 2
KEEPALIVE = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}  # a host that is gone is noticed in a minute


class Talk:
    """An exec that was started. *api*: the SDK's client. *timeout*: seconds for the answer and for each frame."""

    def __init__(self, api: Any, exec_id: str, timeout: float) -> None:
        url, words = api._url("/exec/{0}/start", exec_id), {"Detach": False, "Tty": False}
        upgrade = {"Connection": "Upgrade", "Upgrade": "tcp"}
        self._response = api._post_json(url, headers=upgrade, data=words, stream=True, timeout=timeout)
        try:
            api._raise_for_status(self._response)
            raw = self._response.raw
            self._line = raw._connection.sock if raw._connection else None
            self._output = raw._fp.fp if self._response.status_code == 101 else io.BytesIO(self._response.content)
        except BaseException:
            self._response.close()
            raise

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """(STDOUT or STDERR, data) in the order in which it came, until the command has closed both."""
        return frames(self._output)

    def write(self, data: bytes) -> None:
        """To the command's standard input, which stays open: TLS cannot close one direction alone."""
        if self._line is None:
            raise OSError("the daemon keeps no connection open for the standard input")
        self._line.sendall(data)

    def limit(self, seconds: Optional[float]) -> None:
        """How long a frame may be awaited from now on; None: for ever, as long as the other side is there.

        An `ssh` of the system takes no heed of it: it ends by itself where the other side is gone.
        """
        if self._line is None:
            return
        self._line.settimeout(seconds)
        transport = getattr(self._line, "get_transport", None)
        line = transport().sock if transport else self._line
        with contextlib.suppress(OSError, AttributeError):  # no TCP, or not of Linux
            if line.family in (socket.AF_INET, socket.AF_INET6):
                line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                for name, value in KEEPALIVE.items():
                    line.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)

    def close(self) -> None:
        self._response.close()

    def __enter__(self) -> Talk:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def frames(output: Any) -> Iterator[tuple[int, bytes]]:
    """The engine's frames: a stream's number, three zeros, the length in four bytes, the data (API reference,
    ContainerAttach). What is cut short is taken as far as it came."""
    while len(head := output.read(8)) == 8:
        left = int.from_bytes(head[4:], "big")
        while left:
            data = output.read(min(left, CHUNK))
            if not data:
                return
            left -= len(data)
            yield head[0], data
