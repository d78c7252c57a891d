# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command on every page is run by a test, or says why not; words and options in prose exist."""

from __future__ import annotations

import re
import sys

import pytest

from ansible_collections.tpaexec.docker.tests.integration.examples.pages import COMMANDS, DOCS, TOP, blocks_of, normal

sys.path.insert(0, str(TOP / "bin"))

from _command.parsing import parser_of
from _command.words import find

PAGES = sorted(DOCS.glob("*.md"))
# Why a block is not run. A new reason has to be written here, too.
REASONS = {
    "tutorial.md": ["it is what the tests themselves begin with, and it installs Docker."],
    "install-docker.md": [
        "it asks the distribution's archive; tests/integration/engine_role runs the role itself.",
        "the machine that runs them has Docker; `make engine` has installed it this way.",
    ],
    "storage.md": [
        "it prints nothing where the driver is another one; the finding is tested with real engines' answers."
    ],
    "no-network.md": [
        "it needs the network, which they do not; the tarball itself is installed by tests/integration/artifact."
    ],
    "ci.md": ["your-tests.yml is yours; tests/integration runs the same words."],
}
# Pages that a test of their own runs, or holds against the program.
ELSEWHERE = {"plain-ansible.md": "tests/integration/examples/test_plain_ansible.py"}


def run_by_test_pages() -> set[str]:
    text = (TOP / "tests/integration/examples/test_pages.py").read_text(encoding="utf-8")
    return set(re.findall(r'"([a-z-]+\.md)"', text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_run_or_say_why_not(page):
    everything = blocks_of(page.read_text(encoding="utf-8"))
    assert not [one.text for one in everything if one.language not in COMMANDS and re.search(r"^\$ ", one.text, re.M)]
    blocks = [block for block in everything if block.language in COMMANDS]
    assert [block.reason for block in blocks if block.reason] == REASONS.get(page.name, [])
    run = [block for block in blocks if not block.reason]
    assert not run or page.name in run_by_test_pages() | set(ELSEWHERE), f"{page.name}: nobody runs {run[0].text}"
    for where in ELSEWHERE.values():
        assert (TOP / where).exists()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_words_and_options_in_prose_exist(page):
    for said in re.findall(r"`(?:bin/)?(tpaexec [a-z][^`|]*)`", page.read_text(encoding="utf-8")):
        name, *rest = said.split()[1:]
        word = find(name)
        if not word:
            # TPA's own words.
            assert name in ("deploy", "upgrade", "test", "configure"), f"{page.name}: {said}"
            continue
        known = parser_of(word)._option_string_actions
        own = [] if word.verbatim else rest[: rest.index("--")] if "--" in rest else rest
        options = [part.split("=")[0] for part in own if part.startswith("--")]
        assert not [option for option in options if option not in known], f"{page.name}: {said}"


def test_only_what_varies_is_left_out_of_a_comparison():
    one = "ok Read\n  bruno created 0.1 s, ready 2 s\n  alba created 1.1 s, ready 3 s\nalba 10.0.0.1 running"
    two = "ok Read\n  alba created 9.1 s, ready 1 s\n  bruno created 0.1 s, ready 2 s\nalba 10.0.9.7   running"
    assert normal(one) == normal(two)
    assert normal(one) != normal(two.replace("running", "stopped"))
    assert normal(one) != normal(two.replace("bruno", "clara"))
    assert normal("a 10.0.0.1\nb 10.0.0.1") != normal("a 10.0.0.1\nb 10.0.0.2")


def test_marks_belong_to_the_block_under_them():
    first = "*Not run by the tests: so.*\n\n```sh\na\n```\n\n```sh\nb\n```\n\n"
    page = first + "*Run by `make test-long`.*\n\n```console\n$ c\nd\n```\n"
    first, second, third = blocks_of(page)
    assert (first.reason, second.reason, third.reason) == ("so.", "", "")
    assert third.long
    assert third.steps() == [("c", "d\n")]
