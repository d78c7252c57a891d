# SPDX-License-Identifier: GPL-3.0-or-later
"""Single values: for each parser what it takes, and what it refuses with which word."""

from __future__ import annotations

import datetime
from typing import Any, Callable

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._spec import container, values
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.model import (
    Device,
    Port,
    PublishedPort,
    Ulimit,
    Volume,
)
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.ports import exposed_ports, published_ports
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.problems import BadValue
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.volumes import source_directory, volume

MIB, GIB = 1024**2, 1024**3


def mounts(value: Any) -> Volume:
    return volume(value, "/base/dir")


def sources(value: Any) -> Volume:
    return source_directory(value, "/base/dir")


def security(value: Any) -> str:
    return container.security_option(value, lambda path: f"<{path}>")


GOOD: list[tuple[Callable[[Any], Any], Any, Any]] = [
    (container.memory, "512m", 512 * MIB),
    (container.memory, "512M", 512 * MIB),
    (container.memory, "1g", GIB),
    (container.memory, "1.5g", 3 * GIB // 2),
    (container.memory, "1GiB", GIB),
    (container.memory, "100MB", 100 * MIB),
    (container.memory, "536870912", 512 * MIB),
    (container.memory, 536870912, 512 * MIB),
    (container.memory, 0, 0),
    (container.shm_size, "64m", 64 * MIB),
    (container.restart_policy, "no", ("no", 0)),
    (container.restart_policy, False, ("no", 0)),
    (container.restart_policy, "always", ("always", 0)),
    (container.restart_policy, "unless-stopped", ("unless-stopped", 0)),
    (container.restart_policy, "on-failure", ("on-failure", 0)),
    (container.restart_policy, "on-failure:3", ("on-failure", 3)),
    (container.capability, "sys_time", "SYS_TIME"),
    (container.capability, "CAP_NET_ADMIN", "NET_ADMIN"),
    (container.capability, "all", "ALL"),
    (container.ulimit, "nofile:1024:2048", Ulimit("nofile", 1024, 2048)),
    (container.ulimit, "nofile:1024", Ulimit("nofile", 1024, 1024)),
    (container.ulimit, "memlock:-1:-1", Ulimit("memlock", -1, -1)),
    (container.ulimit, "nofile=1024:2048", Ulimit("nofile", 1024, 2048)),
    (container.device, "/dev/fuse", Device("/dev/fuse", "/dev/fuse", "rwm")),
    (container.device, "/dev/a:/dev/b", Device("/dev/a", "/dev/b", "rwm")),
    (container.device, "/dev/a:/dev/b:r", Device("/dev/a", "/dev/b", "r")),
    (container.device, "/dev/a:rw", Device("/dev/a", "/dev/a", "rw")),
    (container.sysctls, {"net.core.somaxconn": 1024}, {"net.core.somaxconn": "1024"}),
    (container.sysctls, {"kernel.sem": "250 32000 32 128"}, {"kernel.sem": "250 32000 32 128"}),
    (container.sysctls, {"net.ipv4.conf.eth0/1.forwarding": "1"}, {"net.ipv4.conf.eth0/1.forwarding": "1"}),
    (container.env, {"A": "1", "B": "", "C": "two\nlines"}, {"A": "1", "B": "", "C": "two\nlines"}),
    (container.env_file, "# comment\nA=1\n\n B=x=y \n", {"A": "1", "B": "x=y"}),
    (values.string_map, {"a": 1, "b": True, "c": None, "d": 1.5}, {"a": "1", "b": "true", "c": "", "d": "1.5"}),
    (values.string_map, {1: datetime.date(2026, 1, 2)}, {"1": "2026-01-02"}),
    (security, "no-new-privileges", "no-new-privileges"),
    (security, "no-new-privileges:true", "no-new-privileges=true"),
    (security, "seccomp=unconfined", "seccomp=unconfined"),
    (security, "seccomp:unconfined", "seccomp=unconfined"),
    (security, "seccomp=profile.json", "seccomp=<profile.json>"),
    (security, "label=type:svirt_t", "label=type:svirt_t"),
    (security, "label:user:me", "label=user:me"),
    (security, "apparmor=docker-default", "apparmor=docker-default"),
    (values.boolean, "yes", True),
    (values.boolean, False, False),
    (container.cpus, 0.5, 0.5),
    (container.cpus, "2", 2.0),
    (container.pids_limit, -1, -1),
    (values.whole_number, "12", 12),
    (values.day, "2026-12-01", "2026-12-01"),
    (values.day, datetime.date(2026, 12, 1), "2026-12-01"),
    (values.day, datetime.datetime(2026, 12, 1, 3), "2026-12-01"),
    (exposed_ports, 22, [Port(22)]),
    (exposed_ports, "53/udp", [Port(53, "udp")]),
    (exposed_ports, "8000-8002", [Port(8000), Port(8001), Port(8002)]),
    (published_ports, "5432:5433", [PublishedPort(Port(5433), 5432)]),
    (published_ports, 5432, [PublishedPort(Port(5432))]),
    (published_ports, "5432", [PublishedPort(Port(5432))]),
    (published_ports, "127.0.0.1:80:8080/tcp", [PublishedPort(Port(8080), 80, "127.0.0.1")]),
    (published_ports, "127.0.0.1::8080", [PublishedPort(Port(8080), 0, "127.0.0.1")]),
    (published_ports, "[::1]:80:80", [PublishedPort(Port(80), 80, "::1")]),
    (published_ports, "80-81:90-91/udp", [PublishedPort(Port(90, "udp"), 80), PublishedPort(Port(91, "udp"), 81)]),
    (published_ports, "7000-7001", [PublishedPort(Port(7000)), PublishedPort(Port(7001))]),
    (mounts, "/a:/b", Volume("bind", "/a", "/b")),
    (mounts, "/a:/b:ro", Volume("bind", "/a", "/b", ("ro",))),
    (mounts, "/a/:/b/", Volume("bind", "/a", "/b")),
    (mounts, "./a:/b:rw,z", Volume("bind", "/base/dir/a", "/b", ("rw", "z"))),
    (mounts, "../a:/b", Volume("bind", "/base/a", "/b")),
    (mounts, ".:/b", Volume("bind", "/base/dir", "/b")),
    (mounts, "~/a:/b", Volume("bind", "/home/me/a", "/b")),
    (mounts, "/a:/b:ro,rslave,Z", Volume("bind", "/a", "/b", ("ro", "rslave", "Z"))),
    (mounts, "data:/b", Volume("volume", "data", "/b")),
    (mounts, "data:/b:nocopy", Volume("volume", "data", "/b", ("nocopy",))),
    (mounts, "/b", Volume("anonymous", "", "/b")),
    (mounts, "scratch:/tmp", Volume("volume", "scratch", "/tmp")),
    (sources, "/a:/b", Volume("bind", "/a", "/b", ("ro",))),
    (sources, "/a:/b:z", Volume("bind", "/a", "/b", ("ro", "z"))),
    (sources, "ccache-demo:/root/.ccache:rw", Volume("volume", "ccache-demo", "/root/.ccache", ("rw",))),
]


@pytest.mark.parametrize(("parse", "value", "expected"), GOOD)
def test_taken(parse: Callable[[Any], Any], value: Any, expected: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert parse(value) == expected


BAD: list[tuple[Callable[[Any], Any], Any, str]] = [
    (container.memory, "lots", "no size"),
    (container.memory, "512x", "no size"),
    (container.memory, "-1", "no size"),
    (container.memory, -1, "no size"),
    (container.memory, "1 m m", "no size"),
    (container.memory, True, "no size"),
    (container.memory, ["1g"], "no size"),
    (container.memory, 512, "unit forgotten"),
    (container.memory, "512k", "less than 6m"),
    (container.memory, "9" * 18 + "p", "larger than any memory"),
    (container.memory, "٣m", "no size"),
    (container.shm_size, 0, "size 0"),
    (container.restart_policy, "allways", 'Did you mean "always"'),
    (container.restart_policy, "always:3", "Only on-failure takes a number"),
    (container.restart_policy, "on-failure:x", "no restart policy"),
    (container.restart_policy, "on-failure:", "no restart policy"),
    (container.restart_policy, True, "no restart policy"),
    (container.restart_policy, {"name": "no"}, "no restart policy"),
    (container.capability, "SYS_TYME", 'Did you mean "SYS_TIME"'),
    (container.capability, 7, "no capability"),
    (container.ulimit, "nofile", "no ulimit"),
    (container.ulimit, "nofile:x", "no ulimit"),
    (container.ulimit, "nofile:1:2:3", "no ulimit"),
    (container.ulimit, "nofile:2048:1024", "above the hard one"),
    (container.ulimit, "nofile:-1:1024", "above the hard one"),
    (container.ulimit, "nofiles:1:2", 'Did you mean "nofile"'),
    (container.ulimit, {"name": "nofile"}, "no ulimit"),
    (container.device, "fuse", "no device"),
    (container.device, "/dev/a:/dev/b:x", "no device"),
    (container.device, "/dev/a:/dev/b:rr", "no device"),
    (container.device, "/dev/a:/dev/b:r:w", "no device"),
    (container.device, 5, "no device"),
    (container.sysctls, ["a=b"], "A map"),
    (container.sysctls, {"somaxconn": 1}, "no sysctl"),
    (container.sysctls, {"vm.swappiness": 1}, "whole host"),
    (container.sysctls, {"net.a b": 1}, "no sysctl"),
    (container.sysctls, {"net.core.somaxconn": True}, "quotes"),
    (container.sysctls, {"net.core.somaxconn": None}, "quotes"),
    (container.sysctls, {"net.core.somaxconn": [1]}, "needed"),
    (container.env, "A=1", "A map"),
    (container.env, ["A=1"], "A map"),
    (container.env, {"A": 1}, "quotes"),
    (container.env, {"A": False}, "quotes"),
    (container.env, {"A": None}, "quotes"),
    (container.env, {"A B": "1"}, "no name of a variable"),
    (container.env, {"A=B": "1"}, "no name of a variable"),
    (container.env, {"": "1"}, "cannot be a name"),
    (container.env, {"A": "\0"}, "no environment"),
    (container.env_file, "A=1\nB", "Line 2"),
    (container.env_file, "=1", "Line 1"),
    (values.string_map, {"a": [1]}, "A text or a number"),
    (values.string_map, {"a": "x\ny"}, "line break"),
    (values.string_map, {None: "x"}, "cannot be a name"),
    (security, "secomp=unconfined", 'Did you mean "seccomp"'),
    (security, "seccomp", "no security option"),
    (security, "apparmor=", "no security option"),
    (security, "no-new-privileges:maybe", "true or false"),
    (security, ["a"], "Text is needed"),
    (values.boolean, "maybe", "true or false"),
    (values.boolean, 1, "true or false"),
    (container.cpus, 0, "between"),
    (container.cpus, float("nan"), "no number of CPUs"),
    (container.cpus, "two", "no number of CPUs"),
    (container.cpus, 10**400, "no number of CPUs"),
    (container.pids_limit, 0, "no limit"),
    (values.whole_number, 1.5, "whole number"),
    (values.whole_number, True, "whole number"),
    (values.whole_number, -1, "0 or more"),
    (values.day, "2026-02-30", "no day"),
    (values.day, "soon", "no day"),
    (values.text, "", "Text is needed"),
    (values.text, "a\nb", "line break"),
    (exposed_ports, "http", "no port"),
    (exposed_ports, 0, "no port"),
    (exposed_ports, 70000, "no port"),
    (exposed_ports, "9-8", "no port"),
    (exposed_ports, "22/icmp", "the protocol"),
    (exposed_ports, "22/", "the protocol"),
    (exposed_ports, True, "no port"),
    (published_ports, "a:b", "no port"),
    (published_ports, "80:80:80", "no address of the host"),
    (published_ports, "1.2.3.4.5:80:80", "no address"),
    (published_ports, "1:2:3:4:5", "no published port"),
    (published_ports, "80:", "no published port"),
    (published_ports, "80-81:90", "2 ports of the host for 1"),
    (published_ports, "70000:80", "no port"),
    (published_ports, "80:80/ip", "the protocol"),
    (published_ports, {"80": 80}, "no port"),
    (published_ports, 484822, "no port"),
    (mounts, {"device_name": "root"}, "another platform"),
    (mounts, "", "no volume"),
    (mounts, None, "no volume"),
    (mounts, "/a:/b:ro:z", "too many colons"),
    (mounts, "/a:b", "no absolute path"),
    (mounts, "data", "no absolute path"),
    (mounts, "/a:/", "whole filesystem"),
    (mounts, "/a:/../b", "no absolute path"),
    (mounts, "/a:/run", "systemd needs it"),
    (mounts, "/a:/sys/fs/cgroup/", "systemd needs it"),
    (mounts, "a/b:/c", "Write ./a/b"),
    (mounts, "a:/c", "no name of a volume"),
    (mounts, "-a:/c", "no name of a volume"),
    (mounts, ":/c", "no name of a volume"),
    (mounts, "/a:/b:rx", "no option 'rx'"),
    (mounts, "/a:/b:ro,rw", "only one of"),
    (mounts, "/a:/b:z,Z", "only one of"),
    (mounts, "/a:/b:ro,ro", "only one of"),
    (mounts, "/a:/b:nocopy", "named volumes"),
    (mounts, "data:/b:rshared", "paths of the host"),
    (mounts, "/a\n:/b", "line break"),
    (sources, "/b", "names no directory"),
]


@pytest.mark.parametrize(("parse", "value", "word"), BAD)
def test_refused(parse: Callable[[Any], Any], value: Any, word: str) -> None:
    with pytest.raises(BadValue) as raised:
        parse(value)
    assert word in f"{raised.value.message} {raised.value.remedy}"
