# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new cluster must keep clear of: other clusters' directories, the host's routes, the daemon's networks."""

from __future__ import annotations

import ipaddress
import os
import socket
import struct
from typing import Any, Iterable, Iterator, Mapping, Optional

from .._address import Address
from .._client import connect
from .._errors import DaemonError, PlatformError
from .._spec.configure import Surroundings
from .._spec.load import read_config
from .._spec.subnet import Taken
from .config_file import CONFIG, read_file

ROUTES = "/proc/net/route"
DAEMON_PATIENCE = 5


def look_around(named: Iterable[str], own: str, address: Address) -> tuple[Surroundings, list[str]]:
    """What is taken, and a warning for each place that could not be looked at.

    *own* is the new directory; its neighbours are looked at where no directory is *named*.
    """
    warnings: list[str] = []
    directories = list(named)
    if not directories:
        parent = os.path.dirname(own)
        if os.access(parent, os.R_OK | os.X_OK):
            directories = [parent]
        elif os.path.exists(parent):
            warnings.append(f"Other clusters in {parent} could not be seen: this user cannot read it.")
    subnets: list[Taken] = []
    names: set[str] = set()
    for path in _configs(directories, own):
        data = _read_quietly(path)
        subnets.extend(_config_subnets(data, os.path.dirname(path)))
        names.update(_config_names(data))
    try:
        subnets.extend(routes(read_file(ROUTES)))
    except (OSError, ValueError):
        warnings.append(
            "The host's routes could not be seen: the subnet may be one that this machine reaches elsewhere."
        )
    try:
        seen, containers = _daemon(address)
        subnets.extend(seen)
        names.update(containers)
    except DaemonError as error:
        warnings.append(f"Subnets in use by Docker could not be seen: {error.message} Provision checks them again.")
    small_mtu = uplink_mtu() if address.local else None
    return Surroundings(tuple(subnets), frozenset(names), small_mtu), warnings


def _configs(directories: Iterable[str], own: str) -> Iterator[str]:
    """The config.yml of each directory and of those right below it."""
    for directory in directories:
        try:
            below = sorted(entry.path for entry in os.scandir(directory))
        except OSError as error:
            reason = error.strerror or str(error)
            message = f"--exclude-subnets-from: {directory} cannot be read: {reason}."
            raise PlatformError(message, "Name a directory that holds cluster directories.") from error
        for path in (directory, *below):
            config = os.path.join(path, CONFIG)
            if os.path.realpath(path) != os.path.realpath(own) and os.path.isfile(config):
                yield config


def _read_quietly(path: str) -> Mapping[str, Any]:
    """Another cluster's words; a file that cannot be read as one takes nothing."""
    try:
        return read_config(read_file(path))
    except (OSError, ValueError, PlatformError):
        return {}


def _config_subnets(data: Mapping[str, Any], owner: str) -> Iterator[Taken]:
    for network in _maps(data.get("docker_networks")):
        for pool in _maps(network.get("ipam_config")):
            yield from _taken(pool.get("subnet"), owner)
    for key in ("locations", "instances"):
        for item in _maps(data.get(key)):
            yield from _taken(item.get("subnet"), owner)


def _config_names(data: Mapping[str, Any]) -> Iterator[str]:
    for item in _maps(data.get("instances")):
        if isinstance(item.get("Name"), str):
            yield item["Name"].lower().replace("_", "-")


def _maps(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _taken(subnet: Any, owner: str) -> Iterator[Taken]:
    try:
        found = ipaddress.IPv4Network(subnet if isinstance(subnet, str) else "", strict=False)
    except ValueError:
        return
    if found.prefixlen > 1:  # 0.0.0.0/1 and 128.0.0.0/1 are a VPN's way of writing a default route
        yield Taken(found, owner)


def routes(text: str) -> Iterator[Taken]:
    """The destinations in /proc/net/route, except the default ones."""
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8:
            continue
        address, mask = (socket.inet_ntoa(struct.pack("=L", int(field, 16))) for field in (fields[1], fields[7]))
        yield from _taken(f"{address}/{mask}", f"a route of this host, {fields[0]}")


def uplink_mtu(table: str = ROUTES, interfaces: str = "/sys/class/net") -> Optional[int]:
    """The MTU of the interface that the default route takes, where it is below Docker's own default of 1500."""
    try:
        rows = [line.split() for line in read_file(table).splitlines()[1:]]
        name = next(row[0] for row in rows if len(row) > 7 and row[1] == row[7] == "00000000")
        mtu = int(read_file(os.path.join(interfaces, name, "mtu")))
    except (OSError, ValueError, StopIteration, PlatformError):
        return None
    return mtu if 576 <= mtu < 1500 else None


def _daemon(address: Address) -> tuple[list[Taken], list[str]]:
    """The subnets of the daemon's networks, and the names of its containers."""
    with connect(address) as daemon:
        subnets = [
            taken
            for network in daemon.call("networks")
            for pool in (network.get("IPAM") or {}).get("Config") or []
            for taken in _taken(pool.get("Subnet"), f"the Docker network {network.get('Name')}")
        ]
        containers = daemon.call("containers", all=True)
    return subnets, [name.lstrip("/") for item in containers for name in item.get("Names") or []]
