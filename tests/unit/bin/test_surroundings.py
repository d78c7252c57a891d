# SPDX-License-Identifier: GPL-3.0-or-later
"""The command where things are not as they should be: closed streams, a locale that Ansible refuses, a home."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from .conftest import Command


@pytest.fixture(name="directory")
def _directory(command: Command) -> str:
    (command.base / "c").mkdir()
    (command.base / "c" / "config.yml").write_text("cluster_name: c\n")
    return "c"


@pytest.mark.parametrize("closed", [">&-", "<&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_leads_nowhere(command: Command, directory: str, closed: str) -> None:
    line = f'exec "$0" "$1" provision {directory} {closed}'
    done = subprocess.run(
        ["sh", "-c", line, sys.executable, str(command.top / "bin" / "tpaexec")],
        cwd=command.base, env=command.env, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert command.started


@pytest.mark.parametrize("locale", ["C", "POSIX", "xx_YY.UTF-8"])
def test_ansible_gets_a_locale_that_it_starts_in(command: Command, directory: str, locale: str) -> None:
    assert command.run("provision", directory, LC_ALL=locale).returncode == 0
    assert command.told["env"]["LC_ALL"] == "C.UTF-8"


def test_a_good_locale_is_kept(command: Command, directory: str) -> None:
    command.run("provision", directory, LC_CTYPE="C.UTF-8")
    assert "LC_ALL" not in command.told["env"]


def test_exported_tags_do_not_leave_out_steps(command: Command, directory: str) -> None:
    command.run("provision", directory, ANSIBLE_RUN_TAGS="mine", ANSIBLE_SKIP_TAGS="always")
    assert not {"ANSIBLE_RUN_TAGS", "ANSIBLE_SKIP_TAGS"} & set(command.told["env"])


@pytest.fixture(name="no_home")
def _no_home(command: Command) -> dict[str, str]:
    """A home in which nothing can be made, for root neither."""
    (command.base / "a file").write_text("")
    return {"HOME": str(command.base / "a file" / "home"), "TMPDIR": str(command.base)}


@pytest.mark.parametrize("argv", [["provision"], ["cmd", "-a", "true"]], ids=lambda argv: argv[0])
def test_a_home_that_cannot_be_written_is_no_obstacle(command: Command, directory: str, no_home, argv) -> None:
    (command.base / directory / "inventory").mkdir()
    done = command.run(argv[0], directory, *argv[1:], **no_home)
    assert (done.returncode, done.stderr) == (0, "")
    place = Path(command.told["env"]["ANSIBLE_HOME"])
    assert place.parent == command.base
    assert place.stat().st_mode & 0o777 == 0o700
    command.run(argv[0], directory, *argv[1:])
    assert "ANSIBLE_HOME" not in command.told["env"]


def test_a_place_that_others_may_write_is_not_taken(command: Command, directory: str, no_home) -> None:
    command.run("provision", directory, **no_home)
    Path(command.told["env"]["ANSIBLE_HOME"]).chmod(0o777)
    done = command.run("provision", directory, **no_home)
    assert (done.returncode, done.stdout, command.started) == (1, "", False)
    assert done.stderr.startswith("error: Set ANSIBLE_HOME to a directory of yours that can be written")
