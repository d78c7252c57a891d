# SPDX-License-Identifier: GPL-3.0-or-later
"""Helper containers of runs that are no more are removed; those of runs that work, and of other machines, are not."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._cluster import helpers
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError


def item(label: str) -> dict[str, Any]:
    return {"Id": label, "Labels": {helpers.LABEL: "60", helpers.RUN_LABEL: label}}


def test_whose_they_are() -> None:
    mine = helpers.this_run()
    boot, space, number, began = mine.split(" ")
    here = f"{boot} {space}"
    assert began.isdigit()
    with subprocess.Popen([sys.executable, "-c", "pass"]) as ended:
        pass
    assert not helpers.is_left(item(mine))
    assert helpers.is_left(item(f"{here} {ended.pid} 1"))
    assert helpers.is_left(item(f"{here} {number} {int(began) - 1}"))  # the number was given away again
    assert not helpers.is_left(item(f"another-machine {space} {ended.pid} 1"))
    assert not helpers.is_left(item(f"{boot} pid:[1] {ended.pid} 1"))  # in another container of this machine
    for odd in ("", boot, here, f"{here} x y", f"{here} ", f"{here} {ended.pid}", f" {ended.pid} 1"):
        assert not helpers.is_left(item(odd))
    assert not helpers.is_left({"Id": "x", "Labels": None})


def test_where_others_processes_are_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    left = item(helpers.this_run().rpartition(" ")[0] + " 1")
    assert helpers.is_left(left)
    read = helpers._read
    monkeypatch.setattr(helpers, "_read", lambda path: "" if path == "/proc/1/stat" else read(path))
    assert not helpers.is_left(left)


def test_sweep_takes_those_alone_and_is_stopped_by_nothing() -> None:
    here = helpers.this_run().rsplit(" ", 2)[0]
    there = [item(helpers.this_run()), item(f"{here} 999999999 1"), item(f"{here} 999999998 1"), item("other x 1 1")]
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
