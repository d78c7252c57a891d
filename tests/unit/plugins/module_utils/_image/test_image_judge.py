# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of images → findings."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._checks import image_content
from ansible_collections.tpaexec.docker.plugins.module_utils._image import judge
from ansible_collections.tpaexec.docker.plugins.module_utils._image.model import ImageFacts, PackageCache, Python

GOOD = ImageFacts(
    name="good:1",
    image_id="sha256:1",
    architecture="amd64",
    os_id="debian",
    os_version="13",
    os_name="Debian 13",
    has_systemd=True,
    systemd_version=257,
    init="/sbin/init -> /usr/lib/systemd/systemd",
    sshd=True,
    pythons=(Python("/usr/bin/python3", "3.11"),),
)
TODAY = date(2026, 1, 1)

CASES = [
    ("IMAGE_NO_SYSTEMD", "error", {"has_systemd": False}),
    ("IMAGE_COMMAND_NOT_INIT", "error", {"init": "/bin/bash"}),
    ("IMAGE_COMMAND_NOT_INIT", "error", {"init": ""}),
    ("POSTGRES_PREINSTALLED", "error", {"postgres_packages": ("postgresql-15",)}),
    ("POSTGRES_PREINSTALLED", "error", {"postgres_files": ("/opt/pg/bin/postgres",)}),
    ("POSTGRES_UNIT_ENABLED", "error", {"postgres_units": ("postgresql-16.service",)}),
    ("POSTGRES_DEPENDENCIES", "info", {"postgres_dependencies": ("libpq5",)}),
    ("PACKAGE_CACHE", "info", {"package_cache": PackageCache("/var/cache/apt/archives", ("a.deb",), 5)}),
    ("IMAGE_NO_SSHD", "info", {"sshd": False}),
    ("IMAGE_PYTHON", "warning", {"pythons": (Python("/usr/bin/python", "2.7"),)}),
    ("IMAGE_PYTHON", "warning", {"pythons": ()}),
    ("IMAGE_MACHINE_ID", "warning", {"machine_id": "0123"}),
    ("IMAGE_HOST_KEYS", "warning", {"host_keys": ("ssh_host_rsa_key",)}),
    ("IMAGE_END_OF_LIFE", "warning", {"os_id": "centos", "os_version": "7"}),
    ("IMAGE_REPOSITORY_LOCAL", "warning", {"repositories": ("file:///srv/apt",)}),
    ("IMAGE_REPOSITORY_LOCAL", "warning", {"repositories": ("http://localhost:8080/",)}),
    ("IMAGE_REPOSITORY_GONE", "warning", {"repositories": ("http://mirrorlist.centos.org/?release=7",)}),
]


def found(facts, **decided):
    return judge.judge_facts([facts], judge.Policy(**decided), TODAY)


def test_a_good_image_has_no_findings():
    verdict = found(GOOD)
    assert verdict.findings == ()
    assert verdict.failure == ""
    assert set(verdict.ran) == {rule.id for check in image_content.CHECKS for rule in check.rules}


@pytest.mark.parametrize(("ident", "severity", "change"), CASES)
def test_each_finding(ident, severity, change):
    verdict = found(replace(GOOD, **change))
    assert [(finding.id, finding.severity) for finding in verdict.findings] == [(ident, severity)]
    shown = verdict.findings[0].as_dict()
    assert shown["image"] == "good:1"
    assert shown["message"].startswith("good:1") or "good:1" in shown["message"]
    assert shown["remedy"] or severity == "info"
    assert bool(verdict.failure) == (severity == "error")


@pytest.mark.parametrize(
    ("system", "version", "url", "gone"),
    [
        ("debian", "10", "http://ftp.debian.org/debian", True),
        ("debian", "10", "http://security.debian.org/debian-security", True),
        ("debian", "10", "http://archive.debian.org/debian", False),
        ("debian", "12", "http://ftp.debian.org/debian", False),
        ("debian", "", "http://ftp.debian.org/debian", False),
        ("centos", "7", "http://vault.centos.org/7.9.2009/os/x86_64/", False),
        ("centos", "7", "http://mirror.centos.org/centos/7/os/x86_64/", True),
        ("centos", "9", "https://mirror.stream.centos.org/9-stream/", False),
    ],
)
def test_repositories_that_are_gone(system, version, url, gone):
    facts = replace(GOOD, os_id=system, os_version=version, repositories=(url,))
    assert bool(list(image_content.find_gone(facts))) is gone


