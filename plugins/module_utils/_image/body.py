# SPDX-License-Identifier: GPL-3.0-or-later
"""The bodies of the modules docker_image_check and guest_image: options in, result out."""

from __future__ import annotations

from typing import Any

from .._client import Address, Daemon, connect
from .._entry import Run
from .._errors import PlatformError
from . import obtain, workdir
from .bootstrap import Tools, Wish, bootstrap
from .distributions import Release, find_release, known_images, release_of_image
from .judge import judge
from .pull import pull


def check_body(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """docker_image_check."""
    with connect(Address.from_params(params), pool=4) as daemon:
        return checked(daemon, params["images"], params, {"changed": False})


def checked(daemon: Daemon, names: list[str], params: dict[str, Any], result: dict[str, Any]) -> dict[str, Any]:
    """*result* with the findings of the images; failed when one of them is an error."""
    verdict = judge(daemon, names, params["ignore"], params["strict"], params["cache_dir"] or "")
    shown = verdict.as_dict()
    result.update(findings=shown["findings"], checked=shown["checked"], facts=shown["images"])
    if verdict.failure:
        result.update(failed=True, msg=verdict.failure)
    return result


def guest_image_body(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """guest_image: obtain what is missing, then look into all of it."""
    names = list(dict.fromkeys(params["names"]))
    with workdir.terminable(), connect(Address.from_params(params), pool=obtain.PARALLEL + 1) as daemon:
        ways = make_ways(daemon, params, run)
        request = obtain.Request(params["source"], params["force"], run.check_mode)
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
        return checked(daemon, there, params, result) if params["check"] else result


def diff(outcomes: list[obtain.Outcome]) -> dict[str, str]:
    """Before and after, one line an image."""
    changed = [outcome for outcome in outcomes if outcome.changed]
    return {"before": "", "after": "".join(f"image {outcome.name} ({outcome.source})\n" for outcome in changed)}


def make_ways(daemon: Daemon, params: dict[str, Any], run: Run) -> obtain.Ways:
    """How each source works, with the edges filled in."""

    def bootstrap_one(name: str) -> str:
        return bootstrap(daemon, make_wish(name, params), Tools(run.run_command))

    def build_one(name: str) -> str:
        raise PlatformError(f"{name} cannot be built.", "Build it with docker build.")

    return obtain.Ways(pull=lambda name: pull(daemon, name), build=build_one, bootstrap=bootstrap_one)


def make_wish(name: str, params: dict[str, Any]) -> Wish:
    """What to bootstrap under *name*: said by options, else by the name itself."""
    given = {key: value for key, value in (params["bootstrap"] or {}).items() if value is not None}
    release = named_release(name, given.pop("distribution", ""), given.pop("release", ""))
    packages, sources = tuple(given.pop("packages", ())), tuple(given.pop("sources", ()))
    return Wish(release, name, packages=packages, sources=sources, **given)


def named_release(name: str, distribution: str, version: str) -> Release:
    """The release, or an error that lists those that are known."""
    release = find_release(distribution, version) if distribution and version else release_of_image(name)
    if release is None:
        raise PlatformError(
            f"It is not known how to bootstrap {name}.",
            "Say `bootstrap: {distribution, release}`, for example debian and 12, or use one of the names that say it: "
            f"{', '.join(known_images())}.",
        )
    return release
