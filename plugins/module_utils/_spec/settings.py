# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of an instance that say what its container is to be, as `Settings`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain
from typing import Any, Callable, Mapping

from . import container, values
from .attachments import parse_attachments
from .image_name import ImageName
from .keys import DOCKER_INSTANCE_KEYS, OWN_INSTANCE_KEYS
from .model import Network, Port, PublishedPort, Settings, Volume
from .ports import exposed_ports, published_ports
from .problems import BadValue, Problems, show
from .values import first_repeated
from .volumes import host_path, source_directory, volume

DEFAULT_EXPOSED_PORTS = (Port(22), Port(5432), Port(6432))
_DECLARED = frozenset((*DOCKER_INSTANCE_KEYS, *OWN_INSTANCE_KEYS, "volumes")) - {"region", "host"}

_SINGLE: dict[str, Callable[[Any], Any]] = {
    "privileged": values.boolean,
    "memory": container.memory,
    "memory_reservation": container.memory,
    "shm_size": container.shm_size,
    "log_driver": values.text,
    "log_options": values.string_map,
    "sysctls": container.sysctls,
}


@dataclass(frozen=True)
class Words:
    """An instance's words with all defaults merged in, and where each of them stands."""

    values: Mapping[str, Any]
    places: Mapping[str, str]

    def said(self, key: str) -> bool:
        return self.values.get(key) is not None


class Files:
    """Files beside config.yml, each read once; what goes wrong is a BadValue."""

    def __init__(self, base_dir: str, read_file: Callable[[str], str]) -> None:
        self.base_dir = base_dir
        self._read = lru_cache(maxsize=None)(read_file)

    def content(self, word: Any) -> str:
        path = host_path(values.text(word), self.base_dir)
        try:
            return self._read(path)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            message = f"The file {show(path)} cannot be read: {reason}."
            raise BadValue(message, "A relative path starts from the directory of config.yml.") from error

    def seccomp(self, word: str) -> str:
        try:
            return json.dumps(json.loads(self.content(word)), separators=(",", ":"))
        except (ValueError, RecursionError) as error:
            said = f"The seccomp profile {show(word)} is not JSON."
            raise BadValue(said, "Name a profile as Docker takes it, or write unconfined.") from error


def parse_settings(
    words: Words, networks: tuple[Network, ...], files: Files, own: Mapping[str, Any], problems: Problems
) -> Settings:
    """*own* are the node's parsed words of tpaexec_docker. What is wrong is noted, and left at its default."""
    found: dict[str, Any] = {}
    for key, parse in _SINGLE.items():
        if words.said(key):
            value = problems.attempt(words.places[key], parse, words.values[key])
            if value is not None:
                found[key] = value
    if words.said("restart_policy"):
        policy = problems.attempt(
            words.places["restart_policy"], container.restart_policy, words.values["restart_policy"]
        )
        if policy:
            found["restart_policy"], found["restart_retries"] = policy
    found.update(_lists(words, files, problems))
    found["image"] = _image(words, problems)
    found["env"] = _environment(words, files, problems)
    found["volumes"] = _volumes(words, files, problems)
    found["networks"] = parse_attachments(words.values, words.places, networks, problems)
    own_settings = {key: value for key, value in own.items() if key != "host"}
    declared = {key for key in words.values if key in _DECLARED and words.said(key)}
    settings = Settings(**found, **own_settings, declared=frozenset(declared | own_settings.keys()))
    _check_together(settings, words, problems)
    return settings


def _image(words: Words, problems: Problems) -> str:
    if not words.said("image"):
        place = words.places["Name"].rpartition(".")[0] + ".image"
        problems.add(place, "There is no image for this instance.", "Set image here or in instance_defaults.")
        return ""
    name = problems.attempt(words.places["image"], ImageName.parse, words.values["image"])
    return str(name or "")


def _environment(words: Words, files: Files, problems: Problems) -> dict[str, str]:
    """env_file, and over it env."""
    result: dict[str, str] = {}
    if words.said("env_file"):
        read = problems.attempt(
            words.places["env_file"], lambda: container.env_file(files.content(words.values["env_file"]))
        )
        result.update(read or {})
    if words.said("env"):
        result.update(problems.attempt(words.places["env"], container.env, words.values["env"]) or {})
    return result


def _volumes(words: Words, files: Files, problems: Problems) -> tuple[Volume, ...]:
    mounts: list[Volume] = []
    for key, parse in (("volumes", volume), ("local_source_directories", source_directory)):
        if words.said(key):
            place = words.places[key]
            parsed = problems.each(place, words.values[key], partial(parse, base_dir=files.base_dir))
            mounts.extend(parsed)
    twice = first_repeated([mount.target for mount in mounts])
    if twice:
        place = words.places.get("volumes") or words.places["local_source_directories"]
        problems.add(place, f"Two volumes are mounted at {twice}.", "Give each its own path in the container.")
    return tuple(mounts)


def _lists(words: Words, files: Files, problems: Problems) -> dict[str, Any]:
    def each(key: str, parse: Callable[[Any], Any]) -> list[Any]:
        return problems.each(words.places[key], words.values[key], parse) if words.said(key) else []

    exposed: list[Port] = list(chain.from_iterable(each("exposed_ports", exposed_ports)))
    published: list[PublishedPort] = list(chain.from_iterable(each("published_ports", published_ports)))
    return {
        "exposed_ports": tuple(dict.fromkeys(exposed)) if words.said("exposed_ports") else DEFAULT_EXPOSED_PORTS,
        "published_ports": tuple(dict.fromkeys(published)),
        "devices": tuple(each("devices", container.device)),
        "ulimits": tuple(each("ulimits", container.ulimit)),
        "cap_add": tuple(dict.fromkeys(each("docker_cap_add", container.capability))),
        "cap_drop": tuple(dict.fromkeys(each("docker_cap_drop", container.capability))),
        "security_opts": tuple(
            each("docker_security_opts", lambda item: container.security_option(item, files.seccomp))
        ),
    }


def _check_together(settings: Settings, words: Words, problems: Problems) -> None:
    """What is wrong only in view of another key."""
    if settings.memory and settings.memory_reservation and settings.memory_reservation > settings.memory:
        problems.add(words.places["memory_reservation"], "It is larger than memory.", "Reserve at most the limit.")
    twice = first_repeated([limit.name for limit in settings.ulimits])
    if twice:
        problems.add(words.places["ulimits"], f"The ulimit {twice} is given twice.", "Keep one.")
    twice = first_repeated([item.container_path for item in settings.devices])
    if twice:
        problems.add(words.places["devices"], f"Two devices are given as {twice}.", "Keep one.")
    both = sorted(set(settings.cap_add) & set(settings.cap_drop))
    if both:
        problems.add(words.places["docker_cap_drop"], f"{both[0]} is added and dropped.", "Keep one of the two.")
