# SPDX-License-Identifier: GPL-3.0-or-later
"""tpaexec_docker: what config.yml may say beyond TPA, under the one key that TPA does not look at."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Optional

from . import container, keys, values
from .hosts import host_name, parse_hosts
from .instances import normal_name
from .model import DEFAULT_HOST, Host, PreflightPolicy, Waiver
from .networks import address, check_keys
from .problems import BadValue, Problems, did_you_mean, show
from .settings import Files

_PLACE = "tpaexec_docker"
_HOST_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?", re.ASCII)  # of an entry in /etc/hosts


@dataclass(frozen=True)
class Extras:
    """The parsed block. Of a node: `common`, and over it `nodes[name]`; `host` is resolved by `host_of`."""

    preflight: PreflightPolicy = field(default_factory=PreflightPolicy)
    common: Mapping[str, Any] = field(default_factory=dict)
    nodes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    locations: Mapping[str, str] = field(default_factory=dict)
    hosts: Mapping[str, Host] = field(default_factory=dict)

    def of(self, name: str) -> dict[str, Any]:
        return {**self.common, **self.nodes.get(name, {})}

    def host_of(self, name: str, location: str) -> str:
        own = self.nodes.get(name, {}).get("host") or self.locations.get(location) or self.common.get("host")
        return own or DEFAULT_HOST


def parse_extras(
    data: Mapping[str, Any], names: set[str], locations: set[str], files: Files, problems: Problems
) -> Extras:
    """*names* and *locations* are those of the cluster: the block's keys must be among them."""
    block = data.get("tpaexec_docker")
    if block is None:
        return Extras()
    if not isinstance(block, dict):
        problems.add(_PLACE, f"A map is needed, not {show(block)}.", f"Its keys are: {', '.join(keys.OWN_KEYS)}.")
        return Extras()
    check_keys(block, keys.OWN_KEYS, _PLACE, problems)
    hosts = parse_hosts(block.get("hosts"), files, problems)
    common = _node_words(block.get("instance_defaults") or {}, f"{_PLACE}.instance_defaults", hosts, problems)
    nodes: dict[str, Mapping[str, Any]] = {}
    for key, item in _map(block.get("instances"), f"{_PLACE}.instances", problems).items():
        place = f"{_PLACE}.instances.{key}" if isinstance(key, str) else f"{_PLACE}.instances"
        name = problems.attempt(place, _one_of, key, names, "instance")
        nodes[name or ""] = _node_words(item or {}, place, hosts, problems)
    placed: dict[str, str] = {}
    for key, item in _map(block.get("locations"), f"{_PLACE}.locations", problems).items():
        place = f"{_PLACE}.locations.{key}" if isinstance(key, str) else f"{_PLACE}.locations"
        name = problems.attempt(place, _one_of, key, locations, "location")
        found = _words(item or {}, {"host": host_name}, keys.OWN_LOCATION_KEYS, place, problems)
        _check_host(found.get("host"), place, hosts, problems)
        placed[name or ""] = found.get("host", "")
    return Extras(_preflight(block.get("preflight"), problems), common, nodes, placed, hosts)


def _map(value: Any, place: str, problems: Problems) -> Mapping[Any, Any]:
    if value is None:
        return {}
    return problems.attempt(place, values.mapping, value) or {}


def _one_of(key: Any, known: set[str], kind: str) -> str:
    """*key* as one of the *known* names; nodes are compared as they will be called."""
    name = normal_name(key) if kind == "instance" else values.text(key)
    if name not in known:
        raise BadValue(f"There is no {kind} {show(key)} in this cluster.", did_you_mean(name, known))
    return name


def _words(
    item: Any, parsers: Mapping[str, Callable[[Any], Any]], known: tuple[str, ...], place: str, problems: Problems
) -> dict[str, Any]:
    if not isinstance(item, dict):
        problems.add(place, f"A map is needed, not {show(item)}.", f"Its keys are: {', '.join(known)}.")
        return {}
    check_keys(item, known, place, problems)
    said = {key: parse for key, parse in parsers.items() if item.get(key) is not None}
    found = {key: problems.attempt(f"{place}.{key}", parse, item[key]) for key, parse in said.items()}
    return {key: value for key, value in found.items() if value is not None}


def _node_words(item: Any, place: str, hosts: Mapping[str, Any], problems: Problems) -> dict[str, Any]:
    found = _words(item, _NODE_PARSERS, keys.OWN_INSTANCE_KEYS, place, problems)
    _check_host(found.get("host"), place, hosts, problems)
    return found


