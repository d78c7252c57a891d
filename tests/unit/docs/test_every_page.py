# SPDX-License-Identifier: GPL-3.0-or-later
"""Every command on every page is run by a test, or says why not; words and options in prose exist."""

from __future__ import annotations

import re
import shlex
import sys

import pytest

from ansible_collections.tpaexec.docker.tests.integration.examples.pages import COMMANDS, PAGES, TOP, blocks_of, normal

sys.path.insert(0, str(TOP / "bin"))

from _command.parsing import parse, parser_of
from _command.words import find

# Why a block is not run. A new reason has to be written here, too.
REASONS = {
    "bench.md": ["it takes a machine with nothing else to do; that each option is one is tested."],
    "several-hosts.md": ["these hosts are yours; tests/integration/several_hosts runs the words on hosts of its own."],
    "README.md": ["what `make demo` types is run below, and `make test` is all the tests."],
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
ELSEWHERE = {
    "README.md": ["tests/integration/examples/test_readme.py", "tests/integration/artifact/test_artifact.py"],
    "plain-ansible.md": ["tests/integration/examples/test_plain_ansible.py"],
}


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
    for where in ELSEWHERE.get(page.name, []):
        assert page.name in (TOP / where).read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_are_not_run_are_understood_at_least(page):
    for block in blocks_of(page.read_text(encoding="utf-8")):
        for command, _printed in block.steps() if block.language in COMMANDS and block.reason else []:
            words = shlex.split(command, comments=True)
            if words[0] == "tpaexec":
                parse(find(words[1]), words[2:])


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


def test_what_the_pages_make_are_targets_of_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        quoted = re.findall(r"`make\s([a-z-][^`]*)`", text)
        typed = re.findall(r"^(?:\$ )?make ([^#\n]*)", "".join(block.text for block in blocks_of(text)), re.MULTILINE)
        said = {word for words in quoted + typed for word in re.sub(r"\b[A-Z_]+=.*", "", words).split()}
        assert said <= targets, f"{page.name}: {sorted(said - targets)}"


def test_the_readme_lists_every_page():
    """Each row of its table leads somewhere, and no page of the site is left out."""
    text = (TOP / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\S+)\]\((\S+)\) \|", text, re.MULTILINE)
    assert all(shown == path and (TOP / path).is_file() for shown, path in rows)
    here = [str(page.relative_to(TOP)) for page in PAGES if page.name not in ("README.md", "SECURITY.md", "index.md")]
    assert sorted(shown for shown, _path in rows) == sorted(here)


def test_the_options_of_the_bench_on_its_page_exist():
    text = (TOP / "docs/bench.md").read_text(encoding="utf-8")
    said = re.findall(r'BENCH_ARGS="([^"]+)"', text)
    assert len(said) >= 4
    program = (TOP / "tests/bench/bench.py").read_text(encoding="utf-8")
    known = set(re.findall(r'add_argument\(\s*"(--[a-z-]+)"', program))
    assert {word for words in said for word in words.split() if word.startswith("-")} <= known


def test_contributing_has_every_target():
    """The table of CONTRIBUTING.md is what `make help` lists, and no less."""
    helped = set(re.findall(r"^([a-z-]+):.*## ", (TOP / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    table = re.findall(r"^\| (`make .*?) \|", (TOP / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    said = {name for row in table for name in re.findall(r"`make ([a-z-]+)`", row)}
    assert helped - {"help"} - said == set()


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
