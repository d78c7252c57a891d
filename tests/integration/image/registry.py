# SPDX-License-Identifier: GPL-3.0-or-later
"""A real registry (Debian's docker-registry, unpacked privately) on one address here, and a line that breaks."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Optional

from ansible_collections.tpaexec.docker.tests.tools import packages

USER, PASSWORD = "somebody", "secret"
# of PASSWORD: docker-registry takes bcrypt only
HTPASSWD = f"{USER}:$2b$04$Mp3Fyzwcs5UZ6IbRpFqvm.9yQjIdmiRefglEuNmZvv3r10uge906e\n"

CONFIG = """\
version: 0.1
log: {level: warn}
storage: {filesystem: {rootdirectory: %(store)s}, delete: {enabled: true}}
http: {addr: "%(address)s:%(port)d"}
"""


def free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


class Registry:
    """`with Registry(folder) as registry:` - `.host` is what stands before an image's name."""

    def __init__(self, folder: Path, address: str = "127.0.0.1", login: bool = False) -> None:
        self.folder = folder
        self.address = address
        self.login = login
        self.port = free_port(address)
        self.process: Optional[subprocess.Popen[bytes]] = None

    @property
    def host(self) -> str:
        return f"{self.address}:{self.port}"

    def __enter__(self) -> Registry:
        program = packages.unpack(packages.own_suite(), ["docker-registry"]) / "usr/bin/docker-registry"
        self.folder.mkdir(parents=True, exist_ok=True)
        text = CONFIG % {"store": self.folder / "store", "address": self.address, "port": self.port}
        if self.login:
            (self.folder / "htpasswd").write_text(HTPASSWD, encoding="utf-8")
            text += f"auth: {{htpasswd: {{realm: test, path: {self.folder / 'htpasswd'}}}}}\n"
        config = self.folder / "config.yml"
        config.write_text(text, encoding="utf-8")
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen([program, "serve", config], stdout=log, stderr=log, env={**os.environ})
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                self.request("GET", "/v2/")
                return self
            except OSError:
                time.sleep(0.05)
        self.__exit__(None, None, None)
        raise RuntimeError((self.folder / "log").read_text(encoding="utf-8"))

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, dict[str, str], bytes]:
        line = http.client.HTTPConnection(self.address, self.port, timeout=10)
        try:
            line.request(method, path, body, {key.replace("_", "-"): value for key, value in headers.items()})
            reply = line.getresponse()
            return reply.status, {key.lower(): value for key, value in reply.getheaders()}, reply.read()
        finally:
            line.close()

    def manifest_list(self, name: str, tag: str, new: str, architecture: str) -> None:
        """Give *name*:*new*: a list with the manifest of *tag*, said to be for *architecture* only."""
        kind = "application/vnd.docker.distribution.manifest.v2+json"
        _status, headers, body = self.request("GET", f"/v2/{name}/manifests/{tag}", Accept=kind)
        entry: dict[str, Any] = {"mediaType": kind, "size": len(body), "digest": headers["docker-content-digest"]}
        entry["platform"] = {"architecture": architecture, "os": "linux"}
        many = "application/vnd.docker.distribution.manifest.list.v2+json"
        text = json.dumps({"schemaVersion": 2, "mediaType": many, "manifests": [entry]}).encode()
        status, _headers, said = self.request("PUT", f"/v2/{name}/manifests/{new}", text, Content_Type=many)
        assert status == 201, said


class BreakingLine(ThreadingHTTPServer):
    """Between an engine and a registry: while `broken`, each large reply ends half-way."""

    daemon_threads = True

    def __init__(self, registry: Registry, address: str) -> None:
        super().__init__((address, 0), _Handler)
        self.registry = registry
        self.broken = True
        self.cuts = 0

    @property
    def host(self) -> str:
        return f"{self.server_address[0]}:{self.server_address[1]}"

    def __enter__(self) -> BreakingLine:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: BreakingLine
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        passed = {"accept", "authorization", "range"}
        wanted = {key.replace("-", "_"): value for key, value in self.headers.items() if key.lower() in passed}
        status, headers, body = self.server.registry.request("GET", self.path, **wanted)
        self.send_response(status)
        for key in ("content-type", "content-range", "docker-content-digest", "docker-distribution-api-version"):
            if key in headers:
                self.send_header(key, headers[key])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.server.broken and len(body) > 100_000:
            self.server.cuts += 1
            self.wfile.write(body[: 0 if "Range" in self.headers else len(body) // 2])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *words: Any) -> None:
        """Quiet."""
