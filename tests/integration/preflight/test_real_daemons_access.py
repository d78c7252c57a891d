# SPDX-License-Identifier: GPL-3.0-or-later
"""Daemons that cannot be used, and users who may not: each answer comes within `timeout`, with its own id."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import Iterator

import pytest

from ansible_collections.tpaexec.docker.tests.integration.engines import ansible_cli, odd
from ansible_collections.tpaexec.docker.tests.integration.engines import engine as harness
from ansible_collections.tpaexec.docker.tests.integration.engines.engine import Engine
from ansible_collections.tpaexec.docker.tests.integration.engines.runner import Reply, run

MODULE_UTILS = "ansible_collections.tpaexec.docker.plugins.module_utils"
MODULES = ("docker_preflight", "docker_storage_check")
TIMEOUT = 2
START = 3.0  # seconds that Python, Ansible's and Docker's packages may take to load on a busy machine
needs_root = pytest.mark.skipif(bool(harness.why_not()), reason=harness.why_not() or "-")


def ask(module: str, host: str, timeout: int = TIMEOUT, **words: object) -> Reply:
    reply = run(module, {"docker_host": host, "timeout": timeout}, **words)  # type: ignore[arg-type]
    limit = timeout + START
    if reply.seconds >= limit:  # a busy machine? Twice what the module takes to start there now, with nobody to ask
        limit = timeout + 2 * run(module, {"docker_host": "unix:///nobody", "timeout": timeout}).seconds
    assert reply.seconds < limit, f"{module} took {reply.seconds:.1f} s with timeout={timeout}"
    return reply


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize(
    ("talk", "expected"),
    [
        (odd.silent, {"DAEMON_HUNG"}),
        (odd.dripping, {"DAEMON_HUNG"}),
        (odd.half_deaf, {"DAEMON_HUNG"}),
        (odd.babbling, {"DAEMON_ERROR", "DAEMON_NOT_RUNNING", "ENGINE_NOT_DOCKER"}),
        (odd.slamming, {"DAEMON_ERROR", "DAEMON_NOT_RUNNING", "DAEMON_HUNG"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_daemon_that_misbehaves(tmp_path, module, talk, expected):
    with odd.Server(talk, tmp_path / "s") as server:
        reply = ask(module, server.docker_host)
    assert reply.failed
    assert {item["id"] for item in reply.result["findings"] if item["severity"] == "error"} & expected
    assert reply.result["msg"]


@pytest.mark.parametrize("module", MODULES)
def test_ansible_does_not_hang_either(tmp_path, module):
    """There the module may run in ansible's own process, with threads that still wait for the daemon at its end."""
    with odd.Server(odd.dripping, tmp_path / "s") as server:
        reply = ansible_cli.call(module, f"docker_host={server.docker_host} timeout={TIMEOUT}")
    assert reply.severity("DAEMON_HUNG") == "error"
    assert reply.seconds < TIMEOUT + 4 * START


