# SPDX-License-Identifier: GPL-3.0-or-later
"""Images in one archive, with checksums: written where there is a network, verified and loaded where there is none.

The archive is what `docker save` writes, with a mark as its first member, and a last one that lists every other one's
checksum and what each image must be. Any engine can load it as it is.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Iterator, Mapping, Optional, Sequence

from .._client import Daemon
from .._errors import PlatformError
from .archive import Stream
from .inspect import inspect_image
from .stream import PATIENCE
from .stream import load as load_archive

UNREADABLE: tuple[type[Exception], ...] = (tarfile.ReadError, EOFError, zlib.error)
with suppress(ImportError):  # some Pythons are built without it
    from lzma import LZMAError

    UNREADABLE += (LZMAError,)

MEMBER = "tpaexec-bundle.json"
MARK = "tpaexec-bundle"  # the first member: whatever begins with it must end with the list
FORMAT = 1
LARGEST = 64 << 20  # of a list that is kept in memory
CHUNK = 1 << 20


@dataclass(frozen=True)
class Archive:
    """A verified archive: image name → its layers, where the archive says them (a bundle does)."""

    path: str
    images: Mapping[str, tuple[str, ...]]
    bundle: bool


def described(daemon: Daemon, names: Sequence[str]) -> list[dict[str, Any]]:
    """What the bundle says of each image. A digest alone cannot be shipped: an engine restores tags only."""
    found = []
    for name in names:
        if "@" in name:
            raise PlatformError(
                f"{name} is named by its digest: no engine can restore that name from an archive.",
                "Give the image a tag (docker tag) and name the tag in config.yml; the bundle pins its content.",
            )
        seen = inspect_image(daemon, name)
        found.append(
            {
                "name": name,
                "id": seen["Id"],
                "digests": seen.get("RepoDigests") or [],
                "layers": seen["RootFS"]["Layers"],
                "architecture": seen.get("Architecture", ""),
                "size": seen.get("Size", 0),
            }
        )
    return found


def write(daemon: Daemon, names: Sequence[str], path: str, cluster: str = "") -> dict[str, Any]:
    """Write the bundle and return its list. The file appears under its name when it is whole."""
    images = described(daemon, names)
    partial = f"{path}.part"
    try:
        with open(partial, "wb") as handle:
            members = _copy(save(daemon, names), handle, cluster, images)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(partial, path)
    except OSError as error:
        raise PlatformError(
            f"The bundle {path} cannot be written: {error.strerror or error}.", "Give a place with room and permission."
        ) from error
    finally:
        if os.path.exists(partial):
            os.unlink(partial)
    return {"path": path, "size": os.path.getsize(path), "images": images, "members": members}


def save(daemon: Daemon, names: Sequence[str]) -> Iterator[bytes]:
    """`docker save` of several images: layers that they share are in it once."""
    api = daemon.api
    # pylint: disable=protected-access
    reply = daemon.guard(
        api._get, api._url("/images/get"), params={"names": list(names)}, stream=True, timeout=PATIENCE
    )
    daemon.guard(api._raise_for_status, reply)
    return iter(reply.iter_content(CHUNK))


def _copy(chunks: Iterator[bytes], handle: Any, cluster: str, images: list[dict[str, Any]]) -> int:
    """Every member of the engine's archive, hashed on the way, and then the list."""
    members: dict[str, Any] = {}
    source = io.BufferedReader(Stream(chunks), CHUNK)
    with tarfile.open(fileobj=source, mode="r|") as tar, tarfile.open(fileobj=handle, mode="w|") as out:
        out.addfile(tarfile.TarInfo(MARK))
        for member in tar:
            stream = tar.extractfile(member) if member.isreg() else None
            hashing = _Hashing(stream) if stream else None
            out.addfile(member, hashing)
            members[member.name] = _entry(member, hashing.digest.hexdigest() if hashing else "")
        content = {
            "format": FORMAT,
            "created": int(time.time()),
            "cluster": cluster,
            "images": images,
            "members": members,
        }
        text = json.dumps(dict(content, checksum=checksum(content)), indent=1, sort_keys=True).encode()
        last = tarfile.TarInfo(MEMBER)
        last.size = len(text)
        out.addfile(last, io.BytesIO(text))
    return len(members)


def _entry(member: tarfile.TarInfo, digest: str) -> dict[str, Any]:
    if member.isreg():
        return {"size": member.size, "sha256": digest}
    return {"link": member.linkname} if member.issym() or member.islnk() else {"directory": True}


