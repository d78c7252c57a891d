# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of the daemon's list as nodes: ours, TPA's, and others' that only look like it."""

from __future__ import annotations

import json

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._directory import render
from ansible_collections.tpaexec.docker.plugins.module_utils._directory.live import LiveNode, live_nodes

ID = "3d6f4a9e-0d7e-4a51-8c5f-0a4a2f6d7e11"


def entry(name="uno", labels=None, networks=None, state="running", **more):
    endpoints = {net: {"IPAddress": address} for net, address in (networks or {"net": "10.45.1.2"}).items()}
    raw = {
        "Id": "0123456789abcdef" * 4,
        "Names": [f"/{name}"],
        "Image": "tpaexec/debian-systemd:12",
        "Labels": labels if labels is not None else our_labels(),
        "State": state,
        "Status": "Up 2 minutes",
        "NetworkSettings": {"Networks": endpoints},
    }
    return {**raw, **more}


def our_labels(cluster="m1", node=1, role=("primary",), variables=None, **more):
    ours = {
        "id": ID,
        "node": str(node),
        "role": json.dumps(role),
        "location": "main",
        "vars": json.dumps(variables or {}),
        "applied": json.dumps({"networks": ["net", "second"]}),
    }
    labels = {"Cluster": cluster, "Name": cluster, "Owner": "me", **{f"tpaexec.docker.{k}": v for k, v in ours.items()}}
    return {**labels, **more}


def test_a_node_of_ours():
    node = LiveNode.from_api(
        entry(labels=our_labels(variables={"location": "main", "role": ["primary"], "volumes": []}))
    )
    assert (node.name, node.cluster, node.node, node.cluster_id) == ("uno", "m1", 1, ID)
    assert node.groups() == ["tag_Cluster_m1", "role_primary", "location_main", "state_running"]
    assert node.host_vars() == {
        "platform": "docker",
        "cluster_name": "m1",
        "cluster_tag": "tag_Cluster_m1",
        "node": 1,
        "ip_address": "10.45.1.2",
        "private_ip": "10.45.1.2",
        "location": "main",
        "role": ["primary"],
        "volumes": [],
        "docker_cluster_id": ID,
        "docker_cluster_container": "0123456789abcdef" * 4,
        "docker_cluster_state": "running",
        "docker_cluster_status": "Up 2 minutes",
        "docker_cluster_image": "tpaexec/debian-systemd:12",
        "docker_cluster_addresses": {"net": "10.45.1.2"},
    }


def test_the_variables_are_those_of_the_generated_file(recorded):
    """host_vars/NAME/01-instance_vars.yml of every recorded directory, but for what a label must not set."""
    for instance in recorded.cluster.instances:
        generated = render.host_vars(instance, "10.45.1.2")
        label = json.dumps(render.instance_vars(instance))
        live = LiveNode.from_api(entry(labels=our_labels(**{"tpaexec.docker.vars": label}))).host_vars()
        assert {key: live[key] for key in generated} == generated


@pytest.mark.parametrize(
    ("labels", "is_node"),
    [
        ({"Cluster": "m1", "Name": "m1", "Owner": "me"}, True),  # TPA's own
        ({"Cluster": "m1", "Name": "other"}, False),
        ({"Cluster": "m1"}, False),
        ({"Name": "m1"}, False),
        ({}, False),
        ({"Cluster": "", "Name": ""}, False),
        ({"Cluster": "m1", "tpaexec.docker.id": ID}, True),
        (our_labels(**{"tpaexec.docker.provision_only": "true"}), False),
        (our_labels(**{"tpaexec.docker.provision_only": "false"}), True),
    ],
)
def test_which_containers_are_nodes(labels, is_node):
    assert (LiveNode.from_api(entry(labels=labels)) is not None) == is_node


def test_labels_may_be_missing_altogether():
    assert LiveNode.from_api({"Id": "x", "Labels": None}) is None


def test_a_node_that_tpa_made():
    node = LiveNode.from_api(entry(labels={"Cluster": "m1", "Name": "m1", "Owner": "me"}))
    assert (node.node, node.role, node.location) == (None, (), "")
    assert node.groups() == ["tag_Cluster_m1", "state_running"]
    assert "node" not in node.host_vars()
    assert node.host_vars()["ip_address"] == "10.45.1.2"


@pytest.mark.parametrize("text", ["", "not json", "[1, 2", "17", '"text"', "null", "[[1]]"])
def test_labels_that_somebody_else_wrote_break_nothing(text):
    names = ("node", "role", "vars", "applied", "location")
    node = LiveNode.from_api(entry(labels=our_labels(**{f"tpaexec.docker.{name}": text for name in names})))
    assert node.host_vars()["ip_address"] == "10.45.1.2"
    assert all(isinstance(group, str) for group in node.groups())


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("ansible_user", True),
        ("ansible_become", True),
        ("ansible_python_interpreter", True),
        ("ansible_connection", False),
        ("ansible_ssh_common_args", False),
        ("ansible_ssh_executable", False),
        ("ansible_docker_extra_args", False),
        ("ansible_become_exe", False),
        ("ansible_user_is_fine_but_not_this", False),
        ("postgres_version", True),
    ],
)
def test_which_variables_a_label_may_set(name, taken):
    node = LiveNode.from_api(entry(labels=our_labels(variables={name: "x"})))
    assert (name in node.host_vars()) == taken


@pytest.mark.parametrize(
    ("networks", "address"),
    [
        ({"second": "10.9.0.2", "net": "10.45.1.2"}, "10.45.1.2"),
        ({"second": "10.9.0.2", "another": "10.8.0.2"}, "10.9.0.2"),
        ({"zeta": "10.9.0.2", "alpha": "10.8.0.2"}, "10.8.0.2"),
        ({"net": ""}, ""),
    ],
)
def test_the_address_is_that_of_the_first_network(networks, address):
    assert LiveNode.from_api(entry(networks=networks)).address == address


def test_a_stopped_node_has_the_address_that_it_was_given():
    networks = {"net": {"IPAddress": "", "IPAMConfig": {"IPv4Address": "10.45.1.7"}}}
    node = LiveNode.from_api(entry(state="exited", NetworkSettings={"Networks": networks}))
    assert node.host_vars()["ip_address"] == "10.45.1.7"
    assert "state_exited" in node.groups()


def test_a_legacy_link_does_not_rename_a_node():
    assert LiveNode.from_api(entry(Names=["/other/alias", "/uno"])).name == "uno"


def test_order_and_choice_of_clusters():
    entries = [
        entry("c", our_labels("beta", 1)),
        entry("b", our_labels("alpha", 10)),
        entry("a", our_labels("alpha", 9)),
        entry("t", {"Cluster": "alpha", "Name": "alpha"}),
        entry("foreign", {"Cluster": "alpha"}),
    ]
    assert [node.name for node in live_nodes(entries)] == ["a", "b", "t", "c"]
    assert [node.name for node in live_nodes(entries, ["beta"])] == ["c"]
    assert live_nodes(entries, ["gamma"]) == []


def test_the_cache_keeps_everything():
    node = LiveNode.from_api(entry(labels=our_labels(variables={"a": [1, {"b": None}]})))
    assert LiveNode.from_cache(json.loads(json.dumps(node.to_cache()))) == node
