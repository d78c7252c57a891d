# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's checks on recorded replies: positive and negative for each id."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_host import DaemonConfig
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.model import Unknown
from ansible_collections.tpaexec.docker.tests.unit.plugins.module_utils._checks import captures
from ansible_collections.tpaexec.docker.tests.unit.plugins.module_utils._checks.captures import (
    USUAL,
    engine_facts,
    good_facts,
    good_host,
    node,
    severity,
    wants,
)

CGROUP2 = "guest-systemd-default-cgroup2-20.10.24"
NO_CONTROLLERS = "host-cgroup2-no-controllers-20.10.24"
PODMAN = "podman-4.3.1"

# (id, recorded reply, fields changed, severity expected)
RECORDED = [
    ("ENGINE_NOT_DOCKER", PODMAN, {}, "warning"),
    ("ENGINE_NOT_DOCKER", USUAL, {}, ""),
    ("ENGINE_NOT_DOCKER", "engine-28.5.2-default", {}, ""),
    ("DOCKER_DESKTOP", USUAL, {"OperatingSystem": "Docker Desktop"}, "warning"),
    ("DOCKER_DESKTOP", USUAL, {}, ""),
    ("ROOTLESS", "rootless-20.10.24", {}, "warning"),
    ("ROOTLESS", USUAL, {}, ""),
    ("ROOTLESS", PODMAN, {"Rootless": True}, "warning"),
    ("ROOTLESS", "userns-remap-20.10.24", {}, ""),
    ("USERNS_REMAP", "userns-remap-20.10.24", {}, "warning"),
    ("USERNS_REMAP", USUAL, {}, ""),
    ("WINDOWS_CONTAINERS", USUAL, {"OSType": "windows"}, "error"),
    ("WINDOWS_CONTAINERS", USUAL, {}, ""),
    ("CGROUP_CONTROLLER_MISSING", NO_CONTROLLERS, {}, "error"),
    ("CGROUP_CONTROLLER_MISSING", USUAL, {"CPUShares": False}, "warning"),
    ("CGROUP_CONTROLLER_MISSING", USUAL, {"PidsLimit": False}, "error"),
    (
        "CGROUP_CONTROLLER_MISSING",
        USUAL,
        {"Warnings": ["WARNING: No blkio throttle.read_bps_device support"]},
        "warning",
    ),
    ("CGROUP_CONTROLLER_MISSING", USUAL, {"Warnings": ["WARNING: No blkio weight support"]}, ""),
    ("CGROUP_CONTROLLER_MISSING", USUAL, {}, ""),
    ("CGROUP_CONTROLLER_MISSING", CGROUP2, {}, ""),
    ("LIVE_RESTORE_OFF", USUAL, {}, "info"),
    ("LIVE_RESTORE_OFF", "live-restore-mirrors-20.10.24", {}, ""),
    ("LIVE_RESTORE_OFF", USUAL, {"LiveRestoreEnabled": None}, "not run"),
    ("SWARM_STATE", USUAL, {}, ""),
    ("SWARM_STATE", "swarm-manager-20.10.24", {}, "info"),
    ("SWARM_STATE", "swarm-two-managers-20.10.24", {}, "info"),
    ("SWARM_STATE", "swarm-locked-20.10.24", {}, "warning"),
    ("SWARM_STATE", "swarm-no-quorum-20.10.24", {}, "warning"),
    ("IP_FORWARD_OFF", USUAL, {}, ""),
    ("IP_FORWARD_OFF", "ip-forward-off-20.10.24", {}, "warning"),
    ("IP_FORWARD_OFF", "ip-forward-off-20.10.24", {"Warnings": None}, "warning"),
    ("IP_FORWARD_OFF", "ip-forward-off-20.10.24", {"IPv4Forwarding": None}, "warning"),  # by the warning alone
    ("BRIDGE_NF", USUAL, {}, ""),
    ("BRIDGE_NF", "ip-forward-off-20.10.24", {}, "warning"),
    ("BRIDGE_NF", "engine-28.5.2-default", {}, "not run"),
    ("MEMORY_LIMIT", USUAL, {}, "not run"),
]


@pytest.mark.parametrize(("identifier", "slug", "info", "expected"), RECORDED)
def test_recorded(identifier, slug, info, expected):
    assert severity(engine_facts(slug, info), identifier) == expected


def test_live_restore_is_nothing_for_the_hosts_of_one_cluster():
    overlay = replace(captures.network(), driver="overlay")
    assert severity(good_facts(wants=wants(networks=(captures.network(),))), "LIVE_RESTORE_OFF") == "info"
    assert severity(good_facts(wants=wants(networks=(overlay,))), "LIVE_RESTORE_OFF") == ""