def test_a_backlog_that_is_full(tmp_path):
    """The socket does not even accept."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen(0)
        waiting = [socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) for _dummy in range(2)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(str(tmp_path / "s"))
        reply = ask("docker_preflight", f"unix://{tmp_path / 's'}")
        for one in waiting:
            one.close()
    assert reply.severity("DAEMON_HUNG") == "error"


@pytest.mark.parametrize("module", MODULES)
def test_no_daemon(tmp_path, module):
    stale = tmp_path / "stale"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(stale))
    plain = tmp_path / "plain"
    plain.touch()
    for path in (tmp_path / "absent", stale, plain):
        reply = ask(module, f"unix://{path}")
        assert reply.severity("DAEMON_NOT_RUNNING") == "error", path
        assert str(path) in reply.result["msg"]


def test_nobody_listens_on_tcp():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        reply = ask("docker_preflight", f"tcp://127.0.0.1:{taken.getsockname()[1]}")
    assert reply.severity("DAEMON_NOT_RUNNING") == "error"


@needs_root
@pytest.mark.parametrize("scheme", ["tcp://{}:2375", "ssh://root@{}"])
def test_a_host_that_swallows_every_packet(scheme):
    """A firewall, a cable that is out: nothing comes back at all, not even a refusal."""
    with Engine("t-hole", storage_driver="vfs") as engine:
        engine.run("iptables", "-I", "INPUT", "-i", "eth0", "-j", "DROP")
        for module in MODULES:
            reply = ask(module, scheme.format(engine.address))
            assert reply.failed
            # without paramiko, ssh:// ends before the first packet
            assert {"DAEMON_HUNG", "DAEMON_NOT_RUNNING", "SDK_MISSING"} & set(reply.findings), reply.findings


# Users --------------------------------------------------------------------------------------------------------------


@dataclass
class User:
    """A temporary user, and a temporary group that owns an engine's socket."""

    name: str
    group: str
    engine: Engine

    def ask(self, *, with_group: bool) -> Reply:
        groups = ["--init-groups"] if with_group else ["--groups", self.name]
        prefix = ["setpriv", "--reuid", self.name, "--regid", self.name, *groups, *self.reading(groups)]
        environ = {"HOME": "/", "USER": self.name}
        return ask("docker_preflight", self.engine.docker_host, 10, prefix=prefix, environ=environ)

    def reading(self, groups: list[str]) -> list[str]:
        """The checkout and its Python may lie in a home that is shut to others: reading, no more, is allowed then."""
        load = f"import sys; sys.path[:] = {sys.path!r}; import docker, {MODULE_UTILS}._client"
        command = ["setpriv", "--reuid", self.name, "--regid", self.name, *groups, sys.executable, "-c", load]
        if subprocess.run(command, capture_output=True, check=False, cwd="/").returncode == 0:
            return []
        return ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]


@pytest.fixture(scope="module")
def user() -> Iterator[User]:
    name, group = "tpaexec-test-u", "tpaexec-test-g"
    try:
        _do("groupadd", "--system", group)
        _do("useradd", "--system", "--no-create-home", "--user-group", "--shell", "/bin/sh", name)
        with Engine("t-users", storage_driver="vfs", extra_args=["--group", group]) as engine:
            yield User(name, group, engine)
    finally:
        for command in (["userdel", name], ["groupdel", name], ["groupdel", group]):
            subprocess.run(command, capture_output=True, check=False)


@needs_root
def test_a_user_outside_the_sockets_group(user):
    reply = user.ask(with_group=True)
    assert reply.severity("SOCKET_PERMISSION_GROUP") == "error"
    assert f"sudo usermod -a -G {user.group}" in reply.result["msg"]
    assert "root" in reply.findings["SOCKET_PERMISSION_GROUP"]["remedy"]


@needs_root
def test_a_user_in_the_group_with_and_without_it_in_the_session(user):
    _do("usermod", "-a", "-G", user.group, user.name)
    try:
        reply = user.ask(with_group=False)
        assert reply.severity("SOCKET_PERMISSION_SESSION") == "error"
        assert f"newgrp {user.group}" in reply.result["msg"]
        fine = user.ask(with_group=True)
        assert fine.severity("SOCKET_PERMISSION_GROUP") == "no finding"
        assert fine.severity("ROOT_EQUIVALENT") == "info"
        assert user.name in fine.findings["ROOT_EQUIVALENT"]["message"]
    finally:
        _do("gpasswd", "-d", user.name, user.group)


@needs_root
@pytest.mark.parametrize(("owner", "mode"), [("root:root", 0o660), ("root:{group}", 0o600)])
def test_a_socket_that_nobody_else_may_open(user, owner, mode):
    before = os.stat(user.engine.socket)
    _do("chown", owner.format(group=user.group), str(user.engine.socket))
    os.chmod(user.engine.socket, mode)
    try:
        reply = user.ask(with_group=True)
        assert reply.severity("SOCKET_PERMISSION_OTHER") == "error"
        assert f"{mode:04o}" in reply.result["msg"]
    finally:
        os.chown(user.engine.socket, before.st_uid, before.st_gid)
        os.chmod(user.engine.socket, before.st_mode & 0o7777)


@needs_root
def test_a_directory_that_shuts_the_user_out(user):
    if user.reading(["--init-groups"]):
        pytest.skip(
            "other users cannot read this checkout or its Python: the right to read that they need opens directories"
        )
    os.chmod(user.engine.home, 0o700)
    try:
        assert user.ask(with_group=True).severity("SOCKET_PERMISSION_OTHER") == "error"
    finally:
        os.chmod(user.engine.home, 0o755)


def _do(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
