# SPDX-License-Identifier: GPL-3.0-or-later
"""Build images as `docker_images` in config.yml says, with TPA's keys, through the engine's own builder."""

from __future__ import annotations

import json
import os
import re
import tempfile
import threading
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional

from .._client import Daemon
from .._errors import DaemonError, PlatformError
from .model import LABEL, LABEL_INPUTS, LABEL_SOURCE
from .present import image_id
from .stream import CAUSES, error_of, split_name
from .workdir import check_own

TAIL = 40
KEYS = (
    "base_image",
    "base_image_name",
    "base_context_path",
    "base_dockerfile",
    "base_build_args",
    "context_path",
    "dockerfile",
    "force_build",
    "force_tag",
    "nocache",
    "pull",
)


@dataclass(frozen=True)
class Recipe:
    """One `docker build`: from what, to which name."""

    image: str
    context: str
    dockerfile: str = ""
    args: Mapping[str, str] = field(default_factory=dict)
    nocache: bool = False
    pull: bool = False


@dataclass
class Builder:
    """Builds for one run of the module; a base image that several images share is built once."""

    daemon: Daemon
    builds: Mapping[str, Mapping[str, Any]]
    base_dir: str = ""
    log_dir: str = ""

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._bases: dict[str, threading.Lock] = {}
        self._built: set[str] = set()

    def build(self, name: str) -> str:
        """Base image, then the image itself; returns its id."""
        if name not in self.builds:
            raise PlatformError(
                f"It is not said how to build {name}.", "Say it under docker_images in config.yml (docs/images.md)."
            )
        base, final = self.recipes(name)
        check_context(final)
        if base:
            check_context(base)
            self._build_base(base, bool(self.builds[name].get("force_build")))
        return self._run(final)

    def recipes(self, name: str) -> tuple[Optional[Recipe], Recipe]:
        """The one or two builds that TPA's keys describe. Pure."""
        said = self.builds[name]
        pull = bool(said.get("pull", False))
        nocache = bool(said.get("nocache", False))
        base = None
        parent = str(said.get("base_image") or "none")
        if said.get("base_context_path"):
            parent = str(said.get("base_image_name") or base_name(name))
            arguments = {key: str(value) for key, value in (said.get("base_build_args") or {}).items()}
            context = self._path(str(said["base_context_path"]))
            base = Recipe(parent, context, str(said.get("base_dockerfile") or ""), arguments, nocache, pull)
        context = self._path(str(said.get("context_path") or ""))
        # a base that was just built is in no registry: asking there for a newer one would fail
        final = Recipe(
            name,
            context,
            str(said.get("dockerfile") or ""),
            {"BASE_IMAGE": parent},
            nocache,
            pull and base is None,
        )
        return base, final

    def _path(self, path: str) -> str:
        return os.path.normpath(os.path.join(self.base_dir, os.path.expanduser(path))) if path else ""

    def _build_base(self, base: Recipe, force: bool) -> None:
        with self._lock:
            lock = self._bases.setdefault(base.image, threading.Lock())
        with lock:
            if base.image in self._built or (not force and image_id(self.daemon, base.image)):
                return
            self._run(base)
            self._built.add(base.image)

    def _run(self, recipe: Recipe) -> str:
        """The engine gives the name only to a build that came to its end."""
        log: list[str] = []
        inputs = {"context": recipe.context, "dockerfile": recipe.dockerfile, "args": without_secrets(recipe.args)}
        labels = {LABEL: "guest", LABEL_SOURCE: "build", LABEL_INPUTS: json.dumps(inputs, sort_keys=True)}
        options = {
            "path": recipe.context,
            "dockerfile": recipe.dockerfile or None,
            "tag": recipe.image,
            "buildargs": dict(recipe.args),
            "nocache": recipe.nocache,
            "pull": recipe.pull,
            "labels": labels,
        }
        run_build(self.daemon, recipe.image, options, log, self.log_dir)
        return str(self.daemon.call("inspect_image", recipe.image)["Id"])


