# SPDX-License-Identifier: GPL-3.0-or-later
"""The body of the module guest_image_bundle."""

from __future__ import annotations

import os
from typing import Any

from .._address import Address
from .._client import connect
from .._entry import Run
from .._errors import PlatformError
from . import bundle, workdir


def bundle_body(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """Write the bundle, unless one of just these images is there and whole."""
    names = list(dict.fromkeys(params["names"]))
    path = os.path.abspath(params["path"])
    with workdir.terminable(), connect(Address.from_params(params)) as daemon:
        images = bundle.described(daemon, names)
        if not params["force"] and up_to_date(path, images):
            return {"changed": False, "path": path, "size": os.path.getsize(path), "images": images}
        if run.check_mode:
            return {"changed": True, "path": path, "size": 0, "images": images}
        written = bundle.write(daemon, names, path, params["cluster"])
    return {"changed": True, **written}


def up_to_date(path: str, images: list[dict[str, Any]]) -> bool:
    """A whole bundle of exactly these images is there."""
    if not os.path.exists(path):
        return False
    try:
        there = bundle.read(path)
    except PlatformError:
        return False
    return there.bundle and there.images == {image["name"]: tuple(image["layers"]) for image in images}
