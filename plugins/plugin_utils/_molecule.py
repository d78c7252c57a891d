# SPDX-License-Identifier: GPL-3.0-or-later
"""molecule.yml → the options of docker_cluster. Pure; each word is listed once, in the tables below."""

from __future__ import annotations

import hashlib
import os
import re
from typing import Any, Mapping, Sequence

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError, Problem, quoted
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.keys import INSTANCE_KEYS, OWN_INSTANCE_KEYS
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.problems import did_you_mean

DEFAULT_IMAGE = "tpaexec/debian-systemd:12"
SECTION = "tpaexec_docker"  # under `driver`, where molecule lets through what it does not know
SETTINGS = ("cluster_name", "subnet", "docker_networks", "instance_defaults")

# What other drivers call what config.yml has under another name.
ALSO_KNOWN_AS = {
    "capabilities": "docker_cap_add",
    "environment": "env",
    "security_opts": "docker_security_opts",
    "dns_servers": "dns",
    "etc_hosts": "extra_hosts",
}
# Molecule's own, and what other drivers need said to boot systemd: here every node boots it.
MOLECULES = (
    "name", "groups", "children", "command", "entrypoint", "pre_build_image", "tmpfs", "cgroupns_mode", "hostname",
    "tty", "interactive", "override_command", "pull",
)  # fmt: skip
NAMED = tuple(key for key in INSTANCE_KEYS if key not in ("Name", "platform"))


def cluster_options(molecule: Mapping[str, Any], *directories: str) -> dict[str, Any]:
    """Raises ConfigError with every problem. The scenario's *directories* make the name unique."""
    problems: list[Problem] = []
    settings = _settings(molecule, problems)
    name = str(settings.get("cluster_name") or _cluster_name(molecule, directories))
    defaults = {"image": DEFAULT_IMAGE, **(settings.get("instance_defaults") or {})}
    instances, own = [], {}
    for index, platform in enumerate(molecule.get("platforms") or []):
        instance, extra = _instance(platform, index, problems)
        instances.append(instance)
        if extra:
            own[instance["Name"]] = extra
    if not instances:
        problems.append(Problem("platforms", "There are none.", "List at least one, such as `- name: alpha`."))
    if problems:
        raise ConfigError(problems, "molecule.yml")
    return {
        "name": name,
        "networks": settings.get("docker_networks") or [_network(name, settings.get("subnet"))],
        "instance_defaults": defaults,
        "instances": instances,
        "tpaexec_docker": {"instances": own} if own else {},
        "images": list(dict.fromkeys(str(item.get("image") or defaults["image"]) for item in instances)),
    }


def _settings(molecule: Mapping[str, Any], problems: list[Problem]) -> Mapping[str, Any]:
    settings = (molecule.get("driver") or {}).get(SECTION) or {}
    if not isinstance(settings, Mapping):
        problems.append(Problem(f"driver.{SECTION}", "A map is needed.", f"It may have {', '.join(SETTINGS)}."))
        return {}
    problems += [_unknown(f"driver.{SECTION}.{key}", key, SETTINGS) for key in settings if key not in SETTINGS]
    return settings


def _unknown(place: str, key: str, known: Sequence[str]) -> Problem:
    hint = did_you_mean(key, known) or f"Known are {', '.join(sorted(known))}."
    return Problem(place, f"Unknown key {quoted(key)}.", hint)


def _instance(
    platform: Mapping[str, Any], index: int, problems: list[Problem]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """One of `instances`, and what stands for it under tpaexec_docker."""
    instance: dict[str, Any] = {"Name": str(platform.get("name") or ""), "node": index + 1}
    own: dict[str, Any] = {}
    for key, value in platform.items():
        word = ALSO_KNOWN_AS.get(key, key)
        if word in OWN_INSTANCE_KEYS:
            own[word] = _hosts(value) if word == "extra_hosts" else value
        elif word in NAMED:
            instance[word] = {str(name): str(text) for name, text in value.items()} if word == "env" else value
        elif key not in MOLECULES:
            known = (*NAMED, *OWN_INSTANCE_KEYS, *ALSO_KNOWN_AS, *MOLECULES)
            problems.append(_unknown(f"platforms[{index}].{key}", key, known))
    return instance, own


def _hosts(value: Any) -> Any:
    return [f"{name}:{address}" for name, address in value.items()] if isinstance(value, Mapping) else value


def _network(name: str, subnet: Any) -> dict[str, Any]:
    """Without a subnet the engine chooses one that is free: that is how scenarios run side by side."""
    return {"name": name, "ipam_config": [{"subnet": str(subnet)}]} if subnet else {"name": name}


def _cluster_name(molecule: Mapping[str, Any], directories: Sequence[str]) -> str:
    """Checkouts have their own clusters, by the scenario's directory, and runs with --parallel by molecule's."""
    scenario = re.sub(r"[^_a-zA-Z0-9-]+", "-", str((molecule.get("scenario") or {}).get("name") or "default"))
    unique = hashlib.sha256("\0".join(map(os.path.abspath, directories)).encode()).hexdigest()[:8]
    return f"molecule-{scenario}-{unique}"
