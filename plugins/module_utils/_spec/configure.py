# SPDX-License-Identifier: GPL-3.0-or-later
"""A new config.yml from the words of `tpaexec configure`: pure, with all that is taken passed in."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from typing import Any, Callable, Collection, Mapping, Optional, Sequence

from . import values
from .hostnames import choose_names, names_of_file
from .image_name import ImageName
from .layout import Seat, as_instances, count_nodes, lay_out
from .load import require_yaml
from .parse import cluster_name
from .problems import BadValue, Problems, did_you_mean, show
from .spread import as_words, read_hosts, spread, swarm_room
from .subnet import DEFAULT_NETWORK, Taken, choose_prefix, free_subnet, supernet

HostsFile = tuple[str, str, Callable[[str], str]]
PLATFORMS = ("docker",)
ARCHITECTURES = ("M1",)
OS_IMAGES = {"centos": "centos/systemd"}
FAILOVER_MANAGERS = ("repmgr", "patroni", "efm")
DEFAULT_POSTGRES = "15"
MOST_DATA_NODES = 64
MOST_LOCATIONS = 16

# Whose Python is not python3; TPA reads it from cluster_vars.
_PYTHON_2_IMAGES = ("docker.io/centos/systemd",)


@dataclass(frozen=True)
class Wishes:
    """The checked words of the command."""

    cluster_name: str
    image: str = OS_IMAGES["centos"]
    architecture: str = ARCHITECTURES[0]
    data_nodes: int = 2
    locations: tuple[str, ...] = ("main",)
    postgres_version: str = DEFAULT_POSTGRES
    failover_manager: str = FAILOVER_MANAGERS[0]
    network: str = DEFAULT_NETWORK
    subnet_prefix: Optional[int] = None
    names_file: Optional[str] = None
    hosts: Mapping[str, Any] = field(default_factory=dict)
    allow_host_majority: bool = False


@dataclass(frozen=True)
class Surroundings:
    """What a new cluster must keep clear of, and the MTU of the host's way out where it is a small one."""

    subnets: Sequence[Taken] = ()
    names: Collection[str] = ()
    small_mtu: Optional[int] = None


def parse_wishes(
    params: Mapping[str, Any],
    directory_name: str,
    names_file: Optional[str] = None,
    hosts_file: Optional[HostsFile] = None,
) -> Wishes:
    """The module's options, every problem at once; places are the command's words.

    *hosts_file* is its text, the folder that it is in, and what reads a file there.
    """
    problems = Problems()

    def attempt(option: str, parse: Any, default: Any) -> Any:
        if params.get(option) is None:
            return default
        found = problems.attempt("--" + option.replace("_", "-"), parse, params[option])
        return default if found is None else found

    attempt("platform", _platform, "")
    named = params.get("cluster_name") is not None
    name = params["cluster_name"] if named else directory_name
    place = "--cluster-name" if named else f"the directory's name, {show(directory_name)}"
    wishes = Wishes(
        cluster_name=problems.attempt(place, cluster_name, name) or "",
        image=_image(params, problems),
        architecture=attempt("architecture", _architecture, ARCHITECTURES[0]),
        data_nodes=attempt("data_nodes_per_location", _data_nodes, 2),
        locations=attempt("location_names", _locations, ("main",)),
        postgres_version=attempt("postgres_version", _postgres_version, DEFAULT_POSTGRES),
        failover_manager=attempt("failover_manager", _failover_manager, FAILOVER_MANAGERS[0]),
        network=attempt("network", lambda value: str(supernet(value)), DEFAULT_NETWORK),
        subnet_prefix=attempt("subnet_prefix", values.whole_number, None),
        names_file=names_file,
        hosts=(problems.attempt("--docker-hosts", read_hosts, *hosts_file) or {}) if hosts_file else {},
        allow_host_majority=bool(params.get("allow_host_majority")),
    )
    if wishes.failover_manager == "patroni" and len(wishes.locations) > 1:
        problems.add("--failover-manager", "patroni runs in one location only.", "Take repmgr or efm for several.")
    problems.raise_any("the command")
    return wishes


def compose(wishes: Wishes, around: Surroundings, rng: random.Random) -> dict[str, Any]:
    """The data of the new config.yml, in TPA's order. Raises ConfigError where no subnet or too few names are free."""
    problems = Problems()
    count = count_nodes(len(wishes.locations), wishes.data_nodes, wishes.failover_manager)
    network = supernet(wishes.network)
    names: list[str] = []
    if wishes.names_file is None:
        names = choose_names(count, around.names, rng)
    else:
        names = problems.attempt("--hostnames-from", names_of_file, wishes.names_file, count) or []
    place = "--network" if wishes.subnet_prefix is None else "--subnet-prefix"
    wanted = count + (swarm_room(len(wishes.hosts)) if len(wishes.hosts) > 1 else 0)
    prefix = problems.attempt(place, choose_prefix, wanted, network, wishes.subnet_prefix)
    seats = lay_out(wishes.locations, wishes.data_nodes, wishes.failover_manager)
    placed = _placed(wishes, seats, problems)
    subnet = problems.attempt("--network", free_subnet, network, prefix, around.subnets, rng) if prefix else None
    problems.raise_any("the command")
    if subnet is None:
        raise AssertionError("a problem was noted")
    first = int(subnet.network_address) + 2
    addresses = [str(type(subnet.network_address)(first + offset)) for offset in range(count)]
    data: dict[str, Any] = {
        "architecture": wishes.architecture,
        "cluster_name": wishes.cluster_name,
        "cluster_tags": {},
        # Its passphrase is a file of the directory: TPA's other backend needs a desktop's keyring.
        "keyring_backend": "legacy",
        "docker_networks": [_network(wishes.cluster_name, str(subnet), around.small_mtu)],
        "cluster_vars": _cluster_vars(wishes),
        "locations": [{"Name": location} for location in wishes.locations],
        "instance_defaults": {"platform": "docker", "image": wishes.image, "vars": {"ansible_user": "root"}},
        "instances": as_instances(seats, names, addresses),
    }
    if wishes.hosts:
        data["tpaexec_docker"] = as_words(wishes.hosts, seats, names, placed)
    return data


