# SPDX-License-Identifier: GPL-3.0-or-later
"""config.yml's data as a `Cluster`, or one ConfigError with every problem and its place."""

from __future__ import annotations

import re
from typing import Any, Callable, Mapping

from . import values
from .attachments import AddressBook
from .extras import Extras, parse_extras
from .image_name import ImageName
from .instances import Identity, parse_defaults, parse_identities
from .keys import IMAGE_BUILD_KEYS, TOP_LEVEL_KEYS, TPA_TOP_LEVEL_KEYS
from .model import Cluster, Instance, Network, Settings
from .networks import check_keys, parse_networks
from .problems import BadValue, Problems, did_you_mean, show
from .settings import Files, parse_settings
from .topology import check_published, check_references, check_unique, topology_warnings

LONGEST_CLUSTER_NAME = 128
KEYRING_BACKENDS = ("system", "legacy")
_OPTION_KEYS = {
    "name": "cluster_name",
    "tags": "cluster_tags",
    "networks": "docker_networks",
    "images": "docker_images",
    "instance_defaults": "instance_defaults",
    "instances": "instances",
    "tpaexec_docker": "tpaexec_docker",
    "ssh_key_file": "ssh_key_file",
}


class OptionsData(dict[str, Any]):
    """config.yml's words from a task's options: cluster_vars is not asked for, and places are the options' names."""


def options_to_data(params: Mapping[str, Any]) -> OptionsData:
    """docker_cluster's options in config.yml's form; options that were not given are left out."""
    given = {word: params.get(option) for option, word in _OPTION_KEYS.items()}
    return OptionsData({word: value for word, value in given.items() if value is not None})


def parse_config(data: Any, base_dir: str, read_file: Callable[[str], str]) -> Cluster:
    """*base_dir* is what relative host paths start from; *read_file* returns the text of a path (env_file, seccomp)."""
    from_options = isinstance(data, OptionsData)
    problems = Problems()
    if not isinstance(data, dict):
        problems.add("", f"A map of keys to values is needed, not {show(data)}.")
        data = {}
    top = _top_level(data, problems, whole=not from_options)
    networks = parse_networks(data.get("docker_networks"), problems)
    defaults = parse_defaults(data, problems)
    identities = parse_identities(data, top["name"], defaults, problems)
    locations = set(defaults.location_names) or {one.location for one in identities}
    files = Files(base_dir, read_file)
    extras = parse_extras(data, {one.name for one in identities}, locations, files, problems)
    nodes = [_node(one, networks, files, extras, problems) for one in identities]
    check_unique(identities, problems)
    check_references(identities, problems)
    check_published(nodes, problems)
    _check_addresses(nodes, networks, problems)
    _raise_any(problems, from_options)
    warnings = topology_warnings(nodes, [network.name for network in networks], whole=not from_options)
    return Cluster(
        **{**top, "warnings": (*top["warnings"], *warnings)},
        instances=tuple(_instance(*node) for node in nodes),
        networks=networks,
        locations=defaults.location_names,
        preflight=extras.preflight,
        hosts=extras.hosts,
    )


def _raise_any(problems: Problems, from_options: bool) -> None:
    if not from_options:
        problems.raise_any("config.yml")
        return
    words = {word: option for option, word in _OPTION_KEYS.items()}
    problems.raise_any(
        "the task's options", lambda place: re.sub(r"^\w+", lambda match: words.get(match[0], match[0]), place)
    )


def _node(
    one: Identity, networks: tuple[Network, ...], files: Files, extras: Extras, problems: Problems
) -> tuple[Identity, Settings, str]:
    settings = parse_settings(one.words, networks, files, extras.of(one.name), problems)
    return one, settings, extras.host_of(one.name, one.location)


def _instance(one: Identity, settings: Settings, host: str) -> Instance:
    return Instance(
        name=one.name,
        node=one.node,
        settings=settings,
        role=one.role,
        location=one.location,
        upstream=one.upstream,
        backup=one.backup,
        region=one.region,
        ansible_host=one.ansible_host,
        tags=one.tags,
        vars=one.vars,
        provision_only=one.provision_only,
        host=host,
    )


def _check_addresses(
    nodes: list[tuple[Identity, Settings, str]], networks: tuple[Network, ...], problems: Problems
) -> None:
    book = AddressBook(networks)
    for one, settings, _host in nodes:
        places = one.words.places
        for index, attachment in enumerate(settings.networks):
            listed = bool(one.words.values.get("networks"))
            place = f"{places['networks']}[{index}]" if listed else places.get("ip_address", places["Name"])
            book.check(one.name or places["Name"], place, attachment, problems)
    book.check_room(networks, problems)


