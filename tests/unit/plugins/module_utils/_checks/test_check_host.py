# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's limits, against what nodes need. The numbers are those of /proc on real hosts, or said to be made up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._checks.capacity import capacity
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_host import (
    DockerContainer,
    GuestImage,
    Inventory,
)
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.model import Unknown
from ansible_collections.tpaexec.docker.tests.unit.plugins.module_utils._checks import captures
from ansible_collections.tpaexec.docker.tests.unit.plugins.module_utils._checks.captures import (
    GIB,
    good_facts,
    good_host,
    message,
    node,
    severity,
    wants,
)


def nodes(count: int, **parts):
    return wants(*(node(f"n{number}", **parts) for number in range(count)))


LIMITS = [
    ("INOTIFY_LOW", dict(inotify_instances=128, inotify_watches=8192), 3, ""),  # a kernel's defaults
    ("INOTIFY_LOW", dict(inotify_instances=128), 16, "warning"),
    ("INOTIFY_LOW", dict(inotify_watches=8192), 40, "warning"),
    ("INOTIFY_LOW", dict(inotify_instances=512, inotify_watches=524288), 40, ""),  # kind's advice
    ("INOTIFY_LOW", dict(inotify_instances=None, inotify_watches=None), 3, "not run"),
    ("PIDS_LOW", dict(pid_max=32768), 16, ""),
    ("PIDS_LOW", dict(pid_max=4096), 40, "warning"),
    ("PIDS_LOW", dict(threads_max=2000), 16, "warning"),
    ("PIDS_LOW", dict(pid_max=None, threads_max=None), 16, "not run"),
    ("FILES_LOW", dict(file_max=2466183), 16, ""),
    ("FILES_LOW", dict(file_max=8192), 16, "warning"),
    ("FILES_LOW", dict(file_max=None), 16, "not run"),
    ("NOFILE_HUGE", dict(nofile=1048576), 3, ""),
    ("NOFILE_HUGE", dict(nofile=1073741816), 3, "warning"),  # LimitNOFILE=infinity on recent systemd
    ("NOFILE_HUGE", dict(nofile=None), 3, "not run"),
    ("MEMORY_LOW", dict(memory_available=16 * GIB), 16, ""),
    ("MEMORY_LOW", dict(memory_available=2 * GIB), 16, "warning"),
    ("MEMORY_LOW", dict(memory_available=GIB // 2), 16, "error"),
    ("MEMORY_LOW", dict(memory_available=None), 16, "not run"),
    ("FIREWALLD_NFT", dict(), 3, ""),
    ("FIREWALLD_NFT", dict(firewalld="running", firewalld_backend="nftables"), 3, "warning"),
    ("FIREWALLD_NFT", dict(firewalld="running", firewalld_backend="iptables"), 3, ""),
    ("FIREWALLD_NFT", dict(firewalld="running", firewalld_backend=""), 3, "not run"),
    ("MTU_MISMATCH", dict(), 3, ""),
    ("MTU_MISMATCH", dict(uplink_mtu=None), 3, "not run"),
    ("DNS_UNUSABLE", dict(), 3, ""),
    ("DNS_UNUSABLE", dict(nameservers=("127.0.0.1",)), 3, "warning"),
    ("DNS_UNUSABLE", dict(nameservers=("127.0.0.1", "192.0.2.53")), 3, ""),
    ("DNS_UNUSABLE", dict(nameservers=()), 3, "not run"),
]


@pytest.mark.parametrize(("identifier", "parts", "count", "expected"), LIMITS)
def test_limits(identifier, parts, count, expected):
    assert severity(good_facts(host=good_host(**parts), wants=nodes(count)), identifier) == expected


@pytest.mark.parametrize("identifier", sorted({row[0] for row in LIMITS} - {"MEMORY_LOW"}))
def test_a_host_far_away_is_not_a_silent_pass(identifier):
    assert severity(good_facts(host=Unknown("the daemon is far away")), identifier) == "not run"


def test_of_a_host_far_away_the_total_memory_is_known():
    """The daemon tells it (24 GiB in the capture): nodes that cannot boot in it are an error all the same."""
    away = Unknown("the daemon is far away")
    assert severity(good_facts(host=away, wants=nodes(3)), "MEMORY_LOW") == "not run"
    assert severity(good_facts(host=away, wants=nodes(1000)), "MEMORY_LOW") == "error"


def test_what_a_node_asks_for_counts():
    big = good_facts(wants=nodes(3, memory_reservation=10 * GIB))
    assert severity(big, "MEMORY_LOW") == "warning"
    assert "1 fit" in message(big, "MEMORY_LOW")
    shm = good_facts(wants=nodes(3, shm=8 * GIB))
    assert "/dev/shm" in message(shm, "MEMORY_LOW")


@pytest.mark.parametrize(("count", "value"), [(64, 1024), (200, 2048)])
def test_the_remedy_names_a_value_that_all_nodes_fit_in(count, value):
    facts = good_facts(host=good_host(inotify_instances=128), wants=nodes(count))
    [finding] = [item for item in captures.check(facts).findings if item.id == "INOTIFY_LOW"]
    assert f"fs.inotify.max_user_instances={value} " in finding.remedy
    raised = replace(facts, host=good_host(inotify_instances=value))
    assert severity(raised, "INOTIFY_LOW") == ""


def test_the_remedy_lowers_no_limit():
    """One line sets both: the kernel's own limit of watches, say, is above the usual one where there is much memory."""
    facts = good_facts(host=good_host(inotify_instances=128, inotify_watches=1048576), wants=nodes(64))
    [finding] = [item for item in captures.check(facts).findings if item.id == "INOTIFY_LOW"]
    assert "max_user_instances=1024 fs.inotify.max_user_watches=1048576 " in finding.remedy
    facts = good_facts(host=good_host(inotify_instances=128, inotify_watches=8192), wants=nodes(200))
    remedies = {item.remedy for item in captures.check(facts).findings if item.id == "INOTIFY_LOW"}
    assert len(remedies) == 1, "the second line would take back what the first one set"
    assert "max_user_instances=2048 fs.inotify.max_user_watches=524288 " in remedies.pop()


def test_nodes_that_run_already_have_their_place():
    running = tuple(
        DockerContainer(f"id{number}", f"n{number}", "running", {"tpaexec.docker.id": "11111111-aaaa"}, (), ())
        for number in range(15)
    )
    facts = good_facts(host=good_host(inotify_instances=128), wants=nodes(16))
    assert severity(facts, "INOTIFY_LOW") == "warning"
    assert severity(replace(facts, inventory=Inventory(containers=running)), "INOTIFY_LOW") == ""


@pytest.mark.parametrize(
    ("parts", "first", "count"),
    [
        (dict(inotify_instances=128), "inotify instances (fs.inotify.max_user_instances)", 14),
        (dict(memory_available=GIB), "memory", 4),
        (dict(pid_max=1400), "processes (kernel.pid_max)", 4),
    ],
)
def test_capacity_names_the_limit_that_gives_out_first(parts, first, count):
    room = capacity(good_facts(host=good_host(**parts)))
    assert (room.first.resource, room.first.nodes) == (first, count)
    assert f"Room for {count} more nodes" in room.says()
    assert first in room.says()


def test_capacity_counts_disk_and_images_that_are_to_come():
    here = good_facts(filesystems=(captures.good_disk(free=2 * GIB),))
    coming = replace(here, images=(GuestImage("t/sys:1", present=False),))
    assert capacity(here).first.nodes == 4
    assert capacity(coming).first.nodes == 2
    assert capacity(coming).first.where == "/var/lib/docker"


def test_capacity_of_an_unknown_host_is_not_made_up():
    room = capacity(good_facts(host=Unknown("far away"), filesystems=Unknown("far away")))
    assert room.first is None
    assert room.says() == ""
    assert room.unknown == {"memory, processes and files": "far away", "disk and inodes": "far away"}
