# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge to several daemons: all hosts are connected to at once, and one that does not answer is data."""

from __future__ import annotations

import contextlib
import errno
import re
import socket
import threading
import time
from typing import Callable, Iterable, Iterator, Mapping, Union
from urllib.parse import urlsplit

from ._address import Address
from ._client import Daemon, connect
from ._errors import DaemonError
from ._spec.model import DEFAULT_HOST, Host
from ._ssh_line import LINE_TIMEOUT

Connected = Union[Daemon, DaemonError]

# What a remedy says of the environment, and what it is to say of a host with a name: for that, DOCKER_* is not heeded.
_INSTEAD = (
    (r"DOCKER_HOST \(or `docker_host`\)|(?<=point )DOCKER_HOST", "`docker_host` of that host in {file}"),
    (r"DOCKER_HOST=(?=unix)", "`docker_host` of that host in {file} may be "),
    (r" \(cert\.pem and key\.pem in DOCKER_CERT_PATH\)|, or ca\.pem in DOCKER_CERT_PATH", ""),
)
CONFIG = "config.yml"

REPORT_IT = "Please report this defect, with the output of the same command with -v."


def addresses_of(hosts: Iterable[Host], defaults: Address) -> dict[str, Address]:
    """The address of each host by its name; *defaults* is the task's own, which `default` has."""
    return {host.name: Address.from_host(host, defaults) for host in hosts}


def connect_all(
    addresses: Mapping[str, Address],
    pool: int = 10,
    connector: Callable[[Address, int], Daemon] = connect,
    clock: Callable[[], float] = time.monotonic,
) -> dict[str, Connected]:
    """A Daemon or the reason by host name, in the order of *addresses*.

    Each host has the `timeout` of its own address, in seconds, and all are tried side by side. *pool* is how many
    connections each may keep. One host alone is connected to in the caller's thread, as ever.
    """
    if len(addresses) == 1:
        ((name, address),) = addresses.items()
        return {name: _attempt(name, address, pool, connector)}
    slots: dict[str, Connected] = {}
    # Not a pool: its threads are waited for at exit, and one that hangs in ssh must not hold the task.
    threads = [
        threading.Thread(target=_fill, args=(slots, name, address, pool, connector), daemon=True)
        for name, address in addresses.items()
    ]
    started = clock()
    for thread in threads:
        thread.start()
    for thread, address in zip(threads, addresses.values()):
        thread.join(max(0.0, started + address.timeout - clock()))
    done = dict(slots)
    return {name: done.get(name) or _late(name, address) for name, address in addresses.items()}


def _fill(
    slots: dict[str, Connected], name: str, address: Address, pool: int, connector: Callable[[Address, int], Daemon]
) -> None:
    slots[name] = _attempt(name, address, pool, connector)


def _attempt(name: str, address: Address, pool: int, connector: Callable[[Address, int], Daemon]) -> Connected:
    try:
        if name != DEFAULT_HOST:
            probe_line(address)
        return connector(address, pool)
    except DaemonError as error:
        return of_host(name, error)
    except Exception as error:  # pylint: disable=broad-except
        return of_host(name, DaemonError(f"Unexpected: {type(error).__name__}: {error}.", REPORT_IT))


def probe_line(address: Address) -> None:
    """Open and close a TCP connection: the SDK would wait for a silent host as long as for a slow reply."""
    if not address.docker_host.startswith(("tcp://", "https://", "ssh://")):
        return
    parts = urlsplit(address.docker_host)
    place = (parts.hostname or "", parts.port or 22)
    if parts.scheme == "ssh" and parts.port is None:
        return  # ssh_config may name another port and another machine
    try:
        socket.create_connection(place, min(LINE_TIMEOUT, address.timeout)).close()
    except socket.gaierror as error:
        raise DaemonError(
            f"There is no host {parts.hostname} ({error.strerror or error}).",
            "Check docker_host, and how this machine resolves names.",
            "DAEMON_NOT_RUNNING",
        ) from error
    except OSError as error:
        raise _silent(address, error) from error


def _silent(address: Address, error: OSError) -> DaemonError:
    where = address.docker_host
    if error.errno == errno.ECONNREFUSED:
        return DaemonError(
            f"Nothing listens at {where}.",
            "The host is up: start its Docker daemon there, and check the port.",
            "DAEMON_NOT_RUNNING",
        )
    reason = "no answer" if isinstance(error, TimeoutError) else error.strerror or str(error)
    return DaemonError(
        f"The host does not answer at {where} ({reason}).",
        "Is it switched on, its cable plugged in, its firewall open for this machine?",
        "DAEMON_NOT_RUNNING",
    )


def _late(name: str, address: Address) -> DaemonError:
    return of_host(
        name,
        DaemonError(
            f"No answer from {address.docker_host} within {address.timeout} s.",
            "Look at that host and its Docker daemon, or give it longer: DOCKER_TIMEOUT=120 in the environment.",
            "DAEMON_HUNG",
        ),
    )


def of_host(name: str, error: DaemonError, file: str = CONFIG) -> DaemonError:
    """The error with the host's name, which stands in *file*; the daemon of DOCKER_HOST needs none."""
    if name == DEFAULT_HOST or error.message.startswith(f"Host {name}: "):
        return error
    return DaemonError(f"Host {name}: {error.message}", remedy_for(name, error.remedy, file), error.id, error.status)


def remedy_for(name: str, remedy: str, file: str = CONFIG) -> str:
    """The remedy in words that are true of this host."""
    if name == DEFAULT_HOST:
        return remedy
    for pattern, words in _INSTEAD:
        remedy = re.sub(pattern, words.format(file=file), remedy)
    return remedy


@contextlib.contextmanager
def closing(connected: Mapping[str, Connected]) -> Iterator[Mapping[str, Connected]]:
    """Those that answered are closed at the end."""
    try:
        yield connected
    finally:
        for item in connected.values():
            if isinstance(item, Daemon):
                with contextlib.suppress(Exception):
                    item.close()
