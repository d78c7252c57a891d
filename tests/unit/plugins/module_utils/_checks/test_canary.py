# SPDX-License-Identifier: GPL-3.0-or-later
"""The canary's decisions: what a mirror is, what is stale, which step failed, and that removal always comes."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._address import Address
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.canary import (
    LABEL,
    SPARE,
    Mirror,
    expired,
    parse_mirror,
    remove_stale,
    run_canary,
)
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.canary_guard import Quarry
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError, PlatformError

BORN = 1_790_000_000
BORN_TEXT = "2026-09-21T14:13:20.123456789Z"


class FakeDaemon:
    """Answers from a table, fails where it is told to, and writes down every call."""

    address = Address(timeout=10)

    def __init__(self, fail: dict[str, DaemonError] | None = None, **answers: Any) -> None:
        self.fail = fail or {}
        self.answers = {"info": {}, "version": {}, "inspect_image": {"Config": {"Cmd": ["/sbin/init"]}}, **answers}
        self.calls: list[str] = []
        self.created: dict[str, Any] = {}

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        self.calls.append(method)
        if method in self.fail:
            raise self.fail[method]
        if method == "create_container_from_config":
            self.created = args[0]
        if method == "exec_create":
            return {"Id": args[1][4] if len(args[1]) > 4 else ""}
        if method == "exec_start":
            return b"hello\nstate=running\n"
        return self.answers.get(method, [] if method in ("containers", "networks", "attach") else {})


class FakeGuard:
    dismissed = 0

    def __init__(self, address: Address, quarry: Quarry) -> None:
        assert address.timeout == 10
        assert quarry.name.startswith("tpaexec-canary-")
        assert quarry.groups == (f"/tpaexec.docker/canary/{quarry.name}",)

    def dismiss(self) -> None:
        FakeGuard.dismissed += 1


def ready_exec(daemon: FakeDaemon) -> FakeDaemon:
    """exec_start answers the word that was echoed, or a booted system."""
    plain = daemon.call

    def call(method: str, *args: Any, **kwargs: Any) -> Any:
        if method == "exec_start":
            daemon.calls.append(method)
            return b"hello\n" if args[0] == "hello" else b"state=running\n"
        if method == "exec_inspect":
            return {"ExitCode": 0}
        return plain(method, *args, **kwargs)

    daemon.call = call  # type: ignore[method-assign]
    return daemon


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://mirror.example/debian", Mirror("http://mirror.example:80/debian", "mirror.example", 80)),
        ("https://mirror.example", Mirror("https://mirror.example:443/", "mirror.example", 443)),
        ("https://mirror.example:8443/x", Mirror("https://mirror.example:8443/x", "mirror.example", 8443)),
        ("mirror.example", Mirror("http://mirror.example:80/", "mirror.example", 80)),
        ("mirror.example:443", Mirror("https://mirror.example:443/", "mirror.example", 443)),
        ("192.0.2.1:3142", Mirror("http://192.0.2.1:3142/", "192.0.2.1", 3142)),
        ("http://[2001:db8::1]/", Mirror("http://[2001:db8::1]:80/", "2001:db8::1", 80)),
    ],
)
def test_a_mirror(text, expected):
    assert parse_mirror(text) == expected


@pytest.mark.parametrize(
    "text", ["ftp://mirror.example", "http://", "a b", "host:99999", "$(reboot)", "host;reboot", "-x y"]
)
def test_what_is_no_mirror(text):
    with pytest.raises(PlatformError, match="is no address"):
        parse_mirror(text)


@pytest.mark.parametrize(
    ("item", "age", "stale"),
    [
        ({"Created": BORN, "Labels": {LABEL: "100"}}, 100 + SPARE + 1, True),
        ({"Created": BORN, "Labels": {LABEL: "100"}}, 100, False),
        ({"Created": BORN_TEXT, "Labels": {LABEL: "100"}}, 100 + SPARE + 1, True),
        ({"Created": BORN_TEXT, "Labels": {LABEL: "100"}}, 100, False),
        ({"Created": BORN, "Labels": {LABEL: "soon"}}, 10**6, False),
        ({"Created": BORN, "Labels": {"other": "100"}}, 10**6, False),
        ({"Created": BORN, "Labels": None}, 10**6, False),
        ({"Created": None, "Labels": {LABEL: "100"}}, 10**6, False),
        ({}, 10**6, False),
    ],
)
def test_what_is_stale(item, age, stale):
    assert expired(item, BORN + age) is stale


def test_stale_ones_are_removed_containers_first():
    old = {"Created": BORN, "Labels": {LABEL: "1"}}
    now = "2026-09-22T14:13:20Z"
    daemon = FakeDaemon(info={"SystemTime": now}, containers=[{"Id": "c", **old}], networks=[{"Id": "n", **old}])
    assert remove_stale(daemon) == ["c", "n"]  # type: ignore[arg-type]
    assert daemon.calls[-2:] == ["remove_container", "remove_network"]


def test_without_the_daemons_clock_nothing_is_called_stale():
    daemon = FakeDaemon(containers=[{"Id": "c", "Created": 0, "Labels": {LABEL: "1"}}])
    assert remove_stale(daemon) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "step"),
    [
        ("create_network", "network"),
        ("inspect_image", "create"),
        ("create_container_from_config", "create"),
        ("attach", "start"),
        ("start", "start"),
        ("exec_create", "exec"),
    ],
)
def test_the_step_that_failed_is_named_and_all_is_removed(method, step):
    daemon = FakeDaemon({method: DaemonError("It broke.", status=500)})
    before = FakeGuard.dismissed
    result = run_canary(daemon, "image", sleep=lambda _: None, guard=FakeGuard)  # type: ignore[arg-type]
    assert (result.ok, result.failed_step, result.reason) == (False, step, "It broke.")
    assert daemon.calls[-2:] == ["remove_container", "remove_network"]
    assert FakeGuard.dismissed == before + 1


def test_a_removal_that_fails_is_a_failed_step_and_keeps_the_guard():
    daemon = ready_exec(FakeDaemon({"remove_network": DaemonError("has active endpoints", status=403)}))
    before = FakeGuard.dismissed
    result = run_canary(daemon, "image", sleep=lambda _: None, guard=FakeGuard)  # type: ignore[arg-type]
    assert (result.ok, result.failed_step) == (False, "remove")
    assert FakeGuard.dismissed == before


def test_what_is_gone_already_needs_no_removal():
    gone = DaemonError("No such container", status=404)
    daemon = ready_exec(FakeDaemon({"remove_container": gone, "remove_network": gone}))
    assert run_canary(daemon, "image", sleep=lambda _: None, guard=FakeGuard).ok  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("config", "init"),
    [
        ({"Cmd": ["/lib/systemd/systemd"]}, ["/lib/systemd/systemd"]),
        ({"Entrypoint": ["/entry"], "Cmd": ["a", "b"]}, ["/entry", "a", "b"]),
        ({"Entrypoint": None, "Cmd": None}, ["/sbin/init"]),
        ({"Cmd": "exec /sbin/init"}, ["/bin/sh", "-c", "exec /sbin/init"]),
        (None, ["/sbin/init"]),
    ],
)
def test_the_container_runs_the_images_own_init_and_ends_by_itself(config, init):
    daemon = ready_exec(FakeDaemon(inspect_image={"Config": config}))
    assert run_canary(daemon, "image", deadline_seconds=30, sleep=lambda _: None, guard=FakeGuard).ok  # type: ignore[arg-type]
    body = daemon.created
    assert body["Entrypoint"][3:] == ["sh", str(30 + SPARE), *init]
    assert body["HostConfig"]["AutoRemove"] is True
    assert body["HostConfig"]["RestartPolicy"]["Name"] == "no"
    assert body["HostConfig"]["Privileged"] is False
    assert body["Labels"] == {LABEL: str(30 + SPARE)}
