# SPDX-License-Identifier: GPL-3.0-or-later
"""The command where things are not as they should be: closed streams, a locale that Ansible refuses, exported tags."""

from __future__ import annotations

import subprocess
import sys

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
