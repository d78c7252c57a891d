# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._cluster import ping
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError


class FakeDaemon:
    """Answers one exec with *output*, or refuses it."""

    def __init__(self, output: bytes = b"", error: DaemonError | None = None) -> None:
        self.output, self.error = output, error

    def call(self, method: str, *args: object, **kwargs: object) -> object:
        if self.error:
            raise self.error
        return {"exec_create": {"Id": "1"}, "exec_start": self.output, "exec_inspect": {"ExitCode": 0}}[method]


ANSWERS = [
    (FakeDaemon(b"3.99.2\n"), True, "3.99.2", True),
    (FakeDaemon(b"2.6.6\n"), True, "2.6.6", False),
    (FakeDaemon(b""), True, "", False),
    (FakeDaemon(b"\xff\xfe garbage"), True, "", False),
    (FakeDaemon(error=DaemonError("gone", status=404)), False, "", False),
    (FakeDaemon(error=DaemonError("stopped", status=409)), False, "", False),
    (FakeDaemon(error=DaemonError("It hangs.", "Look at it.")), False, "", False),
]


@pytest.mark.parametrize(("daemon", "answers", "python", "usable"), ANSWERS)
def test_every_answer_is_data(daemon, answers, python, usable):
    found = ping.ask(daemon, "uno", "/usr/bin/python3").as_dict()
    assert (found["answers"], found["python"], found["usable"]) == (answers, python, usable)
    assert found["text"]


class Labelled(FakeDaemon):
    """A container with these labels; entering it is what must not happen to somebody else's."""

    def __init__(self, **labels: str) -> None:
        super().__init__(b"3.99.2\n")
        self.labels, self.entered = labels, False

    def call(self, method: str, *args: object, **kwargs: object) -> object:
        if method == "inspect_container":
            return {"Config": {"Labels": self.labels or None}}
        self.entered = True
        return super().call(method, *args, **kwargs)


@pytest.mark.parametrize(
    ("labels", "asked"),
    [
        ({"tpaexec.docker.id": "mine", "Cluster": "demo"}, True),
        ({"Cluster": "demo"}, True),  # TPA made it
        ({"tpaexec.docker.id": "another", "Cluster": "demo"}, False),
        ({"Cluster": "other"}, False),
        ({}, False),
    ],
)
def test_somebody_elses_container_is_not_entered(labels, asked):
    daemon = Labelled(**labels)
    answer = ping.ask(daemon, "uno", "", ping.Owner("demo", "mine"))
    assert (not answer.problem, daemon.entered) == (asked, asked)
    assert asked or "someone else's" in answer.text


def test_the_cluster_is_the_directorys(tmp_path):
    (tmp_path / "config.yml").write_text("cluster_name: demo\n")
    assert ping.whose("") is None
    assert ping.whose(str(tmp_path / "without-config")) is None
    assert ping.whose(str(tmp_path)) == ping.Owner("demo", "")
    ident = "11111111-1111-4111-8111-111111111111"
    (tmp_path / ".tpaexec-docker").mkdir()
    (tmp_path / ".tpaexec-docker" / "id").write_text(ident)
    assert ping.whose(str(tmp_path)) == ping.Owner("demo", ident)


@pytest.mark.parametrize(
    ("python", "least", "usable"),
    [
        ("3.8.1", (3, 8), True),
        ("3.7.9", (3, 8), False),
        ("2.7.5", (3, 8), False),
        ("2.7.5", None, True),
        ("3.6.8", None, True),
        ("3.5.2", None, False),
        ("2.6.6", None, False),
    ],
)
def test_which_python_ansible_can_use(python, least, usable):
    assert ping.can_use(python, least) is usable
