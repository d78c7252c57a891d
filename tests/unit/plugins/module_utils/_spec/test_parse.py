# SPDX-License-Identifier: GPL-3.0-or-later
"""What a good config.yml becomes: defaults merged as TPA merges them, everything parsed."""

from __future__ import annotations

import time
from typing import Any, Callable

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.model import (
    Attachment,
    Cluster,
    IpamPool,
    Port,
    Volume,
    Waiver,
)
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.parse import options_to_data, parse_config

from .conftest import no_file

Parse = Callable[..., Cluster]


def test_the_whole(parse: Parse, good: dict[str, Any]) -> None:
    cluster = parse(good)
    assert (cluster.name, cluster.architecture, cluster.locations) == ("demo", "M1", ("main",))
    assert (cluster.ssh_key_file, cluster.ssh_port, cluster.keyring_backend) == ("id_demo", 22, "")
    assert cluster.networks[0].ipam == (IpamPool("10.40.1.0/28"),)
    assert [one.name for one in cluster.instances] == ["one", "two", "three"]
    one, two, three = cluster.instances
    assert (one.role, one.backup, one.location, one.host) == (("primary",), ("three",), "main", "default")
    assert (two.upstream, three.role) == ("one", ("barman", "witness"))
    assert one.vars == {"ansible_user": "root"}
    assert cluster.warnings == ()


def test_defaults_of_settings(parse: Parse, good: dict[str, Any]) -> None:
    settings = parse(good).instances[0].settings
    assert settings.image == "centos/systemd"
    assert settings.restart_policy == "unless-stopped"
    assert settings.exposed_ports == (Port(22), Port(5432), Port(6432))
    assert settings.networks == (Attachment("demo"),)
    assert settings.declared == {"image"}
    assert settings.memory is None


def test_maps_are_merged_one_level_deep_and_lists_replaced(parse: Parse, good: dict[str, Any]) -> None:
    good["instance_defaults"].update(
        vars={"a": 1, "b": {"x": 1}}, env={"A": "1", "B": "2"}, volumes=["/a:/b"], memory="1g", tags={"t": 1}
    )
    good["locations"][0].update(vars={"a": 2, "c": 3}, region="eu")
    good["instances"][0].update(vars={"b": {"y": 2}}, env={"B": "3"}, volumes=["/c:/d"], memory=None)
    one, two, _three = parse(good).instances
    assert one.vars == {"a": 2, "b": {"y": 2}, "c": 3}
    assert two.vars == {"a": 2, "b": {"x": 1}, "c": 3}
    assert one.settings.env == {"A": "1", "B": "3"}
    assert one.settings.volumes == (Volume("bind", "/c", "/d"),)
    assert (one.region, one.tags) == ("eu", {"t": "1"})
    assert one.settings.memory is None
    assert "memory" not in one.settings.declared
    assert two.settings.memory == 1024**3
    assert two.settings.declared == {"image", "env", "volumes", "memory"}


def test_names_are_made_as_tpa_makes_them(parse: Parse, good: dict[str, Any]) -> None:
    good["cluster_name"] = "My_Cluster"
    good["instances"] = [
        {"node": 1, "role": "barman, log-server"},
        {"Name": "Node_B", "node": "2", "upstream": "My_Cluster-1", "backup": ["my-cluster-1"]},
        {"node": 3, "tags": {"Name": "tagged", "role": "replica", "upstream": "node_b", "node": 3, "x": "y"}},
    ]
    one, two, three = parse(good).instances
    assert (one.name, one.role, parse(good).ssh_key_file) == ("my-cluster-1", ("barman", "log-server"), "id_my_cluster")
    assert (two.name, two.node, two.upstream, two.backup) == ("node-b", 2, "my-cluster-1", ("my-cluster-1",))
    assert (three.name, three.role, three.upstream, three.tags) == ("tagged", ("replica",), "node-b", {"x": "y"})


def test_a_location_may_be_its_number(parse: Parse, good: dict[str, Any]) -> None:
    good["locations"].append({"Name": "second"})
    good["instances"][1]["location"] = 1
    assert parse(good).instances[1].location == "second"


