# SPDX-License-Identifier: GPL-3.0-or-later
"""What the last provision did and how long each step took: kept beside the cluster's id, for `tpaexec report`.

It costs one small file a run that did something. It is nobody's truth: without it, or with a damaged one, a report has
no timeline.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from typing import Any, Mapping, Optional, Sequence

FILE = "last-run.json"
LONGEST_ERROR = 8000  # characters of what is kept of a node's error


def of_run(result: Mapping[str, Any], ended: float) -> dict[str, Any]:
    """The run of which docker_cluster is about to return *result*; *ended* in seconds since 1970. Pure."""
    nodes = [
        {"name": one["name"], "status": one["status"], "error": str(one["error"])[:LONGEST_ERROR]}
        for one in result["instances"]
    ]
    return {"version": 1, "ended": round(ended), "steps": list(result["steps"]), "nodes": nodes}


def keep(directory: str, result: Mapping[str, Any]) -> None:
    """Write it in one step, for the owner alone; a run that did nothing leaves the one before; no failure is raised."""
    if not (result["changed"] or result.get("failed")):
        return
    with contextlib.suppress(OSError):
        handle, path = tempfile.mkstemp(prefix=f".{FILE}.", dir=directory)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(of_run(result, time.time()), file)
            os.replace(path, os.path.join(directory, FILE))
        except BaseException:
            os.unlink(path)
            raise


def read(directory: str) -> Optional[dict[str, Any]]:
    """The last run, as far as it can be believed: a damaged file is none, a damaged step is left out."""
    try:
        with open(os.path.join(directory, FILE), encoding="utf-8") as file:
            data = json.load(file)
        steps = [step for step in map(_step, _maps(data["steps"])) if step]
        nodes = [
            {key: str(one.get(key) or "") for key in ("name", "status", "error")} for one in _maps(data.get("nodes"))
        ]
        return {"ended": float(data.get("ended") or 0), "steps": steps, "nodes": nodes}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _maps(value: Any) -> Sequence[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _step(item: Mapping[str, Any]) -> Optional[dict[str, Any]]:
    try:
        at, seconds = float(item.get("at", 0)), float(item["seconds"])
    except (KeyError, TypeError, ValueError):
        return None
    if not 0 <= at < 1e6 or not 0 <= seconds < 1e6:
        return None
    said = {"target": str(item.get("target") or ""), "step": str(item.get("step") or "")}
    return {**said, "at": at, "seconds": seconds, "failed": bool(item.get("failed"))}
