# SPDX-License-Identifier: GPL-3.0-or-later
"""The body of the module guest_image: options in, result out."""

from __future__ import annotations

from typing import Any

from .._client import Address, connect
from .._entry import Run
from . import obtain, workdir
from .judge import Policy, judge
from .ways import make_ways


def guest_image_body(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """guest_image: obtain what is missing, then look into all of it."""
    names = list(dict.fromkeys(params["names"]))
    with workdir.terminable(), connect(Address.from_params(params), pool=obtain.PARALLEL + 1) as daemon:
        ways = make_ways(daemon, params, run)
        request = obtain.Request(params["source"], params["force"], run.check_mode, run.progress)
        outcomes = obtain.obtain(daemon, names, request, ways)
        result: dict[str, Any] = {
            "changed": any(outcome.changed for outcome in outcomes),
            "images": [outcome.as_dict() for outcome in outcomes],
            "findings": [],
            "checked": {"ran": [], "not_run": {}},
        }
        if run.diff_mode:
            result["diff"] = diff(outcomes)
        failure = obtain.failure(outcomes)
        if failure:
            return dict(result, failed=True, msg=failure)
        there = [outcome.name for outcome in outcomes if outcome.image_id]
        if params["check"]:
            decided = Policy(params["ignore"], params["strict"], waivers=params["waivers"])
            fresh = [outcome.name for outcome in outcomes if outcome.changed]
            result.update(judge(daemon, there, decided, params["cache_dir"] or "", fresh).as_result())
        return result


def diff(outcomes: list[obtain.Outcome]) -> dict[str, str]:
    """Before and after, one line an image."""
    changed = [outcome for outcome in outcomes if outcome.changed]
    return {"before": "", "after": "".join(f"image {outcome.name} ({outcome.source})\n" for outcome in changed)}
