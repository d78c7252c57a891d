# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's SSH keys in its nodes, where an sshd is: put in before the first start, to need no restart."""

from __future__ import annotations

import io
import tarfile
import threading
from dataclasses import dataclass
from typing import Callable, Mapping

from .._client import Daemon
from .._errors import DaemonError

SSHD = "/usr/sbin/sshd"
AUTHORIZED = "root/.ssh/authorized_keys"
RELOAD = "systemctl try-restart ssh.service sshd.service 2>/dev/null; true"


@dataclass(frozen=True)
class KeyMaterial:
    """What goes into a node: one public key line, and host keys as file name → content."""

    public_key: str
    host_keys: Mapping[str, bytes]

    @property
    def host_public(self) -> str:
        return self.host_keys.get("ssh_host_rsa_key.pub", b"").decode().strip()


class SshInstaller:
    """Puts the keys in. *keys* is called once, by the first node that needs them."""

    def __init__(self, daemon: Daemon, keys: Callable[[], KeyMaterial]) -> None:
        self._daemon = daemon
        self._keys = keys
        self._lock = threading.Lock()
        self._by_image: dict[str, bytes] = {}
        self._authorized: dict[str, bytes | None] = {}

    def install(self, ident: str, image_id: str) -> bool:
        """Into one container, running or not. False where there is no sshd."""
        archive = self._archive(ident, image_id)
        if not archive:
            return False
        self._daemon.call("put_archive", ident, "/", archive)
        return True

    def _archive(self, ident: str, image_id: str) -> bytes:
        """The same for all nodes of one image; what the image lists in authorized_keys itself is kept."""
        authorized = self.look(ident, image_id)
        with self._lock:
            if image_id not in self._by_image:
                self._by_image[image_id] = b"" if authorized is None else build_archive(self._keys(), authorized)
            return self._by_image[image_id]

    def look(self, ident: str, image_id: str) -> bytes | None:
        """What the image has in authorized_keys, None where it has no sshd; once an image, and needing no key."""
        with self._lock:
            if image_id not in self._authorized:
                present = self._read(ident, SSHD, content=False) is not None
                self._authorized[image_id] = (self._read(ident, "/" + AUTHORIZED) or b"") if present else None
            return self._authorized[image_id]

    def _read(self, ident: str, path: str, content: bool = True) -> bytes | None:
        """A file of a container; None where there is none."""
        try:
            stream, _stat = self._daemon.call("get_archive", ident, path)
        except DaemonError as error:
            if error.status == 404:
                return None
            raise
        if not content:
            next(iter(stream), b"")
            stream.close()
            return b""
        return _only_file(b"".join(stream))


def _only_file(data: bytes) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            file = archive.extractfile(member) if member.isfile() else None
            if file is not None:
                return file.read()
    return b""


def build_archive(keys: KeyMaterial, authorized: bytes = b"") -> bytes:
    """A tar of the key files, private ones 0600; directories that are there keep their modes."""
    lines = authorized.decode("utf-8", "replace").splitlines()
    if keys.public_key not in lines:
        lines.append(keys.public_key)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        folder = tarfile.TarInfo("root/.ssh")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o700
        archive.addfile(folder)
        _add(archive, AUTHORIZED, ("\n".join(lines) + "\n").encode(), 0o600)
        for name, content in sorted(keys.host_keys.items()):
            _add(archive, f"etc/ssh/{name}", content, 0o644 if name.endswith(".pub") else 0o600)
    return buffer.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    archive.addfile(info, io.BytesIO(content))
