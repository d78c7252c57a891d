# SPDX-License-Identifier: GPL-3.0-or-later
"""Is an image on the engine?"""

from __future__ import annotations

from typing import Any, Optional

from .._client import Daemon
from .._errors import DaemonError


def inspect_or_none(daemon: Daemon, name: str) -> Optional[dict[str, Any]]:
    """What the engine says of the image; None when it has none of that name."""
    try:
        return dict(daemon.call("inspect_image", name))
    except DaemonError as error:
        if error.status == 404:
            return None
        raise


def image_id(daemon: Daemon, name: str) -> str:
    """The id behind a name, "" when the engine has no such image."""
    return str((inspect_or_none(daemon, name) or {}).get("Id", ""))
