# SPDX-License-Identifier: GPL-3.0-or-later
"""A real registry (Debian's docker-registry, unpacked privately) on one address here, and a line that breaks."""

from __future__ import annotations

import base64
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
    """Between an engine and a registry: while `broken`, a large reply ends half-way; until `mended`, it stops there."""

    daemon_threads = True

    def __init__(self, registry: Registry, address: str) -> None:
        super().__init__((address, 0), _Handler)
        self.registry = registry
        self.broken = True
        self.slow = 0.0  # seconds that a large reply takes
        self.cuts = 0
        self.mended = threading.Event()  # ends a stall
        self.mended.set()

    @property
    def host(self) -> str:
        return f"{self.server_address[0]}:{self.server_address[1]}"

    def __enter__(self) -> BreakingLine:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.mended.set()
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
        large = len(body) > 100_000
        if large and self.server.slow:
            for start in range(0, len(body), 100_000):
                self.wfile.write(body[start : start + 100_000])
                time.sleep(self.server.slow * 100_000 / len(body))
            return
        if large and not self.server.mended.is_set():
            self.server.cuts += 1
            self.wfile.write(body[: len(body) // 2])
            self.wfile.flush()
            self.server.mended.wait(60)
            self.close_connection = True
            return
        if large and self.server.broken:
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


SCHEMA1 = "application/vnd.docker.distribution.manifest.v1+prettyjws"


def schema1_manifest(name: str, tag: str) -> bytes:
    """A signed manifest of schema 1, the only form that old registries have. The signature is a stand-in."""
    config = json.dumps({"id": "1" * 64, "architecture": "amd64", "os": "linux", "created": "2015-01-01T00:00:00Z"})
    body = {"schemaVersion": 1, "name": name, "tag": tag, "architecture": "amd64"}
    body.update(fsLayers=[{"blobSum": "sha256:" + "a" * 64}], history=[{"v1Compatibility": config}])
    text = json.dumps(body, indent=3)
    protected = json.dumps(
        {"formatLength": len(text) - 2, "formatTail": _base64(b"\n}"), "time": "2015-01-01T00:00:00Z"}
    )
    curve = {"crv": "P-256", "kty": "EC", "x": _base64(b"x" * 32), "y": _base64(b"y" * 32)}
    signature = {"header": {"jwk": curve, "alg": "ES256"}, "signature": _base64(b"s" * 64)}
    signature["protected"] = _base64(protected.encode())
    return (text[:-2] + ',\n   "signatures": ' + json.dumps([signature]) + "\n}").encode()


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class PublicRegistry(ThreadingHTTPServer):
    """What a public registry says: tokens for everybody, `denied` for what is not there, limits, old manifests.

    The words are Docker Hub's. The first part of the image's name chooses what happens.
    """

    daemon_threads = True

    def __init__(self, address: str) -> None:
        super().__init__((address, 0), _PublicHandler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    @property
    def host(self) -> str:
        return f"{self.server_address[0]}:{self.port}"

    def __enter__(self) -> PublicRegistry:
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.shutdown()
        self.server_close()


class _PublicHandler(BaseHTTPRequestHandler):
    server: PublicRegistry
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"  # an engine that tries TLS first is to be told that this is plain HTTP

    def do_GET(self) -> None:
        if self.path.startswith("/token"):
            self.answer(200, json.dumps({"token": "anonymous", "expires_in": 300}).encode())
            return
        if "Authorization" not in self.headers:
            realm = f'Bearer realm="http://{self.headers["Host"]}/token",service="test"'
            self.answer(401, _errors("UNAUTHORIZED", "authentication required"), WWW_Authenticate=realm)
            return
        kind = self.path.removeprefix("/v2/").split("/")[0]
        name, _slash, tag = self.path.removeprefix("/v2/").partition("/manifests/")
        if kind == "limited":
            words = "You have reached your pull rate limit. You may increase the limit by authenticating and upgrading"
            self.answer(429, _errors("TOOMANYREQUESTS", words))
        elif kind == "denied":
            self.answer(401, _errors("UNAUTHORIZED", "authentication required"))
        elif kind == "forbidden":
            self.answer(403, _errors("DENIED", "requested access to the resource is denied"))
        elif kind == "broken":
            self.answer(503, b"<html>Service Unavailable</html>")
        elif kind == "portal":
            self.answer(200, b"<html>Please accept our terms</html>", Content_Type="text/html")
        elif kind == "old":
            self.answer(200, schema1_manifest(name, tag), Content_Type=SCHEMA1)
        else:
            self.answer(200, b"{}")

    do_HEAD = do_GET

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        headers.setdefault("Content_Type", "application/json")
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Docker-Distribution-API-Version", "registry/2.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *words: Any) -> None:
        """Quiet."""


def _errors(code: str, message: str) -> bytes:
    return json.dumps({"errors": [{"code": code, "message": message, "detail": None}]}).encode()