def _top_level(data: Mapping[str, Any], problems: Problems, whole: bool) -> dict[str, Any]:
    """The top-level words besides networks, locations and instances."""

    def attempt(key: str, parse: Callable[[Any], Any], default: Any) -> Any:
        if data.get(key) is None:
            return default
        found = problems.attempt(key, parse, data[key])
        return default if found is None else found

    name = problems.attempt("cluster_name", cluster_name, data.get("cluster_name")) or ""
    if whole and not data.get("cluster_vars"):
        problems.add(
            "cluster_vars", "It is missing or empty.", "TPA needs at least one, such as `postgres_version: '15'`."
        )
    return {
        "name": name,
        "tags": attempt("cluster_tags", values.string_map, {}),
        "vars": attempt("cluster_vars", values.mapping, {}),
        "architecture": attempt("architecture", values.text, ""),
        "images": _images(data.get("docker_images"), problems),
        "ssh_key_file": attempt("ssh_key_file", _key_file, f"id_{name.lower()}"),
        "ssh_port": attempt("cluster_ssh_port", _port, 22),
        "keyring_backend": attempt("keyring_backend", _keyring_backend, ""),
        "vault_name": attempt("vault_name", values.text, ""),
        "warnings": tuple(_unknown_keys(data, problems)),
    }


def cluster_name(value: Any) -> str:
    """A name that can stand in labels, file names and ssh_config."""
    if not isinstance(value, str) or not re.fullmatch(r"[_a-zA-Z0-9-]+", value, re.ASCII):
        raise BadValue(f"{show(value)} is no name of a cluster.", "Letters, digits, `_` and `-` only.")
    if len(value) > LONGEST_CLUSTER_NAME:
        raise BadValue(f"It has {len(value)} characters.", f"{LONGEST_CLUSTER_NAME} are allowed.")
    return value


def _key_file(value: Any) -> str:
    """A path that can stand in quotes in ssh_config."""
    path = values.text(value)
    if not re.fullmatch(r"[\w./~ @+-]+", path, re.ASCII) or ".." in path.split("/") or path.endswith("/"):
        raise BadValue(f"{show(value)} is no name of a key file.", "For example id_mycluster.")
    return path


def _port(value: Any) -> int:
    return values.whole_number(value, 1, 65535)


def _keyring_backend(value: Any) -> str:
    if value not in KEYRING_BACKENDS:
        raise BadValue(f"{show(value)} is no keyring backend.", f"One of: {', '.join(KEYRING_BACKENDS)}.")
    return value


def _images(value: Any, problems: Problems) -> dict[str, Mapping[str, Any]]:
    """docker_images: image names, and how each is built."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        problems.add("docker_images", f"A map of image names to build instructions is needed, not {show(value)}.")
        return {}
    found: dict[str, Mapping[str, Any]] = {}
    for key, item in value.items():
        place = f"docker_images.{key}" if isinstance(key, str) else "docker_images"
        name = problems.attempt(place, ImageName.parse, key)
        build = problems.attempt(place, values.mapping, item or {})
        check_keys(dict(build or {}), IMAGE_BUILD_KEYS, place, problems)
        found[str(name)] = build or {}
    return found


def _unknown_keys(data: Mapping[str, Any], problems: Problems) -> list[str]:
    """TPA's own list of top-level keys is open: a warning, but an error where a known key is meant."""
    warnings = []
    for key in data:
        if key in TOP_LEVEL_KEYS or key in TPA_TOP_LEVEL_KEYS:
            continue
        if not isinstance(key, str):
            problems.add("", f"{show(key)} is no top-level key.", "Write a word.")
            continue
        near = [known for known in TOP_LEVEL_KEYS if _within_two_edits(key, known)]
        if near:
            problems.add(key, "Unknown key.", f'Did you mean "{near[0]}"?')
            continue
        hint = did_you_mean(key, (*TOP_LEVEL_KEYS, *TPA_TOP_LEVEL_KEYS))
        warnings.append(f"{show(key)} is no top-level key known here; it is kept and passed on. {hint}".strip())
    return warnings


def _within_two_edits(word: str, known: str) -> bool:
    """The edit distance is two or less, letters' case aside."""
    word, known = word.lower(), known.lower()
    if abs(len(word) - len(known)) > 2:
        return False
    row = list(range(len(known) + 1))
    for index, char in enumerate(word, 1):
        above, row[0] = row[0], index
        for column, other in enumerate(known, 1):
            above, row[column] = row[column], min(row[column] + 1, row[column - 1] + 1, above + (char != other))
    return row[-1] <= 2
