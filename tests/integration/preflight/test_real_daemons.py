# SPDX-License-Identifier: GPL-3.0-or-later
"""docker_preflight and docker_storage_check against further real engines, each with one thing about it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Iterator

import pytest

from ansible_collections.tpaexec.docker.tests.integration.engines import engine as harness
from ansible_collections.tpaexec.docker.tests.integration.engines.engine import Engine, loop_disk
from ansible_collections.tpaexec.docker.tests.integration.engines.odd import Authority, Server, forwarding
from ansible_collections.tpaexec.docker.tests.integration.engines.runner import Reply, run
from ansible_collections.tpaexec.docker.tests.tools import packages

pytestmark = pytest.mark.skipif(bool(harness.why_not()), reason=harness.why_not() or "-")
TIMEOUT = 10
EXT4 = ["mkfs.ext4", "-q", "-F", "-m", "0"]


def preflight(host: str, **options: object) -> Reply:
    return within(run("docker_preflight", {"docker_host": host, "timeout": TIMEOUT, **options}))


def storage(host: str, **options: object) -> Reply:
    return within(run("docker_storage_check", {"docker_host": host, "timeout": TIMEOUT, **options}))


def within(reply: Reply) -> Reply:
    assert reply.seconds < TIMEOUT, f"it took {reply.seconds:.1f} s"
    return reply


def test_vfs_is_warned_of():
    with Engine("t-vfs", storage_driver="vfs") as engine:
        seen = storage(engine.docker_host)
        assert seen.severity("VFS") == "warning"
        assert not seen.failed
        assert seen.result["facts"]["storage"]["driver"] == "vfs"
        assert "overlay2" in seen.findings["VFS"]["remedy"]
        assert storage(engine.docker_host, strict=True).severity("VFS") == "error"
        assert storage(engine.docker_host, ignore=["VFS"], strict=True).severity("VFS") == "info"


def test_a_nearly_full_disk_is_an_error():
    with loop_disk("t-full-disk", 600, EXT4) as place, Engine("t-full", data_root=place / "data") as engine:
        assert storage(engine.docker_host).severity("DISK_CRITICAL") == "no finding"
        free = os.statvfs(place).f_bavail * os.statvfs(place).f_frsize
        subprocess.run(["fallocate", "-l", str(int(free * 0.97)), str(place / "filler")], check=True)
        seen = storage(engine.docker_host)
        assert seen.severity("DISK_CRITICAL") == "error"
        assert seen.failed
        assert str(place) in seen.findings["DISK_CRITICAL"]["message"]
        assert "docker system df" in seen.result["msg"]


def test_a_disk_out_of_inodes_is_an_error_though_it_has_space():
    disk = loop_disk("t-inodes-disk", 300, [*EXT4, "-N", "2048"])
    with disk as place, Engine("t-inodes", data_root=place / "data") as engine:
        for number in range(os.statvfs(place).f_favail - 10):
            (place / f"filler{number}").touch()
        seen = storage(engine.docker_host)
        assert seen.severity("INODES_CRITICAL") == "error"
        assert seen.severity("DISK_CRITICAL") == "no finding"


def test_a_data_root_that_an_error_made_read_only_is_an_error():
    """Newer kernels say `rw,emergency_ro` then, older ones `ro`."""
    disk = loop_disk("t-ro-disk", 300, [*EXT4, "-e", "remount-ro"])
    with disk as place, Engine("t-ro", data_root=place / "data") as engine:
        assert storage(engine.docker_host).severity("ROOT_READONLY") == "no finding"
        subprocess.run(["mount", "-o", "remount,abort", str(place)], check=True)
        assert storage(engine.docker_host).severity("ROOT_READONLY") == "error"


def test_a_data_root_on_tmpfs_is_warned_of():
    with harness.ram_disk("t-tmpfs-disk", 300) as place, Engine("t-tmpfs", data_root=place / "data") as engine:
        assert storage(engine.docker_host).severity("ROOT_ON_TMPFS") == "warning"


def test_settings_of_the_daemon_that_info_does_not_show():
    """On one engine; the machine's own, which has none of them, is the other side."""
    huge = {"nofile": {"Name": "nofile", "Soft": 1073741816, "Hard": 1073741816}}
    config = {"init": True, "iptables": False, "default-ulimits": huge, "live-restore": True}
    wanted = dict.fromkeys(("DAEMON_INIT_TRUE", "IPTABLES_OFF", "NOFILE_HUGE", "DNS_UNUSABLE"), "warning")
    with Engine("t-odd", storage_driver="vfs", config=config) as engine:
        (engine.home / "resolv.conf").write_text("nameserver 127.0.0.1\n", encoding="ascii")
        engine.run("mount", "--bind", str(engine.home / "resolv.conf"), "/etc/resolv.conf")
        odd = preflight(engine.docker_host)
    usual = preflight("unix:///var/run/docker.sock", nodes=1)
    assert {identifier: odd.severity(identifier) for identifier in wanted} == wanted
    assert odd.severity("LIVE_RESTORE_OFF") == "no finding"
    assert usual.severity("LIVE_RESTORE_OFF") in ("info", "no finding")
    for identifier in ("DAEMON_INIT_TRUE", "IPTABLES_OFF", "NOFILE_HUGE"):
        assert usual.severity(identifier) == "no finding"


