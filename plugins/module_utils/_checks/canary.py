# SPDX-License-Identifier: GPL-3.0-or-later
"""The canary: one throw-away container, made by the nodes' own recipe, that proves a Docker host end to end.

Nothing of it stays, whatever happens: we remove it at the end; when we are killed, a guard process does
(canary_guard.py); when that is killed too, the container ends itself after its lifetime and the engine removes it; the
network, which no engine removes by itself, goes with the next canary.
"""

from __future__ import annotations

import re
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Optional

from .._address import Address
from .._client import Daemon
from .._cluster.body import create_body
from .._cluster.host import HostFacts
from .._cluster.pool import Deadline
from .._cluster.ready import run_in, wait_booted
from .._cluster.recipe import PARENT, choose, cook
from .._errors import DaemonError, PlatformError, quoted
from .._spec.model import Attachment, Instance, Settings
from . import values
from .canary_guard import Guard, Quarry, remove_all, remove_container, remove_network

LABEL = "tpaexec.docker.canary"  # its value is the lifetime in seconds
ALIAS = "canary-alias"  # known to Docker's name server only, not to the container's /etc/hosts
SPARE = 60  # seconds that a canary may live beyond its deadline

# Signal 48 (SIGRTMIN+14) makes systemd power off at once; exec keeps process 1 for the image's own init.
DEADMAN = """(trap '' HUP; sleep "$1"; kill -48 1) </dev/null >/dev/null 2>&1 & shift; exec "$@" """

REACH = r"""
if command -v curl >/dev/null 2>&1; then exec curl -sS -I -o /dev/null -m "$4" "$1"; fi
exec timeout "$4" bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$2" "$3"
"""


@dataclass(frozen=True)
class CanaryResult:
    """`failed_step` is "" when all went well; `log` is what the container printed, or the failed command did."""

    ok: bool
    failed_step: str = ""
    reason: str = ""
    log: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    measured: str = ""


class StepFailed(PlatformError):
    """A step ran and did not give what it should; `log` is the evidence."""

    def __init__(self, message: str, log: str) -> None:
        super().__init__(message)
        self.log = log


def run_canary(
    daemon: Daemon,
    image: str,
    *,
    deadline_seconds: float = 60.0,
    mirror: str = "",
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    guard: Callable[[Address, Quarry], Guard] = Guard,
    measure: Optional[Callable[[Daemon, str], str]] = None,
) -> CanaryResult:
    """Run every step until one fails, and remove everything. *image* is not pulled. *mirror*: a URL, or host[:port].

    *measure* looks at the host from inside, once the container has booted.

    Raises PlatformError only for a *mirror* that is no address.
    """
    target = parse_mirror(mirror) if mirror else None
    lifetime = int(deadline_seconds) + SPARE
    canary = _Canary(daemon, image, Deadline.after(deadline_seconds, clock), lifetime, target, sleep, guard)
    canary.look = measure
    seconds: dict[str, float] = {}
    failed, reason, log = "", "", ""
    try:
        for name, step in canary.steps():
            failed, started = name, clock()
            try:
                step()
            finally:
                seconds[name] = round(clock() - started, 3)
        failed = ""
    except PlatformError as error:
        reason, log = str(error), "\n".join(filter(None, [getattr(error, "log", ""), canary.console.text()]))
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        reason = f"the daemon's answer cannot be read: {type(error).__name__}: {error}"
    finally:
        started = clock()
        left = canary.remove()
        seconds["remove"] = round(clock() - started, 3)
    if left and not failed:
        failed, reason = "remove", left
    return CanaryResult(not failed, failed, reason, log[-4000:], seconds, canary.measured)


@dataclass(frozen=True)
class Mirror:
    url: str
    host: str
    port: int


def parse_mirror(text: str) -> Mirror:
    """`http://host/path`, `https://host:8443`, `host`, `host:port`."""
    match = re.match(r"^(?:(https?)://)?(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?(/\S*)?$", text.strip())
    if not match or int(match.group(3) or 0) > 65535:
        raise PlatformError(
            f"The package mirror {quoted(text)} is no address.", "Give a URL (http://host/path) or host:port."
        )
    scheme, host, port, path = match.groups()
    scheme = scheme or ("https" if port == "443" else "http")
    number = int(port or (443 if scheme == "https" else 80))
    return Mirror(f"{scheme}://{host}:{number}{path or '/'}", host.strip("[]"), number)


class Console:
    """What the container prints, kept from before its start on: a removed container has no log to ask for."""

    def __init__(self) -> None:
        self.chunks: list[bytes] = []

    def follow(self, daemon: Daemon, ident: str) -> None:
        stream = daemon.call("attach", ident, stream=True, logs=True)
        threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: Any) -> None:
        try:
            for chunk in stream:
                self.chunks.append(chunk)
        except Exception:  # pylint: disable=broad-except # the stream breaks when the container goes: that is its end
            return

    def text(self) -> str:
        plain = re.sub(rb"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f]", b"", b"".join(self.chunks))
        lines = plain.decode("utf-8", "replace").splitlines()
        return "\n".join(line.rstrip() for line in lines if line.strip())


