# SPDX-License-Identifier: GPL-3.0-or-later
"""Many daemons at once: those that answer, those that say no, and one that says nothing."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any, Iterator

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._address import Address
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError
from ansible_collections.tpaexec.docker.plugins.module_utils._hosts import addresses_of, closing, connect_all, of_host
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.model import Host

TASK = Address("unix:///run/task.sock", tls=True, ca_path="/env/ca.pem", timeout=7)


def test_a_host_takes_nothing_of_the_task_but_its_timeout() -> None:
    host = Host("h", "tcp://h:2376", "/ca", "/cert", "/key", "h.example.com")
    found = addresses_of([Host(), host, Host("s", "ssh://s", use_ssh_client=True)], TASK)
    assert found["default"] is TASK
    assert found["h"] == Address("tcp://h:2376", True, True, "h.example.com", "/ca", "/cert", "/key", False, 7)
    assert found["s"] == Address("ssh://s", use_ssh_client=True, timeout=7)


@pytest.fixture
def listener() -> Iterator[str]:
    """A port that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"


def test_each_in_its_time(listener: str) -> None:
    hang = threading.Event()

    def connector(address: Address, _pool: int) -> Any:
        if address.docker_host == listener:
            hang.wait(30)
        if "no" in address.docker_host:
            raise DaemonError("It says no.", "Ask again.", "DAEMON_HUNG")
        return address.docker_host

    addresses = {
        "slow": Address(listener, timeout=1),
        "no": Address("unix:///no", timeout=1),
        "shut": Address("tcp://127.0.0.1:1", timeout=1),
        "nowhere": Address("tcp://no.such.host.invalid:1", timeout=1),
        "good": Address("unix:///good", timeout=1),
    }
    started = time.monotonic()
    found = connect_all(addresses, 2, connector)
    assert time.monotonic() - started < 25  # less than the one that hangs
    hang.set()
    assert list(found) == list(addresses)
    assert found["good"] == "unix:///good"
    assert str(found["no"]) == "Host no: It says no. Ask again."
    assert f"Host slow: No answer from {listener} within 1 s." in str(found["slow"])
    assert "Host shut: Nothing listens at tcp://127.0.0.1:1." in str(found["shut"])
    assert "Host nowhere: " in str(found["nowhere"])
    assert all(isinstance(found[name], DaemonError) and found[name].remedy for name in ("slow", "shut", "nowhere"))


def test_what_goes_wrong_in_a_thread_is_data() -> None:
    def connector(_address: Address, _pool: int) -> Any:
        raise ValueError("odd")

    found = connect_all({"a": Address("unix:///a"), "b": Address("unix:///b")}, 1, connector)
    assert str(found["a"]).startswith("Host a: Unexpected: ValueError: odd. Please report")
    with closing(found) as same:
        assert same is found


@pytest.mark.parametrize(
    ("remedy", "said"),
    [
        (
            "Check DOCKER_HOST (or `docker_host`), and more.",
            "Check `docker_host` of that host in config.yml, and more.",
        ),
        ("Here: DOCKER_HOST=unix:///a (x).", "Here: `docker_host` of that host in config.yml may be unix:///a (x)."),
        ("Give a `k` (cert.pem and key.pem in DOCKER_CERT_PATH) signed.", "Give a `k` signed."),
    ],
)
def test_the_environment_is_not_named_for_a_host_of_config_yml(remedy: str, said: str) -> None:
    error = DaemonError("It is off.", remedy)
    assert of_host("h1", error).remedy == said
    assert of_host("default", error).remedy == remedy
    assert "in the source" in of_host("h1", DaemonError("x", "DOCKER_HOST (or `docker_host`)"), "the source").remedy


def test_what_is_said_of_a_daemon_is_true_of_a_host_of_config_yml() -> None:
    """By the messages as they are made."""
    for address in (Address("foo://x"), Address("unix:///nowhere/docker.sock"), Address("tcp://127.0.0.1:1")):
        found = connect_all({"h1": address})["h1"]
        assert isinstance(found, DaemonError)
        assert "DOCKER_HOST" not in str(found)


def test_the_one_daemon_of_docker_host_is_as_ever() -> None:
    def connector(_address: Address, _pool: int) -> Any:
        raise DaemonError("It is off.", "Start it.")

    assert str(connect_all({"default": TASK}, 1, connector)["default"]) == "It is off. Start it."
