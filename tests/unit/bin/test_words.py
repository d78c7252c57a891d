# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of words: complete, consistent, and each with help that shows how it is used."""

from __future__ import annotations

import re

import pytest
from _command.errors import UsageError
from _command.main import usage
from _command.parsing import parse, parser_of
from _command.words import OWN, WORDS, find

from .conftest import TOP

PROMISED = ["configure", "provision", "deprovision", "preflight", "ping", "cmd", "playbook", "ssh"]
PROMISED += ["start-containers", "stop-containers", "list-containers"]

PREFIXES = ("cluster", "preflight", "guest", "configure", "engine", "diagram", "report")


def word(name: str):
    found = find(name)
    assert found
    return found


def test_every_promised_word_is_there():
    assert set(PROMISED) <= {one.name for one in WORDS}


def test_help_fits_one_screen():
    lines = usage().splitlines()
    assert len(lines) <= 24
    assert [line[:8].strip() for line in lines if line[:8].strip() in ("Make", "Use", "See", "Keep", "Images")]
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("one", WORDS, ids=lambda one: one.name)
def test_help_has_an_example_that_parses(one):
    text = parser_of(one).format_help()
    assert "Example:" in text
    for example in one.examples:
        assert example in text
        argv = re.findall(r"'[^']*'|\S+", example)
        assert argv[:2] == ["tpaexec", one.name]
        parse(one, argv[2:])


@pytest.mark.parametrize("one", WORDS, ids=lambda one: one.name)
def test_variables_carry_the_prefix_of_the_role_or_playbook_that_reads_them(one):
    for action in parser_of(one)._actions:
        if action.dest not in OWN | {"help", "cluster_dir", "node", "shell"}:
            assert action.dest.split("_")[0] in PREFIXES, action.dest


@pytest.mark.parametrize("one", [one for one in WORDS if not one.runs.startswith("!")], ids=lambda one: one.name)
def test_the_playbook_exists(one):
    assert (TOP / "playbooks" / f"{one.runs}.yml").is_file()


PARSED = [
    ("provision", ["d"], {"cluster_dir": "d", "check": False, "cluster_recreate": None}, []),
    ("provision", ["--check", "--diff", "d"], {"cluster_dir": "d", "check": True, "diff": True}, []),
    ("provision", ["d", "--recreate", "a", "b"], {"cluster_recreate": ["a", "b"]}, []),
    (
        "provision",
        ["d", "--recreate", "a", "--recreate", "b", "-v"],
        {"cluster_recreate": ["a", "b"], "verbosity": 1},
        [],
    ),
    (
        "provision",
        ["d", "--ignore", "A", "B", "--prune", "--adopt"],
        {"preflight_ignore": ["A", "B"], "cluster_adopt": True},
        [],
    ),
    ("provision", ["d", "--", "--flush-cache", "-e", "x=1"], {"cluster_dir": "d"}, ["--flush-cache", "-e", "x=1"]),
    ("start-containers", ["d"], {"cluster_nodes": []}, []),
    ("start-containers", ["d", "a", "b"], {"cluster_nodes": ["a", "b"]}, []),
    ("stop-containers", ["d", "a", "-q", "b"], {"cluster_nodes": ["a", "b"], "quiet": True}, []),
    ("list-containers", ["d", "--format", "json"], {"output": "json"}, []),
    ("preflight", [], {"cluster_dir": None, "output": "table"}, []),
    ("preflight", ["-i", "h,", "--canary"], {"inventory": "h,", "preflight_canary": True}, []),
    ("cmd", ["d", "all", "-m", "ping", "--", "x"], {"cluster_dir": "d"}, ["all", "-m", "ping", "--", "x"]),
    ("cmd", ["d", "-v", "--help"], {"cluster_dir": "d"}, ["-v", "--help"]),
    ("playbook", ["d", "x.yml", "--check"], {"cluster_dir": "d"}, ["x.yml", "--check"]),
    ("ssh", ["d", "n", "ls", "-l", "--help"], {"cluster_dir": "d", "node": "n"}, ["ls", "-l", "--help"]),
]


@pytest.mark.parametrize(("name", "argv", "expected", "rest"), PARSED, ids=lambda value: str(value)[:40])
def test_parsing(name, argv, expected, rest):
    options, left = parse(word(name), argv)
    assert {key: options[key] for key in expected} == expected
    assert left == rest


REFUSED = [
    ("provision", [], "DIR"),
    ("provision", ["d", "e"], "no more arguments"),
    ("provision", ["d", "--recreat", "a"], "Did you mean '--recreate'"),
    ("provision", ["d", "--chek"], "Did you mean '--check'"),
    ("provision", ["d", "--recreate"], "expected at least one argument"),
    ("configure", ["d"], "--platform"),
    ("configure", ["d", "--platform", "docker", "--data-nodes-per-location", "two"], "two"),
    ("list-containers", ["d", "--format", "xml"], "xml"),
    ("ssh", ["d"], "NODE"),
    ("cmd", [], "DIR"),
]


@pytest.mark.parametrize(("name", "argv", "said"), REFUSED, ids=lambda value: str(value)[:40])
def test_wrong_usage_says_what(name, argv, said):
    with pytest.raises(UsageError, match=re.escape(said)):
        parse(word(name), argv)


def test_options_are_not_abbreviated():
    with pytest.raises(UsageError):
        parse(word("deprovision"), ["d", "--remove-vol"])


def test_the_page_shows_the_real_help():
    page = (TOP / "docs" / "command.md").read_text(encoding="utf-8")
    assert f"```text\n{usage()}```" in page
