# SPDX-License-Identifier: GPL-3.0-or-later
"""What a helper container saw on a host and measured from it to the others: typed, whatever it printed."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional

from . import values
from .facts_host import Route


@dataclass(frozen=True)
class Interface:
    """A network interface of a host with its first IPv4 address, as `10.0.0.1/24`."""

    name: str
    address: str
    mtu: int = 0

    @property
    def ip(self) -> str:
        return self.address.split("/")[0]


@dataclass(frozen=True)
class Seen:
    """One host from inside its network. `taken` are ports of Swarm's that something else listens on (`2377/tcp`)."""

    interfaces: tuple[Interface, ...] = ()
    routes: tuple[Route, ...] = ()
    uplink: str = ""
    features: Mapping[str, Optional[bool]] = field(default_factory=dict)
    taken: tuple[str, ...] = ()


@dataclass(frozen=True)
class Way:
    """From one host to another. `ports`: "" for a port that was reached, else what was seen; `mtu` 0: not measured."""

    source: str
    target: str
    address: str
    ports: Mapping[str, str] = field(default_factory=dict)
    mtu: int = 0

    @property
    def blocked(self) -> dict[str, str]:
        return {port: said for port, said in self.ports.items() if said}

    @classmethod
    def from_reply(cls, source: str, target: str, address: str, reply: Any) -> Way:
        data = values.mapping(reply)
        ports = {str(port): values.text(said) for port, said in values.mapping(data.get("ports")).items()}
        return cls(source, target, address, ports, values.number(data.get("mtu")) or 0)


def interfaces(rows: Any) -> tuple[Interface, ...]:
    """From `[[name, address, netmask, mtu], …]`; loopback and what is no address are left out."""
    found = []
    for row in values.sequence(rows):
        name, address, mask, mtu = [*values.sequence(row), None, None, None, None][:4]
        try:
            place = ipaddress.IPv4Interface(f"{values.text(address)}/{values.text(mask)}")
        except ValueError:
            continue
        if not place.is_loopback:
            found.append(Interface(values.text(name), str(place), values.number(mtu) or 0))
    return tuple(found)
