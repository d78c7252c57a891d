# SPDX-License-Identifier: GPL-3.0-or-later
"""The canary on the real daemon: what it proves, what it says when a step fails, and that nothing of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._address import Address
from ansible_collections.tpaexec.docker.plugins.module_utils._checks import canary as canary_module
from ansible_collections.tpaexec.docker.plugins.module_utils._checks import gather_through
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.canary import LABEL, run_canary
from ansible_collections.tpaexec.docker.plugins.module_utils._client import connect
from ansible_collections.tpaexec.docker.tests.integration.engines import ansible_cli

# A busy machine boots slowly: what has to go well has this long, what has to be seen as well.
PATIENCE = 240

ALONE = """
import sys
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.canary import run_canary
from ansible_collections.tpaexec.docker.plugins.module_utils._address import Address
from ansible_collections.tpaexec.docker.plugins.module_utils._client import connect
sys.stdin.close()
run_canary(connect(Address(timeout=60)), sys.argv[1], deadline_seconds=float(sys.argv[2]))
"""


@pytest.fixture(scope="module")
def daemon():
    with connect(Address.from_params({"docker_host": os.environ.get("DOCKER_HOST"), "timeout": 60})) as found:
        yield found


@pytest.fixture
def nothing_left(sdk):
    """After the test there is no canary that was not there before it."""
    before = canaries(sdk)
    yield
    deadline = time.monotonic() + PATIENCE
    while canaries(sdk) - before and time.monotonic() < deadline:
        time.sleep(0.2)
    assert canaries(sdk) - before == set()


def canaries(sdk) -> set[str]:
    containers = sdk.api.containers(all=True, filters={"label": LABEL})
    networks = sdk.api.networks(filters={"label": LABEL})
    groups = {str(folder) for folder in Path("/sys/fs/cgroup").glob("*/tpaexec.docker/canary/*")}
    return {item["Id"] for item in [*containers, *networks]} | groups


def variant(sdk, image: str, *changes: str):
    """A throw-away image: *image* with other instructions."""
    name = f"t-eng-canary:{uuid.uuid4().hex[:8]}"
    container = sdk.api.create_container(image, ["true"])
    repository, tag = name.split(":")
    sdk.api.commit(container, repository, tag, changes=list(changes))
    sdk.api.remove_container(container)
    return name


def test_a_good_host_passes_every_step(daemon, guest_image, nothing_left):
    result = run_canary(daemon, guest_image, deadline_seconds=PATIENCE, measure=gather_through.measure)
    assert (result.ok, result.failed_step, result.reason) == (True, "", "")
    steps = ["prepare", "network", "create", "start", "exec", "boot", "measure", "resolve", "remove"]
    assert list(result.seconds) == steps
    assert "MemAvailable" in result.measured
    assert "@@ stat /etc/hostname" in result.measured


@pytest.mark.parametrize(
    ("words", "step", "evidence"),
    [
        ({"image": "t-eng/absent:1"}, "create", "no such image"),
        ({"mirror": "127.0.0.1:9"}, "mirror", "refused"),
        ({"mirror": "http://no-such-host.invalid/debian"}, "resolve", "no-such-host.invalid"),
    ],
)
def test_the_step_that_fails_is_named_with_its_evidence(daemon, guest_image, nothing_left, words, step, evidence):
    result = run_canary(daemon, **{"image": guest_image, "deadline_seconds": PATIENCE, **words})
    assert not result.ok
    assert result.failed_step == step
    assert evidence in (result.reason + result.log).lower()


def test_an_init_that_ends_at_once_shows_what_it_printed(daemon, sdk, guest_image, nothing_left):
    image = variant(sdk, guest_image, 'CMD ["/bin/sh", "-c", "echo no cgroup for me; exit 3"]', "ENTRYPOINT []")
    try:
        result = run_canary(daemon, image, deadline_seconds=PATIENCE)
        assert result.failed_step in ("exec", "boot")
        assert "no cgroup for me" in result.log
    finally:
        sdk.images.remove(image, force=True)


def test_an_init_that_never_boots_is_given_up_at_the_deadline(daemon, sdk, guest_image, nothing_left):
    image = variant(sdk, guest_image, 'CMD ["sleep", "300"]', "ENTRYPOINT []")
    try:
        clock = Waited()
        result = run_canary(daemon, image, deadline_seconds=1, clock=clock, sleep=clock.sleep)
        assert (result.ok, result.failed_step) == (False, "boot")
        assert 1 <= result.seconds["boot"] < 2
    finally:
        sdk.images.remove(image, force=True)


class Waited:
    """A clock that counts only what was waited on purpose: a busy machine does not make it go."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
        self.now += seconds


