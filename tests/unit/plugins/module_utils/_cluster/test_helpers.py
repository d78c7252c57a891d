# SPDX-License-Identifier: GPL-3.0-or-later
"""Helper containers of runs that are no more are removed; those of runs that work, and of other machines, are not."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

from ansible_collections.tpaexec.docker.plugins.module_utils._cluster import helpers
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError


def item(label: str) -> dict[str, Any]:
    return {"Id": label, "Labels": {helpers.LABEL: "60", helpers.RUN_LABEL: label}}


def test_whose_they_are() -> None:
    mine = helpers.this_run()
    boot, number, began = mine.split(" ")
    assert began.isdigit()
    with subprocess.Popen([sys.executable, "-c", "pass"]) as ended:
        pass
    assert not helpers.is_left(item(mine))
    assert helpers.is_left(item(f"{boot} {ended.pid} 1"))
    assert helpers.is_left(item(f"{boot} {number} {int(began) - 1}"))  # the number was given away again
    assert not helpers.is_left(item(f"another-machine {ended.pid} 1"))
    for odd in ("", boot, f"{boot} x y", f"{boot} "):
        assert not helpers.is_left(item(odd))
    assert not helpers.is_left({"Id": "x", "Labels": None})


def test_sweep_takes_those_alone_and_is_stopped_by_nothing() -> None:
    boot = helpers.this_run().partition(" ")[0]
    there = [item(helpers.this_run()), item(f"{boot} 999999999 1"), item(f"{boot} 999999998 1"), item("other 1 1")]
    removed = []

    class Engine:
        def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
            if method == "containers":
                assert kwargs == {"all": True, "filters": {"label": [helpers.LABEL]}}
                return there
            removed.append((method, *args, kwargs))
            raise DaemonError("removal is under way", status=409)

    helpers.sweep(Engine())  # type: ignore[arg-type]
    assert removed == [("remove_container", one["Id"], {"force": True, "v": True}) for one in there[1:3]]
