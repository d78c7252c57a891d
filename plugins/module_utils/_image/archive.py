# SPDX-License-Identifier: GPL-3.0-or-later
"""Read single files and folders out of a container that never runs: the fewest and smallest calls that do.

A HEAD request on a path costs the daemon about 3 ms and tells size, mode and where a link ends; a GET costs about
50 ms. The whole file system is never exported.
"""

from __future__ import annotations

import base64
import io
import json
import posixpath
import stat
import tarfile
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Iterator, Optional

from .._client import Daemon
from .._errors import DaemonError
from .model import LABEL_PROBE

STALE_AFTER = 600  # seconds; an inspection takes one


@dataclass(frozen=True)
class Stat:
    """One path, links followed; `path` is where it ends."""

    path: str
    size: int
    is_dir: bool


class Stream(io.RawIOBase):
    """The chunks of a reply as a file, counted, so that a huge folder can be given up half-way."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.chunks = chunks
        self.rest = b""
        self.count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self.rest:
            chunk = next(self.chunks, None)
            if chunk is None:
                return 0
            self.rest = chunk
        size = min(len(buffer), len(self.rest))
        buffer[:size] = self.rest[:size]
        self.rest = self.rest[size:]
        self.count += size
        return size


@dataclass(frozen=True)
class Found:
    """A member of a folder. `data` only where it was asked for."""

    path: str
    size: int
    is_file: bool
    link: str = ""
    data: bytes = b""


class Files:
    """The file system of one container."""

    def __init__(self, daemon: Daemon, container: str) -> None:
        self.daemon = daemon
        self.container = container

    def stat(self, path: str) -> Optional[Stat]:
        """The path with links followed; None when it is not there."""
        seen = self._head(path)
        for _step in range(8):
            if seen is None:
                return None
            target = str(seen.get("linkTarget") or "")
            if not target:
                return Stat(path, int(seen["size"]), stat.S_ISDIR(_mode(seen)))
            path, seen = target, self._head(target)
        return None

    def _head(self, path: str) -> Optional[dict[str, Any]]:
        api = self.daemon.api
        # pylint: disable-next=protected-access
        url = api._url("/containers/{0}/archive", self.container)
        reply = self.daemon.guard(api.head, url, params={"path": path}, timeout=self.daemon.address.timeout)
        header = reply.headers.get("X-Docker-Container-Path-Stat", "")
        if reply.status_code == 200 and header:
            return dict(json.loads(base64.b64decode(header)))
        return None

    def read(self, path: str, limit: int = 64 << 20) -> Optional[bytes]:
        """The content of a file, links followed; None when it is not there."""
        where = self.stat(path)
        if where is None or where.is_dir or where.size > limit:
            return None
        for found in self.walk(where.path, data=lambda item: True):
            return found.data
        return None

    def walk(self, path: str, data: Any = None, limit: int = 256 << 20) -> Iterator[Found]:
        """Everything under a folder; ends early, with the member `...`, once *limit* bytes have gone by."""
        try:
            chunks, _stat = self.daemon.call("get_archive", self.container, path)
        except DaemonError as error:
            if error.status == 404:
                return
            raise
        reader = Stream(iter(chunks))
        top = posixpath.dirname(path.rstrip("/"))
        try:
            with tarfile.open(fileobj=io.BufferedReader(reader, 1 << 20), mode="r|") as tar:
                for member in tar:
                    if reader.count > limit:
                        yield Found("...", 0, False)
                        return
                    yield self._found(tar, member, top, data)
        finally:
            close = getattr(chunks, "close", None)
            if close:
                close()

    @staticmethod
    def _found(tar: tarfile.TarFile, member: tarfile.TarInfo, top: str, data: Any) -> Found:
        path = posixpath.join(top or "/", member.name)
        found = Found(path, member.size, member.isfile(), member.linkname if member.issym() else "")
        if data and member.isfile() and data(found):
            stream = tar.extractfile(member)
            return Found(path, member.size, True, "", stream.read() if stream else b"")
        return found


def _mode(seen: dict[str, Any]) -> int:
    """Go's os.FileMode keeps the folder bit at the top; turn it into the system's."""
    mode = int(seen.get("mode", 0))
    return stat.S_IFDIR if mode & (1 << 31) else stat.S_IFREG


@contextmanager
def files_of(daemon: Daemon, image: str) -> Iterator[Files]:
    """A container of *image* that is never started, labelled, and removed whatever happens."""
    remove_stale(daemon)
    container = daemon.call(
        "create_container", image, command=["/never-started"], network_disabled=True, labels={LABEL_PROBE: "true"}
    )["Id"]
    try:
        yield Files(daemon, container)
    finally:
        daemon.call("remove_container", container, force=True, v=True)


def remove_stale(daemon: Daemon, now: Optional[datetime] = None) -> None:
    """Remove what an inspection that was killed left behind."""
    filters = {"label": LABEL_PROBE, "status": "created"}
    now = now or datetime.now(timezone.utc)
    for container in daemon.call("containers", all=True, filters=filters):
        if now.timestamp() - float(container["Created"]) > STALE_AFTER:
            daemon.call("remove_container", container["Id"], force=True, v=True)
