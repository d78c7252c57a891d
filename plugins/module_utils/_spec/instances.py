# SPDX-License-Identifier: GPL-3.0-or-later
"""instances: defaults merged in as TPA merges them, and who each node is."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional

from . import values
from .keys import INSTANCE_KEYS, ONE_NODE_KEYS, OWN_INSTANCE_KEYS
from .problems import BadValue, Problems, did_you_mean, show
from .settings import Words

NAME = re.compile(r"[a-z0-9][a-z0-9-]*[a-z0-9](\.[a-z0-9][a-z0-9-]*[a-z0-9])*", re.ASCII)
LONGEST_NAME = 63
MOST_NODES = 4096


@dataclass(frozen=True)
class Defaults:
    """What instances take where they say nothing: a location's words over instance_defaults."""

    common: Mapping[str, Any]
    locations: Mapping[str, tuple[str, Mapping[str, Any]]]
    location_names: tuple[str, ...]


@dataclass(frozen=True)
class Identity:
    """The parsed common keys of one instance; an empty name or node 0 was refused."""

    words: Words
    name: str
    node: int
    role: tuple[str, ...] = ()
    location: str = ""
    upstream: str = ""
    backup: tuple[str, ...] = ()
    region: str = ""
    ansible_host: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    vars: Mapping[str, Any] = field(default_factory=dict)
    provision_only: bool = False


def normal_name(value: Any) -> str:
    """A node's name as the container has it: lower case, `-` in place of `_`."""
    name = value.strip().lower().replace("_", "-") if isinstance(value, str) else ""
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise BadValue(
            f"{show(value)} is no name of a node.",
            f"Two to {LONGEST_NAME} letters, digits and -, beginning and ending with a letter or digit.",
        )
    return name


def parse_defaults(data: Mapping[str, Any], problems: Problems) -> Defaults:
    """instance_defaults and locations."""
    common = data.get("instance_defaults")
    if common is not None and not isinstance(common, dict):
        problems.add("instance_defaults", f"A map is needed, not {show(common)}.")
        common = None
    for key in common or {}:
        _check_key(key, f"instance_defaults.{key}" if isinstance(key, str) else "instance_defaults", problems)
        if key in ONE_NODE_KEYS:
            problems.add(f"instance_defaults.{key}", "It cannot be the same for all instances.", "Write it on each.")
    locations = data.get("locations")
    if locations is not None and not isinstance(locations, list):
        problems.add("locations", f"A list is needed, not {show(locations)}.", "Write `- Name: LOCATION`.")
        locations = None
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    names: list[str] = []
    for index, item in enumerate(locations or []):
        place = f"locations[{index}]"
        name = _location(item, place, problems)
        names.append(name)
        if name in found:
            problems.add(f"{place}.Name", f"The location {name} is given twice.", "Give each its own Name.")
        found[name] = (place, {key: value for key, value in item.items() if key != "Name"} if name else {})
    return Defaults(common or {}, found, tuple(names))


def _location(item: Any, place: str, problems: Problems) -> str:
    if not isinstance(item, dict):
        problems.add(place, f"A map with Name is needed, not {show(item)}.", "Write `- Name: LOCATION`.")
        return ""
    for key in item:
        _check_key(key, f"{place}.{key}" if isinstance(key, str) else place, problems)
        if key in ONE_NODE_KEYS and key != "Name":
            problems.add(f"{place}.{key}", "It cannot be the same for all instances.", "Write it on each.")
    return problems.attempt(f"{place}.Name", values.text, item.get("Name")) or ""


def _check_key(key: Any, place: str, problems: Problems) -> None:
    if key in INSTANCE_KEYS:
        return
    near = did_you_mean(key, INSTANCE_KEYS) if isinstance(key, str) else ""
    remedy = f"{near} Should it be under vars?".strip()
    if key in OWN_INSTANCE_KEYS:
        one = f"tpaexec_docker.{'locations' if place.startswith('locations') else 'instances'}.NAME.{key}"
        remedy = f"TPA has none of that name. Write it as {one}, or as tpaexec_docker.instance_defaults.{key} for all."
    problems.add(place, f"Unknown key {show(key)}.", remedy)


def merge_words(item: Mapping[str, Any], place: str, defaults: Defaults, location: str) -> Words:
    """The instance's words over its location's over instance_defaults; maps are merged one level deep."""
    layers: list[tuple[str, Mapping[str, Any]]] = [("instance_defaults", defaults.common)]
    if location in defaults.locations:
        layers.append(defaults.locations[location])
    layers.append((place, item))
    merged: dict[str, Any] = {}
    places = {"Name": f"{place}.Name", "node": f"{place}.node"}
    for where, words in layers:
        for key, value in words.items():
            if not isinstance(key, str):
                continue
            below = merged.get(key)
            merged[key] = {**below, **value} if isinstance(below, dict) and isinstance(value, dict) else value
            places[key] = f"{where}.{key}"
    return Words(merged, places)


