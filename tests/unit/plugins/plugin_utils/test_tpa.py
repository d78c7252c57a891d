# SPDX-License-Identifier: GPL-3.0-or-later
"""instance_vars for TPA's inventory writer, and what the role tells TPA's validation."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.tpaexec.docker.plugins.filter.tpa_instance_vars import FilterModule
from ansible_collections.tpaexec.docker.plugins.module_utils._directory import render
from ansible_collections.tpaexec.docker.plugins.module_utils._spec import instances, keys
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.parse import parse_config
from ansible_collections.tpaexec.docker.plugins.plugin_utils._tpa import instance_vars

TOP = Path(__file__).resolve().parents[4]
RECORDED = TOP / "tests" / "data" / "clusters"
ONE = {"Name": "one", "node": 1, "image": "a/b:1"}
THERE = [{"name": "one", "ip_address": "10.0.0.2"}]


def merged(config):
    """As TPA's docker_instances: defaults in place."""
    defaults = config.get("instance_defaults", {})
    for item in config["instances"]:
        name = {"Name": f"{config['cluster_name']}-{item['node']}"}
        yield {**name, **defaults, **item, "vars": {**defaults.get("vars", {}), **item.get("vars", {})}}


@pytest.mark.parametrize("shape", ["m1", "one-node"])
def test_vars_are_those_that_tpa_itself_wrote(shape):
    config = yaml.safe_load((RECORDED / shape / "config.yml").read_text())
    converged = json.loads((RECORDED / shape / "instances.json").read_text())
    cluster = parse_config(config, "/", str)
    address = render.addresses(cluster, converged)
    found = instance_vars(list(merged(config)), converged)
    assert [item["Name"] for item in found] == [node.name for node in cluster.instances]
    for item, node in zip(found, cluster.instances):
        assert item["vars"] == render.host_vars(node, address[node.name])
        assert item["ip_address"] == item["private_ip"] == address[node.name]


def test_a_node_may_be_left_out_of_the_inventory_and_have_no_address():
    found = instance_vars([{**ONE, "provision_only": True}], [{"name": "one"}])
    assert found[0]["add_to_inventory"] is False
    assert "ip_address" not in found[0]
    assert "ip_address" not in found[0]["vars"]


def test_what_a_container_is_is_not_judged_again():
    given = {**ONE, "volumes": [{"never": "read"}], "env_file": "/nowhere", "networks": [{"name": "other"}]}
    assert instance_vars([given], THERE)[0]["vars"]["volumes"] == []


@pytest.mark.parametrize(
    ("given", "converged", "said"),
    [
        ("a string", THERE, "list of maps"),
        (["a string"], THERE, "list of maps"),
        ([ONE], [], "says nothing about one"),
        ([{**ONE, "node": "x"}], THERE, "node"),
    ],
)
def test_the_filter_says_what_is_wrong(given, converged, said):
    with pytest.raises(AnsibleFilterError, match=said):
        FilterModule().filters()["tpa_instance_vars"](given, converged)


def test_the_role_knows_the_words_that_the_modules_know():
    told = yaml.safe_load((TOP / "roles/cluster/vars/main.yml").read_text())
    assert tuple(told["__cluster_tpa_instance_keys"]) == keys.DOCKER_INSTANCE_KEYS
    pattern = told["__cluster_tpa_name_pattern"]
    assert pattern == f"^{instances.NAME.pattern}$"
    assert re.match(pattern, "a-b.c1")
