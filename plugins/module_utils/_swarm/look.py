# SPDX-License-Identifier: GPL-3.0-or-later
"""Every host is asked at once what it says of its Swarm."""

from __future__ import annotations

from typing import Callable, Mapping

from .._client import Daemon
from .._cluster.pool import run_all
from .._errors import DaemonError
from .model import HostSwarm


def look(daemons: Mapping[str, Daemon]) -> list[HostSwarm]:
    """In the order of *daemons*. One that breaks off now raises: it had answered a moment ago."""
    return run_all([_job(host, daemon) for host, daemon in daemons.items()], len(daemons))


def _job(host: str, daemon: Daemon) -> Callable[[], HostSwarm]:
    def job() -> HostSwarm:
        info = dict(daemon.call("info"))
        swarm = info.get("Swarm") or {}
        if swarm.get("ControlAvailable") is not True:
            return HostSwarm.from_api(host, info, None)
        try:
            return HostSwarm.from_api(host, info, list(daemon.call("nodes")))
        except DaemonError as error:
            return HostSwarm.from_api(host, info, None, error.message)

    return job