def seen(sdk, moment: str) -> set[str]:
    """The canaries' networks, or their containers that run."""
    if moment == "network":
        return {item["Id"] for item in sdk.api.networks(filters={"label": LABEL})}
    return {item["Id"] for item in sdk.api.containers(filters={"label": LABEL})}


@pytest.mark.parametrize("killed_at", ["network", "running"])
def test_nothing_is_left_when_the_module_is_killed(sdk, guest_image, nothing_left, killed_at):
    before = canaries(sdk)
    process = subprocess.Popen([sys.executable, "-c", ALONE, guest_image, str(PATIENCE)], env=ansible_cli.environment())
    deadline = time.monotonic() + PATIENCE
    while not seen(sdk, killed_at) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert len(canaries(sdk) - before) >= 1, "killed too late: nothing was proven"


@pytest.mark.long
def test_the_container_ends_itself_when_the_guard_is_killed_too(daemon, sdk, guest_image, monkeypatch):
    monkeypatch.setattr(canary_module, "SPARE", 20)
    monkeypatch.setattr(canary_module, "remove_all", lambda *_: "killed")
    guards = []

    def no_guard(address, quarry):
        guards.append(quarry.name)

    run_canary(daemon, guest_image, deadline_seconds=3, guard=no_guard)
    assert sdk.containers.get(guards[0]).status == "running"
    deadline = time.monotonic() + PATIENCE
    while sdk.api.containers(all=True, filters={"name": guards[0]}) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not sdk.api.containers(all=True, filters={"name": guards[0]})
    deadline = time.monotonic() + PATIENCE
    while sdk.api.networks(names=[guards[0]]) and time.monotonic() < deadline:
        canary_module.remove_stale(daemon)
        time.sleep(1)
    assert not sdk.api.networks(names=[guards[0]])


def test_a_stale_canary_goes_and_a_living_one_stays(sdk):
    stale = sdk.api.create_network("t-eng-stale", labels={LABEL: "0"})["Id"]
    living = sdk.api.create_network("t-eng-living", labels={LABEL: "600"})["Id"]
    foreign = sdk.api.create_network("t-eng-foreign", labels={"other": "0"})["Id"]
    try:
        assert not canary_module.expired(sdk.api.inspect_network(stale), time.time())
        later = time.time() + canary_module.SPARE + 1
        found = {item["Id"]: item for item in sdk.api.networks()}
        assert [ident for ident in (stale, living, foreign) if canary_module.expired(found[ident], later)] == [stale]
    finally:
        for ident in (stale, living, foreign):
            sdk.api.remove_network(ident)


def test_nothing_is_left_when_ansibles_module_is_killed(sdk, guest_image, nothing_left):
    """The real way: ansible packs the module, runs it, and the kernel's out-of-memory killer comes by."""
    before = canaries(sdk)
    words = f"canary=true canary_image={guest_image} canary_timeout={PATIENCE}"
    with subprocess.Popen(
        ansible_cli.command("docker_preflight", words), env=ansible_cli.environment(), stdout=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + PATIENCE
        while not seen(sdk, "running") - before and time.monotonic() < deadline:
            time.sleep(0.01)
        # a process of its own, or ansible's worker itself: either way all but the guard
        killed = [pid for pid in family(process.pid) if b"canary_guard" not in command_line(pid)]
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        assert killed
        assert len(canaries(sdk) - before) >= 1, "killed too late: nothing was proven"
        process.communicate(timeout=PATIENCE)


def test_a_canary_by_ansible(guest_image, nothing_left):
    words = f"canary=true canary_image={guest_image} timeout=60 canary_timeout={PATIENCE}"
    reply = ansible_cli.call("docker_preflight", words)
    assert not reply.failed, reply.result
    assert reply.severity("CANARY_FAILED") == "no finding"
    assert reply.result["changed"] is False


def test_no_canary_in_check_mode(guest_image, nothing_left):
    reply = ansible_cli.call("docker_preflight", f"canary=true canary_image={guest_image} timeout=10", "--check")
    assert "check mode" in reply.severity("CANARY_FAILED")


def family(pid: int) -> list[int]:
    """A process's descendants, whichever of its threads began them."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text(encoding="utf-8").split():
            found += [int(child), *family(int(child))]
    return found


def command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
