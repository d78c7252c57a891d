# SPDX-License-Identifier: GPL-3.0-or-later
"""Daemons that misbehave, and a TLS end before one that does not: threads of the test process, with real sockets."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Callable, Optional

VERSION = b'{"Version":"20.10.24","ApiVersion":"1.41","MinAPIVersion":"1.12","Os":"linux","Arch":"amd64"}'


class Server:
    """Accepts on a unix socket or on 127.0.0.1, and hands every connection to `talk` in a thread of its own."""

    def __init__(self, talk: Callable[[socket.socket], None], path: Optional[Path] = None) -> None:
        self.talk = talk
        self.open: list[socket.socket] = []
        family = socket.AF_UNIX if path else socket.AF_INET
        self.listener = socket.socket(family, socket.SOCK_STREAM)
        self.listener.bind(str(path) if path else ("127.0.0.1", 0))
        self.listener.listen(16)
        self.docker_host = f"unix://{path}" if path else f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"

    def __enter__(self) -> Server:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        for channel in [self.listener, *self.open]:
            with suppress(OSError):
                channel.shutdown(socket.SHUT_RDWR)
            channel.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                channel, _address = self.listener.accept()
                self.open.append(channel)
                threading.Thread(target=self._guarded, args=(channel,), daemon=True).start()

    def _guarded(self, channel: socket.socket) -> None:
        with suppress(OSError, ssl.SSLError):
            self.talk(channel)


def silent(channel: socket.socket) -> None:
    """Takes everything and answers nothing."""
    while channel.recv(65536):
        pass


def dripping(channel: socket.socket) -> None:
    """A reply that never ends, a byte at a time: each read succeeds, the whole never does."""
    channel.recv(65536)
    channel.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n")
    while True:
        channel.sendall(b" ")
        time.sleep(0.2)


def half_deaf(channel: socket.socket) -> None:
    """Answers /version and nothing else."""
    while True:
        request = channel.recv(65536)
        if not request:
            return
        if b"/version" in request.split(b"\r\n", 1)[0]:
            channel.sendall(_reply(VERSION))


def babbling(channel: socket.socket) -> None:
    """Something else listens there: an answer that is no JSON."""
    while channel.recv(65536):
        channel.sendall(_reply(b"<html>It works!</html>", kind=b"text/html"))


def slamming(channel: socket.socket) -> None:
    """Hangs up in the middle of its answer."""
    channel.recv(65536)
    channel.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
    channel.close()


def _reply(body: bytes, kind: bytes = b"application/json") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n" % (kind, len(body))
    return head + body


def forwarding(target: str, context: Optional[ssl.SSLContext] = None) -> Callable[[socket.socket], None]:
    """To a real daemon's unix socket, with TLS in front of it where a context is given."""

    def talk(channel: socket.socket) -> None:
        near = context.wrap_socket(channel, server_side=True) if context else channel
        with near, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as far:
            far.connect(target)
            back = threading.Thread(target=_copy, args=(far, near), daemon=True)
            back.start()
            _copy(near, far)
            back.join()

    return talk


def _copy(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError, ssl.SSLError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


class Authority:
    """A certificate authority in a folder: ca.pem, and what it signs."""

    def __init__(self, folder: Path, name: str = "tpaexec-test-ca") -> None:
        self.folder = folder
        self.ca = folder / "ca.pem"
        self._openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", f"/CN={name}", "-keyout", "ca-key.pem", "-out", "ca.pem",
        )  # fmt: skip

    def sign(self, name: str, names: str = "", days: int = 1) -> tuple[Path, Path]:
        """A certificate and its key. *names*: subjectAltName, for a server; negative *days*: already expired."""
        usage = f"subjectAltName={names}\nextendedKeyUsage=serverAuth" if names else "extendedKeyUsage=clientAuth"
        (self.folder / f"{name}.ext").write_text(usage, encoding="utf-8")
        self._openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-keyout", f"{name}-key.pem", "-out", f"{name}.csr",
        )  # fmt: skip
        self._openssl(
            "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial",
            "-days", str(days), "-extfile", f"{name}.ext", "-out", f"{name}.pem",
        )  # fmt: skip
        return self.folder / f"{name}.pem", self.folder / f"{name}-key.pem"

    def server_context(self, certificate: tuple[Path, Path]) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        return context

    def _openssl(self, *words: str) -> None:
        done = subprocess.run(["openssl", *words], cwd=self.folder, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"openssl {' '.join(words)}: {done.stderr}")
