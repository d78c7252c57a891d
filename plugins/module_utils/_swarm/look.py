# SPDX-License-Identifier: GPL-3.0-or-later
"""Every host is asked at once what it says of its Swarm."""

from __future__ import annotations

import time
from typing import Callable, Mapping, Sequence, Union

from .._client import Daemon
from .._cluster.pool import Deadline, run_all
from .._errors import DaemonError
from .._hosts import of_host
from .model import ACTIVE, PENDING, HostSwarm

SETTLING = 30.0  # seconds: an election after a manager came or went, a join that is under way, a host that has booted


def settled(
    daemons: Mapping[str, Daemon], sleep: Callable[[float], None] = time.sleep
) -> tuple[list[HostSwarm], dict[str, DaemonError]]:
    """Like `look`, once nothing is about to change by itself, or after SETTLING."""
    deadline = Deadline.after(SETTLING)
    while True:
        found, errors = look(daemons)
        if not _moving(found) or deadline.passed:
            return found, errors
        sleep(1)


def _moving(found: Sequence[HostSwarm]) -> bool:
    managers = [host for host in found if host.state == ACTIVE and host.manager]
    leaderless = bool(managers) and all(host.members is None for host in managers)
    # Nothing can be attached on a host that has booted before its Swarm has seen that.
    absent = {member.id for host in managers for member in host.members or () if not member.ready}
    booted = any(host.state == ACTIVE and host.node in absent for host in found)
    return leaderless or booted or any(host.state == PENDING for host in found)


def look(daemons: Mapping[str, Daemon]) -> tuple[list[HostSwarm], dict[str, DaemonError]]:
    """In the order of *daemons*; and those that do not answer now: a manager that is cut off from the others waits for
    them when it is asked."""
    found = run_all([_job(host, daemon) for host, daemon in daemons.items()], len(daemons))
    errors = {host: item for host, item in zip(daemons, found) if isinstance(item, DaemonError)}
    return [item for item in found if isinstance(item, HostSwarm)], errors


def _job(host: str, daemon: Daemon) -> Callable[[], Union[HostSwarm, DaemonError]]:
    def job() -> Union[HostSwarm, DaemonError]:
        try:
            info = dict(daemon.call("info"))
        except DaemonError as error:
            return of_host(host, error)
        swarm = info.get("Swarm") or {}
        if swarm.get("ControlAvailable") is not True:
            return HostSwarm.from_api(host, info, None)
        try:
            return HostSwarm.from_api(host, info, list(daemon.call("nodes")))
        except DaemonError as error:
            return HostSwarm.from_api(host, info, None, error.message)

    return job