def _check_host(host: Optional[str], place: str, hosts: Mapping[str, Any], problems: Problems) -> None:
    if not host or host == DEFAULT_HOST:
        return
    if host not in hosts:
        near = did_you_mean(host, [*hosts, DEFAULT_HOST]) or f"Hosts are: {', '.join([*hosts, DEFAULT_HOST])}."
        problems.add(f"{place}.host", f"There is no host {show(host)} in tpaexec_docker.hosts.", near)


def _preflight(item: Any, problems: Problems) -> PreflightPolicy:
    place = f"{_PLACE}.preflight"
    item = _map(item, place, problems)
    check_keys(item, keys.PREFLIGHT_KEYS, place, problems)
    ignore = problems.each(f"{place}.ignore", item.get("ignore") or [], values.finding_id)
    waivers = item.get("waivers") or []
    if not isinstance(waivers, list):
        problems.add(
            f"{place}.waivers", f"A list is needed, not {show(waivers)}.", f"Each has {', '.join(keys.WAIVER_KEYS)}."
        )
        waivers = []
    found = [_waiver(waiver, f"{place}.waivers[{index}]", problems) for index, waiver in enumerate(waivers)]
    return PreflightPolicy(tuple(dict.fromkeys(ignore)), tuple(waiver for waiver in found if waiver))


def _waiver(item: Any, place: str, problems: Problems) -> Optional[Waiver]:
    parsers = {"id": values.finding_id, "reason": values.text, "expires": values.day}
    found = _words(item, parsers, keys.WAIVER_KEYS, place, problems)
    missing = [key for key in keys.WAIVER_KEYS if isinstance(item, dict) and item.get(key) is None]
    if missing:
        problems.add(place, f"{' and '.join(missing)} missing.", "It says which finding, why, and until which day.")
    return Waiver(**found) if len(found) == len(keys.WAIVER_KEYS) else None


def _addresses(value: Any) -> tuple[str, ...]:
    return tuple(str(found) for found in _list_of(value, address))


def _domains(value: Any) -> tuple[str, ...]:
    return _list_of(value, _domain)


def _domain(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"\.|[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?", value, re.ASCII):
        raise BadValue(f"{show(value)} is no domain to search.", "For example example.com; `.` means none.")
    return value


def _list_of(value: Any, parse: Callable[[Any], Any]) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise BadValue(f"A list is needed, not {show(value)}.")
    found = []
    for index, item in enumerate(value):
        try:
            found.append(parse(item))
        except BadValue as bad:
            raise BadValue(bad.message, bad.remedy, f"[{index}]{bad.below}") from bad
    return tuple(found)


def _extra_hosts(value: Any) -> tuple[str, ...]:
    """A list of `name:address`, or a map of names to addresses."""
    if isinstance(value, dict):
        value = [f"{key}:{item}" for key, item in values.string_map(value).items()]
    return _list_of(value, _extra_host)


def _extra_host(value: Any) -> str:
    name, colon, target = value.partition(":") if isinstance(value, str) else ("", "", "")
    if not colon or not _HOST_NAME.fullmatch(name):
        raise BadValue(f"{show(value)} is no entry for /etc/hosts.", "Write NAME:ADDRESS.")
    if target == "host-gateway":
        return f"{name}:{target}"
    try:
        return f"{name}:{ipaddress.ip_address(target.strip().strip('[]'))}"
    except ValueError:
        raise BadValue(f"{show(value)}: {show(target)} is no address.", "Write NAME:ADDRESS.") from None


def _cgroup_parent(value: Any) -> str:
    parent = values.text(value)
    if not re.fullmatch(r"/?[A-Za-z0-9_.:@-]+(/[A-Za-z0-9_.:@-]+)*", parent, re.ASCII) or ".." in parent.split("/"):
        raise BadValue(f"{show(value)} is no cgroup.", "Write a path such as /tpa, or a slice such as tpa.slice.")
    return parent


_NODE_PARSERS: dict[str, Callable[[Any], Any]] = {
    "cpus": container.cpus,
    "pids_limit": container.pids_limit,
    "dns": _addresses,
    "dns_search": _domains,
    "extra_hosts": _extra_hosts,
    "cgroup_parent": _cgroup_parent,
    "host": host_name,
}
