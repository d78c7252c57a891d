# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenario made, seen from inside its nodes, through testinfra's docker backend."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import testinfra
import yaml
from testinfra.host import Host

PLATFORMS = yaml.safe_load(Path(os.environ["MOLECULE_FILE"]).read_text())["platforms"]
BY_GROUP = {platform["groups"][0]: platform for platform in PLATFORMS}
NAMES = [platform["name"] for platform in PLATFORMS]


def host_of(group: str) -> Host:
    return testinfra.get_host(f"docker://{BY_GROUP[group]['name']}")


@pytest.fixture(params=["primary", "replica"])
def node(request: pytest.FixtureRequest) -> Host:
    return host_of(request.param)


def sql(host: Host, statement: str) -> str:
    return host.check_output("runuser -u postgres -- psql --no-psqlrc -tAc %s", statement).strip()


def test_systemd_is_running(node: Host) -> None:
    assert node.check_output("systemctl is-system-running") == "running"
    assert node.check_output("cat /proc/1/comm") == "systemd"


def test_services_run_under_systemd(node: Host) -> None:
    assert node.service("ssh").is_running
    assert node.check_output("systemctl list-units --no-legend --plain --state=running 'postgresql@*'")


@pytest.mark.parametrize("group", ["primary", "replica"])
def test_the_address_is_the_one_in_molecule_yml(group: str) -> None:
    wanted = BY_GROUP[group]["ip_address"]
    assert f" {wanted}/" in host_of(group).check_output("ip -4 -o addr show scope global")


@pytest.mark.parametrize("name", NAMES)
def test_names_resolve(node: Host, name: str) -> None:
    wanted = next(platform["ip_address"] for platform in PLATFORMS if platform["name"] == name)
    assert node.check_output("getent hosts %s", name).split()[0] == wanted


def test_ssh_between_nodes() -> None:
    primary, replica = host_of("primary"), host_of("replica")
    primary.run_expect([0], "test -e /root/.ssh/id_test || ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_test")
    key = primary.file("/root/.ssh/id_test.pub").content_string.strip()
    replica.run_expect([0], "install -d -m 700 /root/.ssh && echo %s >> /root/.ssh/authorized_keys", key)
    options = "-i /root/.ssh/id_test -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
    name = BY_GROUP["replica"]["name"]
    assert primary.check_output(f"ssh -q {options} root@{name} cat /etc/hostname") == name


def test_a_row_written_on_the_primary_is_read_on_the_replica() -> None:
    primary, replica = host_of("primary"), host_of("replica")
    sql(primary, "create table if not exists replicated (word text)")
    word = f"written at {time.time()}"
    sql(primary, f"insert into replicated values ('{word}')")  # noqa: S608
    assert sql(replica, "select pg_is_in_recovery()") == "t"
    deadline = time.monotonic() + 20
    while sql(replica, "select max(word) from replicated") != word:
        assert time.monotonic() < deadline, sql(primary, "select state, sent_lsn, replay_lsn from pg_stat_replication")
        time.sleep(0.2)


def test_the_replica_streams() -> None:
    assert sql(host_of("primary"), "select state from pg_stat_replication") == "streaming"
