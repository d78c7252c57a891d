# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.parse import options_to_data, parse_config
from ansible_collections.tpaexec.docker.plugins.plugin_utils._molecule import DEFAULT_IMAGE, cluster_options

HERE = ("/src/role/molecule/default", "/cache/molecule.abcd.default")


def molecule(*platforms: dict[str, Any], **settings: Any) -> dict[str, Any]:
    driver = {"name": "default", "options": {"managed": False}, "tpaexec_docker": settings}
    return {"driver": driver, "platforms": list(platforms), "scenario": {"name": "default"}}


def test_a_platform_needs_a_name_only() -> None:
    options = cluster_options(molecule({"name": "alpha"}, {"name": "beta", "image": "debian:x"}), *HERE)
    assert options["instances"] == [{"Name": "alpha", "node": 1}, {"Name": "beta", "node": 2, "image": "debian:x"}]
    assert options["instance_defaults"] == {"image": DEFAULT_IMAGE}
    assert options["images"] == [DEFAULT_IMAGE, "debian:x"]
    assert options["networks"] == [{"name": options["name"]}], "the engine chooses a free subnet"


MAPPED = [
    ({"groups": ["web"], "children": ["x"], "pre_build_image": True, "command": "/sbin/init"}, {}, {}),
    ({"cgroupns_mode": "host", "tmpfs": ["/run"]}, {}, {}),
    ({"ip_address": "10.0.0.9", "role": ["primary"]}, {"ip_address": "10.0.0.9", "role": ["primary"]}, {}),
    ({"environment": {"ANSWER": 42}}, {"env": {"ANSWER": "42"}}, {}),
    ({"capabilities": ["NET_ADMIN"]}, {"docker_cap_add": ["NET_ADMIN"]}, {}),
    ({"security_opts": ["seccomp=unconfined"]}, {"docker_security_opts": ["seccomp=unconfined"]}, {}),
    ({"cpus": 2, "dns_servers": ["10.0.0.1"]}, {}, {"cpus": 2, "dns": ["10.0.0.1"]}),
    ({"etc_hosts": {"mirror": "10.0.0.2"}}, {}, {"extra_hosts": ["mirror:10.0.0.2"]}),
]


@pytest.mark.parametrize(("platform", "instance", "own"), MAPPED)
def test_keys(platform: dict[str, Any], instance: dict[str, Any], own: dict[str, Any]) -> None:
    options = cluster_options(molecule({"name": "alpha", **platform}), *HERE)
    assert options["instances"] == [{"Name": "alpha", "node": 1, **instance}]
    assert options["tpaexec_docker"] == ({"instances": {"alpha": own}} if own else {})


def test_what_is_said_for_the_cluster() -> None:
    config = molecule({"name": "alpha"}, cluster_name="mine", subnet="10.9.8.0/28", instance_defaults={"memory": "1g"})
    options = cluster_options(config, *HERE)
    assert options["name"] == "mine"
    assert options["networks"] == [{"name": "mine", "ipam_config": [{"subnet": "10.9.8.0/28"}]}]
    assert options["instance_defaults"] == {"image": DEFAULT_IMAGE, "memory": "1g"}


def test_the_name_tells_checkouts_and_parallel_runs_apart() -> None:
    config = molecule({"name": "alpha"})
    names = {
        cluster_options(config, scenario, ephemeral)["name"]
        for scenario in ("/a/molecule/default", "/b/molecule/default")
        for ephemeral in ("/cache/1", "/cache/2")
    }
    assert len(names) == 4
    assert all(name.startswith("molecule-default-") for name in names)


def test_docker_cluster_reads_it() -> None:
    platform = {"name": "alpha", "cpus": 1, "env": {"A": "b"}, "ip_address": "10.9.8.2", "groups": ["x"]}
    options = cluster_options(molecule(platform, subnet="10.9.8.0/28"), *HERE)
    cluster = parse_config(options_to_data({**options, "tags": {}, "images": {}}), "/", lambda path: "")
    assert [instance.name for instance in cluster.instances] == ["alpha"]
    assert cluster.instances[0].settings.cpus == 1


BAD = [
    (molecule(), "platforms: There are none."),
    (molecule({"name": "alpha", "memry": "1g"}), "platforms[0].memry: Unknown key 'memry'. Did you mean \"memory\"?"),
    (
        molecule({"name": "alpha"}, subnets="x"),
        "driver.tpaexec_docker.subnets: Unknown key 'subnets'. Did you mean \"subnet\"?",
    ),
    ({"platforms": [{"name": "a"}], "driver": {"tpaexec_docker": ["x"]}}, "driver.tpaexec_docker: A map is needed."),
]


@pytest.mark.parametrize(("config", "message"), BAD)
def test_problems_are_named(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        cluster_options(config, *HERE)
    assert message in str(caught.value)
    assert "molecule.yml" in str(caught.value)
