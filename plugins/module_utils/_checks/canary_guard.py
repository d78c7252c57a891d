# SPDX-License-Identifier: GPL-3.0-or-later
"""Removes a canary when its module can no longer do so: a process of its own that waits for the module's end.

It holds the far end of a pipe. A word on it means that all is well; its end without one means that the module was
killed, and then the container and the network are removed from here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any, Callable, Mapping

from .._address import Address
from .._client import Daemon, connect
from .._cluster.cgroups import remove_groups
from .._errors import DaemonError

DONE = b"done\n"
PATIENCE = 20  # rounds of half a second in which a removal that is under way may end

# What it needs is loaded before it reports ready: Ansible takes the module's files away with the module.
PROGRAM = f"""
import json, sys
order = json.loads(sys.stdin.buffer.readline())
sys.path[:] = order["path"]
from {__name__} import watch
watch(order)
"""


@dataclass(frozen=True)
class Quarry:
    """What has to go: the container and the network of this name, and the cgroup folders that the recipe made."""

    name: str
    groups: tuple[str, ...] = ()
    image: str = ""


class Guard:
    """The guard process, seen from the module. Ready when the constructor returns."""

    def __init__(self, address: Address, quarry: Quarry) -> None:
        self.process = subprocess.Popen(  # noqa: S603 # pylint: disable=consider-using-with # it has to outlive us
            [sys.executable, "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd="/",
        )
        order = {"path": sys.path, "address": asdict(address), "quarry": asdict(quarry)}
        self._send(json.dumps(order).encode() + b"\n")
        if not (self.process.stdout and self.process.stdout.readline()):
            self.process.wait()
            raise DaemonError(
                "The canary's guard process did not start: nothing was created.",
                f"See that this Python can import the SDK: {sys.executable} -c 'import docker'",
            )

    def dismiss(self) -> None:
        """All was removed: the guard may go."""
        self._send(DONE)
        for end in (self.process.stdin, self.process.stdout):
            if end:
                end.close()
        self.process.wait()

    def _send(self, data: bytes) -> None:
        try:
            if self.process.stdin:
                self.process.stdin.write(data)
                self.process.stdin.flush()
        except BrokenPipeError:
            return


def watch(order: Mapping[str, Any]) -> None:
    """The guard's whole life."""
    daemon = connect(Address(**order["address"]))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    if DONE not in sys.stdin.buffer.read():
        time.sleep(0.5)  # a request that was on its way when the module died may yet create something
        remove_all(daemon, Quarry(**order["quarry"]), time.sleep)


def remove_all(daemon: Daemon, quarry: Quarry, sleep: Callable[[float], None]) -> str:
    """Remove the container, then the network; why something is left, "" when nothing is."""
    left = [_patiently(remove, daemon, quarry.name, sleep) for remove in (remove_container, remove_network)]
    remove_groups(daemon, quarry.groups, quarry.image)
    return " ".join(filter(None, left))


def _patiently(remove: Callable[[Daemon, str], str], daemon: Daemon, name: str, sleep: Callable[[float], None]) -> str:
    for _dummy in range(PATIENCE):
        left = remove(daemon, name)
        if not left:
            return ""
        sleep(0.5)
    return left


def remove_container(daemon: Daemon, ident: str) -> str:
    return _remove(daemon, "remove_container", ident, v=True, force=True)


def remove_network(daemon: Daemon, ident: str) -> str:
    return _remove(daemon, "remove_network", ident)


def _remove(daemon: Daemon, method: str, ident: str, **options: Any) -> str:
    """ "" when it is gone (404 says so: an accepted removal alone may still be under way)."""
    try:
        daemon.call(method, ident, **options)
    except DaemonError as error:
        return "" if error.status == 404 else str(error)
    return ""
