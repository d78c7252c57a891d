# SPDX-License-Identifier: GPL-3.0-or-later
"""Each thing that can be wrong with a config.yml: its place, and words that say what is wrong or what to do."""

from __future__ import annotations

import copy
import datetime
from typing import Any, Callable

import pytest

from .conftest import GOOD

Problems = Callable[..., dict[str, str]]


def spoilt(path: str, value: Any) -> dict[str, Any]:
    """The good data with one word changed: `instances.1.Name` and so on; `...` takes the word out."""
    data: Any = copy.deepcopy(GOOD)
    target = data
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps:
        target = target.setdefault(step, {}) if isinstance(target, dict) else target[step]
    if value is ...:
        del target[last]
    else:
        target[last] = value
    return data


SUBNET = "docker_networks[0].ipam_config[0].subnet"
TWO_NETWORKS = [
    {"name": "demo", "ipam_config": [{"subnet": "10.40.1.0/28"}]},
    {"name": "other", "ipam_config": [{"subnet": "10.40.0.0/16"}]},
]

CASES: list[tuple[str, Any, str, str]] = [
    # path, value, place of the problem, words of it
    ("cluster_name", ..., "cluster_name", "no name of a cluster"),
    ("cluster_name", "", "cluster_name", "no name of a cluster"),
    ("cluster_name", datetime.date(2020, 1, 1), "cluster_name", "the date 2020-01-01 is no name of a cluster"),
    ("cluster_name", "a/b", "cluster_name", "no name of a cluster"),
    ("cluster_name", "a'b", "cluster_name", "no name of a cluster"),
    ("cluster_name", 'a"b', "cluster_name", "no name of a cluster"),
    ("cluster_name", "a\nb", "cluster_name", "no name of a cluster"),
    ("cluster_name", "demo\n", "cluster_name", "no name of a cluster"),
    ("cluster_name", "..", "cluster_name", "no name of a cluster"),
    ("cluster_name", 12, "cluster_name", "no name of a cluster"),
    ("cluster_name", "a" * 200, "cluster_name", "200 characters"),
    ("cluster_vars", ..., "cluster_vars", "missing or empty"),
    ("cluster_vars", {}, "cluster_vars", "missing or empty"),
    ("cluster_vars", [1], "cluster_vars", "A map is needed"),
    ("cluster_tags", "x", "cluster_tags", "A map"),
    ("cluster_tags", {"a": ["b"]}, "cluster_tags.a", "A text or a number"),
    ("cluster_ssh_port", 0, "cluster_ssh_port", "between 1 and 65535"),
    ("ssh_key_file", "../id", "ssh_key_file", "no name of a key file"),
    ("ssh_key_file", 'id"x', "ssh_key_file", "no name of a key file"),
    ("keyring_backend", "gnome", "keyring_backend", "One of: system, legacy"),
    ("instance", [], "instance", 'Did you mean "instances"'),
    ("cluster_nam", "x", "cluster_nam", 'Did you mean "cluster_name"'),
    ("Docker_Networks", [], "Docker_Networks", 'Did you mean "docker_networks"'),
    # instances
    ("instances", ..., "instances", "no instances"),
    ("instances", [], "instances", "no instances"),
    ("instances", None, "instances", "no instances"),
    ("instances", {"one": {}}, "instances", "A list of instances"),
    ("instances", "one", "instances", "A list of instances"),
    ("instances.1", "two", "instances[1]", "A map with Name and node"),
    ("instances.1.memry", "1g", "instances[1].memry", 'Did you mean "memory"'),
    ("instances.1.postgres_port", 5433, "instances[1].postgres_port", "under vars?"),
    ("instances.1.Name", "one", "instances[1].Name", "taken by instances[0].Name"),
    ("instances.1.Name", "ONE", "instances[1].Name", "taken by instances[0].Name"),
    ("instances.1.Name", "-two", "instances[1].Name", "no name of a node"),
    ("instances.1.Name", "two two", "instances[1].Name", "no name of a node"),
    ("instances.1.Name", "t", "instances[1].Name", "no name of a node"),
    ("instances.1.Name", "t\nwo", "instances[1].Name", "no name of a node"),
    ("instances.1.Name", "../two", "instances[1].Name", "no name of a node"),
    ("instances.1.Name", 2, "instances[1].Name", "no name of a node"),
    ("instances.1.Name", "a" * 64, "instances[1].Name", "Two to 63"),
    ("instances.1.node", 1, "instances[1].node", "taken by instances[0].node"),
    ("instances.1.node", ..., "instances[1].node", "whole number"),
    ("instances.1.node", 0, "instances[1].node", "1 or more"),
    ("instances.1.node", "two", "instances[1].node", "whole number"),
    ("instances.1.node", True, "instances[1].node", "whole number"),
    ("instances.1.platform", "aws", "instances[1].platform", "Only `platform: docker`"),
    ("instance_defaults.platform", "bare", "instance_defaults.platform", "Only `platform: docker`"),
    ("instances.1.role", 5, "instances[1].role", "A list of roles"),
    ("instances.1.role", ["a b"], "instances[1].role[0]", "no role"),
    ("instances.1.upstream", "nobody", "instances[1].upstream", "no instance nobody"),
    ("instances.1.upstream", "thre", "instances[1].upstream", 'Did you mean "three"'),
    ("instances.1.upstream", "two", "instances[1].upstream", "names the node itself"),
    ("instances.1.upstream", ["one"], "instances[1].upstream", "no name of a node"),
    ("instances.0.upstream", "two", "instances[0].upstream", "circle: one -> two -> one"),
    ("instances.0.backup", "nobody", "instances[0].backup", "no instance nobody"),
    ("instances.0.backup", "two", "instances[0].backup", "has not the role barman"),
    ("instances.0.backup", ["three", "two"], "instances[0].backup", "two has not the role barman"),
    ("instances.0.backup", [7], "instances[0].backup[0]", "no name of a node"),
    ("instances.1.location", "mian", "instances[1].location", 'Did you mean "main"'),
    ("instances.1.location", 1, "instances[1].location", "no location number 1"),
    ("instances.1.tags", ["x"], "instances[1].tags", "A map"),
    ("instances.1.vars", ["x"], "instances[1].vars", "A map"),
    ("instances.1.provision_only", "maybe", "instances[1].provision_only", "true or false"),
    # containers
    ("instance_defaults.image", ..., "instances[0].image", "no image"),
    ("instances.1.image", "Debian", "instances[1].image", "capital letters"),
    ("instances.1.memory", "lots", "instances[1].memory", "no size"),
    ("instance_defaults.memory", "lots", "instance_defaults.memory", "no size"),
    ("instances.1.volumes", "/a:/b", "instances[1].volumes", "A list is needed"),
    ("instances.1.volumes", ["/a:/b", {"device_name": "x"}], "instances[1].volumes[1]", "another platform"),
    ("instances.1.volumes", ["/a:/b", "/c:/b"], "instances[1].volumes", "Two volumes are mounted at /b"),
    ("instances.1.local_source_directories", ["a/b:/c"], "instances[1].local_source_directories[0]", "host path"),
    ("instances.1.ulimits", ["nofile"], "instances[1].ulimits[0]", "no ulimit"),
    ("instances.1.ulimits", ["core:1", "core:2"], "instances[1].ulimits", "given twice"),
    ("instances.1.published_ports", ["80:x"], "instances[1].published_ports[0]", "no port"),
    ("instances.1.published_ports", "80:80", "instances[1].published_ports", "A list"),
    ("instances.1.published_ports", ["80:1", "80:2"], "instances[1].published_ports", "this instance twice"),
    ("instance_defaults.published_ports", ["80:80"], "instance_defaults.published_ports", "published by one already"),
    ("instances.1.exposed_ports", ["x"], "instances[1].exposed_ports[0]", "no port"),
    ("instances.1.devices", ["fuse"], "instances[1].devices[0]", "no device"),
    ("instances.1.devices", ["/dev/a:/dev/c", "/dev/b:/dev/c"], "instances[1].devices", "Two devices"),
    ("instances.1.restart_policy", "sometimes", "instances[1].restart_policy", "One of: no, always"),
    ("instances.1.docker_cap_add", ["SYS_TYME"], "instances[1].docker_cap_add[0]", 'Did you mean "SYS_TIME"'),
    ("instances.1.docker_security_opts", ["x=y"], "instances[1].docker_security_opts[0]", "no security option"),
    ("instances.1.docker_security_opts", ["seccomp=x"], "instances[1].docker_security_opts[0]", "/clusters/demo/x"),
    ("instances.1.sysctls", {"vm.swappiness": 1}, "instances[1].sysctls.vm.swappiness", "whole host"),
    ("instances.1.sysctls", {"net.x.y": [1]}, "instances[1].sysctls.net.x.y", "needed"),
    ("instances.1.env", {"A": 1}, "instances[1].env.A", "quotes"),
    ("instances.1.env_file", "missing.env", "instances[1].env_file", "/clusters/demo/missing.env"),
    ("instances.1.env_file", "a\0b", "instances[1].env_file", ""),
    ("instances.1.log_options", "x", "instances[1].log_options", "A map"),
    ("instances.1.log_driver", ["x"], "instances[1].log_driver", "Text is needed"),
    ("instances.1.privileged", "maybe", "instances[1].privileged", "true or false"),
    ("instances.1.shm_size", 0, "instances[1].shm_size", "size 0"),
    # networks and addresses
    ("docker_networks", "demo", "docker_networks", "A list of networks"),
    ("docker_networks.0", "demo", "docker_networks[0]", "A map with name"),
    ("docker_networks.0.name", ..., "docker_networks[0].name", "no name of a network"),
    ("docker_networks.0.name", "bridge", "docker_networks[0].name", "engine's own"),
    ("docker_networks.0.ipam_confg", [], "docker_networks[0].ipam_confg", 'Did you mean "ipam_config"'),
    ("docker_networks.0.ipam_config", {"subnet": "x"}, "docker_networks[0].ipam_config", "A list is needed"),
    ("docker_networks.0.ipam_config.0.subnet", ..., SUBNET, "no subnet"),
    ("docker_networks.0.ipam_config.0.subnet", "10.40.1.0", SUBNET, "no subnet"),
    ("docker_networks.0.ipam_config.0.subnet", "10.40.1.5/28", SUBNET, "The subnet is 10.40.1.0/28"),
    ("docker_networks.0.ipam_config.0.subnet", "10.40.1.0/33", SUBNET, "no subnet"),
    ("docker_networks.0.ipam_config.0.subnet", "10.40.1.0/31", SUBNET, "no room"),
    ("docker_networks.0.ipam_config.0.subnet", "10.40.1.0/30", SUBNET, "3 nodes do not fit"),
    ("docker_networks.0.ipam_config.0.subnet", "127.1.0.0/16", SUBNET, "not for containers"),
    ("docker_networks.0.ipam_config.0.subnet", 7, SUBNET, "no subnet"),
    ("docker_networks.0.ipam_config.0.gateway", "10.40.2.1", f"{SUBNET[:-6]}gateway", "outside the subnet"),
    ("docker_networks.0.ipam_config.0.gateway", "10.40.1.0", f"{SUBNET[:-6]}gateway", "own or its broadcast"),
    ("docker_networks.0.ipam_config.0.iprange", "10.40.2.0/29", f"{SUBNET[:-6]}iprange", "outside the subnet"),
    ("docker_networks.0.enable_ipv6", "x", "docker_networks[0].enable_ipv6", "true or false"),
    ("docker_networks.0.driver_options", ["x"], "docker_networks[0].driver_options", "A map"),
    ("docker_networks", TWO_NETWORKS, "docker_networks[1].ipam_config[0].subnet", "10.40.0.0/16 overlaps 10.40.1.0/28"),
    ("docker_networks", [{"name": "a"}, {"name": "a"}], "docker_networks[1].name", "taken by docker_networks[0]"),
    ("instances.1.ip_address", "10.40.2.2", "instances[1].ip_address", "outside the subnet 10.40.1.0/28"),
    ("instances.1.ip_address", "10.40.1.0", "instances[1].ip_address", "own address of the subnet"),
    ("instances.1.ip_address", "10.40.1.15", "instances[1].ip_address", "broadcast address"),
    ("instances.1.ip_address", "10.40.1.1", "instances[1].ip_address", "gateway of the subnet"),
    ("instances.1.ip_address", "10.40.1.x", "instances[1].ip_address", "no IP address"),
    ("instances.1.ip_address", "fd00::2", "instances[1].ip_address", "no IPv4 address"),
    ("instances.1.ip_address", 5, "instances[1].ip_address", "no IP address"),
    ("instance_defaults.ip_address", "10.40.1.2", "instance_defaults.ip_address", "cannot be the same"),
    ("instances.1.networks", {"name": "demo"}, "instances[1].networks", "A list of networks"),
    ("instances.1.networks", [{}], "instances[1].networks[0].name", "no name of a network"),
    ("instances.1.networks", [{"name": "host"}], "instances[1].networks[0].name", "engine's network host"),
    ("instances.1.networks", ["demo", "demo"], "instances[1].networks", "given twice"),
    ("instances.1.networks", [{"name": "demo", "alias": []}], "instances[1].networks[0].alias", '"aliases"'),
    (
        "instances.1.networks",
        [{"name": "demo", "ipv4_address": "10.40.2.2"}],
        "instances[1].networks[0]",
        "outside the subnet",
    ),
    (
        "instances.1.networks",
        [{"name": "bridge", "ipv4_address": "10.40.1.2"}],
        "instances[1].networks[0]",
        "no fixed addresses",
    ),
    # locations and images
    ("locations", "main", "locations", "A list is needed"),
    ("locations.0", "main", "locations[0]", "A map with Name"),
    ("locations.0.Name", ..., "locations[0].Name", "Text is needed"),
    ("locations", [{"Name": "main"}, {"Name": "main"}], "locations[1].Name", "given twice"),
    ("locations.0.memry", "1g", "locations[0].memry", 'Did you mean "memory"'),
    ("instance_defaults", ["x"], "instance_defaults", "A map is needed"),
    ("instance_defaults.memry", "1g", "instance_defaults.memry", 'Did you mean "memory"'),
    ("docker_images", ["x"], "docker_images", "A map of image names"),
    ("docker_images", {"x:y": {"dockerfil": "a"}}, "docker_images.x:y.dockerfil", 'Did you mean "dockerfile"'),
    ("docker_images", {"X": {}}, "docker_images.X", "capital letters"),
    # tpaexec_docker
    ("tpaexec_docker", "x", "tpaexec_docker", "A map is needed"),
    ("tpaexec_docker", {"preflght": {}}, "tpaexec_docker.preflght", 'Did you mean "preflight"'),
    ("tpaexec_docker.preflight", {"ignores": []}, "tpaexec_docker.preflight.ignores", 'Did you mean "ignore"'),
    ("tpaexec_docker.preflight", {"ignore": ["x"]}, "tpaexec_docker.preflight.ignore[0]", "no id of a finding"),
    (
        "tpaexec_docker.preflight",
        {"waivers": [{"id": "A_B"}]},
        "tpaexec_docker.preflight.waivers[0]",
        "reason and expires",
    ),
    (
        "tpaexec_docker.preflight",
        {"waivers": [{"id": "A_B", "reason": "x", "expires": "soon"}]},
        "tpaexec_docker.preflight.waivers[0].expires",
        "YYYY-MM-DD",
    ),
    ("tpaexec_docker.instance_defaults", {"cpu": 1}, "tpaexec_docker.instance_defaults.cpu", 'Did you mean "cpus"'),
    ("tpaexec_docker.instances", {"four": {}}, "tpaexec_docker.instances.four", "no instance 'four'"),
    ("tpaexec_docker.instances", {"one": {"cpus": 0}}, "tpaexec_docker.instances.one.cpus", "between"),
    ("tpaexec_docker.instances", {"one": {"dns": ["x"]}}, "tpaexec_docker.instances.one.dns[0]", "no IP address"),
    (
        "tpaexec_docker.instances",
        {"one": {"dns_search": ["a b"]}},
        "tpaexec_docker.instances.one.dns_search[0]",
        "domain",
    ),
    (
        "tpaexec_docker.instances",
        {"one": {"extra_hosts": ["a"]}},
        "tpaexec_docker.instances.one.extra_hosts[0]",
        "NAME:",
    ),
    (
        "tpaexec_docker.instances",
        {"one": {"cgroup_parent": "/a/../b"}},
        "tpaexec_docker.instances.one.cgroup_parent",
        "",
    ),
    ("tpaexec_docker.instances", {"one": {"host": "far"}}, "tpaexec_docker.instances.one.host", "no host 'far'"),
    ("tpaexec_docker.locations", {"mars": {}}, "tpaexec_docker.locations.mars", "no location 'mars'"),
    ("tpaexec_docker.locations", {"main": {"host": "far"}}, "tpaexec_docker.locations.main.host", "no host 'far'"),
    (
        "tpaexec_docker.hosts",
        {"default": {"docker_hst": "x"}},
        "tpaexec_docker.hosts.default.docker_hst",
        "docker_host",
    ),
]


