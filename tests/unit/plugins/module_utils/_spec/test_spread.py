# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes over hosts: no host's loss takes a location's majority, unless that is allowed."""

from __future__ import annotations

from itertools import product

import pytest

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


def test_paths_start_from_the_file():
    found = read_hosts("h1: {docker_host: 'tcp://h1:2376', tls_ca_cert: ca.pem, tls_client_key: /k}", "/etc/hosts.d")
    assert found["h1"]["tls_ca_cert"] == "/etc/hosts.d/ca.pem"
    assert found["h1"]["tls_client_key"] == "/k"


@pytest.mark.parametrize(("hosts", "expected"), [(2, 8), (3, 16), (6, 16), (7, 32)])
def test_room_for_the_swarm(hosts, expected):
    assert swarm_room(hosts) == expected
