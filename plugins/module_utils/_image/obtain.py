# SPDX-License-Identifier: GPL-3.0-or-later
"""Every image that is wanted gets there: which way (pure), then all of them at once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Callable, Collection, Mapping, Optional

from .._client import Daemon
from .._cluster.pool import run_all
from .._errors import PlatformError
from . import tpa_image
from .distributions import known_images, release_of_image
from .present import image_id, restore
from .stream import shown

PARALLEL = 4

Tell = Callable[[str, str, Optional[float]], None]  # what is being done, which step, its seconds when it ended


@dataclass(frozen=True)
class Outcome:
    """What became of one image."""

    name: str
    source: str
    image_id: str = ""
    changed: bool = False
    error: Optional[PlatformError] = None

    def as_dict(self) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "name": self.name,
            "source": self.source,
            "image_id": self.image_id,
            "changed": self.changed,
        }
        if self.error:
            shown["error"] = str(self.error)
            shown["error_id"] = getattr(self.error, "id", "IMAGE_FAILED")
        return shown


@dataclass(frozen=True)
class Request:
    """How missing images are to be got."""

    source: str = "auto"
    force: bool = False
    check_mode: bool = False
    progress: Tell = lambda *_step: None


@dataclass(frozen=True)
class Ways:
    """How an image is got, one function a source; each takes the name and returns the image's id."""

    pull: Callable[[str], str]
    build: Callable[[str], str]
    bootstrap: Callable[[str], str]
    load: Callable[[str], str]
    builds: Mapping[str, Any] = field(default_factory=dict)
    archived: Collection[str] = ()
    stale: Callable[[str], bool] = lambda name: False  # it is there, but is not what is asked for
    can_bootstrap: Callable[[], bool] = lambda: True  # asked for a name of TPA's, which can be built as well


def choose(name: str, asked: str, ways: Ways) -> str:
    """The way to a missing image. Names of ours and TPA's are never pulled: nobody else may stand behind them."""
    if asked != "auto":
        return asked
    if name in ways.archived:
        return "load"
    if name in ways.builds:
        return "build"
    if tpa_image.is_tpa(name):
        release = tpa_image.release(name)
        return "bootstrap" if release and release.family == "apt" and ways.can_bootstrap() else "build"
    return "bootstrap" if release_of_image(name) else "pull"


def forced(name: str, builds: Mapping[str, Any], force: bool) -> bool:
    """Obtain it though it is there: asked for by an option, or by `force_build` of docker_images."""
    return force or bool((builds.get(name) or {}).get("force_build"))


def obtain(daemon: Daemon, names: list[str], request: Request, ways: Ways) -> list[Outcome]:
    """Every distinct name once, side by side; one that fails does not stop the others."""
    distinct = list(dict.fromkeys(names))
    return run_all([_job(daemon, name, request, ways) for name in distinct], PARALLEL)


def _job(daemon: Daemon, name: str, request: Request, ways: Ways) -> Callable[[], Outcome]:
    def job() -> Outcome:
        try:
            return _one(daemon, name, request, ways)
        except PlatformError as error:
            return Outcome(name, choose(name, request.source, ways), error=error)

    return job


def _one(daemon: Daemon, name: str, request: Request, ways: Ways) -> Outcome:
    before = image_id(daemon, name)
    again = forced(name, ways.builds, request.force) or (bool(before) and ways.stale(name))
    if before and (not again or request.source == "present"):
        return Outcome(name, "present", before)
    source = choose(name, request.source, ways)
    if source == "present":
        raise PlatformError(
            f"The engine has no image {name}.",
            "Pull it (docker pull), load it (docker load), or let guest_image obtain it (source: auto). "
            f"Images that can be bootstrapped without a registry: {', '.join(known_images())}.",
        )
    if request.check_mode:
        return Outcome(name, source, before, changed=True)
    started = time.monotonic()
    request.progress(f"image {shown(name)}", source, None)
    try:
        after = getattr(ways, source)(name)
    except BaseException:
        restore(daemon, name, before)
        raise
    request.progress(f"image {shown(name)}", source, time.monotonic() - started)
    return Outcome(name, source, after, changed=after != before)


def failure(outcomes: list[Outcome]) -> str:
    """One message for all that failed, "" for none."""
    errors = [str(outcome.error) for outcome in outcomes if outcome.error]
    if len(errors) < 2:
        return "".join(errors)
    return f"{len(errors)} images could not be obtained.\n" + "\n".join(f"  - {error}" for error in errors)