def without_secrets(arguments: Mapping[str, str]) -> dict[str, str]:
    """Build arguments fit for a label: tokens and passwords stay out, within an address too."""
    secret = re.compile(r"pass|secret|token|credential|(^|_)key($|_)", re.IGNORECASE)
    return {
        key: "***" if secret.search(key) else re.sub(r"://[^/@\s]+@", "://", value) for key, value in arguments.items()
    }


def base_name(image: str) -> str:
    """TPA's name for a base image that has none."""
    repository, tag = split_name(image)
    return f"{repository}-base:{tag}"


def check_context(recipe: Recipe) -> None:
    """The context is a directory with a Dockerfile."""
    if not recipe.context:
        raise PlatformError(
            f"docker_images says no context_path for {recipe.image}.", "Give the directory that has its Dockerfile."
        )
    if not os.path.isdir(recipe.context):
        raise PlatformError(
            f"The build context of {recipe.image}, {recipe.context}, is no directory.",
            "Correct context_path or base_context_path; a relative path starts at the cluster directory.",
        )
    dockerfile = os.path.join(recipe.context, recipe.dockerfile or "Dockerfile")
    if not os.path.isfile(dockerfile):
        raise PlatformError(
            f"There is no {dockerfile} to build {recipe.image} from.", "Correct dockerfile, or write the file."
        )


def run_build(daemon: Daemon, image: str, options: Mapping[str, Any], log: list[str], log_dir: str) -> None:
    """One build; its log is kept, and the end of it is shown when it fails."""
    try:
        for item in daemon.stream("build", rm=True, forcerm=True, decode=True, **options):
            log.extend(log_lines(item))
            if error_of(item):
                raise build_failed(image, error_of(item), log, log_dir)
    except DaemonError as error:
        if error.id == "DAEMON_ERROR":
            text = error.message.replace("The Docker daemon refused: ", "")
            raise build_failed(image, text, log, log_dir) from error
        raise
    save_log(log_dir, image, log)


def log_lines(item: Mapping[str, Any]) -> list[str]:
    """The lines that one message of the builder adds to the log; the bars of a download are left out."""
    if "progressDetail" in item and item.get("progressDetail"):
        return []
    text = str(item.get("stream") or "") or " ".join(str(item.get(key) or "") for key in ("id", "status")).strip()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def build_failed(image: str, text: str, log: list[str], log_dir: str) -> DaemonError:
    """What went wrong, the last 40 lines of the log, and where all of it is."""
    path = save_log(log_dir, image, [*log, text])
    tail = "\n".join(log[-TAIL:])
    plain = " ".join(text.split()).rstrip(".")
    where = f" The whole log: {path}." if path else ""
    ident, remedy = cause_of(text, tail)
    shown = f" The end of its log:\n{tail}\n" if tail else ""
    return DaemonError(f"Building {image} failed: {plain}.{shown}{where}".rstrip(), remedy, ident)


def cause_of(text: str, tail: str) -> tuple[str, str]:
    """The id and the remedy. What a step of the Dockerfile says itself is no cause, but for a full disk."""
    if re.search(r"requires BuildKit|the --(mount|chmod|link|security|network) (option|flag)", text):
        advice = "The engine's own builder is used, without BuildKit: write the step without it."
        return "IMAGE_BUILD_FAILED", advice
    step = re.search(r"returned a non-zero code", text)
    for ident, pattern, _seen, remedy in CAUSES[:1] if step else CAUSES:
        if re.search(pattern, f"{text}\n{tail}" if step else text, re.IGNORECASE):
            return ident, remedy
    return "IMAGE_BUILD_FAILED", "Mend the Dockerfile, and run the command again."


def save_log(log_dir: str, image: str, log: list[str]) -> str:
    """Where the log is now; "" when it cannot be kept."""
    folder = log_dir or os.path.join(tempfile.gettempdir(), f"tpaexec-images-{os.geteuid()}")
    path = os.path.join(folder, f"build-{re.sub(r'[^A-Za-z0-9_.-]', '_', image)}.log")
    try:
        os.makedirs(folder, exist_ok=True)
        if not log_dir:
            check_own(folder)
        with open(path, "w", encoding="utf-8") as handle:
            handle.write("\n".join(log) + "\n")
    except (OSError, PlatformError):
        return ""
    return path