def test_a_rootless_engine_without_cgroups_is_told_how_to_get_them():
    found = captures.check(engine_facts("rootless-20.10.24")).findings
    missing = {item.data["controller"]: item for item in found if item.id == "CGROUP_CONTROLLER_MISSING"}
    assert {name: item.severity for name, item in missing.items()} == {
        "memory": "error",
        "pids": "error",
        "cpu": "warning",
        "io": "warning",
    }
    assert "Delegate=" in missing["memory"].remedy
    assert "this host has v1: they do not boot" in captures.message(engine_facts("rootless-20.10.24"), "ROOTLESS")


def test_a_swarm_without_quorum_says_so_in_plain_words():
    said = captures.message(engine_facts("swarm-no-quorum-20.10.24"), "SWARM_STATE")
    assert "The swarm does not have a leader" in said
    assert "rpc error" not in said
    assert ".." not in said


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("20.10.24+dfsg1", ""),
        ("20.10.0", ""),
        ("19.03.15", "error"),
        ("1.13.1", "error"),
        ("29.0.1", ""),
        ("", "not run"),
    ],
)
def test_age(version, expected):
    facts = engine_facts(version={"Version": version}, info={"ServerVersion": version})
    assert severity(facts, "ENGINE_TOO_OLD") == expected


def test_podmans_version_is_not_dockers():
    assert severity(engine_facts(PODMAN), "ENGINE_TOO_OLD") == "not run"


@pytest.mark.parametrize(("least", "expected"), [("1.12", ""), ("1.44", ""), ("1.45", "error"), (None, "not run")])
def test_api(least, expected):
    assert severity(engine_facts(version={"MinAPIVersion": least}), "API_TOO_NEW") == expected


@pytest.mark.parametrize(
    ("slug", "driver", "systemd", "expected"),
    [
        (CGROUP2, "cgroupfs", True, "warning"),
        (CGROUP2, "cgroupfs", False, ""),
        (CGROUP2, "cgroupfs", None, "not run"),
        (CGROUP2, "systemd", True, ""),
        (USUAL, "cgroupfs", True, ""),
    ],
)
def test_cgroup_driver(slug, driver, systemd, expected):
    facts = engine_facts(slug, {"CgroupDriver": driver})
    host = Unknown("far away") if systemd is None else good_host(systemd=systemd)
    assert severity(replace(facts, host=host), "CGROUP_DRIVER") == expected


@pytest.mark.parametrize(
    ("slug", "limited", "expected"), [(NO_CONTROLLERS, True, "warning"), (NO_CONTROLLERS, False, ""), (USUAL, True, "")]
)
@pytest.mark.parametrize("identifier", ["MEMORY_LIMIT", "SWAP_LIMIT"])
def test_limits_are_asked_for_and_not_there(identifier, slug, limited, expected):
    facts = replace(engine_facts(slug), wants=wants(node(memory=2**29, limits_memory=limited)))
    assert severity(facts, identifier) == expected


@pytest.mark.parametrize(
    ("identifier", "parts", "expected"),
    [
        ("DAEMON_INIT_TRUE", {"init": True}, "warning"),
        ("DAEMON_INIT_TRUE", {}, ""),
        ("IPTABLES_OFF", {"iptables": False}, "warning"),
        ("IPTABLES_OFF", {}, ""),
    ],
)
def test_settings(identifier, parts, expected):
    assert severity(good_facts(config=DaemonConfig("dockerd's command line", **parts)), identifier) == expected
    assert severity(good_facts(config=Unknown("far away")), identifier) == "not run"


@pytest.mark.parametrize(
    ("skew", "expected"), [(0, ""), (4.9, ""), (-4.9, ""), (6, "warning"), (-3600, "warning"), (None, "not run")]
)
def test_clock(skew, expected):
    facts = good_facts()
    clock = None if skew is None else facts.engine.system_time + skew
    assert severity(replace(facts, client=replace(facts.client, clock=clock)), "CLOCK_SKEW") == expected


def test_all_is_well_on_a_good_host():
    """The findings that remain are those for everybody."""
    outcome = captures.check(good_facts())
    assert {finding.id for finding in outcome.findings} == {"ROOT_EQUIVALENT", "LIVE_RESTORE_OFF", "PROJECT_QUOTA"}
    assert set(outcome.not_run) == {"CANARY_FAILED"}


@pytest.mark.parametrize("slug", captures.SLUGS)
def test_every_capture_is_read_and_judged(slug):
    facts = engine_facts(slug)
    outcome = captures.check(facts)
    assert facts.engine.version_numbers
    assert facts.engine.api >= (1, 40)
    assert facts.engine.cgroup_version in (1, 2)
    assert facts.engine.system_time
    assert facts.engine.architecture == "amd64"
    assert "ROOT_EQUIVALENT" in {finding.id for finding in outcome.findings}