LIMITS = ("INOTIFY_LOW", "PIDS_LOW", "MEMORY_LOW", "DISK_CRITICAL", "INODES_CRITICAL")


def test_the_limits_of_this_machine_for_a_million_nodes_and_for_one():
    many, one = (preflight("unix:///var/run/docker.sock", nodes=count, storage=True) for count in (10**6, 1))
    severities = {identifier: many.severity(identifier) for identifier in LIMITS}
    assert severities["MEMORY_LOW"] == severities["DISK_CRITICAL"] == severities["INODES_CRITICAL"] == "error"
    assert severities["INOTIFY_LOW"] == severities["PIDS_LOW"] == "warning"
    first = many.result["facts"]["capacity"]["first"]
    assert 0 < first["nodes"] < 10**6
    assert first["resource"] in many.result["report"]
    assert {one.severity(identifier) for identifier in LIMITS} == {"no finding"}


@pytest.fixture
def mkfs_btrfs() -> str:
    """The tool, fetched privately where it is not installed; and a kernel that knows btrfs."""
    if shutil.which("modprobe"):  # a kernel without modules has it built in or not at all
        subprocess.run(["modprobe", "btrfs"], capture_output=True, check=False)
    if "btrfs" not in Path("/proc/filesystems").read_text(encoding="utf-8").split():
        pytest.skip("this kernel has no btrfs")
    installed = shutil.which("mkfs.btrfs", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if installed:
        return installed
    try:
        root = packages.unpack(packages.own_suite(), ["btrfs-progs"])
    except packages.Unavailable as error:
        pytest.skip(f"no mkfs.btrfs: {error}")
    return str(next(iter([*root.glob("sbin/mkfs.btrfs"), *root.glob("usr/sbin/mkfs.btrfs")])))


def test_btrfs_is_warned_of(mkfs_btrfs):
    disk = loop_disk("t-btrfs-disk", 300, [mkfs_btrfs, "-q"])
    with disk as place, Engine("t-btrfs", storage_driver="btrfs", data_root=place / "data") as engine:
        seen = storage(engine.docker_host)
        assert seen.severity("BTRFS") == "warning"
        assert seen.severity("INODES_LOW") == "no finding"
        assert seen.result["facts"]["storage"]["driver"] == "btrfs"


@pytest.fixture(scope="module")
def tcp_engine() -> Iterator[Engine]:
    with Engine("t-tcp", storage_driver="vfs", tcp=["tcp://{address}:2375", "--tls=false"]) as engine:
        yield engine


def test_tcp_without_tls_is_an_error_off_loopback_and_a_warning_on_it(tcp_engine):
    seen = preflight(tcp_engine.tcp_host())
    assert seen.severity("TCP_NO_TLS") == "error"
    assert seen.failed
    with Server(forwarding(str(tcp_engine.socket))) as front:
        assert preflight(front.docker_host).severity("TCP_NO_TLS") == "warning"
    assert preflight(tcp_engine.docker_host).severity("TCP_NO_TLS") == "no finding"


def test_what_needs_the_daemons_own_file_system_is_not_passed_silently_over_tcp(tcp_engine):
    seen = storage(tcp_engine.tcp_host())
    assert seen.severity("VFS") == "warning"
    assert seen.severity("DISK_CRITICAL").startswith("not run: ")


@pytest.mark.parametrize(
    ("suite", "version", "driver", "store"),
    [("trixie", "26.1", "overlay2", False), ("forky", "28.5", "overlayfs", True)],
    ids=["engine-26.1", "engine-28.5-containerd-store"],
)
def test_newer_engines(suite, version, driver, store):
    try:
        root = packages.engine(suite)
    except packages.Unavailable as error:
        pytest.skip(str(error))
    config = {"features": {"containerd-snapshotter": True}} if store else {}
    with Engine(f"t-e{suite}", unpacked=root, config=config) as engine:
        if not engine.docker("version", "--format", "{{.Server.Version}}").startswith(version):
            pytest.skip(f"{suite} has moved on from Docker Engine {version}")
        first, second = preflight(engine.docker_host), storage(engine.docker_host)
        for seen in (first, second):
            errors = [item for item in seen.result["findings"] if item["severity"] == "error"]
            assert not errors
        assert second.result["facts"]["storage"]["driver"] == driver
        assert second.severity("CONTAINERD_STORE") == ("info" if store else "no finding")
        assert first.result["facts"]["engine"]["version"].startswith(version)
        assert first.severity("API_TOO_NEW") == "no finding"


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"), "stranger")


def trusting(authority: Authority) -> dict[str, object]:
    return {"tls": True, "validate_certs": True, "ca_path": str(authority.ca)}


def test_tls_with_a_client_certificate(authority):
    server, server_key = authority.sign("dockerd", Engine.possible_names())
    client, client_key = authority.sign("client")
    words = ["tcp://{address}:2376", "--tlsverify", f"--tlscacert={authority.ca}"]
    words += [f"--tlscert={server}", f"--tlskey={server_key}"]
    with Engine("t-tls", storage_driver="vfs", tcp=words) as engine:
        host = engine.tcp_host(2376)
        seen = preflight(host, **trusting(authority), client_cert=str(client), client_key=str(client_key))
        assert seen.severity("TLS_INVALID") == "no finding"
        assert seen.severity("TCP_NO_TLS") == "no finding"
        assert preflight(host, **trusting(authority)).severity("TLS_INVALID") == "error"


def test_the_given_ca_counts_and_not_the_environments(authority, stranger, tcp_engine):
    context = authority.server_context(authority.sign("good", "IP:127.0.0.1"))
    with Server(forwarding(str(tcp_engine.socket), context)) as front:
        environ = {"REQUESTS_CA_BUNDLE": str(stranger.ca), "CURL_CA_BUNDLE": str(stranger.ca)}
        options = {"docker_host": front.docker_host, "timeout": TIMEOUT, **trusting(authority)}
        assert run("docker_preflight", options, environ=environ).severity("TLS_INVALID") == "no finding"
        assert preflight(front.docker_host, **trusting(stranger)).severity("TLS_INVALID") == "error"


@pytest.mark.parametrize(
    ("name", "names", "days", "word"),
    [("late", "IP:127.0.0.1", -1, "expired"), ("wrong", "DNS:elsewhere", 1, "127.0.0.1")],
)
def test_a_certificate_that_is_no_good(authority, tcp_engine, name, names, days, word):
    context = authority.server_context(authority.sign(name, names, days))
    with Server(forwarding(str(tcp_engine.socket), context)) as front:
        seen = preflight(front.docker_host, **trusting(authority))
        assert seen.severity("TLS_INVALID") == "error"
        assert word in seen.findings["TLS_INVALID"]["message"]


@pytest.mark.parametrize("names", ["DNS:elsewhere", "IP:127.0.0.1"])
def test_the_name_that_is_given_is_looked_for_and_no_other(authority, tcp_engine, names):
    context = authority.server_context(authority.sign("named", names))
    with Server(forwarding(str(tcp_engine.socket), context)) as front:
        options = {"docker_host": front.docker_host, "timeout": TIMEOUT, **trusting(authority)}
        seen = run("docker_preflight", {**options, "tls_hostname": "elsewhere"})
        if names == "DNS:elsewhere":
            assert seen.severity("TLS_INVALID") == "no finding"
            assert seen.result["facts"]["engine"]["version"]
            return
        assert seen.severity("TLS_INVALID") == "error"
        message = seen.findings["TLS_INVALID"]["message"]
        assert "the daemon's certificate has another name" in message
        assert "elsewhere" in message
