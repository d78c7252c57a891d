# SPDX-License-Identifier: GPL-3.0-or-later
"""A host that is not ours, as one of its containers printed it (recorded), and as garbage would have it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.tpaexec.docker.plugins.module_utils._checks import gather
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_host import GuestImage
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.gather_through import understand
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.model import Unknown
from ansible_collections.tpaexec.docker.tests.unit.plugins.module_utils._checks.captures import (
    engine_facts,
    network,
    node,
    severity,
    wants,
)

FILE = Path(__file__).resolve().parents[4] / "data" / "inside" / "node-20.10.24.txt"
RECORDED = FILE.read_text(encoding="utf-8")
CONTAINERD = "engine-26.1.5-containerd-snapshotter"
AWAY = Unknown("the daemon is far away")


def facts_through(text: str, slug: str = "overlay2-ext4-20.10.24", **parts):
    far = replace(engine_facts(slug), host=AWAY, filesystems=AWAY, config=AWAY, network=AWAY, **parts)
    return gather.measured_through(far, text)


def test_limits_memory_and_file_system_are_read():
    facts = facts_through(RECORDED)
    assert facts.host.partial
    assert (facts.host.inotify_instances, facts.host.pid_max) == (8192, 4194304)
    assert facts.host.threads > 100
    assert facts.host.memory_available > 2**30
    [disk] = facts.filesystems
    assert (disk.type, disk.device, disk.roles) == ("ext4", "/dev/vda", ("data root",))
    assert "rw" in disk.options
    assert (disk.free, disk.inodes, disk.inodes_free) == (17174546 * 4096, 16777216, 15608094)


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("DISK_CRITICAL", ""),
        ("INODES_LOW", ""),
        ("INOTIFY_LOW", ""),
        ("PIDS_LOW", ""),
        ("FILES_LOW", ""),
        ("MEMORY_LOW", ""),
        ("ROOT_ON_NFS", ""),
        ("ROOT_READONLY", ""),
        ("PROJECT_QUOTA", "info"),
        # a container does not see these: never a silent pass
        ("FIREWALLD_NFT", "not run"),
        ("MTU_MISMATCH", "not run"),
        ("DNS_UNUSABLE", "not run"),
        ("NOFILE_HUGE", "not run"),
        ("IPTABLES_OFF", "not run"),
    ],
)
def test_what_can_be_checked_is(identifier, expected):
    assert severity(facts_through(RECORDED), identifier) == expected
    assert severity(facts_through(""), identifier) == "not run"


def test_what_is_short_is_found():
    small = RECORDED.replace("\n8192\n", "\n16\n", 1)
    assert severity(facts_through(small), "INOTIFY_LOW") == "warning"
    full = (
        RECORDED[: RECORDED.index("@@ stat /etc/hostname")] + "@@ stat /etc/hostname\n4096 1000000 300 300 65536 99\n"
    )
    assert severity(facts_through(full), "DISK_CRITICAL") == "error"
    assert severity(facts_through(full), "INODES_CRITICAL") == "error"
    readonly = RECORDED.replace("/dev/vda rw,", "/dev/vda ro,")
    assert severity(facts_through(readonly), "ROOT_READONLY") == "error"


def test_the_kernel_tells_of_overlays():
    """This project's own kernel has neither (see the recorded configuration)."""
    overlay = wants(networks=(network(driver="overlay", encrypted=True),))
    facts = facts_through(RECORDED, wants=overlay)
    assert severity(facts, "ESP_MISSING") == "warning"
    assert severity(facts_through(RECORDED.split("@@ config")[0], wants=overlay), "ESP_MISSING") == "not run"


def test_emulation_and_systemd_are_not_guessed():
    strange = facts_through(RECORDED, images=(GuestImage("debian:12", architecture="arm64"),))
    assert severity(strange, "ARCH_MISMATCH") == "warning"
    cgroup2 = facts_through(RECORDED, "guest-systemd-default-cgroup2-20.10.24")
    cgroup2 = replace(cgroup2, engine=replace(cgroup2.engine, cgroup_driver="cgroupfs"))
    assert severity(cgroup2, "CGROUP_DRIVER") == "not run"


def test_layers_of_the_containerd_store_are_measured_below_the_root():
    facts = facts_through(RECORDED, CONTAINERD)
    assert [system.roles for system in facts.filesystems] == [("data root",), ("containerd root",)]


def test_only_a_node_of_its_own_is_asked():
    facts = facts_through("", wants=wants(node()))
    assert gather._own_running(facts) == ""


LINES = st.sampled_from(
    ["@@ stat /\n", "@@ /proc/meminfo\n", "MemAvailable: 9 kB\n", "4096 1 1 1 1 1\n", "@@ ", " - \n"]
)


@settings(max_examples=100, deadline=None)
@given(st.lists(LINES | st.text(max_size=20), max_size=12).map("".join))
def test_whatever_a_container_prints(text):
    facts = engine_facts(CONTAINERD)
    seen = understand(text, facts.engine, facts.storage, True)
    assert seen.host
    assert seen.filesystems