@dataclass
class _Canary:
    """The steps, with what they pass on to each other."""

    daemon: Daemon
    image: str
    deadline: Deadline
    lifetime: int
    mirror: Optional[Mirror]
    sleep: Callable[[float], None]
    hire: Callable[[Address, Quarry], Guard]
    console: Console = field(default_factory=Console)
    guard: Optional[Guard] = None
    host: HostFacts = field(default_factory=HostFacts)
    groups: tuple[str, ...] = ()
    look: Optional[Callable[[Daemon, str], str]] = None
    measured: str = ""

    def __post_init__(self) -> None:
        self.name = f"tpaexec-canary-{uuid.uuid4().hex[:12]}"
        self.labels = {LABEL: str(self.lifetime)}

    def steps(self) -> list[tuple[str, Callable[[], None]]]:
        steps = [
            ("prepare", self.prepare),
            ("network", self.make_network),
            ("create", self.create),
            ("start", self.start),
            ("exec", self.try_exec),
            ("boot", self.boot),
            *([("measure", self.measure)] if self.look else []),
            ("resolve", self.resolve),
        ]
        return [*steps, ("mirror", self.reach_mirror)] if self.mirror else steps

    def prepare(self) -> None:
        remove_stale(self.daemon)
        self.host = HostFacts.from_api(self.daemon.call("version"), self.daemon.call("info"))
        if choose(self.host).parent.startswith(f"{PARENT}/"):
            self.groups = (f"{PARENT}/canary/{self.name}",)
        self.guard = self.hire(self.daemon.address, Quarry(self.name, self.groups, self.image))

    def make_network(self) -> None:
        self.daemon.call("create_network", self.name, driver="bridge", labels=self.labels)

    def create(self) -> None:
        config = values.mapping(values.mapping(self.daemon.call("inspect_image", self.image)).get("Config"))
        own_init = [*_words(config.get("Entrypoint")), *_words(config.get("Cmd"))] or ["/sbin/init"]
        settings = Settings(image=self.image, restart_policy="no", networks=(Attachment(self.name, aliases=(ALIAS,)),))
        instance = Instance(name=self.name, node=1, settings=settings)
        body = create_body(instance, cook(instance, self.host, "canary"), self.labels)
        body["Entrypoint"] = ["/bin/sh", "-c", DEADMAN, "sh", str(self.lifetime), *own_init]
        body["Cmd"] = []
        body["HostConfig"]["AutoRemove"] = True
        self.daemon.call("create_container_from_config", body, self.name)

    def start(self) -> None:
        self.console.follow(self.daemon, self.name)
        self.daemon.call("start", self.name)

    def try_exec(self) -> None:
        code, output = run_in(self.daemon, self.name, 'echo "$1"', "hello")
        if code or output.strip() != "hello":
            raise StepFailed(f"A command in the container ended with {code}, not with its words.", output)

    def boot(self) -> None:
        try:
            wait_booted(self.daemon, self.name, self.deadline, {}, self.sleep)
        except DaemonError as error:
            if error.status != 404:
                raise
            raise StepFailed("The container's init ended before it had booted.", "") from error

    def measure(self) -> None:
        if self.look:
            self.measured = self.look(self.daemon, self.name)

    def resolve(self) -> None:
        names = [ALIAS, *([self.mirror.host] if self.mirror else [])]
        for name in names:
            code, output = run_in(self.daemon, self.name, 'timeout "$2" getent hosts "$1"', name, self._seconds(20))
            if code:
                whose = "another container's name" if name == ALIAS else f"the mirror's name {name}"
                _code, resolver = run_in(self.daemon, self.name, "cat /etc/resolv.conf")
                raise StepFailed(f"A container cannot resolve {whose} (getent ended with {code}).", output + resolver)

    def reach_mirror(self) -> None:
        if self.mirror is None:
            return
        words = (self.mirror.url, self.mirror.host, str(self.mirror.port), self._seconds(30))
        code, output = run_in(self.daemon, self.name, REACH, *words)
        if code:
            raise StepFailed(f"A container cannot reach {self.mirror.url} (ended with {code}).", output)

    def remove(self) -> str:
        """Why something is left, "" when nothing is."""
        try:
            left = remove_all(self.daemon, Quarry(self.name, self.groups, self.image), self.sleep)
        except PlatformError as error:
            left = str(error)
        if self.guard and not left:
            self.guard.dismiss()
        return left

    def _seconds(self, most: int) -> str:
        return str(max(1, min(most, int(self.deadline.left()), int(self.daemon.address.timeout) - 1)))


def remove_stale(daemon: Daemon) -> list[str]:
    """Remove canaries that outlived their lifetime by the daemon's own clock; the ids of what was removed."""
    now = values.epoch(values.mapping(daemon.call("info")).get("SystemTime"))
    if now is None:
        return []
    filters = {"label": LABEL}
    kinds = (
        (daemon.call("containers", all=True, filters=filters), remove_container),
        (daemon.call("networks", filters=filters), remove_network),
    )
    items = [(values.mapping(item), remove) for found, remove in kinds for item in values.sequence(found)]
    stale = [(str(item["Id"]), remove) for item, remove in items if item.get("Id") and expired(item, now)]
    for ident, remove in stale:
        remove(daemon, ident)
    return [ident for ident, _remove in stale]


def expired(item: Mapping[str, Any], now: float) -> bool:
    """Whether a container or network of a listing is a canary's, and older than the lifetime that its label says."""
    created = item.get("Created")  # seconds for a container, text for a network
    born = float(created) if isinstance(created, (int, float)) else values.epoch(created)
    lifetime = values.text(values.mapping(item.get("Labels")).get(LABEL), 9)
    return born is not None and lifetime.isdecimal() and now > born + int(lifetime) + SPARE


def _words(value: Any) -> list[str]:
    """An image's Entrypoint or Cmd: a list, a string from a very old builder, or nothing."""
    if isinstance(value, str):
        return ["/bin/sh", "-c", value]
    return [str(word) for word in values.sequence(value)]