def _placed(wishes: Wishes, seats: Sequence[Seat], problems: Problems) -> Sequence[str]:
    if not wishes.hosts:
        return ()
    words = (seats, list(wishes.hosts), wishes.failover_manager, wishes.allow_host_majority)
    return problems.attempt("--docker-hosts", spread, *words) or ()


def _network(name: str, subnet: str, small_mtu: Optional[int]) -> dict[str, Any]:
    """Large packets to the outside get lost where the host's own way out is narrower than the network."""
    found: dict[str, Any] = {"name": name, "ipam_config": [{"subnet": subnet}]}
    if small_mtu:
        found["driver_options"] = {"com.docker.network.driver.mtu": str(small_mtu)}
    return found


def render(data: Mapping[str, Any]) -> str:
    """The text of config.yml: a paragraph for each map and list."""
    yaml = require_yaml()
    text = "---\n"
    for key, value in data.items():
        part = yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True, width=120)
        text += f"\n{part}" if isinstance(value, (dict, list)) and value else part
    return text


def _cluster_vars(wishes: Wishes) -> dict[str, Any]:
    image = ImageName.parse(wishes.image).normalize()
    python = "python2" if f"{image.registry}/{image.repository}" in _PYTHON_2_IMAGES else "python3"
    found: dict[str, Any] = {
        "postgres_flavour": "postgresql",
        "postgres_version": wishes.postgres_version,
        "failover_manager": wishes.failover_manager,
        "preferred_python_version": python,
    }
    if wishes.failover_manager == "patroni":
        found.update(etcd_location=wishes.locations[0], patroni_package_flavour="community")
    if wishes.failover_manager == "efm":  # sold by EDB, and only in its repositories
        found.update(edb_repositories=["standard"], apt_repository_list=[], yum_repository_list=["EPEL"])
        found["suse_repository_list"] = []
    else:
        found["edb_repositories"] = []
    return found


def _image(params: Mapping[str, Any], problems: Problems) -> str:
    system, image = params.get("os"), params.get("os_image")
    default = OS_IMAGES["centos"]
    if system is not None and image is not None:
        problems.add("--os", "It cannot be given together with --os-image.", "Give one of the two.")
        return default
    if system is not None:
        return problems.attempt("--os", _system, system) or default
    if image is not None:
        return str(problems.attempt("--os-image", ImageName.parse, image) or default)
    return default


def _system(value: Any) -> str:
    if value not in OS_IMAGES:
        accepted = ", ".join(OS_IMAGES)
        raise BadValue(
            f"{show(value)} is not accepted: only {accepted} is (the image {OS_IMAGES['centos']}).",
            "For any other system name its image: --os-image IMAGE takes any image whose init is systemd.",
        )
    return OS_IMAGES[value]


def _platform(value: Any) -> str:
    if value not in PLATFORMS:
        raise BadValue(f"The platform {show(value)} is not made here.", "Only docker is.")
    return str(value)


def _architecture(value: Any) -> str:
    if value not in ARCHITECTURES:
        raise BadValue(f"The architecture {show(value)} is not laid out here.", "Only M1 is.")
    return str(value)


def _failover_manager(value: Any) -> str:
    if value not in FAILOVER_MANAGERS:
        near = did_you_mean(str(value), FAILOVER_MANAGERS)
        raise BadValue(
            f"{show(value)} is no failover manager of M1. {near}".strip(), f"One of: {', '.join(FAILOVER_MANAGERS)}."
        )
    return str(value)


def _data_nodes(value: Any) -> int:
    return values.whole_number(value, 1, MOST_DATA_NODES)


def _postgres_version(value: Any) -> str:
    if not re.fullmatch(r"1[1-9]|[2-9]\d", str(value), re.ASCII):
        raise BadValue(f"{show(value)} is no major version of PostgreSQL.", "For example 15; the oldest one is 11.")
    return str(value)


def _locations(value: Any) -> tuple[str, ...]:
    names = tuple(value) if isinstance(value, (list, tuple)) else (value,)
    for name in names:
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?", name, re.ASCII):
            raise BadValue(f"{show(name)} is no name of a location.", "One word of letters, digits, `_`, `.` and `-`.")
    twice = values.first_repeated(list(names))
    if twice:
        raise BadValue(f"{twice} is given twice.", "Name each location once.")
    if not 1 <= len(names) <= MOST_LOCATIONS:
        raise BadValue(f"{len(names)} locations are given.", f"1 to {MOST_LOCATIONS} can be.")
    return names
