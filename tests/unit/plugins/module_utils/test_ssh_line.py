# SPDX-License-Identifier: GPL-3.0-or-later
"""paramiko is imported with the first ssh:// and not before; for everyone else the SDK is as it always is."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils import _ssh_line

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
        ("ssh://h1", "BadHostKeyException", "key AAAA… for h1", "not the one that is known here.", "ssh-keygen -R h1"),
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
