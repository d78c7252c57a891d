# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody else's things: every word of the command, with somebody else's containers and network in the cluster's way.

Once under the names that the cluster wants, before it is there; once beside a cluster that is there, in the place of a
node that was removed and as a guest in its network. What the daemon says of them is the same after every word.
"""

from __future__ import annotations

import contextlib
import copy
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import docker
import pytest

from ansible_collections.tpaexec.docker.tests.integration.cluster.conftest import fixed_network, foreign

from .conftest import COMMAND, Run

NAME, SUBNET = "t-for", "10.46.9"
UNO, DUE, GUEST, IMAGE = "t-for-uno", "t-for-due", "t-for-guest", "t-for/theirs:1"
LABELS = {"Cluster": NAME, "Name": DUE, "tpaexec.docker.id": "0b8bd3c6-aaaa-4c1d-9e0e-000000000000"}
TAKEN = "someone else's"
# Every word that a directory without an inventory can be given, and what it says of what is in the way.
WORDS_BEFORE = (
    (("preflight",), ("NAME_TAKEN", DUE, f"network {NAME}")),
    (("provision",), ("NAME_TAKEN", DUE, f"network {NAME}")),
    (("provision", "--check", "--diff"), ("NAME_TAKEN", DUE)),
    (("provision", "--recreate", "all", "--prune", "--ignore", "NAME_TAKEN", "SUBNET_OVERLAP"),
     (f"{DUE}: a container of this name belongs to someone else", f"docker_networks.{NAME}: a network of this name")),
    (("ping",), ("tpaexec provision",)),
    (("cmd", "-a", "touch /entered"), ("tpaexec provision",)),
    (("playbook", "enter.yml"), ("tpaexec provision",)),
    (("ssh", DUE, "touch /entered"), ("tpaexec provision",)),
    (("list-containers",), (DUE, "foreign")),
    (("diagram",), ()),
    (("report",), ()),
    (("start-containers",), (TAKEN,)),
    (("stop-containers",), (TAKEN,)),
    (("stop-containers", DUE), (TAKEN,)),
    (("bundle", "{tmp}/images.tar"), ()),
    (("deprovision",), (TAKEN,)),
    (("deprovision", "--remove-volumes"), (TAKEN,)),
)  # fmt: skip
WORDS_BESIDE = (
    (("preflight",), ("NAME_TAKEN", DUE)),
    (("provision",), ("NAME_TAKEN", DUE)),
    (("provision", "--recreate", "all", "--prune", "--ignore", "NAME_TAKEN"),
     (f"{DUE}: a container of this name belongs to someone else",)),
    (("ping",), (DUE, TAKEN)),
    (("cmd", "-m", "ansible.builtin.raw", "-a", "touch /entered"), (DUE, TAKEN)),
    (("playbook", "enter.yml"), (DUE, TAKEN)),
    (("ssh", DUE, "touch /entered"), (f"{SUBNET}.3",)),
    (("list-containers",), (DUE, "foreign")),
    (("diagram",), ()),
    (("report",), ()),
    (("stop-containers",), (DUE, TAKEN)),
    (("start-containers",), (DUE, TAKEN)),
    (("bundle", "{tmp}/images.tar"), ()),
    (("images",), ()),
    (("deprovision", "--remove-volumes"), (DUE, TAKEN, "other containers are attached")),
    (("deprovision",), (DUE, TAKEN)),
)  # fmt: skip


def ours(image: str) -> str:
    return (
        f"cluster_name: {NAME}\ncluster_vars: {{preferred_python_version: python3}}\n"
        f"docker_networks: [{{name: {NAME}, ipam_config: [{{subnet: {SUBNET}.0/28}}]}}]\n"
        f"instance_defaults: {{platform: docker, image: '{image}', vars: {{ansible_user: root}}}}\n"
        f"instances:\n- {{Name: {UNO}, node: 1, ip_address: {SUBNET}.2}}\n"
        f"- {{Name: {DUE}, node: 2, ip_address: {SUBNET}.3}}\n"
    )


@pytest.fixture
def directory(tmp_path: Path, guest_image: str, sdk: Any) -> Iterator[Path]:
    path = tmp_path / NAME
    path.mkdir()
    (path / "config.yml").write_text(ours(guest_image))
    (path / "enter.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks: [{ansible.builtin.raw: touch /entered}]\n"
    )
    clear(sdk)
    yield path
    clear(sdk)


def clear(sdk: Any) -> None:
    for name in (UNO, DUE, GUEST):
        with contextlib.suppress(docker.errors.NotFound):
            sdk.containers.get(name).remove(force=True, v=True)
    with contextlib.suppress(docker.errors.NotFound):
        sdk.networks.get(NAME).remove()


class Theirs:
    """Somebody else's containers, networks and image, as the daemon tells of them."""

    def __init__(self, sdk: Any, containers: list[str], networks: list[str]) -> None:
        self.sdk, self.containers, self.networks = sdk, containers, networks
        self.before = self.seen()

    def seen(self) -> dict[str, Any]:
        """All that inspecting gives, and what the containers' file systems hold more than their images."""
        found: dict[str, Any] = {"image": self.sdk.images.get(IMAGE).attrs}
        for name in self.containers:
            container = self.sdk.containers.get(name)
            attrs = copy.deepcopy(container.attrs)
            attrs.pop("ExecIDs", None)  # of looks that the test itself takes
            found[name] = (attrs, container.diff())
        for name in self.networks:
            attrs = self.sdk.networks.get(name).attrs
            # the members of the cluster's network are ours, too, and come and go
            members = {ident: words for ident, words in attrs["Containers"].items() if words["Name"] in self.containers}
            found[f"network {name}"] = {**attrs, "Containers": members}
        return found


