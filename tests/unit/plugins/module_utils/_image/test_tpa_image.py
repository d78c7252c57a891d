# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of images that TPA's configure writes, and what is made of them."""

from __future__ import annotations

import subprocess

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._image import distributions, tpa_image


@pytest.mark.parametrize(
    ("name", "base", "release"),
    [
        ("tpa/rocky:9", "rockylinux/rockylinux:9", "tpaexec/rocky-systemd:9"),
        ("tpa/rocky", "rockylinux/rockylinux:9", "tpaexec/rocky-systemd:9"),
        ("tpa/redhat:8", "rockylinux/rockylinux:8", "tpaexec/rocky-systemd:8"),
        ("tpa/redhat:7", "centos:7", "tpaexec/rocky-systemd:7"),
        ("tpa/almalinux:8", "almalinux:8", "tpaexec/almalinux-systemd:8"),
        ("tpa/oraclelinux:7", "oraclelinux:7", "tpaexec/oraclelinux-systemd:7"),
        ("tpa/debian:12", "debian:12", "tpaexec/debian-systemd:12"),
        ("tpa/debian:bookworm", "debian:bookworm", "tpaexec/debian-systemd:12"),
        ("tpa/debian", "debian:11", "tpaexec/debian-systemd:11"),
        ("tpa/debian:9", "debian:9", ""),
        ("tpa/ubuntu:jammy", "ubuntu:jammy", "tpaexec/ubuntu-systemd:22.04"),
        ("tpa/ubuntu:18.04", "ubuntu:18.04", ""),
        ("tpa/sles:15", "registry.suse.com/bci/bci-base:15.6", ""),
        ("tpa/gentoo:1", "", ""),
        ("tpa/sles", "", ""),
        ("tpaexec/debian-systemd:12", "", ""),
        ("evil/tpa/debian:12", "", ""),
    ],
)
def test_what_stands_under_a_name(name, base, release):
    assert tpa_image.base_image(name) == base
    found = tpa_image.release(name)
    assert (found.image if found else "") == release


def test_the_build_context():
    context = tpa_image.context("rockylinux/rockylinux:9")
    assert context["Dockerfile"].startswith(b"FROM rockylinux/rockylinux:9\n")
    for name in ("packages.sh", "guest.sh"):
        subprocess.run(["sh", "-n"], input=context[name], check=True)
    # the engine mounts them while it builds: removing them would fail
    for path in tpa_image.MOUNTED:
        assert f'"$root"/{path}'.encode() not in context["guest.sh"]


@pytest.mark.parametrize(
    ("manager", "packages"),
    [
        ("apt-get", distributions.COMMON),
        ("dnf", distributions.DNF),
        ("yum", tpa_image.YUM),
        ("zypper", tpa_image.ZYPPER),
    ],
)
def test_the_package_manager_that_is_there_is_used(manager, packages, tmp_path):
    (tmp_path / manager).write_text(f"#!/bin/sh\nprintf '%s\\n' \"$*\" >> {tmp_path}/calls\n")
    (tmp_path / manager).chmod(0o755)
    for tool in ("rm", "ln"):  # not on this machine
        (tmp_path / tool).symlink_to("/bin/true")
    subprocess.run(["/bin/sh"], input=tpa_image.packages_script(), text=True, check=True, env={"PATH": str(tmp_path)})
    installs = [line.split() for line in (tmp_path / "calls").read_text().splitlines() if " install" in f" {line}"]
    assert len(installs) == 1
    assert tuple(installs[0][-len(packages) :]) == packages


def test_no_package_manager_is_an_error(tmp_path):
    done = subprocess.run(
        ["/bin/sh"],
        input=tpa_image.packages_script(),
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": str(tmp_path)},
    )
    assert done.returncode == 1
    assert "no package manager" in done.stderr
