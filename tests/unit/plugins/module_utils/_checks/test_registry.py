# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry, the catalogue and the documentation say the same."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._checks import hosts, image_content, policy, registry
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts import Facts
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.model import (
    Check,
    Finding,
    NotRun,
    Rule,
    run_checks,
)
from ansible_collections.tpaexec.docker.tests.unit.plugins.module_utils._checks.captures import good_facts

DOCS = Path(__file__).resolve().parents[5] / "docs" / "checks.md"
CONTENT = tuple(rule for check in image_content.CHECKS for rule in check.rules)
ALL = (*registry.rules(), *policy.RULES, *CONTENT, *hosts.RULES)

# Origin: the maintainers' catalogue of checks. These ids are promises.
CATALOGUE = re.findall(
    r"\w+",
    """
    DAEMON_NOT_RUNNING DAEMON_HUNG SOCKET_PERMISSION_GROUP SOCKET_PERMISSION_SESSION SOCKET_PERMISSION_OTHER
    ROOT_EQUIVALENT TCP_NO_TLS TLS_INVALID ENGINE_TOO_OLD API_TOO_NEW ENGINE_NOT_DOCKER ROOTLESS USERNS_REMAP
    WINDOWS_CONTAINERS ARCH_MISMATCH CGROUP_GUEST_MISMATCH CGROUP_CONTROLLER_MISSING CGROUP_DRIVER
    DAEMON_INIT_TRUE SUBNET_OVERLAP PORT_IN_USE NAME_TAKEN IP_FORWARD_OFF BRIDGE_NF IPTABLES_OFF INOTIFY_LOW
    PIDS_LOW FILES_LOW NOFILE_HUGE MEMORY_LOW SWAP_LIMIT MEMORY_LIMIT FIREWALLD_NFT MTU_MISMATCH
    PROXY_NO_PROXY DNS_UNUSABLE CLI_MISSING CLI_SKEW SSH_MAXSESSIONS CLOCK_SKEW SWARM_STATE IPVS_MISSING
    ESP_MISSING LIVE_RESTORE_OFF SDK_MISSING SDK_TOO_OLD CANARY_FAILED LOOP_LVM DEVICEMAPPER THINPOOL_LOW
    THINPOOL_CRITICAL UDEV_SYNC AUFS OVERLAY_LEGACY VFS XFS_NO_DTYPE OVERLAY_BACKING FUSE_OVERLAYFS BTRFS ZFS
    CONTAINERD_STORE DISK_LOW DISK_CRITICAL INODES_LOW INODES_CRITICAL ROOT_ON_TMPFS ROOT_ON_NFS ROOT_READONLY
    PROJECT_QUOTA STORAGE_UNKNOWN
    """,
)


def rows() -> dict[str, list[str]]:
    """The tables of docs/checks.md by id."""
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines if line.startswith("| `")]
    return {row[0].strip("`"): row for row in cells}


def test_the_whole_catalogue_is_there():
    assert set(CATALOGUE) <= {rule.id for rule in registry.rules()}


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.id)
def test_every_rule_is_documented(rule):
    row = rows()[rule.id]
    assert row[1] == rule.severity + (f" ({rule.also})" if rule.also else "")
    assert row[2] == rule.meaning.replace("|", "\\|")
    assert row[3] == rule.remedy.replace("|", "\\|")


def test_nothing_else_is_documented():
    assert set(rows()) == {rule.id for rule in ALL}


def test_ids_are_unique_and_severities_known():
    assert len({rule.id for rule in ALL}) == len(set(ALL)) == len(ALL)
    assert {rule.severity for rule in ALL} <= {"error", "warning", "info"}
    assert all(rule.remedy for rule in registry.rules())


def test_needs_are_parts_of_the_facts():
    parts = {field.name for field in fields(Facts)}
    assert {name for check in registry.CHECKS for name in check.needs} <= parts


RULE = Rule("X", "error", "", "")


def test_what_was_found_before_a_check_gave_up_counts():
    def find(_facts):
        yield RULE.finding("seen")
        raise NotRun("the rest cannot be seen")

    outcome = run_checks([Check((RULE,), find)], good_facts())
    assert [finding.message for finding in outcome.findings] == ["seen"]
    assert outcome.checked() == {"ran": [], "not_run": {"X": "the rest cannot be seen"}}


def test_a_check_that_breaks_is_not_run_and_no_traceback():
    def find(_facts) -> list[Finding]:
        raise KeyError("x")

    outcome = run_checks([Check((RULE,), find)], good_facts())
    assert "please report this: KeyError" in outcome.not_run["X"]
