# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes over hosts: no host's loss takes a location's majority, unless that is allowed."""

from __future__ import annotations

from itertools import product

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.configure import parse_wishes
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.layout import lay_out
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.problems import BadValue
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.spread import (
    as_words,
    majority,
    read_hosts,
    spread,
    swarm_room,
)

H = ["h1", "h2", "h3", "h4", "h5", "h6"]


@pytest.mark.parametrize(
    ("locations", "data_nodes", "manager", "hosts", "expected"),
    [
        (["main"], 2, "repmgr", 3, "h1 h2 h3"),  # the third is the witness
        (["main"], 2, "repmgr", 2, None),
        (["main"], 2, "repmgr", 1, None),
        (["main"], 3, "repmgr", 3, "h1 h2 h3 h1"),  # the fourth has no vote
        (["main"], 3, "patroni", 3, "h1 h2 h3 h1 h1 h2 h3"),
        (["main"], 3, "patroni", 2, None),
        (["a", "b"], 2, "repmgr", 6, "h1 h2 h3 h4 h5"),
        (["a", "b"], 2, "repmgr", 3, "h1 h2 h3 h2 h3"),
        (["a", "b"], 1, "repmgr", 2, "h1 h2 h2"),  # half of two voters is no majority
        (["a", "b"], 2, "repmgr", 2, None),
    ],
)
def test_spread(locations, data_nodes, manager, hosts, expected):
    seats = lay_out(locations, data_nodes, manager)
    if expected is None:
        with pytest.raises(BadValue, match="majority") as caught:
            spread(seats, H[:hosts], manager)
        assert "--allow-host-majority" in caught.value.remedy
        assert len(spread(seats, H[:hosts], manager, allow_majority=True)) == len(seats)
    else:
        assert " ".join(spread(seats, H[:hosts], manager)) == expected


def test_three_hosts_are_enough_for_every_layout():
    for locations, data_nodes, manager, hosts in product(range(1, 5), range(1, 8), ("repmgr", "efm"), range(3, 7)):
        seats = lay_out([f"l{number}" for number in range(locations)], data_nodes, manager)
        placed = spread(seats, H[:hosts], manager)
        assert not majority(seats, placed, manager)
        assert len(set(placed)) == min(hosts, len(set(placed)))


def test_a_location_with_one_host_is_said_once():
    seats = lay_out(["a", "b"], 2, "repmgr")
    names = ["n1", "n2", "n3", "n4", "n5"]
    words = as_words({"h1": {}, "h2": {}}, seats, names, spread(seats, H[:2], "repmgr", allow_majority=True))
    assert words == {"hosts": {"h1": {}, "h2": {}}, "locations": {"a": {"host": "h1"}, "b": {"host": "h2"}}}
    apart = as_words({}, seats, names, spread(seats, H[:3], "repmgr"))
    assert set(apart["instances"]) == set(names)


@pytest.mark.parametrize("text", ["", "[]", "h1", "h1: 3", "default: {docker_host: ssh://x}", "a: {\n", "a: {}\na: {}"])
def test_what_is_no_file_of_hosts(text):
    with pytest.raises(BadValue):
        read_hosts(text, "/etc")


@pytest.mark.parametrize(
    ("text", "seen", "remedy"),
    [
        ("", "It is empty.", "Write it as `h1: {"),
        ("- h1", "not a map", "Write it as `h1: {"),
        ("hosts: {h1: {docker_host: 'ssh://h1'}}", "under the key hosts.", "The file's top level are the hosts. Write"),
        ("tpaexec_docker: {hosts: {h1: {}}}", "under the key tpaexec_docker.", "The file's top level are the hosts."),
        ("h1: {}", "It is missing.", "Write unix:///PATH"),
        ("h1: {docker_host: 'tcp://h1'}", "has no port.", "tcp://HOST:2376"),
        (
            "h1: {docker_host: 'tcp://h:1', tls_ca_cert: ca}",
            "'/etc/ca' cannot be read",
            "starts from that of this file.",
        ),
    ],
)
def test_a_file_of_hosts_is_spoken_of_as_one(text, seen, remedy):
    def nothing(_path: str) -> str:
        raise FileNotFoundError(2, "No such file or directory")

    with pytest.raises(BadValue) as caught:
        read_hosts(text, "/etc", nothing)
    assert seen in caught.value.message
    assert remedy in caught.value.remedy
    assert "cluster_name" not in caught.value.remedy


def test_a_host_may_be_called_hosts():
    assert set(read_hosts("hosts: {docker_host: 'ssh://h1'}", "/etc")) == {"hosts"}


def test_a_bad_host_is_said_before_the_majority():
    words = {"docker_hosts": "file", "locations": None}
    with pytest.raises(ConfigError, match=r"--docker-hosts\.h1\.docker_host: 'x' is no address") as caught:
        parse_wishes(words, "demo", None, ("h1: {docker_host: x}\nh2: {docker_host: 'tcp://h2'}", "/etc", str))
    assert [one.place for one in caught.value.problems] == [
        "--docker-hosts.h1.docker_host",
        "--docker-hosts.h2.docker_host",
    ]


def test_paths_start_from_the_file():
    files = "tls_ca_cert: ca.pem, tls_client_cert: c, tls_client_key: /k"
    found = read_hosts(f"h1: {{docker_host: 'tcp://h1:2376', {files}}}", "/etc/hosts.d")
    assert found["h1"]["tls_ca_cert"] == "/etc/hosts.d/ca.pem"
    assert found["h1"]["tls_client_key"] == "/k"


@pytest.mark.parametrize(("hosts", "expected"), [(2, 8), (3, 16), (6, 16), (7, 32)])
def test_room_for_the_swarm(hosts, expected):
    assert swarm_room(hosts) == expected
