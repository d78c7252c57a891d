# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance's networks and addresses, and whether all addresses of a cluster go together."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field, replace
from typing import Any, Mapping, Optional

from .keys import ATTACHMENT_KEYS
from .model import Attachment, IpamPool, Network
from .networks import IPAddress, IPNetwork, address, check_keys, gateway_of, network_name
from .problems import BadValue, Problems, show
from .values import first_repeated, text


def parse_attachments(
    words: Mapping[str, Any], places: Mapping[str, str], networks: tuple[Network, ...], problems: Problems
) -> tuple[Attachment, ...]:
    """`networks` if given, else the first of docker_networks with ip_address."""
    fixed = ""
    if words.get("ip_address") is not None:
        found = problems.attempt(places["ip_address"], _ipv4, words["ip_address"])
        fixed = str(found or "")
    if not words.get("networks"):
        if fixed and not networks:
            problems.add(places["ip_address"], f"There is no network for {fixed}.", "Describe one in docker_networks.")
        return (Attachment(networks[0].name, fixed),) if networks else ()
    place = places["networks"]
    if not isinstance(words["networks"], list):
        problems.add(place, f"A list of networks is needed, not {show(words['networks'])}.", "Write `- name: NETWORK`.")
        return ()
    parsed = [_attachment(item, f"{place}[{index}]", problems) for index, item in enumerate(words["networks"])]
    attachments = [item for item in parsed if item]
    twice = first_repeated([item.network for item in attachments])
    if twice:
        problems.add(place, f"The network {twice} is given twice.", "Name each network once.")
    return _with_fixed(tuple(attachments), fixed, places, networks, problems)


def _with_fixed(
    attachments: tuple[Attachment, ...],
    fixed: str,
    places: Mapping[str, str],
    networks: tuple[Network, ...],
    problems: Problems,
) -> tuple[Attachment, ...]:
    """ip_address beside networks is meant for the first of docker_networks: taken, or refused, never ignored."""
    if not fixed or any(item.ipv4_address == fixed for item in attachments):
        return attachments
    for index, item in enumerate(attachments):
        if networks and item.network == networks[0].name and not item.ipv4_address:
            return (*attachments[:index], replace(item, ipv4_address=fixed), *attachments[index + 1 :])
    problems.add(
        places["ip_address"],
        f"{fixed} is given beside networks, which has another address or not the first of docker_networks.",
        "Write it as ipv4_address of the network that is meant, and take ip_address out.",
    )
    return attachments


def _ipv4(value: Any) -> IPAddress:
    found = address(value)
    if found.version != 4:
        raise BadValue(f"{found} is no IPv4 address.", "Write an IPv6 address as ipv6_address under networks.")
    return found


def _ipv6(value: Any) -> IPAddress:
    found = address(value)
    if found.version != 6:
        raise BadValue(f"{found} is no IPv6 address.", "Write an IPv4 address as ipv4_address.")
    return found


def _attachment(item: Any, place: str, problems: Problems) -> Optional[Attachment]:
    item = {"name": item} if isinstance(item, str) else item
    if not isinstance(item, dict):
        problems.add(place, f"A map with name is needed, not {show(item)}.")
        return None
    check_keys(item, ATTACHMENT_KEYS, place, problems)
    name = problems.attempt(f"{place}.name", network_name, item.get("name"))
    if name in ("host", "none", "default"):
        problems.add(
            f"{place}.name", f"A node cannot be on the engine's network {name}.", "Use one of docker_networks."
        )
    found = {
        key: str(problems.attempt(f"{place}.{key}", parse, item[key]) or "")
        for key, parse in (("ipv4_address", _ipv4), ("ipv6_address", _ipv6))
        if item.get(key) is not None
    }
    lists = {key: tuple(problems.each(f"{place}.{key}", item.get(key) or [], text)) for key in ("aliases", "links")}
    return Attachment(name or "", found.get("ipv4_address", ""), found.get("ipv6_address", ""), **lists)


@dataclass
class _Pools:
    """One network's subnets, and who has which address in it."""

    pools: list[tuple[IPNetwork, IpamPool]]
    nodes: int = 0
    taken: dict[str, str] = field(default_factory=dict)


class AddressBook:
    """All addresses of a cluster: each in its subnet, none twice, none that the network needs itself."""

    def __init__(self, networks: tuple[Network, ...]) -> None:
        self._networks = {
            network.name: _Pools([(ipaddress.ip_network(pool.subnet), pool) for pool in network.ipam])
            for network in networks
        }

    def check(self, node: str, place: str, attachment: Attachment, problems: Problems) -> None:
        """Note *attachment* of *node*; *place* is where its address stands."""
        pools = self._networks.get(attachment.network)
        if pools is None:
            if attachment.network == "bridge" and (attachment.ipv4_address or attachment.ipv6_address):
                problems.add(
                    place, "The engine's own network bridge gives no fixed addresses.", "Use one of docker_networks."
                )
            return
        pools.nodes += 1
        for written in filter(None, (attachment.ipv4_address, attachment.ipv6_address)):
            reason = _refusal(ipaddress.ip_address(written), pools, attachment.network)
            owner = pools.taken.setdefault(written, node)
            if reason:
                problems.add(place, f"{written} {reason}.", "Choose a free address of the subnet.")
            elif owner != node:
                problems.add(place, f"{written} is the address of {owner} already.", "Give each node its own.")

    def check_room(self, networks: tuple[Network, ...], problems: Problems) -> None:
        """Every node of a network finds an address in it."""
        for index, network in enumerate(networks):
            pools = self._networks[network.name]
            sizes = [found.num_addresses - 3 for found, _pool in pools.pools if found.version == 4]
            if sizes and pools.nodes > sum(sizes):
                message = f"{pools.nodes} nodes do not fit into it: there is room for {sum(sizes)}."
                problems.add(f"docker_networks[{index}].ipam_config[0].subnet", message, "Take a larger subnet.")


def _refusal(found: IPAddress, pools: _Pools, network: str) -> str:
    """Why *found* cannot be a node's address, or nothing."""
    if not pools.pools:
        return f"cannot be fixed: the network {network} says no subnet in ipam_config"
    for subnet, pool in pools.pools:
        if found.version != subnet.version or found not in subnet:
            continue
        if found == subnet.network_address:
            return f"is the own address of the subnet {subnet}"
        if found == subnet.broadcast_address and subnet.version == 4:
            return f"is the broadcast address of the subnet {subnet}"
        if str(found) == gateway_of(pool):
            return f"is the gateway of the subnet {subnet}"
        return ""
    subnets = ", ".join(str(subnet) for subnet, _pool in pools.pools)
    return f"is outside the subnet {subnets} of the network {network}"
