# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine says while it pulls, loads or builds: its progress read, its errors told apart, in one place."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import Any, Callable, Iterable, Iterator, Mapping, Optional

from .._client import Daemon
from .._errors import DaemonError

PATIENCE = 900  # seconds that the engine may be silent while it unpacks a large layer
SILENCE = 300  # seconds without any progress of a pull: the registry has stopped sending

Progress = Callable[[Mapping[str, Any]], None]

# (id, what the engine's text has, what happened, what to do); the first that fits
CAUSES: tuple[tuple[str, str, str, str], ...] = (
    (
        "IMAGE_DISK_FULL",
        r"no space left on device|disk quota exceeded",
        "the disk of the engine is full",
        "Make room (docker system df, docker image prune) or move the data root, and run the command again.",
    ),
    (
        "IMAGE_RATE_LIMIT",
        r"toomanyrequests|rate limit|429 Too Many",
        "the registry limits how often one may pull",
        "Log in (docker login), wait, or set the engine's registry-mirrors to a mirror of yours.",
    ),
    (
        "IMAGE_SCHEMA1",
        r"schema ?1 support|manifest\.v1\+|unsupported manifest media type|media type .*no longer supported",
        "the registry has it only in a manifest format that this engine no longer reads (schema 1)",
        "Pull and push it once with an older engine (before 26), or pull its archive in with `docker load`.",
    ),
    (
        "IMAGE_ARCHITECTURE",
        r"no matching manifest for|does not match the (specified|detected) platform|no match for platform",
        "the registry has it, but not for this machine's architecture",
        "Choose an image for this architecture, or build one.",
    ),
    (
        "IMAGE_NO_ACCESS",
        r"no basic auth credentials|unauthorized|authentication required|(?<!permission )\bdenied\b|403 Forbidden|"
        r"insufficient_scope",
        "the registry gives no access to it: it wants a login, or has no such image",
        "Check the name, and log in on the machine where the module runs: docker login REGISTRY.",
    ),
    (
        "IMAGE_NO_REGISTRY",
        r"invalid character '<'|unexpected media type text/html|unexpected media type application/json",
        "what answers there is no registry: a proxy or a login page, perhaps",
        "Check the registry's address and port, and the proxy of the daemon (docker info).",
    ),
    (
        "IMAGE_NAME_INVALID",
        r"invalid reference format|invalid tag format|no Host in request URL|invalid (repository|digest)",
        "that is no image name",
        "Write it as [REGISTRY/]NAME[:TAG], or NAME@sha256:…; a name has lower-case letters only.",
    ),
    (
        "IMAGE_NO_SUCH_IMAGE",
        r"manifest unknown|manifest for \S+ not found|name unknown|repository \S+ not found|No such image|: not found|"
        r"not found: ",
        "the registry has no such image or tag",
        "Check the name and the tag (docker search, or the registry's web page).",
    ),
    (
        "IMAGE_TLS",
        r"x509|certificate|server gave HTTP response to HTTPS client|does not look like a TLS handshake",
        "the connection to the registry is not trusted",
        "Give the engine the registry's CA (/etc/docker/certs.d/REGISTRY/ca.crt), or list it in insecure-registries.",
    ),
    (
        "IMAGE_NO_NETWORK",
        r"no such host|dial tcp|i/o timeout|connection refused|network is unreachable|TLS handshake timeout|"
        r"context deadline exceeded|Client\.Timeout|server misbehaving|proxyconnect|EOF|connection reset|"
        r"502 Bad Gateway|503 Service|504 Gateway",
        "the engine cannot reach the registry",
        "Check the network and the proxy of the daemon (docker info), or bring the image without a network.",
    ),
)


def split_name(name: str) -> tuple[str, Optional[str]]:
    """`host:5000/a/b:tag@sha256:…` → what the API calls fromImage and tag. A digest takes precedence over a tag."""
    if "@" in name:
        repository, digest = name.split("@", 1)
        return _without_tag(repository), digest
    repository = _without_tag(name)
    tag = name[len(repository) + 1 :]
    return repository, tag or "latest"


def shown(name: str) -> str:
    """For a line on a terminal: as much of a digest as tells it from others."""
    return re.sub(r"(@sha256:[0-9a-f]{12})[0-9a-f]+", r"\1…", name)


def _without_tag(name: str) -> str:
    head, _slash, last = name.rpartition("/")
    last = last.split(":", 1)[0]
    return f"{head}/{last}" if head else last


