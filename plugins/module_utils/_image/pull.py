# SPDX-License-Identifier: GPL-3.0-or-later
"""Pull one image through the engine: its mirrors and our login count, errors are told apart."""

from __future__ import annotations

from typing import Optional

from .._client import Daemon
from .._errors import DaemonError
from .stream import Progress, explain, follow, patience

OTHER_WAYS = (
    "Other ways to get an image: load an archive (docker load, or `tpaexec provision DIR --bundle FILE`), "
    "build it (docker_images in config.yml), or bootstrap one from the distribution's packages (use an image name "
    "like tpaexec/debian-systemd:12)."
)


def split_name(name: str) -> tuple[str, Optional[str]]:
    """`host:5000/a/b:tag@sha256:…` → what the API calls fromImage and tag. A digest takes precedence over a tag."""
    if "@" in name:
        repository, digest = name.split("@", 1)
        return _without_tag(repository), digest
    repository = _without_tag(name)
    tag = name[len(repository) + 1 :]
    return repository, tag or "latest"


def _without_tag(name: str) -> str:
    head, _slash, last = name.rpartition("/")
    last = last.split(":", 1)[0]
    return f"{head}/{last}" if head else last


def pull(daemon: Daemon, name: str, progress: Optional[Progress] = None) -> str:
    """Pull and return the image's id. The engine gives the name only when every layer is there."""
    repository, tag = split_name(name)
    with patience(daemon):
        try:
            follow(daemon.stream("pull", repository, tag=tag, stream=True, decode=True), name, "Pulling", progress)
        except DaemonError as error:
            known = error if error.id.startswith("IMAGE_") else None
            if error.id == "DAEMON_ERROR":
                known = explain(error.message.replace("The Docker daemon refused: ", ""), name, "Pulling")
            if known is None:
                raise
            raise DaemonError(known.message, f"{known.remedy} {OTHER_WAYS}", known.id, error.status) from error
    return str(daemon.call("inspect_image", name)["Id"])