class _Hashing(io.RawIOBase):
    """A file that is hashed while it is read."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(size)
        self.digest.update(data)
        return bytes(data)


def checksum(content: Mapping[str, Any]) -> str:
    """Of the list itself."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read(path: str) -> Archive:
    """Verify an archive: a bundle against its checksums, a plain one as far as it can be read. Loads nothing."""
    try:
        with tarfile.open(path, tarinfo=_Strict) as tar:
            return _verify(path, tar)
    except UNREADABLE as error:
        if not os.path.getsize(path):
            raise PlatformError(f"The archive {path} is empty.", "Write or copy it again.") from error
        raise damaged(path, f"the archive ends too early, or is no tar file ({error})") from error
    except OSError as error:
        if error.errno is None:  # how gzip and bzip2 say it
            raise damaged(path, f"it cannot be decompressed ({error})") from error
        raise PlatformError(
            f"The archive {path} cannot be read: {error.strerror or error}.", "Correct the path or its permissions."
        ) from error


class _Strict(tarfile.TarInfo):
    """tarfile takes a damaged header for the end of the archive; only the end's own block is the end."""

    @classmethod
    def fromtarfile(cls, archive: Any) -> Any:  # pylint: disable=arguments-renamed
        try:
            return super().fromtarfile(archive)
        except getattr(tarfile, "EOFHeaderError"):  # noqa: B009 - known to Python, not to its type stubs
            raise
        except tarfile.HeaderError as error:
            last = archive.members[-1].name if archive.members else "nothing"
            raise tarfile.ReadError(f"what follows {last}: {error}") from error


def damaged(path: str, part: str) -> PlatformError:
    return PlatformError(
        f"The archive {path} is damaged: {part}. Nothing was loaded.", "Copy or write it again (tpaexec bundle)."
    )


def _verify(path: str, tar: tarfile.TarFile) -> Archive:
    found: dict[str, Any] = {}
    content: Optional[dict[str, Any]] = None
    manifest = b""
    for member in tar:
        stream = tar.extractfile(member) if member.isreg() else None
        data = b""
        hashing = _Hashing(stream) if stream else None
        while hashing:
            block = hashing.read(CHUNK)
            if not block:
                break
            if member.name in (MEMBER, "manifest.json") and len(data) < LARGEST:
                data += block
        if hashing and stream and stream.tell() != member.size:
            raise damaged(path, f"{member.name} is cut short")
        if member.name == MEMBER:
            content = parse_list(path, data)
            continue
        manifest = data if member.name == "manifest.json" else manifest
        found[member.name] = _entry(member, hashing.digest.hexdigest() if hashing else "")
    marked = found.pop(MARK, None)
    if content is None:
        if marked:
            raise damaged(path, f"its list {MEMBER} is missing")
        return Archive(path, dict.fromkeys(tags_of(path, manifest), ()), bundle=False)
    compare(path, content["members"], found)
    return Archive(path, {image["name"]: tuple(image["layers"]) for image in content["images"]}, bundle=True)


def parse_list(path: str, data: bytes) -> dict[str, Any]:
    """The bundle's own list, held against its own checksum."""
    try:
        content = json.loads(data)
        told = content.pop("checksum")
        if content["format"] != FORMAT:
            raise PlatformError(
                f"The bundle {path} has format {content['format']}; {FORMAT} is known here.",
                "Use the version of this collection that wrote it, or write it again.",
            )
        whole = told == checksum(content) and bool(content["images"])
    except (ValueError, KeyError, TypeError, AttributeError):
        whole = False
    if not whole:
        raise damaged(path, f"its list {MEMBER} is not what was written")
    return dict(content)


def compare(path: str, told: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Every member is there and is what it was; the error names the first that is not."""
    for name, entry in told.items():
        if name not in found:
            raise damaged(path, f"{name} is missing")
        if found[name] != entry:
            raise damaged(path, f"the checksum of {name} is wrong")
    extra = sorted(set(found) - set(told))
    if extra:
        raise damaged(path, f"{extra[0]} was added to it")


def tags_of(path: str, manifest: bytes) -> list[str]:
    """The image names in an archive of `docker save`."""
    try:
        entries = json.loads(manifest)
        names = [tag for entry in entries for tag in entry.get("RepoTags") or []]
    except (ValueError, TypeError, AttributeError):
        names = []
    if not names:
        raise PlatformError(
            f"{path} holds no named image.", "Give an archive that `tpaexec bundle` or `docker save NAME:TAG` wrote."
        )
    return names


def load(daemon: Daemon, archive: Archive) -> None:
    """Give the archive to the engine, and hold what came out of it against the bundle's list."""
    with open(archive.path, "rb") as handle:
        load_archive(daemon, iter(lambda: handle.read(CHUNK), b""), os.path.basename(archive.path))
    for name, layers in archive.images.items():
        if layers and not same(daemon, name, layers):
            raise damaged(archive.path, f"{name} is not the image that was bundled")


def same(daemon: Daemon, name: str, layers: Sequence[str]) -> bool:
    """The image of this name has exactly these layers."""
    return list(inspect_image(daemon, name)["RootFS"]["Layers"]) == list(layers)