def explain(text: str, image: str, doing: str) -> DaemonError:
    """The engine's words as an error with an id of ours and a remedy."""
    plain = " ".join(text.split()).rstrip(".")
    for ident, pattern, seen, remedy in CAUSES:
        if re.search(pattern, text, re.IGNORECASE):
            return DaemonError(f"{doing} {image} failed: {seen} ({plain}).", remedy, ident)
    remedy = "The daemon's log may say more: journalctl -u docker, on its host."
    return DaemonError(f"{doing} {image} failed: {plain}.", remedy, "IMAGE_FAILED")


def error_of(item: Mapping[str, Any]) -> str:
    """The error that one line of progress carries, "" for none."""
    detail = item.get("errorDetail")
    text = detail.get("message") if isinstance(detail, Mapping) else ""
    return str(text or item.get("error") or "")


def follow(items: Iterable[Mapping[str, Any]], image: str, doing: str, progress: Optional[Progress] = None) -> None:
    """Read the progress to its end; an error in it is raised."""
    for item in items:
        if error_of(item):
            raise explain(error_of(item), image, doing)
        if progress:
            progress(item)


class Layers:
    """What a pull says of its layers, as a step that is told again when it has got further."""

    def __init__(self, target: str, tell: Callable[[str, str, Optional[float]], None], every: float = 0.25) -> None:
        self.target = target
        self.tell = tell
        self.every = every
        self.layers: dict[str, tuple[int, int]] = {}
        self.done: set[str] = set()
        self.last = 0.0

    def __call__(self, item: Mapping[str, Any]) -> None:
        layer, status = str(item.get("id") or ""), str(item.get("status") or "")
        if status.startswith("Pulling fs layer") or status == "Already exists":
            self.layers.setdefault(layer, (0, 0))
        if status in ("Pull complete", "Already exists"):
            self.done.add(layer)
        detail = item.get("progressDetail") or {}
        if status == "Downloading" and detail.get("total"):
            self.layers[layer] = (int(detail.get("current") or 0), int(detail["total"]))
        elif status in ("Download complete", "Verifying Checksum") and layer in self.layers:
            self.layers[layer] = (self.layers[layer][1],) * 2
        if self.layers and time.monotonic() - self.last >= self.every:
            self.last = time.monotonic()
            self.tell(self.target, self.words(), None)

    def words(self) -> str:
        """`pull: 2 of 5 layers, 31 of 96 MB`; sizes as far as the registry has told them."""
        got, all_of_it = (sum(sizes[part] for sizes in self.layers.values()) / 1e6 for part in (0, 1))
        return f"pull: {len(self.done)} of {len(self.layers)} layers, {got:.0f} of {all_of_it:.0f} MB"


class _Bounded:
    """The SDK's client for one long call: no reply may be silent for longer than so many seconds."""

    def __init__(self, api: Any, seconds: float) -> None:
        self._api = api
        self._seconds = seconds

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    def _post(self, url: str, **settings: Any) -> Any:
        return self._api._post(url, **dict(settings, timeout=self._seconds))  # pylint: disable=protected-access

    def pull(self, *words: Any, **settings: Any) -> Any:
        return type(self._api).pull(self, *words, **settings)

    def load_image(self, *words: Any, **settings: Any) -> Any:
        return type(self._api).load_image(self, *words, **settings)


def bounded(daemon: Daemon, seconds: float) -> Daemon:
    """For `pull` (which the SDK lets wait for ever) and `load_image` (which it does not let wait long enough)."""
    return type(daemon)(_Bounded(daemon.api, seconds), replace(daemon.address, timeout=int(seconds)))


def load(daemon: Daemon, chunks: Iterator[bytes], image: str, progress: Optional[Progress] = None) -> list[str]:
    """`docker load`; returns what the engine says it loaded."""
    loaded: list[str] = []

    def note(item: Mapping[str, Any]) -> None:
        match = re.match(r"Loaded image(?: ID)?: (\S+)", str(item.get("stream") or ""))
        if match:
            loaded.append(match.group(1))
        if progress:
            progress(item)

    try:
        follow(bounded(daemon, PATIENCE).stream("load_image", chunks), image, "Loading", note)
    except DaemonError as error:
        if error.id == "DAEMON_ERROR":
            raise explain(error.message, image, "Loading") from error
        raise
    return loaded
