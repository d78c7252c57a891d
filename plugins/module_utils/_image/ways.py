# SPDX-License-Identifier: GPL-3.0-or-later
"""The ways to an image, filled in from guest_image's options: pull, build (config.yml's or a site's own), bootstrap."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from typing import Any, Mapping

from .._client import Daemon
from .._entry import Run
from .._errors import PlatformError
from . import assemble, build, bundle, customise, obtain, stream, tpa_image
from .bootstrap import Wish, bootstrap
from .bootstrap_dnf import RpmRepository
from .distributions import Release, find_release, known_images, release_of_image
from .inspect import look
from .model import LABEL, LABEL_INPUTS, LABEL_SOURCE
from .present import image_id, inspect_or_none
from .pull import pull
from .tools import Tools


def make_ways(daemon: Daemon, params: Mapping[str, Any], run: Run) -> obtain.Ways:
    """Each source as a function of the name."""
    site = customise.parse_site(params)
    builds = params.get("builds") or {}
    tools = Tools(run.run_command)
    builder = build.Builder(daemon, builds, params.get("base_dir") or "", params.get("log_dir") or "")

    def bootstrap_one(name: str) -> str:
        return bootstrap(daemon, make_wish(name, params), tools)

    def build_one(name: str) -> str:
        if name in builds or not tpa_image.base_image(name):
            return builder.build(name)
        return build_tpa(daemon, name, plain, params.get("log_dir") or "")

    loader = Loader(daemon, params.get("archive") or "")
    plain = obtain.Ways(
        pull=lambda name: pull(daemon, name, stream.Layers(f"image {stream.shown(name)}", run.progress)),
        build=build_one,
        bootstrap=bootstrap_one,
        load=loader.load,
        builds=builds,
        archived=loader.images,
        stale=loader.stale,
        can_bootstrap=lambda: bool(tools.which("mmdebstrap")),
    )
    if not site.wanted:
        return plain
    if len(set(params["names"])) > 1:
        raise PlatformError(
            "Packages and files make one image: `names` has several.", "Call guest_image once for each of them."
        )
    return replace(
        plain,
        build=lambda name: build_site(daemon, site, name, plain, params.get("log_dir") or ""),
        builds={**builds, **{key: {} for key in params["names"]}},
        archived=(),
        stale=lambda name: stale(daemon, site, name),
    )


class Loader:
    """An archive, verified before anything else happens, and loaded at most once for all its images."""

    def __init__(self, daemon: Daemon, path: str) -> None:
        self.daemon = daemon
        self.archive = bundle.read(path) if path else bundle.Archive("", {}, bundle=False)
        self.images = self.archive.images
        self._lock = threading.Lock()
        self._loaded = False

    def stale(self, name: str) -> bool:
        """Another image than the bundle's stands behind the name."""
        layers = self.images.get(name)
        return bool(layers) and not bundle.same(self.daemon, name, layers or ())

    def load(self, name: str) -> str:
        if name not in self.images:
            held = f"{self.archive.path} holds {', '.join(self.images)}" if self.images else "No archive was given"
            raise PlatformError(
                f"{held}, but not {name}.", "Give the archive that has it (`archive`, or --bundle FILE)."
            )
        with self._lock:
            if not self._loaded:
                bundle.load(self.daemon, self.archive)
                self._loaded = True
        return image_id(self.daemon, name)


def stale(daemon: Daemon, site: customise.Site, name: str) -> bool:
    """The image was made from other packages or files than those asked for now."""
    seen = inspect_or_none(daemon, name) or {}
    labels = (seen.get("Config") or {}).get("Labels") or {}
    wanted = customise.labels(site, name)[LABEL_INPUTS]
    try:
        return bool(json.loads(labels.get(LABEL_INPUTS) or "{}") != json.loads(wanted))
    except ValueError:
        return True


def build_site(daemon: Daemon, site: customise.Site, name: str, plain: obtain.Ways, log_dir: str) -> str:
    """Obtain the base image where it is missing, then build on top of it."""
    outcome = obtain.obtain(daemon, [site.base_image], obtain.Request(), plain)[0]
    if outcome.error:
        raise outcome.error
    manager = look(daemon, site.base_image).package_manager if customise.needs_manager(site) else ""
    files = customise.context(site, manager)
    options = {
        "fileobj": assemble.file_of(files),
        "custom_context": True,
        "tag": name,
        "labels": customise.labels(site, name),
    }
    build.run_build(daemon, name, options, [], log_dir)
    return str(daemon.call("inspect_image", name)["Id"])


def build_tpa(daemon: Daemon, name: str, plain: obtain.Ways, log_dir: str) -> str:
    """An image of TPA's on its distribution's own, which is pulled where it is missing."""
    base = tpa_image.base_image(name)
    outcome = obtain.obtain(daemon, [base], obtain.Request(), plain)[0]
    if outcome.error:
        raise outcome.error
    inputs = json.dumps({"base_image": base}, sort_keys=True)
    options = {
        "fileobj": assemble.file_of(tpa_image.context(base)),
        "custom_context": True,
        "tag": name,
        "labels": {LABEL: "guest", LABEL_SOURCE: "build", LABEL_INPUTS: inputs},
    }
    build.run_build(daemon, name, options, [], log_dir)
    return str(daemon.call("inspect_image", name)["Id"])


def make_wish(name: str, params: Mapping[str, Any]) -> Wish:
    """What to bootstrap under *name*: said by options, else by the name itself."""
    given = {key: value for key, value in (params.get("bootstrap") or {}).items() if value is not None}
    release = named_release(name, given.pop("distribution", ""), given.pop("release", ""))
    packages, sources = tuple(given.pop("packages", ())), tuple(given.pop("sources", ()))
    rpm = [
        RpmRepository(**{key: value for key, value in one.items() if value}) for one in given.pop("repositories", ())
    ]
    force = bool(params.get("force"))
    return Wish(release, name, packages=packages, sources=sources, force=force, repositories=tuple(rpm), **given)


def named_release(name: str, distribution: str, version: str) -> Release:
    """The release, or an error that lists those that are known."""
    if distribution and version:
        release = find_release(distribution, version)
    else:
        release = release_of_image(name) or tpa_image.release(name)
    if release is None:
        raise PlatformError(
            f"It is not known how to bootstrap {name}.",
            "Say `bootstrap: {distribution, release}`, for example debian and 12, or use one of the names that say it: "
            f"{', '.join(known_images())}.",
        )
    return release