def test_every_id_has_a_case():
    assert {rule.id for check in image_content.CHECKS for rule in check.rules} == {case[0] for case in CASES}


def test_an_error_is_let_pass():
    facts = replace(GOOD, postgres_packages=("postgresql-15",))
    verdict = found(facts, ignore=["POSTGRES_PREINSTALLED"])
    assert verdict.findings[0].severity == "info"
    assert verdict.failure == ""


def test_ids_of_other_checks_are_no_mistake_unless_all_are_known():
    assert found(GOOD, ignore=["DISK_LOW"]).failure == ""
    assert "DISK_LOV" in found(GOOD, ignore=["DISK_LOV"], known=["DISK_LOW"]).failure


def test_strict():
    assert found(replace(GOOD, machine_id="0123"), strict=True).failure


def test_debians_umbrella_unit_alone_starts_nothing():
    facts = replace(GOOD, postgres_units=("postgresql.service",), packages={"postgresql-common": "248"})
    assert found(facts).findings == ()
    facts = replace(facts, postgres_files=("/opt/pg/bin/postgres",))
    assert {finding.id for finding in found(facts).findings} == {"POSTGRES_PREINSTALLED", "POSTGRES_UNIT_ENABLED"}


def test_what_was_not_searched_is_no_silent_pass():
    verdict = found(replace(GOOD, not_seen={"/opt": "too big"}))
    assert "too big" in verdict.not_run["POSTGRES_PREINSTALLED"]
    assert "POSTGRES_PREINSTALLED" not in verdict.ran


def test_an_empty_machine_id_is_right():
    assert found(replace(GOOD, machine_id="uninitialized")).findings == ()


@pytest.mark.parametrize(
    ("version", "cores"),
    [("2.7", ["2.16"]), ("3.6", ["2.16"]), ("3.11", ["2.16", "2.17", "2.18", "2.19", "2.20"]), ("3.14", ["2.20"])],
)
def test_which_ansible_core_manages_a_python(version, cores):
    assert image_content.managed_by(version) == cores


class FakeDaemon:
    """A host with cgroup v2, as far as `/version` and `/info` say."""

    def call(self, method):
        return {"version": {"Version": "20.10.24"}, "info": {"CgroupVersion": "2", "OSType": "linux"}}[method]


def test_an_image_that_came_after_preflight_is_held_against_the_host():
    old = replace(GOOD, name="centos/systemd", systemd_version=219)
    [finding] = judge.on_host(FakeDaemon(), [GOOD, old])
    assert (finding.id, finding.severity) == ("CGROUP_GUEST_MISMATCH", "error")
    assert "centos/systemd" in finding.message
    verdict = judge.judge_facts([GOOD, old], judge.Policy(), TODAY, [finding])
    assert "CGROUP_GUEST_MISMATCH" in verdict.failure
    ignored = judge.judge_facts([GOOD], judge.Policy(ignore=["CGROUP_GUEST_MISMATCH"]), TODAY, [finding])
    assert ignored.failure == ""
    assert judge.on_host(FakeDaemon(), []) == []


def test_a_waiver_lets_an_image_pass_until_its_day():
    waiver = {"id": "POSTGRES_PREINSTALLED", "reason": "a test bed", "expires": "2026-01-01"}
    facts = replace(GOOD, postgres_packages=("postgresql-15",))
    assert found(facts).failure
    assert found(facts, waivers=[waiver]).findings[0].severity == "info"
    assert "expired" in found(facts, waivers=[{**waiver, "expires": "2025-12-31"}]).failure
    # a waiver for another module's check is none of ours, and no error
    assert found(GOOD, waivers=[{**waiver, "id": "DISK_LOW"}]).failure == ""
