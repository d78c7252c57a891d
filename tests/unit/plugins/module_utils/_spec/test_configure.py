# SPDX-License-Identifier: GPL-3.0-or-later
"""A new config.yml: the layout of M1, the free subnet, the names, and what the command's words may be."""

from __future__ import annotations

import ipaddress
import random
from typing import Any

import pytest
import yaml

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.configure import (
    Surroundings,
    Wishes,
    compose,
    parse_wishes,
    render,
)
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.hostnames import WORDS, choose_names, names_of_file
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.instances import normal_name
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.layout import count_nodes, lay_out
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.load import read_config
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.parse import parse_config
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.problems import BadValue
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.subnet import (
    Taken,
    choose_prefix,
    free_subnet,
    supernet,
)

from .conftest import no_file

NET = ipaddress.IPv4Network


def seats(*args: Any) -> list[str]:
    """The layout as lines: number, location, roles, and whom it follows or is backed up by."""
    lines = []
    for seat in lay_out(*args):
        line = f"{seat.number} {seat.location} {','.join(seat.roles)}"
        line += f" <{seat.upstream}" if seat.upstream else ""
        lines.append(line + (f" ^{seat.backup}" if seat.backup else ""))
    return lines


# Made with TPA v23.40.1's template of M1 for the same words.
LAYOUTS = [
    (
        (["main"], 2, "repmgr"),
        ["1 main primary ^3", "2 main replica <1", "3 main barman,log-server,witness <1"],
    ),
    (
        (["main"], 3, "efm"),
        ["1 main primary ^4", "2 main replica <1", "3 main replica <1", "4 main barman,log-server"],
    ),
    ((["main"], 1, "repmgr"), ["1 main primary ^2", "2 main barman,log-server"]),
    (
        (["main"], 2, "patroni"),
        [
            "1 main primary ^3",
            "2 main replica <1",
            "3 main barman,log-server",
            "4 main etcd",
            "5 main etcd",
            "6 main etcd",
        ],
    ),
    (
        (["a", "b"], 2, "repmgr"),
        [
            "1 a primary ^3",
            "2 a replica <1",
            "3 a barman,log-server,witness <1",
            "4 b replica <1",
            "5 b replica <4",
        ],
    ),
    (
        (["a", "b"], 3, "efm"),
        [
            "1 a primary ^4",
            "2 a replica <1",
            "3 a replica <1",
            "4 a barman,log-server,witness <1",
            "5 b replica <1",
            "6 b replica <5",
            "7 b replica <5",
        ],
    ),
    (
        (["a", "b", "c"], 2, "repmgr"),
        [
            "1 a primary ^3",
            "2 a replica <1",
            "3 a barman,log-server",
            "4 b replica <1",
            "5 b replica <4",
            "6 c replica <1",
            "7 c replica <6",
        ],
    ),
]


@pytest.mark.parametrize(("words", "expected"), LAYOUTS)
def test_layout(words: Any, expected: list[str]) -> None:
    assert seats(*words) == expected
    assert count_nodes(len(words[0]), *words[1:]) == len(expected)


@pytest.mark.parametrize(
    ("nodes", "network", "wanted", "prefix"),
    [
        (3, "10.33.0.0/16", None, 28),
        (13, "10.33.0.0/16", None, 28),
        (14, "10.33.0.0/16", None, 27),
        (253, "10.33.0.0/16", None, 24),
        (254, "10.33.0.0/16", None, 23),
        (3, "10.33.0.0/29", None, 29),
        (5, "10.33.0.0/16", 29, 29),
        (3, "10.33.0.0/16", 24, 24),
    ],
)
def test_prefix(nodes: int, network: str, wanted: Any, prefix: int) -> None:
    assert choose_prefix(nodes, NET(network), wanted) == prefix


@pytest.mark.parametrize(
    ("nodes", "network", "wanted", "word"),
    [
        (6, "10.33.0.0/16", 29, "Take 28 or less"),
        (3, "10.33.0.0/16", 30, "to 29"),
        (3, "10.33.0.0/16", 15, "from 16"),
        (14, "10.33.0.0/28", None, "It must be a /27 or larger"),
    ],
)
def test_prefix_refused(nodes: int, network: str, wanted: Any, word: str) -> None:
    with pytest.raises(BadValue) as raised:
        choose_prefix(nodes, NET(network), wanted)
    assert word in raised.value.remedy