@pytest.mark.parametrize(("path", "value", "place", "word"), CASES, ids=[f"{c[0]}={str(c[1])[:30]!r}" for c in CASES])
def test_refused_with_its_place(path: str, value: Any, place: str, word: str, problems: Problems) -> None:
    found = problems(spoilt(path, value))
    assert place in found
    assert word in found[place]


def test_all_problems_are_reported_together(problems: Problems, good: dict[str, Any]) -> None:
    good["cluster_name"] = "a/b"
    good["instances"][0]["memory"] = "lots"
    good["instances"][1]["upstream"] = "nobody"
    good["instances"][2]["ip_address"] = "10.40.1.1"
    good["docker_networks"].append("x")
    assert set(problems(good)) == {
        "cluster_name",
        "instances[0].memory",
        "instances[1].upstream",
        "instances[2].ip_address",
        "docker_networks[1]",
    }


def test_a_bad_default_is_reported_once(problems: Problems, good: dict[str, Any]) -> None:
    good["instance_defaults"].update(memory="lots", ulimits=["x"], env={"A": 1})
    assert len(problems(good)) == 3


def test_the_same_address_twice(problems: Problems, good: dict[str, Any]) -> None:
    good["instances"][0]["ip_address"] = good["instances"][2]["ip_address"] = "10.40.1.5"
    assert "10.40.1.5 is the address of one already" in problems(good)["instances[2].ip_address"]