def test_without_locations_any_location_will_do(parse: Parse, good: dict[str, Any]) -> None:
    del good["locations"]
    assert parse(good).instances[0].location == "main"


def test_every_container_key(parse: Parse, good: dict[str, Any]) -> None:
    good["instances"][0].update(
        privileged=True,
        restart_policy="on-failure:3",
        memory="1g",
        memory_reservation="512m",
        shm_size="128m",
        env_file="common.env",
        env={"B": "2"},
        log_driver="json-file",
        log_options={"max-size": "10m", "max-file": 3},
        exposed_ports=[22, "53/udp"],
        published_ports=["127.0.0.1:15432:5432"],
        devices=["/dev/fuse"],
        networks=[{"name": "demo", "ipv4_address": "10.40.1.9", "aliases": ["db"]}],
        sysctls={"net.core.somaxconn": 1024},
        ulimits=["nofile:1024:2048"],
        volumes=["data:/var/lib/pgsql"],
        local_source_directories=["./src:/opt/src"],
        docker_security_opts=["no-new-privileges"],
        docker_cap_add=["sys_time"],
        docker_cap_drop=["mknod"],
        ansible_host="192.0.2.9",
        provision_only=True,
    )
    one = parse(good, read_file=lambda path: f"A=1\nB=1\nFROM={path}").instances[0]
    settings = one.settings
    assert (settings.privileged, settings.restart_policy, settings.restart_retries) == (True, "on-failure", 3)
    assert (settings.memory, settings.memory_reservation, settings.shm_size) == (2**30, 2**29, 2**27)
    assert settings.env == {"A": "1", "B": "2", "FROM": "/clusters/demo/common.env"}
    assert settings.log_options == {"max-size": "10m", "max-file": "3"}
    assert settings.networks == (Attachment("demo", "10.40.1.9", aliases=("db",)),)
    assert [str(mount) for mount in settings.volumes] == ["data:/var/lib/pgsql", "/clusters/demo/src:/opt/src:ro"]
    assert (settings.cap_add, settings.cap_drop) == (("SYS_TIME",), ("MKNOD",))
    assert (one.ansible_host, one.provision_only) == ("192.0.2.9", True)
    assert len(settings.declared) == 21


def test_a_seccomp_profile_is_read(parse: Parse, good: dict[str, Any]) -> None:
    good["instances"][0]["docker_security_opts"] = ["seccomp=p.json"]
    cluster = parse(good, read_file=lambda _path: '{"defaultAction": "SCMP_ACT_ALLOW"}')
    assert cluster.instances[0].settings.security_opts == ('seccomp={"defaultAction":"SCMP_ACT_ALLOW"}',)


def test_ip_address_beside_networks_goes_to_the_first_network(parse: Parse, good: dict[str, Any]) -> None:
    good["docker_networks"].append({"name": "other", "ipam_config": [{"subnet": "10.40.2.0/28"}]})
    good["instances"][0].update(ip_address="10.40.1.4", networks=["other", "demo"])
    assert parse(good).instances[0].settings.networks == (Attachment("other"), Attachment("demo", "10.40.1.4"))


def test_one_env_file_is_read_once(parse: Parse, good: dict[str, Any]) -> None:
    good["instance_defaults"]["env_file"] = "common.env"
    read: list[str] = []
    parse(good, read_file=lambda path: read.append(path) or "A=1")  # type: ignore[func-returns-value]
    assert read == ["/clusters/demo/common.env"]