@pytest.mark.parametrize(
    ("network", "prefix", "taken", "free"),
    [
        ("10.33.0.0/27", 28, ["10.33.0.0/28"], {"10.33.0.16/28"}),
        ("10.33.0.0/27", 28, ["10.33.0.20/30"], {"10.33.0.0/28"}),
        ("10.33.0.0/26", 28, ["10.33.0.16/28", "10.33.0.24/29"], {"10.33.0.0/28", "10.33.0.32/28", "10.33.0.48/28"}),
        ("10.33.0.0/28", 28, [], {"10.33.0.0/28"}),
        ("10.33.0.0/26", 28, ["10.33.0.0/27", "192.168.0.0/16"], {"10.33.0.32/28", "10.33.0.48/28"}),
    ],
)
def test_free_subnet(network: str, prefix: int, taken: list[str], free: set[str]) -> None:
    others = [Taken(NET(subnet), "x") for subnet in taken]
    found = {str(free_subnet(NET(network), prefix, others, random.Random(seed))) for seed in range(60)}
    assert found == free


def test_no_subnet_is_free() -> None:
    with pytest.raises(BadValue, match=r"10\.0\.0\.0/8 \(a route of this host, tun0\)"):
        free_subnet(NET("10.33.0.0/16"), 28, [Taken(NET("10.0.0.0/8"), "a route of this host, tun0")], random.Random(1))


def test_a_subnet_of_a_large_network_is_found_at_once() -> None:
    taken = [Taken(NET((int(NET("10.0.0.0/8").network_address) + 4096 * step, 28)), "x") for step in range(2000)]
    found = free_subnet(NET("10.0.0.0/8"), 29, taken, random.Random(1))
    assert not any(item.subnet.overlaps(found) for item in taken)


@pytest.mark.parametrize("value", ["10.33.0.1/16", "10.33.0.0/33", "x", "fd00::/64"])
def test_bad_network(value: str) -> None:
    with pytest.raises(BadValue, match="network"):
        supernet(value)


def test_our_words_are_good_names() -> None:
    assert len(set(WORDS)) == len(WORDS) >= 200
    assert [normal_name(word) for word in WORDS] == list(WORDS)


def test_names_are_different_and_nobodys() -> None:
    names = choose_names(600, {"acorn", "agate2"}, random.Random(1))
    assert len(set(names)) == 600
    assert not {"acorn", "agate2"} & set(names)
    assert choose_names(3, (), random.Random(1)) != choose_names(3, (), random.Random(2))


def test_names_of_a_file_are_taken_in_order() -> None:
    assert names_of_file("# mine\nAlpha 10.0.0.1\n\nnode_b # the second\ngamma\n", 2) == ["alpha", "node-b"]


@pytest.mark.parametrize(
    ("content", "word"),
    [("a/b\ncc", "Line 1"), ("aa\nAA", "Line 2: 'aa' stands on line 1"), ("aa\nbb", "2 names, and 3 nodes")],
)
def test_names_of_a_file_refused(content: str, word: str) -> None:
    with pytest.raises(BadValue, match=word):
        names_of_file(content, 3)


def written(**wishes: Any) -> tuple[str, dict[str, Any]]:
    text = render(compose(Wishes("demo", **wishes), Surroundings(), random.Random(7)))
    return text, read_config(text)


@pytest.mark.parametrize(
    "wishes",
    [
        {},
        {"failover_manager": "patroni"},
        {"failover_manager": "efm", "locations": ("a", "b")},
        {"data_nodes": 64, "locations": tuple("abc")},
        {"image": "localhost:5000/x/y:1"},
    ],
)
def test_what_is_written_is_a_good_config(wishes: Any) -> None:
    text, data = written(**wishes)
    cluster = parse_config(data, "/clusters/demo", no_file)
    assert cluster.warnings == ()
    assert yaml.safe_load(text) == data
    addresses = [one.settings.networks[0].ipv4_address for one in cluster.instances]
    assert len(set(addresses)) == len(cluster.instances)


