# SPDX-License-Identifier: GPL-3.0-or-later
"""A root file system becomes an image in one step: the archive that `docker load` takes, made by ourselves.

`docker import` cannot set a stop signal (20.10) and needs a second step, so that something half-made would exist
in between. Loading is atomic: the engine gives the name when everything else is there.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Iterator, Mapping

from .._client import Daemon
from .._errors import PlatformError
from . import stream
from .model import CREATED_BY

CHUNK = 1 << 20
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Layer:
    """An uncompressed tar file and its SHA-256, which is the layer's diff_id."""

    path: str
    size: int
    digest: str


@dataclass(frozen=True)
class NewImage:
    """What the image is to be, beside its files."""

    name: str
    architecture: str
    created: int
    comment: str
    labels: Mapping[str, str] = field(default_factory=dict)


def read_layer(path: str) -> Layer:
    """Measure and hash the file."""
    digest = hashlib.sha256()
    with open(path, "rb") as handle:
        for block in iter(lambda: handle.read(CHUNK), b""):
            digest.update(block)
    return Layer(path, os.path.getsize(path), digest.hexdigest())


def guest_config(labels: Mapping[str, str]) -> dict[str, Any]:
    """How a systemd guest is started and stopped."""
    return {
        "Env": [f"PATH={PATH}", "container=docker"],
        "Cmd": ["/sbin/init"],
        "StopSignal": "SIGRTMIN+3",
        "Labels": dict(labels),
    }


def image_json(image: NewImage, layer: Layer) -> bytes:
    """The image's configuration; the same input gives the same bytes, and so the same image id."""
    created = datetime.fromtimestamp(image.created, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    config = {
        "architecture": image.architecture,
        "os": "linux",
        "created": created,
        "config": guest_config(image.labels),
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer.digest}"]},
        "history": [{"created": created, "created_by": CREATED_BY, "comment": image.comment}],
    }
    return json.dumps(config, sort_keys=True).encode()


def archive(image: NewImage, layer: Layer) -> Iterator[bytes]:
    """The archive, piece by piece: the layer is read while it is being sent."""
    config = image_json(image, layer)
    name = f"{hashlib.sha256(config).hexdigest()}.json"
    inner = f"{layer.digest}/layer.tar"
    manifest = json.dumps([{"Config": name, "RepoTags": [image.name], "Layers": [inner]}]).encode()
    for path, data in ((name, config), ("manifest.json", manifest)):
        yield _header(path, len(data)) + data + _padding(len(data))
    yield _header(inner, layer.size)
    with open(layer.path, "rb") as handle:
        yield from iter(lambda: handle.read(CHUNK), b"")
    yield _padding(layer.size) + bytes(2 * tarfile.BLOCKSIZE)


def _header(path: str, size: int) -> bytes:
    member = tarfile.TarInfo(path)
    member.size = size
    return member.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)


def load(daemon: Daemon, image: NewImage, layer: Layer) -> str:
    """Give the image to the engine; returns its id there."""
    stream.load(daemon, archive(image, layer), image.name)
    seen = daemon.call("inspect_image", image.name)
    if f"sha256:{layer.digest}" not in seen["RootFS"]["Layers"]:
        raise PlatformError(
            f"The engine loaded {image.name}, but keeps another root file system under that name.",
            "Run the command again; if it repeats, look at the daemon's log.",
        )
    return str(seen["Id"])


def file_of(files: Mapping[str, bytes]) -> io.BytesIO:
    """A small tar of plain files: a build context."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for path, data in sorted(files.items()):
            member = tarfile.TarInfo(path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    buffer.seek(0)
    return buffer
