# SPDX-License-Identifier: GPL-3.0-or-later
"""Is an image on the engine?"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Optional

from .._client import Daemon
from .._errors import DaemonError
from .stream import explain, split_name


def inspect_or_none(daemon: Daemon, name: str) -> Optional[dict[str, Any]]:
    """What the engine says of the image; None when it has none of that name."""
    try:
        return dict(daemon.call("inspect_image", name))
    except DaemonError as error:
        if error.status == 404:
            return None
        if error.status == 400:
            raise explain(error.message.replace("The Docker daemon refused: ", ""), name, "Finding") from error
        raise


def image_id(daemon: Daemon, name: str) -> str:
    """The id behind a name, "" when the engine has no such image."""
    return str((inspect_or_none(daemon, name) or {}).get("Id", ""))


def restore(daemon: Daemon, name: str, before: str) -> None:
    """After a failure, the name stands for what it stood for (*before*, "" for nothing).

    An engine with containerd's store (it tells a `Descriptor`) gives the name before the image is whole.
    """
    with suppress(DaemonError):
        seen = inspect_or_none(daemon, name)
        if not seen or "Descriptor" not in seen or seen["Id"] == before:
            return
        if before:
            repository, tag = split_name(name)
            daemon.call("tag", before, repository, tag)
        else:
            daemon.call("remove_image", name, force=False)