@pytest.mark.parametrize(
    ("one", "other", "collide"),
    [
        ("5432:5432", "5432:5433", True),
        ("5432:5432", "127.0.0.1:5432:5432", True),
        ("127.0.0.1:5432:5432", "5432:5432", True),
        ("127.0.0.1:5432:5432", "127.0.0.1:5432:5432", True),
        ("127.0.0.1:5432:5432", "127.0.0.2:5432:5432", False),
        ("5432:5432", "5432:5432/udp", False),
        ("5432", "5432", False),
        ("8000-8010:8000-8010", "8005:80", True),
    ],
)
def test_one_port_published_by_two(
    one: str, other: str, collide: bool, problems: Problems, parse: Callable[..., Any], good: dict[str, Any]
) -> None:
    good["instances"][0]["published_ports"] = [one]
    good["instances"][1]["published_ports"] = [other]
    if collide:
        assert "published by one already" in problems(good)["instances[1].published_ports"]
    else:
        parse(good)


@pytest.mark.parametrize(
    ("changes", "place", "word"),
    [
        ({"memory": "64m", "memory_reservation": "1g"}, "memory_reservation", "larger than memory"),
        ({"docker_cap_add": ["CHOWN"], "docker_cap_drop": ["cap_chown"]}, "docker_cap_drop", "added and dropped"),
        ({"volumes": ["/a:/b"], "local_source_directories": ["/c:/b"]}, "volumes", "Two volumes"),
        ({"ip_address": "10.40.1.2", "networks": ["other"]}, "ip_address", "beside networks"),
    ],
)
def test_keys_that_do_not_go_together(
    changes: dict[str, Any], place: str, word: str, problems: Problems, good: dict[str, Any]
) -> None:
    good["instances"][1].update(changes)
    assert word in problems(good)[f"instances[1].{place}"]


