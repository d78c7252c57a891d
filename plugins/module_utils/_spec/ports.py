# SPDX-License-Identifier: GPL-3.0-or-later
"""Exposed and published ports, written as for `docker run --expose` and `-p`."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from .model import Port, PublishedPort
from .problems import BadValue, show

_USAGE = 'Write [[IP:]HOST_PORT:]PORT[/udp], in quotes, such as "5432:5432" or "127.0.0.1:8080-8090:80-90/tcp".'
_PUBLISHED = re.compile(r"(?:(?:(\[[^\]]*\]|[^:\[\]]*):)?([^:]*):)?([^:/]+)(?:/(\w+))?", re.ASCII)
_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?", re.ASCII)
PROTOCOLS = ("tcp", "udp", "sctp")


def exposed_ports(value: Any) -> list[Port]:
    """`22`, `53/udp` or `8000-8010`, as the ports they mean."""
    word = _as_text(value, "Write PORT[-PORT][/udp], such as 5432 or 53/udp.")
    numbers, slash, protocol = word.partition("/")
    protocol = _protocol(protocol if slash else "tcp", value)
    return [Port(number, protocol) for number in _range(numbers, value)]


def published_ports(value: Any) -> list[PublishedPort]:
    """One entry of published_ports, as the single ports that it means."""
    match = _PUBLISHED.fullmatch(_as_text(value, _USAGE))
    if not match:
        raise BadValue(f"{show(value)} is no published port.", _USAGE)
    address, host, container, protocol = match.groups()
    host_ip = _host_ip(address, value)
    ports = [Port(number, _protocol(protocol or "tcp", value)) for number in _range(container, value)]
    if not host:
        return [PublishedPort(port, 0, host_ip) for port in ports]
    host_ports = list(_range(host, value))
    if len(host_ports) != len(ports):
        message = f"{show(value)} has {len(host_ports)} ports of the host for {len(ports)} of the container."
        raise BadValue(message, "Write two ranges of one length, or no port of the host.")
    return [PublishedPort(port, number, host_ip) for port, number in zip(ports, host_ports)]


def _as_text(value: Any, usage: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65536:
        return str(value)
    if not isinstance(value, str):
        raise BadValue(f"{show(value)} is no port.", usage)
    return value.strip()


def _protocol(word: str, value: Any) -> str:
    if word.lower() not in PROTOCOLS:
        remedy = f"It is one of {', '.join(PROTOCOLS)}."
        raise BadValue(f"{show(value)}: the protocol cannot be {show(word)}.", remedy)
    return word.lower()


def _range(word: str, value: Any) -> range:
    match = _RANGE.fullmatch(word)
    first = int(match.group(1)) if match else 0
    last = int(match.group(2) or match.group(1)) if match else 0
    if not 0 < first <= last < 65536:
        raise BadValue(f"{show(value)}: {show(word)} is no port.", "A port is a number between 1 and 65535.")
    return range(first, last + 1)


def _host_ip(word: Any, value: Any) -> str:
    if not word:
        return "0.0.0.0"  # noqa: S104 - what `docker run -p` takes where no address is given
    try:
        return str(ipaddress.ip_address(word.strip("[]")))
    except ValueError:
        raise BadValue(f"{show(value)}: {show(word)} is no address of the host.", _USAGE) from None
