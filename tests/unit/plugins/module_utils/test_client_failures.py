# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a daemon cannot be talked to, in words that say what to do: the SDK, versions, sockets, certificates."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils import _client
from ansible_collections.tpaexec.docker.plugins.module_utils._address import Address
from ansible_collections.tpaexec.docker.plugins.module_utils._client import require_sdk, translate
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError
from ansible_collections.tpaexec.docker.plugins.module_utils._socket_access import SocketFacts, denied, other_socket
from ansible_collections.tpaexec.docker.plugins.module_utils._tls import Certificate, require_files, tls_error

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
        ({"group": "4242"}, "SOCKET_PERMISSION_OTHER", "root:4242"),  # no name, so nobody can be added to it
        ({"user_in_group": True, "process_in_group": True}, "SOCKET_PERMISSION_OTHER", "getfacl"),
    ],
)
def test_sockets(parts, expected, said):
    error = denied(SocketFacts(**{**USUAL, **parts}))
    assert error.id == expected
    assert said in str(error)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        (None, "unix:///var/run/docker.sock"),
        ("", "unix:///var/run/docker.sock"),
        ("unix:/run/docker.sock", "unix:///run/docker.sock"),
        ("TCP://192.0.2.7:2375", "tcp://192.0.2.7:2375"),
        ("192.0.2.7:2375", "tcp://192.0.2.7:2375"),
        (":2375", "tcp://127.0.0.1:2375"),
        ("[::1]:2375", "tcp://[::1]:2375"),
        ("ssh://ada@dock", "ssh://ada@dock"),
        ("/run/docker.sock", "/run/docker.sock"),  # the docker command refuses it, too
    ],
)
def test_addresses_as_the_sdk_reads_them(given, read):
    assert Address.from_params({"docker_host": given}, {}).docker_host == read


@pytest.mark.parametrize("given", ["/run/docker.sock", "foo://x", "localhost:tls", "192.0.2.7"])
def test_what_is_no_address_is_told_how_to_be_one(given):
    with pytest.raises(DaemonError) as caught:
        _client.connect(Address.from_params({"docker_host": given}, {}))
    assert f"{given} is no address of a Docker daemon" in caught.value.message
    assert "unix:///var/run/docker.sock" in caught.value.remedy


def test_a_socket_of_another_engine_is_named(tmp_path):
    home = {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "docker.sock").touch()  # no socket
    said = other_socket(home)
    assert str(tmp_path) not in said
    (tmp_path / "run" / "docker.sock").unlink()
    with socket.socket(socket.AF_UNIX) as rootless:
        rootless.bind(str(tmp_path / "run" / "docker.sock"))
        assert f"DOCKER_HOST=unix://{tmp_path}/run/docker.sock" in other_socket(home)
        assert "rootless Docker" in other_socket(home)


@pytest.mark.parametrize(
    ("files", "seen", "remedy"),
    [
        ({"ca_path": "/nowhere/ca.pem"}, "/nowhere/ca.pem", "Correct `tls_ca_cert` of the host in config"),
        ({"client_cert": __file__, "client_key": "/etc"}, "/etc for", "Correct `tls_client_key` of the host"),
        ({"client_key": __file__}, "there is a client_key and no client_cert", "Give both"),
    ],
)
def test_a_tls_file_that_is_not_there(files, seen, remedy):
    with pytest.raises(DaemonError) as caught:
        _client.connect(Address("tcp://192.0.2.1:2376", validate_certs=True, **files))
    assert caught.value.id == "TLS_INVALID"
    assert seen in caught.value.message
    assert remedy in caught.value.remedy


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
        ("something new", 0, None, "something new"),
    ],
)
def test_tls(reason, code, client, said):
    error = tls_error("tcp://dock:2376", reason, code, SERVER, client)
    assert error.id == "TLS_INVALID"
    assert said in error.message
    assert error.remedy


@pytest.mark.parametrize(
    ("where", "remedy"),
    [
        ("tcp://dock:2375", "Give the daemon's TLS port (2376), or set the daemon up for TLS."),
        ("tcp://127.0.0.1:2375", "Leave TLS off, or use"),
        ("https://localhost:2375", "Leave TLS off, or use"),
    ],
)
def test_nobody_is_told_to_leave_tls_off_on_a_network(where, remedy):
    error = tls_error(where, "[SSL: WRONG_VERSION_NUMBER] wrong version number", 0, Certificate(), None)
    assert "does not speak TLS" in error.message
    assert error.remedy.startswith(remedy)


def test_the_tls_file_that_is_unfit_is_named(tmp_path):
    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=tmp_path)

    for name in ("a", "b"):
        subject = ["-subj", f"/CN={name}", "-keyout", f"{name}.key", "-out", f"{name}.pem"]
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject)
    openssl("rsa", "-aes128", "-passout", "pass:secret", "-in", "a.key", "-out", "locked.key")
    (tmp_path / "no.pem").write_text("nothing\n")

    def seen(ca: str, cert: str, key: str) -> str:
        files = {"ca_path": ca, "client_cert": cert, "client_key": key}
        address = Address(
            "tcp://h:1", validate_certs=True, **{name: str(tmp_path / file) for name, file in files.items()}
        )
        with pytest.raises(DaemonError) as caught:
            require_files(address)
        assert caught.value.id == "TLS_INVALID"
        return str(caught.value).replace(f"{tmp_path}/", "")

    no = "for the Docker daemon at tcp://h:1 has no"
    assert seen("no.pem", "a.pem", "a.key").startswith(
        f"The TLS file no.pem {no} certificate in the format PEM. Correct "
    )
    assert "`tls_client_cert` of the host in config.yml" in seen("b.pem", "no.pem", "a.key")
    assert seen("b.pem", "a.pem", "no.pem").startswith(
        f"The TLS file no.pem {no} private key in the format PEM. Correct "
    )
    assert "is not the key of a.pem. Correct `tls_client_key`" in seen("b.pem", "a.pem", "b.key")
    assert "locked.key for the Docker daemon at tcp://h:1 has a passphrase" in seen("b.pem", "a.pem", "locked.key")
    require_files(Address("tcp://h:1", True, ca_path=str(tmp_path / "b.pem")))


@pytest.mark.parametrize(
    ("error", "docker_host", "seen", "remedy"),
    [
        (ConnectionRefusedError(111, "x"), "tcp://h:2376", "does not answer: Connection refused.", "whether that host"),
        (ConnectionResetError(104, "x"), "tcp://h:2376", "does not answer: Connection reset", "whether that host"),
        (TimeoutError(110, "x"), "tcp://h:2376", "does not answer: Connection timed out.", "whether that host"),
        (ConnectionRefusedError(111, "x"), "unix:///s", "is not running: unix:///s: Connection refused.", "Start it: "),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol (_ssl.c:1)"), "tcp://h:2376", "broke off", "host"),
    ],
)
def test_a_daemon_that_is_away(error, docker_host, seen, remedy):
    """One whose host dies in the middle of a transfer breaks off TLS: nothing is wrong with a certificate."""
    found = translate(RuntimeError(error), Address(docker_host=docker_host, tls=docker_host.startswith("tcp")))
    assert found.id == "DAEMON_NOT_RUNNING"
    assert seen in found.message
    assert remedy in found.remedy
