# SPDX-License-Identifier: GPL-3.0-or-later
"""paramiko is imported with the first ssh:// and not before; for everyone else the SDK is as it always is."""

from __future__ import annotations

import importlib.util
import io
import socket
import subprocess
import sys
import threading
import time
import types
from typing import Any

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils import _client, _ssh_line
from ansible_collections.tpaexec.docker.plugins.module_utils._address import Address
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError

# An extra of the SDK: the pinned environment has it, the matrix's have not.
with_paramiko = pytest.mark.skipif(not importlib.util.find_spec("paramiko"), reason="paramiko is not installed here")

START = """
import sys
from ansible_collections.tpaexec.docker.plugins.module_utils import _client
print("paramiko" in sys.modules, "docker.transport.sshconn" in sys.modules)
"""
ASKED = """
import docker
try:
    docker.APIClient(base_url="ssh://nobody@localhost:1", version="1.41", timeout=1)
except Exception as error:
    print(type(error).__module__.split(".")[0], error)
"""


def run(*parts: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", "".join(parts)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_sdk_is_there_without_paramiko():
    assert run(START) == ["False False"]


@with_paramiko
def test_whoever_wants_ssh_gets_the_sdk_own_adapter():
    start, asked, sshconn = run(
        START, ASKED, 'import docker.transport.sshconn as s; print(s.__file__ is not None, "paramiko" in sys.modules)'
    )
    assert start == "False False"
    assert asked.split()[0] in ("paramiko", "socket", "builtins")  # the SDK tried to connect, with paramiko
    assert sshconn == "True True"


def test_without_paramiko_the_sdk_says_what_it_always_says():
    said = run(START, 'sys.modules["paramiko"] = None', ASKED)
    assert said[1] == "docker Install paramiko package to enable ssh:// support"


@with_paramiko
def test_an_sdk_that_is_there_already_is_left_alone():
    whole = "import docker.transport, docker.transport.sshconn as own\nkept = docker.transport.SSHHTTPAdapter\n"
    told = "print(docker.transport.SSHHTTPAdapter is kept, sys.modules['docker.transport.sshconn'] is own)"
    assert run(whole, START, told) == ["True True", "True True"]


@pytest.mark.parametrize(
    ("address", "kind", "reason", "seen", "remedy"),
    [
        ("ssh://ada@h1", "AuthenticationException", "Authentication failed", "failed.", "ssh-copy-id ada@h1."),
        ("ssh://ada@h1:22", "SSHException", "Server 'h1' not found in known_hosts", "known_hosts.", "ssh -p 22 ada@h1"),
        ("ssh://h1", "BadHostKeyException", "key AAAA… for h1", "not the one that is known here.", "ssh-keygen -R h1)"),
        ("ssh://ada@h1:23", "BadHostKeyException", "", "known here.", "(ssh-keygen -R '[h1]:23'), then: ssh -p 23 "),
        ("ssh://h1", "", "connect to host h1 port 22: No route to host", "to host.", "BatchMode=yes h1 docker"),
        ("ssh://h1", "PasswordRequiredException", "Private key file is encrypted", "is encrypted.", "ssh-add"),
    ],
)
def test_what_ssh_refuses_is_said_with_what_helps(address, kind, reason, seen, remedy):
    found = _ssh_line.refused(address, kind, reason)
    assert found.message.startswith(f"ssh to the Docker host {address} failed: ")
    assert found.message.endswith(seen)
    assert remedy in found.remedy
    assert "AAAA" not in str(found)


CHANGED = """@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@
Offending ED25519 key in /home/ada/.ssh/known_hosts:1
Host key verification failed.
"""
UNPROTECTED = """@         WARNING: UNPROTECTED PRIVATE KEY FILE!          @
Permissions 0644 for '/keys/a key' are too open.
This private key will be ignored.
Load key "/keys/a key": bad permissions
ada@h1: Permission denied (publickey).
"""


@pytest.mark.parametrize(
    ("said", "seen", "remedy"),
    [
        (CHANGED, "the host's key is not the one that is known here.", "forget its old key (ssh-keygen -R h1)"),
        ("Host key verification failed.\n", ": Host key verification failed.", "accept the host's key: ssh ada@h1"),
        (UNPROTECTED, "others may read the private key /keys/a key, so ssh", "chmod 600 '/keys/a key'"),
        (f"{UNPROTECTED}bash: docker: command not found\n", "docker: command not found.", "Try it by hand"),
    ],
)
def test_the_reason_may_stand_above_the_last_line(monkeypatch, said, seen, remedy):
    line = types.SimpleNamespace(said={("ada", "h1", "22"): io.BytesIO(said.encode())})
    monkeypatch.setitem(sys.modules, _ssh_line.SSHCONN, types.SimpleNamespace(SSHSocket=line))
    assert _ssh_line.failure("ssh://ada@h1:2222") is None  # another daemon behind the same name
    found = _ssh_line.failure("ssh://ada@h1")
    assert found
    assert seen in found.message
    assert remedy in found.remedy


@with_paramiko
@pytest.mark.parametrize("use_ssh_client", [False, True])
def test_a_host_that_takes_the_connection_and_is_silent_ends_in_time(use_ssh_client, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = Address(f"ssh://127.0.0.1:{server.getsockname()[1]}", use_ssh_client=use_ssh_client, timeout=1)
        started = time.monotonic()
        with pytest.raises(DaemonError):
            _client.connect(address)
        assert time.monotonic() - started < 10  # paramiko alone waits 15 s


def test_what_is_silent_later_is_left_behind():
    hang = threading.Event()
    with pytest.raises(DaemonError, match=r"^No answer from ssh://h1 within 0\.1 s\. Look at that host"):
        _ssh_line.within("ssh://h1", 0.1, lambda: hang.wait(30))
    hang.set()
    assert _ssh_line.within("ssh://h1", 5, lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        _ssh_line.within("ssh://h1", 5, lambda: 1 // 0)


@with_paramiko
def test_an_ipv6_address_by_the_system_s_ssh():
    """The SDK takes it apart at its colons; paramiko gets it whole."""
    with pytest.raises(DaemonError, match=r"to an IPv6 address \(ssh://root@\[::1\]:22\)\. Give it a name"):
        _client.connect(Address("ssh://root@[::1]:22", use_ssh_client=True))


@pytest.mark.parametrize("newer", [(), ("channel_timeout",)])
def test_paramiko_gets_limits_for_the_hosts_that_have_them(newer: tuple[str, ...]):
    class Old:
        def connect(self, hostname, timeout=None, banner_timeout=None, auth_timeout=None):
            """Before 3.1."""

    class New:
        def connect(self, hostname, timeout=None, banner_timeout=None, auth_timeout=None, channel_timeout=None):
            """As it is."""

    class Adapter:
        ssh_params: dict[str, Any]

        def _create_paramiko_client(self, base_url: str) -> None:
            self.ssh_client = New() if newer else Old()
            self.ssh_params = {"hostname": base_url, "port": None}

        def _connect(self) -> None:
            raise socket.timeout("timed out")

    _ssh_line._limit(Adapter)
    Adapter.timeouts[_ssh_line._place("ssh://ada@h1")] = 60  # type: ignore[attr-defined]
    adapter = Adapter()
    for other in ("ssh://ada@h2:22", "ssh://ada@h1:2222"):
        adapter._create_paramiko_client(other)
        assert set(adapter.ssh_params) == {"hostname", "port"}
    adapter._create_paramiko_client("ssh://ada@h1:22")
    limits = {"timeout": 10, **dict.fromkeys(("banner_timeout", "auth_timeout", *newer), 60)}
    assert {key: value for key, value in adapter.ssh_params.items() if "timeout" in key} == limits
    with pytest.raises(DaemonError, match=r"does not answer to ssh .*, port 22\)\. Is it switched on"):
        adapter._connect()
