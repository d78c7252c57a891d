# SPDX-License-Identifier: GPL-3.0-or-later
"""Pull one image through the engine: its mirrors and our login count, errors are told apart."""

from __future__ import annotations

from typing import Optional

from .._client import Daemon
from .._errors import DaemonError
from .stream import SILENCE, Progress, bounded, explain, follow, split_name

OTHER_WAYS = (
    "Other ways to get an image: load an archive (docker load, or `tpaexec provision DIR --bundle FILE`), "
    "build it (docker_images in config.yml), or bootstrap one from the distribution's packages (use an image name "
    "like tpaexec/debian-systemd:12)."
)


def pull(daemon: Daemon, name: str, progress: Optional[Progress] = None, silence: float = SILENCE) -> str:
    """Pull and return the image's id. The engine gives the name only when every layer is there.

    A registry that sends nothing for *silence* seconds, though the line stands, is given up.
    """
    repository, tag = split_name(name)
    items = bounded(daemon, silence).stream("pull", repository, tag=tag, stream=True, decode=True)
    try:
        follow(items, name, "Pulling", progress)
    except DaemonError as error:
        known = told(error, name, silence)
        if known is None:
            raise
        raise DaemonError(known.message, f"{known.remedy} {OTHER_WAYS}", known.id, error.status) from error
    return str(daemon.call("inspect_image", name)["Id"])


def told(error: DaemonError, name: str, silence: float) -> Optional[DaemonError]:
    """The error as one of the image; None when it is the engine's own."""
    if error.id.startswith("IMAGE_"):
        return error
    if error.id == "DAEMON_ERROR":
        return explain(error.message.replace("The Docker daemon refused: ", ""), name, "Pulling")
    if error.id == "DAEMON_HUNG":
        seen = f"Pulling {name} failed: the registry has sent nothing for {silence:g} s."
        remedy = "Check the network between the Docker host and the registry, then run the same again."
        return DaemonError(seen, remedy, "IMAGE_NO_NETWORK")
    return None
