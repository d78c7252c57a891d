# SPDX-License-Identifier: GPL-3.0-or-later
"""docker_networks: parsed, with subnets that can be what they are said to be and do not overlap."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Optional, Union

from .keys import IPAM_KEYS, NETWORK_KEYS
from .model import IpamPool, Network
from .problems import BadValue, Problems, did_you_mean, show
from .values import boolean, string_map, text

IPNetwork = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
IPAddress = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

ENGINE_NETWORKS = ("bridge", "host", "none", "default")
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}", re.ASCII)


def network_name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise BadValue(f"{show(value)} is no name of a network.", "Letters, digits, `_`, `.` and `-`.")
    return value


def subnet(value: Any) -> IPNetwork:
    """A subnet that containers can have addresses in."""
    if not isinstance(value, str) or "/" not in value:
        raise BadValue(f"{show(value)} is no subnet.", "Write ADDRESS/PREFIX, such as 10.33.10.0/28.")
    try:
        found = ipaddress.ip_network(value.strip(), strict=False)
        given = ipaddress.ip_address(value.partition("/")[0].strip())
    except ValueError:
        raise BadValue(f"{show(value)} is no subnet.", "Write ADDRESS/PREFIX, such as 10.33.10.0/28.") from None
    if given != found.network_address:
        raise BadValue(f"{show(value)} is an address within a subnet.", f"The subnet is {found}.")
    first = found.network_address
    if first.is_loopback or first.is_multicast or first.is_unspecified or first.is_link_local:
        raise BadValue(
            f"{found} is not for containers (loopback, multicast or reserved).", "Take one from 10.33.0.0/16."
        )
    if found.max_prefixlen - found.prefixlen < 2:
        raise BadValue(f"{found} has no room for nodes.", "A prefix of /29 or shorter is needed.")
    return found


def address(value: Any) -> IPAddress:
    try:
        return ipaddress.ip_address(value.strip() if isinstance(value, str) else "")
    except ValueError:
        raise BadValue(f"{show(value)} is no IP address.", "Write it as 10.33.10.2.") from None


def parse_networks(value: Any, problems: Problems) -> tuple[Network, ...]:
    """docker_networks. Names are unique, and no two subnets overlap."""
    place = "docker_networks"
    if value is None:
        return ()
    if not isinstance(value, list):
        problems.add(place, f"A list of networks is needed, not {show(value)}.")
        return ()
    networks = [_network(item, f"{place}[{index}]", problems) for index, item in enumerate(value)]
    _refuse_repeated_names(networks, problems)
    _refuse_overlaps(networks, problems)
    return tuple(network for network in networks if network)


def _network(item: Any, place: str, problems: Problems) -> Optional[Network]:
    if not isinstance(item, dict):
        problems.add(place, f"A map with name and ipam_config is needed, not {show(item)}.")
        return None
    check_keys(item, NETWORK_KEYS, place, problems)
    name = problems.attempt(f"{place}.name", network_name, item.get("name"))
    if name in ENGINE_NETWORKS:
        problems.add(f"{place}.name", f"{name} is a network of the engine's own.", "Choose another name.")
    pools = item.get("ipam_config") or []
    if not isinstance(pools, list):
        problems.add(
            f"{place}.ipam_config", f"A list is needed, not {show(pools)}.", "Write `- subnet: 10.33.10.0/28`."
        )
        pools = []
    ipam = [_pool(pool, f"{place}.ipam_config[{index}]", problems) for index, pool in enumerate(pools)]
    return Network(
        name=name or "",
        ipam=tuple(pool for pool in ipam if pool),
        labels=problems.attempt(f"{place}.labels", string_map, item.get("labels") or {}) or {},
        enable_ipv6=bool(problems.attempt(f"{place}.enable_ipv6", boolean, item.get("enable_ipv6") or False)),
        driver_options=problems.attempt(f"{place}.driver_options", string_map, item.get("driver_options") or {}) or {},
    )


def _pool(item: Any, place: str, problems: Problems) -> Optional[IpamPool]:
    if not isinstance(item, dict):
        problems.add(place, f"A map with subnet is needed, not {show(item)}.")
        return None
    check_keys(item, IPAM_KEYS, place, problems)
    network = problems.attempt(f"{place}.subnet", subnet, item.get("subnet"))
    if network is None:
        return None
    inner: Optional[IPNetwork] = None
    if item.get("iprange") is not None:
        inner = problems.attempt(f"{place}.iprange", _iprange, item["iprange"], network)
    gateway: Optional[IPAddress] = None
    if item.get("gateway") is not None:
        gateway = problems.attempt(f"{place}.gateway", _gateway, item["gateway"], network)
    return IpamPool(str(network), str(inner or ""), str(gateway or ""))


def _iprange(value: Any, network: IPNetwork) -> IPNetwork:
    try:
        found = ipaddress.ip_network(text(value))
    except ValueError:
        raise BadValue(f"{show(value)} is no range of addresses.", f"Write a subnet within {network}.") from None
    if found.version != network.version or not found.subnet_of(network):  # type: ignore[arg-type]
        raise BadValue(f"{found} is outside the subnet {network}.", f"Write a subnet within {network}.")
    return found


def _gateway(value: Any, network: IPNetwork) -> IPAddress:
    found = address(text(value))
    if found not in network:
        raise BadValue(f"{found} is outside the subnet {network}.", "Write an address within it, usually the first.")
    if found in (network.network_address, network.broadcast_address):
        raise BadValue(f"{found} is the subnet's own or its broadcast address.", "Write one between them.")
    return found


def gateway_of(pool: IpamPool) -> str:
    """The gateway's address: as written, else the first one, as the engine takes it."""
    if pool.gateway:
        return pool.gateway
    network = ipaddress.ip_network(pool.iprange or pool.subnet)
    first = network.network_address
    return str(first if first != ipaddress.ip_network(pool.subnet).network_address else first + 1)


def _refuse_repeated_names(networks: list[Optional[Network]], problems: Problems) -> None:
    first: dict[str, int] = {}
    for index, network in enumerate(networks):
        if network and network.name and first.setdefault(network.name, index) != index:
            message = f"The name {network.name} is taken by docker_networks[{first[network.name]}]."
            problems.add(f"docker_networks[{index}].name", message, "Give each network a name of its own.")


def _refuse_overlaps(networks: list[Optional[Network]], problems: Problems) -> None:
    seen: list[tuple[str, IPNetwork]] = []
    for index, network in enumerate(networks):
        for position, pool in enumerate(network.ipam if network else ()):
            place = f"docker_networks[{index}].ipam_config[{position}].subnet"
            mine = ipaddress.ip_network(pool.subnet)
            for other_place, other in seen:
                if mine.version == other.version and mine.overlaps(other):
                    problems.add(place, f"{mine} overlaps {other} of {other_place}.", "Choose subnets that are apart.")
            seen.append((place, mine))


def check_keys(item: dict[Any, Any], known: tuple[str, ...], place: str, problems: Problems) -> None:
    """Every key of *item* is known, or a problem says which word was meant."""
    for key in item:
        if key in known:
            continue
        remedy = (did_you_mean(key, known) if isinstance(key, str) else "") or f"Known are: {', '.join(known)}."
        problems.add(f"{place}.{key}" if isinstance(key, str) else place, f"Unknown key {show(key)}.", remedy)