def test_the_text_is_in_tpas_order() -> None:
    text, data = written()
    assert list(data) == [
        "architecture",
        "cluster_name",
        "cluster_tags",
        "keyring_backend",
        "docker_networks",
        "cluster_vars",
        "locations",
        "instance_defaults",
        "instances",
    ]
    assert text.startswith("---\narchitecture: M1\ncluster_name: demo\n")
    assert "\n\ninstances:\n- Name: " in text
    assert data["instance_defaults"] == {
        "platform": "docker",
        "image": "centos/systemd",
        "vars": {"ansible_user": "root"},
    }


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ({}, {"failover_manager": "repmgr", "preferred_python_version": "python2", "edb_repositories": []}),
        ({"image": "tpaexec/debian-systemd:12"}, {"preferred_python_version": "python3", "postgres_version": "15"}),
        ({"image": "docker.io/centos/systemd:7"}, {"preferred_python_version": "python2"}),
        ({"failover_manager": "patroni", "locations": ("x",)}, {"etcd_location": "x"}),
        ({"failover_manager": "efm"}, {"edb_repositories": ["standard"], "yum_repository_list": ["EPEL"]}),
    ],
)
def test_cluster_vars(wishes: Any, expected: dict[str, Any]) -> None:
    found = written(**wishes)[1]["cluster_vars"]
    assert {key: found[key] for key in expected} == expected


def test_two_clusters_in_one_small_network() -> None:
    first = compose(Wishes("a", network="10.33.0.0/27"), Surroundings(), random.Random(1))
    subnet = first["docker_networks"][0]["ipam_config"][0]["subnet"]
    around = Surroundings([Taken(NET(subnet), "a")])
    second = compose(Wishes("b", network="10.33.0.0/27"), around, random.Random(1))
    assert second["docker_networks"][0]["ipam_config"][0]["subnet"] != subnet
    with pytest.raises(ConfigError, match="no free /28"):
        compose(Wishes("c", network="10.33.0.0/27"), Surroundings([Taken(NET("10.33.0.0/27"), "ab")]), random.Random(1))


def test_all_words_at_their_defaults() -> None:
    assert parse_wishes({}, "demo") == Wishes("demo")


def test_the_words_are_taken() -> None:
    params = {
        "platform": "docker",
        "cluster_name": "Name",
        "os": "centos",
        "architecture": "M1",
        "data_nodes_per_location": 3,
        "location_names": ["a", "b"],
        "postgres_version": "16",
        "failover_manager": "efm",
        "network": "172.30.0.0/16",
        "subnet_prefix": 26,
    }
    expected = Wishes("Name", "centos/systemd", "M1", 3, ("a", "b"), "16", "efm", "172.30.0.0/16", 26)
    assert parse_wishes(params, "demo") == expected


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"platform": "aws"}, ["--platform", "Only docker is"]),
        ({"architecture": "BDR"}, ["--architecture", "Only M1 is"]),
        ({"os": "debian"}, ["--os", "only centos is (the image centos/systemd)", "--os-image IMAGE"]),
        ({"os": "centos", "os_image": "x"}, ["--os", "together with --os-image"]),
        ({"os_image": "Debian"}, ["--os-image", "capital letters"]),
        ({"failover_manager": "patron"}, ["--failover-manager", 'Did you mean "patroni"']),
        ({"failover_manager": "patroni", "location_names": ["a", "b"]}, ["one location only"]),
        ({"data_nodes_per_location": 0}, ["--data-nodes-per-location", "between 1 and 64"]),
        ({"location_names": ["a", "a"]}, ["--location-names", "given twice"]),
        ({"location_names": []}, ["--location-names", "0 locations"]),
        ({"location_names": ["a b"]}, ["--location-names", "no name of a location"]),
        ({"postgres_version": "9.6"}, ["--postgres-version", "oldest one is 11"]),
        ({"network": "10.33.0.1/16"}, ["--network", "The network is 10.33.0.0/16"]),
        ({"cluster_name": "a/b"}, ["--cluster-name", "no name of a cluster"]),
        ({"cluster_name": ""}, ["--cluster-name", "no name of a cluster"]),
        ({"os": "x", "network": "y", "platform": "z"}, ["3 problems found"]),
    ],
)
def test_words_refused(params: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ConfigError) as raised:
        parse_wishes(params, "demo")
    for word in words:
        assert word in str(raised.value)


def test_a_directory_whose_name_is_no_clusters_name() -> None:
    with pytest.raises(ConfigError, match="the directory's name, 'my cluster'"):
        parse_wishes({}, "my cluster")
    assert parse_wishes({"cluster_name": "mine"}, "my cluster").cluster_name == "mine"
