# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of words: complete, consistent, and each with help that shows how it is used."""

from __future__ import annotations

import ast
import re
from typing import Iterator

import pytest
from _command.errors import UsageError
from _command.main import usage
from _command.parsing import parse, parser_of
from _command.words import OWN, WORDS, find

from ansible_collections.tpaexec.docker.plugins.module_utils._spec.configure import FAILOVER_MANAGERS, Wishes

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
def test_help_is_plain(one, monkeypatch):
    """No variable's name, no list in braces, something said of every argument, and no line that a terminal breaks."""
    monkeypatch.setenv("COLUMNS", "80")
    text = parser_of(one).format_help()
    for action in parser_of(one)._actions:
        assert action.help, action.dest
        assert action.nargs == 0 or re.fullmatch(r"[A-Z]+|M1|docker|centos", action.metavar or ""), action.dest
    assert "{" not in text
    assert max(map(len, text.splitlines())) <= 80
    assert ("go behind '--'" in text) == (not one.runs.startswith("!"))


def test_help_shows_what_is_passed_on():
    for one in (word(name) for name in ("cmd", "playbook", "ssh")):
        usage_line = parser_of(one).format_help().splitlines()[0]
        assert usage_line.startswith(f"usage: tpaexec {one.name} [-h] DIR ")
        assert usage_line.endswith(one.verbatim)


def test_defaults_in_the_help_of_configure_are_those_that_are_taken():
    text = re.sub(r"\s+", " ", parser_of(word("configure")).format_help())
    wishes = Wishes("demo")
    assert f"each location; default: {wishes.data_nodes}" in text
    assert f"the primary; default: {' '.join(wishes.locations)}" in text
    assert f"--postgres-version V default: {wishes.postgres_version}" in text
    assert f"{', '.join(FAILOVER_MANAGERS[:-1])} or {FAILOVER_MANAGERS[-1]}; default: {wishes.failover_manager}" in text
    assert f"--architecture M1 default: {wishes.architecture}" in text


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


def _strings(source: str) -> Iterator[str]:
    """Every text in Python source, with X for what is filled in."""
    inside: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            inside.update(id(part) for part in ast.walk(node) if part is not node)
            parts = [str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values]
            yield "".join(parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


def test_commands_that_are_proposed_exist():
    """`tpaexec WORD … --option` in any text: the word is one, and the option is that word's."""
    sources = [*(TOP / "plugins").rglob("*.py"), *(TOP / "bin" / "_command").glob("*.py")]
    texts = [(path, text) for path in sources for text in _strings(path.read_text(encoding="utf-8"))]
    texts += [(path, path.read_text(encoding="utf-8")) for path in (TOP / "roles").rglob("tasks/*.yml")]
    # What follows cmd, playbook and ssh are other programs' options.
    ours = [one for one in WORDS if one.name not in ("cmd", "playbook", "ssh")]
    known = {one.name: set(parser_of(one)._option_string_actions) for one in ours}
    found, wrong = 0, []
    for path, text in texts:
        for word, rest in re.findall(r"\btpaexec ([a-z][a-z-]+)((?: +(?!-- )[-\w./@=]+)*)", text):
            options = set(re.findall(r"(?<= )--[a-z][a-z-]*", rest))
            if word in known:
                found += 1
                wrong += [f"{path.name}: {word} {option}" for option in options - known[word]]
            elif options and not find(word):
                wrong.append(f"{path.name}: {word}")
    assert found > 30
    assert wrong == []