def test_what_is_said_beyond_tpa(parse: Parse, good: dict[str, Any]) -> None:
    good["tpaexec_docker"] = {
        "preflight": {"ignore": ["DISK_LOW"], "waivers": [{"id": "A_B", "reason": "known", "expires": "2026-12-01"}]},
        "instance_defaults": {"cpus": 2, "dns": ["10.0.0.1"]},
        "instances": {"One": {"cpus": 0.5, "pids_limit": 100, "dns_search": ["example.com"], "cgroup_parent": "/tpa"}},
        "locations": {"main": {"host": "default"}},
        "hosts": {"default": {}},
    }
    cluster = parse(good)
    assert cluster.preflight.ignore == ("DISK_LOW",)
    assert cluster.preflight.waivers == (Waiver("A_B", "known", "2026-12-01"),)
    one, two, _three = (one.settings for one in cluster.instances)
    assert (one.cpus, one.pids_limit, one.dns, one.dns_search) == (0.5, 100, ("10.0.0.1",), ("example.com",))
    assert (two.cpus, two.pids_limit, two.cgroup_parent) == (2.0, None, None)
    assert one.declared == {"image", "cpus", "dns", "pids_limit", "dns_search", "cgroup_parent"}


@pytest.mark.parametrize("hosts", [["a:10.0.0.1", "b:fd00::1", "c:host-gateway"], {"a": "10.0.0.1", "b": "fd00::1"}])
def test_extra_hosts_are_a_list_or_a_map(hosts: Any, parse: Parse, good: dict[str, Any]) -> None:
    good["tpaexec_docker"] = {"instances": {"one": {"extra_hosts": hosts}}}
    assert parse(good).instances[0].settings.extra_hosts[:2] == ("a:10.0.0.1", "b:fd00::1")


@pytest.mark.parametrize(
    ("path", "value", "word"),
    [
        ("my_own_key", 1, "'my_own_key' is no top-level key known here; it is kept"),
        ("cluster_variables", 1, 'Did you mean "cluster_vars"'),
    ],
)
def test_an_unknown_top_level_key_is_a_warning(
    path: str, value: Any, word: str, parse: Parse, good: dict[str, Any]
) -> None:
    good[path] = value
    [warning] = parse(good).warnings
    assert word in warning


@pytest.mark.parametrize("key", ["use_ssh_agent", "forward_ssh_agent", "ansible_tower", "vault_name"])
def test_tpas_own_top_level_keys_are_no_warning(key: str, parse: Parse, good: dict[str, Any]) -> None:
    good[key] = "x"
    assert parse(good).warnings == ()


def test_warnings_of_what_tpa_would_not_take(parse: Parse, good: dict[str, Any]) -> None:
    del good["instance_defaults"]["platform"]
    del good["instances"][2]["upstream"]
    good["instances"][0]["networks"] = ["dem"]
    warnings = "\n".join(parse(good).warnings)
    assert "take it for aws" in warnings
    assert "witness without upstream" in warnings
    assert 'dem, network of one, is not in it: it must exist. Did you mean "demo"' in warnings


def test_options_are_parsed_as_config_yml_is(good: dict[str, Any], parse: Parse) -> None:
    params = {
        "name": good["cluster_name"],
        "networks": good["docker_networks"],
        "instance_defaults": good["instance_defaults"],
        "instances": good["instances"],
        "tags": None,
        "images": {},
        "tpaexec_docker": None,
        "state": "present",
    }
    cluster = parse_config(options_to_data(params), "/clusters/demo", no_file)
    assert cluster.instances == parse(good).instances
    assert cluster.warnings == ()


def test_problems_of_options_are_placed_by_the_options_words() -> None:
    data = options_to_data({"name": "a/b", "networks": [{"name": "x y"}], "instances": [{"node": 1, "image": "A"}]})
    with pytest.raises(ConfigError, match="the task's options") as raised:
        parse_config(data, "/clusters/demo", no_file)
    assert [problem.place for problem in raised.value.problems] == ["name", "networks[0].name", "instances[0].image"]


def test_64_instances_are_parsed_at_once(good: dict[str, Any], parse: Parse) -> None:
    good["docker_networks"][0]["ipam_config"][0]["subnet"] = "10.40.1.0/24"
    good["instances"] = [
        {
            "Name": f"node{number}",
            "node": number,
            "ip_address": f"10.40.1.{number + 1}",
            "volumes": ["/a:/b:ro", "v1:/c"],
        }
        for number in range(1, 65)
    ]
    best = 1.0
    for _attempt in range(5):
        started = time.process_time()
        parse(good)
        best = min(best, time.process_time() - started)
    assert best < 0.05