def parse_identities(
    data: Mapping[str, Any], cluster_name: str, defaults: Defaults, problems: Problems
) -> list[Identity]:
    """Every instance that is a map, with its defaults merged in and its common keys parsed."""
    items = data.get("instances")
    if not isinstance(items, list) or not items:
        what = "There are no instances." if not items else f"A list of instances is needed, not {show(items)}."
        problems.add("instances", what, "List at least one, such as `- {Name: alpha, node: 1}`.")
        return []
    if len(items) > MOST_NODES:
        problems.add("instances", f"There are more than {MOST_NODES}.", "Make several clusters of them.")
        return []
    found = []
    for index, item in enumerate(items):
        place = f"instances[{index}]"
        if not isinstance(item, dict):
            problems.add(place, f"A map with Name and node is needed, not {show(item)}.")
            continue
        for key in item:
            _check_key(key, f"{place}.{key}" if isinstance(key, str) else place, problems)
        found.append(_identity(item, place, cluster_name, defaults, problems))
    return found


def _identity(
    item: Mapping[str, Any], place: str, cluster_name: str, defaults: Defaults, problems: Problems
) -> Identity:
    location = _location_of(item, place, defaults, problems)
    words = _without_tagged(merge_words(item, place, defaults, location))
    raw = words.values

    def attempt(key: str, parse: Any, default: Any) -> Any:
        if not words.said(key):
            return default
        found = problems.attempt(words.places[key], parse, raw[key])
        return default if found is None else found

    attempt("platform", _platform, "")
    node = problems.attempt(words.places["node"], values.whole_number, raw.get("node"), 1)
    return Identity(
        words=words,
        name=_name(words, node, cluster_name, problems),
        node=node or 0,
        role=attempt("role", _role, ()),
        location=location,
        upstream=attempt("upstream", normal_name, ""),
        backup=_backup(words, problems),
        region=attempt("region", values.text, ""),
        ansible_host=attempt("ansible_host", values.text, ""),
        tags=attempt("tags", values.string_map, {}),
        vars=attempt("vars", values.mapping, {}),
        provision_only=attempt("provision_only", values.boolean, False),
    )


def _location_of(item: Mapping[str, Any], place: str, defaults: Defaults, problems: Problems) -> str:
    """The instance's location by name; TPA takes its index in locations as well."""
    key_place = f"{place}.location" if "location" in item else "instance_defaults.location"
    value = item.get("location", defaults.common.get("location"))
    names = defaults.location_names
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool) and names:
        if 0 <= value < len(names):
            return names[value]
        problems.add(key_place, f"There is no location number {show(value)}.", f"There are {len(names)}, from 0 on.")
        return ""
    name = problems.attempt(key_place, values.text, value)
    if name and names and name not in names:
        near = did_you_mean(name, names) or f"locations has: {', '.join(names)}."
        problems.add(key_place, f"There is no location {show(name)} in locations.", near)
    return name or ""


def _without_tagged(words: Words) -> Words:
    """TPA takes upstream, backup and role from tags too, and Name and node never stay there."""
    tags = words.values.get("tags")
    if not isinstance(tags, dict) or not {"upstream", "backup", "role", "Name", "name", "node"} & tags.keys():
        return words
    merged, places = dict(words.values), dict(words.places)
    for key in ("upstream", "backup", "role", "Name"):
        if key in tags and (key != "Name" or merged.get("Name") is None):
            merged[key] = tags[key]
            places[key] = f"{words.places['tags']}.{key}"
    dropped = ("upstream", "backup", "role", "Name", "name", "node")
    merged["tags"] = {key: value for key, value in tags.items() if key not in dropped}
    return Words(merged, places)


def _name(words: Words, node: Optional[int], cluster_name: str, problems: Problems) -> str:
    if words.said("Name"):
        return problems.attempt(words.places["Name"], normal_name, words.values["Name"]) or ""
    if not node or not cluster_name:
        return ""
    return problems.attempt(words.places["Name"], normal_name, f"{cluster_name}-{node}") or ""


def _platform(value: Any) -> str:
    if value != "docker":
        raise BadValue(f"The platform {show(value)} is not made here.", "Only `platform: docker` is.")
    return "docker"


def _role(value: Any) -> tuple[str, ...]:
    """A list, or words with commas between them."""
    items = [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
    if not isinstance(items, list):
        raise BadValue(f"A list of roles is needed, not {show(value)}.", "Write `role: [primary]`.")
    for index, item in enumerate(items):
        if not isinstance(item, str) or not re.fullmatch(r"[A-Za-z0-9_-]+", item, re.ASCII):
            raise BadValue(f"{show(item)} is no role.", "A role is one word, such as primary.", f"[{index}]")
    return tuple(dict.fromkeys(items))


def _backup(words: Words, problems: Problems) -> tuple[str, ...]:
    """One node's name, or a list of them."""
    value = words.values.get("backup")
    if value is None:
        return ()
    place = words.places["backup"]
    if isinstance(value, list):
        return tuple(problems.each(place, value, normal_name))
    name = problems.attempt(place, normal_name, value)
    return (name,) if name else ()