def test_an_address_without_a_network(problems: Problems, good: dict[str, Any]) -> None:
    del good["docker_networks"]
    good["instances"][0]["ip_address"] = "10.40.1.2"
    assert "no network for 10.40.1.2" in problems(good)["instances[0].ip_address"]


def test_an_address_in_a_network_without_a_subnet(problems: Problems, good: dict[str, Any]) -> None:
    del good["docker_networks"][0]["ipam_config"]
    good["instances"][0]["ip_address"] = "10.40.1.2"
    assert "says no subnet" in problems(good)["instances[0].ip_address"]


@pytest.mark.parametrize("data", [None, [], "x", 5, {1: 2}, {None: None}])
def test_what_is_no_config_at_all(data: Any, problems: Problems) -> None:
    assert problems(data)


def test_a_key_of_any_kind_can_be_shown(problems: Problems, good: dict[str, Any]) -> None:
    good["instances"][0]["\ud800\n"] = 1
    good["instances"][0]["x" * 9999] = 1
    good["instances"][0][10**9999] = 1
    for place in problems(good):
        assert len(place) <= 200
        assert place.isprintable()


def test_all_bad_values_of_one_map_are_reported_together(problems: Problems, good: dict[str, Any]) -> None:
    good["instances"][0]["env"] = {"A": 1, "B": "fine", "C": {}, "D": True}
    assert set(problems(good)) == {f"instances[0].env.{name}" for name in "ACD"}
