# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a daemon cannot be talked to, in words that say what to do: the SDK, versions, sockets, certificates."""

from __future__ import annotations

import sys

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils import _client
from ansible_collections.tpaexec.docker.plugins.module_utils._client import Address, require_sdk, translate
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError
from ansible_collections.tpaexec.docker.plugins.module_utils._socket_access import SocketFacts, denied
from ansible_collections.tpaexec.docker.plugins.module_utils._tls import Certificate, tls_error

TRACEBACK = "Traceback (most recent call last):\nModuleNotFoundError: No module named 'docker'\n"


@pytest.mark.parametrize(
    ("error", "version", "expected"),
    [
        (TRACEBACK, "", "SDK_MISSING"),
        ("", "4.4.4", "SDK_TOO_OLD"),
        ("", "7.0.0", "SDK_TOO_OLD"),
        ("", "7.1.0", ""),
        ("", "7.10.0", ""),
    ],
)
def test_sdk(monkeypatch, error, version, expected):
    monkeypatch.setattr(_client, "SDK_ERROR", error)
    monkeypatch.setattr(_client, "SDK_VERSION", version)
    if not expected:
        require_sdk()
        return
    with pytest.raises(DaemonError) as caught:
        require_sdk()
    assert caught.value.id == expected
    assert f"{sys.executable} -m pip install" in caught.value.remedy


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("API versions below 1.24 are no longer supported by this library.", "ENGINE_TOO_OLD"),
        ("client version 1.41 is too old. Minimum supported API version is 1.44", "API_TOO_NEW"),
    ],
)
def test_versions(words, expected):
    """The first are docker-py's own words, the second those of engine 29."""
    assert translate(RuntimeError(words), Address()).id == expected


USUAL = dict(
    path="/var/run/docker.sock",
    owner="root",
    group="docker",
    mode=0o660,
    group_writable=True,
    user="ada",
    user_in_group=False,
    process_in_group=False,
)


@pytest.mark.parametrize(
    ("parts", "expected", "said"),
    [
        ({}, "SOCKET_PERMISSION_GROUP", 'sudo usermod -a -G docker "$(id -un)"'),
        ({"group": "containers"}, "SOCKET_PERMISSION_GROUP", "usermod -a -G containers"),
        ({"user_in_group": True}, "SOCKET_PERMISSION_SESSION", "newgrp docker"),
        ({"mode": 0o600, "group_writable": False}, "SOCKET_PERMISSION_OTHER", "0600"),
        ({"group": "root"}, "SOCKET_PERMISSION_OTHER", "root:root"),
        ({"user_in_group": True, "process_in_group": True}, "SOCKET_PERMISSION_OTHER", "getfacl"),
    ],
)
def test_sockets(parts, expected, said):
    error = denied(SocketFacts(**{**USUAL, **parts}))
    assert error.id == expected
    assert said in str(error)


SERVER = Certificate("dockerd", "Some CA", ("dock.example",), "Jan  1 00:00:00 2025 GMT", "Jan  1 00:00:00 2026 GMT")
CLIENT = Certificate("me", until="Feb  1 00:00:00 2026 GMT", since="Feb  1 00:00:00 2025 GMT")


@pytest.mark.parametrize(
    ("reason", "code", "client", "said"),
    [
        (
            "certificate has expired",
            10,
            None,
            "has expired (dockerd for dock.example, valid from Jan  1 00:00:00 2025 GMT until Jan  1",
        ),
        ("certificate is not yet valid", 9, None, "is not valid yet"),
        ("Hostname mismatch", 62, None, "another name (dockerd for dock.example"),
        ("unable to get local issuer certificate", 20, None, "issued by Some CA"),
        ("tlsv13 alert certificate required", 0, None, "we have none"),
        ("sslv3 alert certificate expired", 0, CLIENT, "until Feb  1 00:00:00 2026 GMT"),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", 0, None, "does not speak TLS"),
        ("something new", 0, None, "something new"),
    ],
)
def test_tls(reason, code, client, said):
    error = tls_error("tcp://dock:2376", reason, code, SERVER, client)
    assert error.id == "TLS_INVALID"
    assert said in error.message
    assert error.remedy
