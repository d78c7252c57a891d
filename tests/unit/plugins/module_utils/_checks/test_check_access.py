# SPDX-License-Identifier: GPL-3.0-or-later
"""Access to the daemon, the docker command, images and the canary."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._checks.connection import FAILURES
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts import NO_DAEMON
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_host import (
    CanaryFacts,
    CliFacts,
    Failure,
    GuestImage,
)
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.model import Unknown
from ansible_collections.tpaexec.docker.tests.unit.plugins.module_utils._checks import captures
from ansible_collections.tpaexec.docker.tests.unit.plugins.module_utils._checks.captures import (
    engine_facts,
    good_facts,
    good_host,
    message,
    severity,
)

CGROUP2 = "guest-systemd-default-cgroup2-20.10.24"


def without_daemon(identifier: str):
    nothing = dict.fromkeys(
        ("engine", "storage", "inventory", "host", "filesystems", "config", "network", "images"), NO_DAEMON
    )
    return good_facts(failure=Failure(identifier, "seen", "do this"), **nothing)


@pytest.mark.parametrize("identifier", [*(rule.id for rule in FAILURES), "API_TOO_NEW", "ENGINE_TOO_OLD"])
def test_every_failure_is_found_and_the_rest_is_not_run(identifier):
    facts = without_daemon(identifier)
    outcome = captures.check(facts)
    [finding] = outcome.findings
    assert (finding.id, finding.severity, finding.message, finding.remedy) == (identifier, "error", "seen", "do this")
    assert outcome.not_run["LOOP_LVM"] == "the daemon could not be reached"
    assert severity(good_facts(), identifier) == ""


def test_root_equivalence_names_the_group():
    facts = good_facts()
    facts = replace(facts, client=replace(facts.client, socket_group="docker", socket_members=("ada", "bob")))
    assert severity(facts, "ROOT_EQUIVALENT") == "info"
    assert "group docker: ada, bob" in message(facts, "ROOT_EQUIVALENT")
    assert "root on its host" in message(facts, "ROOT_EQUIVALENT")


@pytest.mark.parametrize(
    ("scheme", "loopback", "tls", "expected"),
    [
        ("unix", True, False, ""),
        ("ssh", False, False, ""),
        ("tcp", False, True, ""),
        ("tcp", False, False, "error"),
        ("tcp", True, False, "warning"),
        ("http", False, False, "error"),
    ],
)
def test_tcp(scheme, loopback, tls, expected):
    facts = good_facts()
    assert (
        severity(replace(facts, client=replace(facts.client, scheme=scheme, loopback=loopback, tls=tls)), "TCP_NO_TLS")
        == expected
    )


@pytest.mark.parametrize(
    ("cli", "missing", "skew"),
    [
        (CliFacts("/usr/bin/docker", "20.10.24", (1, 41)), "", ""),
        (CliFacts(), "warning", ""),
        (CliFacts("/usr/bin/docker", "28.2.2", (1, 50)), "", "warning"),
        (CliFacts("/usr/bin/docker", "19.03.8", (1, 40)), "", ""),
        (CliFacts("/usr/bin/docker", "", ()), "", "not run"),
        (Unknown("not asked for"), "not run", "not run"),
    ],
)
def test_docker_command(cli, missing, skew):
    assert severity(good_facts(cli=cli), "CLI_MISSING") == missing
    assert severity(good_facts(cli=cli), "CLI_SKEW") == skew


def test_a_command_that_refuses_the_daemon_says_so():
    assert "refuses" in message(good_facts(cli=CliFacts("/usr/bin/docker", "29.1.0", (1, 52))), "CLI_SKEW")
    assert "steps down" in message(good_facts(cli=CliFacts("/usr/bin/docker", "28.2.2", (1, 50))), "CLI_SKEW")


@pytest.mark.parametrize(
    ("scheme", "parallel", "expected"),
    [("ssh", 16, "warning"), ("ssh", 10, ""), ("ssh", 0, ""), ("unix", 16, ""), ("tcp", 16, "")],
)
def test_ssh_sessions(scheme, parallel, expected):
    facts = good_facts()
    facts = replace(facts, client=replace(facts.client, scheme=scheme, parallel=parallel))
    assert severity(facts, "SSH_MAXSESSIONS") == expected


@pytest.mark.parametrize(
    ("architecture", "emulated", "expected"),
    [
        ("amd64", (), ""),
        ("386", (), ""),  # an amd64 processor runs it
        ("arm64", (), "error"),
        ("arm64", ("arm64",), ""),
        ("arm64", None, "warning"),
        ("", (), ""),
    ],
)
def test_architecture(architecture, emulated, expected):
    host = Unknown("far away") if emulated is None else good_host(emulated=emulated)
    images = (GuestImage("debian:12", architecture=architecture),)
    assert severity(good_facts(host=host, images=images), "ARCH_MISMATCH") == expected


def test_not_every_arm64_processor_runs_arm():
    arm = engine_facts(info={"Architecture": "aarch64"}).engine
    images = (GuestImage("debian:12", architecture="arm"),)
    assert severity(good_facts(engine=arm, images=images), "ARCH_MISMATCH") == "warning"


# what boots where: (systemd in the image, cgroup version of the host, expected)
GUESTS = [
    (219, 1, ""),  # centos/systemd
    (219, 2, "error"),
    (225, 2, "error"),
    (232, 2, "warning"),  # Debian 9
    (239, 2, "warning"),  # EL8 before its backports
    (244, 2, ""),
    (252, 1, ""),
    (252, 2, ""),
    (255, 1, ""),
    (257, 1, "warning"),  # Debian 13
    (257, 2, ""),
    (258, 1, "error"),
    (258, 2, ""),
]


@pytest.mark.parametrize(("systemd", "cgroup", "expected"), GUESTS)
def test_guests_on_hosts(systemd, cgroup, expected):
    facts = replace(
        engine_facts(CGROUP2 if cgroup == 2 else captures.USUAL), images=(GuestImage("any/name", systemd=systemd),)
    )
    assert severity(facts, "CGROUP_GUEST_MISMATCH") == expected


def test_centos_on_cgroup2_says_both_ways_out():
    facts = replace(engine_facts(CGROUP2), images=(GuestImage("centos/systemd", systemd=219),))
    [finding] = [item for item in captures.check(facts).findings if item.id == "CGROUP_GUEST_MISMATCH"]
    assert "systemd.unified_cgroup_hierarchy=0" in finding.remedy
    assert "config.yml (`image`; --os-image" in finding.remedy


@pytest.mark.parametrize(
    "image",
    [
        GuestImage("x", present=False, systemd=Unknown("not there")),
        GuestImage("x", systemd=Unknown("no systemd was found")),
    ],
)
def test_an_image_that_cannot_be_looked_into_is_not_a_silent_pass(image):
    bad = GuestImage("bad", systemd=219)
    assert severity(replace(engine_facts(CGROUP2), images=(image,)), "CGROUP_GUEST_MISMATCH") == "not run"
    assert severity(replace(engine_facts(CGROUP2), images=(image, bad)), "CGROUP_GUEST_MISMATCH") == "error"


def test_canary():
    assert severity(good_facts(canary=CanaryFacts("t/sys:1", ("boot",))), "CANARY_FAILED") == ""
    failed = good_facts(
        canary=CanaryFacts("t/sys:1", ("create",), "boot", "systemd did not start", "Failed to mount cgroup")
    )
    assert severity(failed, "CANARY_FAILED") == "error"
    assert "failed at: boot" in message(failed, "CANARY_FAILED")
    assert "Failed to mount cgroup" in message(failed, "CANARY_FAILED")