def every_word(tpaexec: Run, directory: Path, theirs: Theirs, words: Any) -> None:
    for line, said in words:
        argv = [word.format(tmp=directory.parent) for word in line]
        place = [] if argv[0] == "images" else [directory]
        done = tpaexec(argv[0], *place, *argv[1:])
        text = " ".join((done.stdout + done.stderr).split())
        for part in said:
            assert part in text, f"{argv} does not say {part}:\n{done.stdout}\n{done.stderr}"
        assert theirs.seen() == theirs.before, f"{argv} changed what is somebody else's:\n{done.stdout}\n{done.stderr}"


@pytest.fixture
def their_image(sdk: Any, guest_image: str) -> Iterator[str]:
    """Theirs by name: an image that no config.yml of ours names."""
    sdk.images.get(guest_image).tag(*IMAGE.split(":"))
    yield IMAGE
    sdk.images.remove(IMAGE, noprune=True)


def test_the_table_has_every_word(tpaexec: Run) -> None:
    """A word that is added to the command has to be added here."""
    listed = tpaexec("--help").stdout
    tested = {line[0] for line, _said in (*WORDS_BEFORE, *WORDS_BESIDE)}
    words = {line.split()[0] for line in listed.splitlines() if line.startswith("  ") and line.split()[0].islower()}
    known = {word for word in words if tpaexec(word, "--help").returncode == 0}
    assert known - tested <= {"configure", "install-docker", "completion"}  # these ask no daemon for a cluster
    assert COMMAND


def test_under_the_names_that_the_cluster_wants(tpaexec, directory, sdk, their_image) -> None:
    with contextlib.ExitStack() as stack:
        network = fixed_network(sdk, NAME, f"{SUBNET}.0/28", labels={"whose": "theirs"})
        stack.callback(network.remove)
        stack.enter_context(foreign(sdk, their_image, DUE, NAME, labels=LABELS))
        theirs = Theirs(sdk, [DUE], [NAME])
        every_word(tpaexec, directory, theirs, WORDS_BEFORE)
        assert not [one for one in sdk.containers.list(all=True) if one.name == UNO]


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("docker"), reason="Ansible's docker connection needs the docker command")
def test_beside_a_cluster_that_is_there(tpaexec, directory, sdk, their_image) -> None:
    done = tpaexec("provision", directory)
    assert done.returncode == 0, done.stdout + done.stderr
    sdk.containers.get(DUE).remove(force=True, v=True)
    with contextlib.ExitStack() as stack:
        stack.enter_context(foreign(sdk, their_image, DUE, NAME, labels=LABELS))
        stack.enter_context(foreign(sdk, their_image, GUEST, NAME))
        theirs = Theirs(sdk, [DUE, GUEST], [NAME])
        every_word(tpaexec, directory, theirs, WORDS_BESIDE)
        assert not [one for one in sdk.containers.list(all=True) if one.name == UNO]
        assert (directory / "config.yml").exists()
