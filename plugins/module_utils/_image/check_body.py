# SPDX-License-Identifier: GPL-3.0-or-later
"""The body of the module docker_image_check."""

from __future__ import annotations

from typing import Any

from .._address import Address
from .._checks import registry
from .._client import connect
from .._entry import Run
from .judge import PARALLEL, Policy, judge


def check_body(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """Look into the images and judge them; the same in check mode."""
    decided = Policy(params["ignore"], params["strict"], registry.known_ids(), waivers=params["waivers"])
    with connect(Address.from_params(params), pool=PARALLEL) as daemon:
        return {"changed": False, **judge(daemon, params["images"], decided, params["cache_dir"] or "").as_result()}
