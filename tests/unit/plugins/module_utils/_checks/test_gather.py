# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathering: one deadline whatever the daemon does, and hand-written fakes in place of daemon and command."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._address import Address
from ansible_collections.tpaexec.docker.plugins.module_utils._background import Late, Task, Until
from ansible_collections.tpaexec.docker.plugins.module_utils._checks import body, gather, gather_daemon
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_host import CliFacts, Failure
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.gather import Job
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.model import Unknown
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError
from ansible_collections.tpaexec.docker.tests.unit.plugins.module_utils._checks.captures import GIB, engine_facts


def boom() -> None:
    raise DaemonError("no", "", "DAEMON_ERROR")


def test_a_task_gives_its_value_its_error_or_is_late():
    assert Task(lambda: 7).result(Until.after(5)) == 7
    with pytest.raises(DaemonError):
        Task(boom).result(Until.after(5))
    forever = threading.Event()
    started = time.monotonic()
    with pytest.raises(Late):
        Task(forever.wait).result(Until.after(0.05))
    assert time.monotonic() - started < 20
    forever.set()


@pytest.mark.parametrize(
    ("host", "scheme", "loopback", "tls"),
    [
        ("unix:///var/run/docker.sock", "unix", True, False),
        ("tcp://127.0.0.1:2375", "tcp", True, False),
        ("tcp://localhost:2375", "tcp", True, False),
        ("tcp://[::1]:2375", "tcp", True, False),
        ("tcp://192.0.2.7:2375", "tcp", False, False),
        ("tcp://127.evil.example:2375", "tcp", False, False),
        ("https://192.0.2.7:2376", "https", False, True),
        ("ssh://me@192.0.2.7", "ssh", False, False),
        ("tcp://localhost.example.com", "tcp", False, False),
    ],
)
def test_addresses(host, scheme, loopback, tls):
    seen = gather.client_facts(Job(Address(docker_host=host), Unknown("none")), {})
    assert (seen.scheme, seen.loopback, seen.tls) == (scheme, loopback, tls)


def test_passwords_in_proxies_are_not_shown():
    environ = {"https_proxy": "http://me:sec@ret@proxy:3128", "NO_PROXY": "localhost"}
    seen = gather.client_facts(Job(Address(), Unknown("none")), environ)
    assert seen.proxies == ("http://***@proxy:3128",)
    assert seen.no_proxy == "localhost"
    assert engine_facts(info={"HttpProxy": "http://me:sec@ret@proxy:3128"}).engine.proxies == ("http://***@proxy:3128",)


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("28.2.2 1.50\n", ("28.2.2", (1, 50))),
        ("20.10.24+dfsg1 1.41\n", ("20.10.24+dfsg1", (1, 41))),
        ("", ("", ())),
        ("garbage\n", ("garbage", ())),
    ],
)
def test_the_docker_command(tmp_path, printed, expected):
    program = tmp_path / "docker"
    program.write_text("#!/bin/sh\n", encoding="ascii")
    program.chmod(0o755)
    calls = []

    def run(words, **options):
        calls.append((words, options))
        return SimpleNamespace(stdout=printed)

    seen = gather.read_cli({"PATH": str(tmp_path), "DOCKER_CONTEXT": "far", "DOCKER_HOST": "tcp://hung"}, run)
    assert (seen.version, seen.api) == expected
    [(words, options)] = calls
    assert words[0] == str(program)
    assert options["env"]["DOCKER_HOST"].startswith("unix:///nonexistent")
    assert "DOCKER_CONTEXT" not in options["env"]


def test_no_docker_command(tmp_path):
    assert gather.read_cli({"PATH": str(tmp_path)}) == CliFacts()


def test_a_daemon_that_is_not_there_leaves_no_fact_unexplained(tmp_path):
    job = Job(Address(docker_host=f"unix://{tmp_path}/docker.sock"), Unknown("none"), cli=False)
    facts, daemon = gather.gather(job, Until.after(5), {})
    assert daemon is None
    assert isinstance(facts.failure, Failure)
    assert facts.failure.id == "DAEMON_NOT_RUNNING"
    for part in (facts.engine, facts.storage, facts.host, facts.filesystems, facts.config, facts.network, facts.cli):
        assert isinstance(part, Unknown)


class FakeDaemon:
    """Answers inspect_image from a table; an exception in it is raised."""

    def __init__(self, reply):
        self.reply = reply

    def call(self, method, *_words, **_options):
        assert method == "inspect_image"
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


@pytest.mark.parametrize(
    ("reply", "present", "reason"),
    [
        (DaemonError("no such image", "", "DAEMON_ERROR", 404), False, "is not on this engine yet"),
        (DaemonError("it broke", "", "DAEMON_ERROR", 500), True, "cannot be inspected"),
        ({"Id": "sha256:ab", "Architecture": "x86_64", "Os": "linux", "Size": GIB}, True, "in check mode"),
        ({"Id": "sha256:ab", "Architecture": 7, "Os": None, "Size": "big"}, True, "in check mode"),
    ],
)
def test_images(reply, present, reason):
    seen = gather_daemon.guest_image(FakeDaemon(reply), "t/sys:1", "", create=False)
    assert seen.present is present
    assert reason in seen.systemd.reason


def test_lists_of_the_daemon():
    seen = gather_daemon.inventory(
        [
            {
                "Id": "f" * 64,
                "Name": "demo",
                "Driver": "bridge",
                "IPAM": {"Config": [{"Subnet": "10.33.0.0/28"}, {"Subnet": "bad"}]},
            }
        ],
        [
            {
                "Id": "c1",
                "Names": ["/web/alias", "/kaboom"],
                "State": "running",
                "Labels": {"a": "b", "c": 1},
                "Ports": [
                    {"IP": "0.0.0.0", "PublicPort": 5432, "PrivatePort": 5432, "Type": "tcp"},
                    {"PrivatePort": 22},
                ],
                "NetworkSettings": {"Networks": {"demo": {}}},
            }
        ],
    )
    assert seen.networks[0].subnets == ("10.33.0.0/28",)
    assert seen.networks[0].bridge == "br-" + "f" * 12
    assert (seen.containers[0].name, seen.containers[0].networks) == ("kaboom", ("demo",))
    assert seen.containers[0].ports == (("0.0.0.0", 5432, "tcp"),)


@pytest.mark.parametrize(
    ("words", "expected"), [({"cluster_id": " abc\n"}, "abc"), ({}, ""), ({"cluster_dir": "here"}, "from-file")]
)
def test_the_clusters_id(tmp_path, words, expected):
    (tmp_path / ".tpaexec-docker").mkdir()
    (tmp_path / ".tpaexec-docker" / "id").write_text("from-file\n", encoding="ascii")
    params = {"cluster_id": None, "cluster_dir": None, **words}
    if params["cluster_dir"]:
        params["cluster_dir"] = str(tmp_path)
    assert body.read_id(params) == expected


class Listing:
    """Answers `images` and nothing else."""

    def __init__(self, *tags):
        self.tags = tags

    def call(self, method, **_options):
        assert method == "images"
        return [{"RepoTags": [tag]} for tag in self.tags] + [{"RepoTags": None}, {}]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ((), ""),
        (("<none>:<none>",), ""),
        (("mine/el:9", "tpaexec/debian-systemd:12"), "tpaexec/debian-systemd:12"),
        (("b:1", "a:1"), "a:1"),
    ],
)
def test_the_canary_of_a_host_alone_takes_an_image_that_boots_everywhere(tags, expected):
    assert body.canary_image(engine_facts(), Listing(*tags)) == expected
