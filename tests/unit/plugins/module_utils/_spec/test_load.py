# SPDX-License-Identifier: GPL-3.0-or-later
"""What text is read as what, and what is refused at which line."""

from __future__ import annotations

import datetime
import time
from typing import Any

import pytest
import yaml

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError
from ansible_collections.tpaexec.docker.plugins.module_utils._spec import load

PARSERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if hasattr(yaml, "CSafeLoader") else [])]


@pytest.fixture(params=PARSERS, ids=lambda parser: parser.__name__, autouse=True)
def parser(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every case with PyYAML's parser in Python and with libyaml's."""
    monkeypatch.setattr(load, "_Parser", request.param)


GOOD = [
    ("a: 1", {"a": 1}),
    ("a: [1, x, null, true, 1.5, ~]", {"a": [1, "x", None, True, 1.5, None]}),
    ("a: no", {"a": False}),
    ("a: '22:22'", {"a": "22:22"}),
    ("a: 2026-12-01", {"a": datetime.date(2026, 12, 1)}),
    ("a: !!str 5", {"a": "5"}),
    ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}),
    ("a: &x {b: 1, c: 2}\nd:\n  <<: *x\n  c: 3", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
    ("a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne: {<<: [*x, *y]}", None),
    ("a: '{{ x }}'", {"a": "{{ x }}"}),
    ("a: =", {"a": "="}),
    ("---\na: 1\n...\n", {"a": 1}),
    ("# only a comment\na: 1", {"a": 1}),
    ("\ufeffa: 1", {"a": 1}),
    ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
    ("'<<': 1", {"<<": 1}),
]


@pytest.mark.parametrize(("text", "data"), GOOD, ids=lambda value: value if isinstance(value, str) else "")
def test_plain_data_is_read_as_safe_load_reads_it(text: str, data: Any) -> None:
    found = load.read_config(text)
    assert found == (data if data is not None else yaml.safe_load(text))


BAD = [
    ("not YAML: an open bracket", "a: [1\nb: 2", "not YAML", None),
    ("not YAML: a tab", "a:\n\tb: 1", "tab character", "line 2"),
    ("not YAML: two colons", "a: b: c", "not YAML", "line 1, column 5"),
    ("a control character", "a: \x01", "not allowed", None),
    ("half a surrogate", "a: \ud800", "not UTF-8", None),
    ("half a surrogate, escaped", 'a: "\\ud800"', "", None),
    ("a key given twice", "a: 1\nb: 2\na: 3", 'The key "a" is given twice: first on line 1', "line 3, column 1"),
    ("a key given twice, quoted", "x:\n  a: 1\n  'a': 2", "given twice: first on line 2", "line 3, column 3"),
    ("a merge given twice", "a: &x {b: 1}\nc:\n  <<: *x\n  <<: *x", "given twice", "line 4"),
    ("nothing", "", "empty", None),
    ("only a comment", "# nothing", "empty", None),
    ("null", "---\n", "not a map", "line 2"),
    ("a list", "- a\n- b", "not a map", "line 1, column 1"),
    ("a word", "hello", "not a map", None),
    ("two documents", "a: 1\n---\nb: 2", "second YAML document", "line 2"),
    ("a list as a key", "? [a]\n: 1", "A key is one word", "line 1"),
    ("an alias of nothing", "a: *x", "no &x stands before", "line 1, column 4"),
    ("an alias inside itself", "a: &x [1, *x]", "stands inside what it repeats", "line 1"),
    ("an alias inside itself, deeper", "a: &x {b: {c: *x}}", "stands inside what it repeats", "line 1"),
    ("a merge of a word", "a: {<<: b}", "takes a map", "line 1"),
    ("a Python object", "a: !!python/object/apply:os.system [id]", "not plain data", "line 1, column 4"),
    ("a set", "a: !!set {b, c}", "not plain data", "line 1"),
    ("binary", "a: !!binary aGk=", "not plain data", "line 1"),
    ("a tag of one's own", "a: !mine b", "!mine is not plain data", "line 1"),
    ("Ansible's vault", "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3031", "inventory/group_vars", "line 1"),
    ("Ansible's unsafe", "a: !unsafe '{{ x }}'", "!unsafe cannot be used", "line 1"),
    ("a number to base 60", "published_ports: [22:22]", 'Write "22:22" in quotes', "line 1, column 19"),
    ("a day that is none", "a: 2026-13-45", "no valid timestamp", "line 1"),
    ("a tag that does not fit", "a: !!int x", "no valid int", "line 1"),
    ("another tag that does not fit", "a: !!timestamp x", "no valid timestamp", "line 1"),
    ("a number beyond all measure", "a: " + "9" * 5000, "no valid int", "line 1"),
    ("too deep", "a: " + "[" * 100 + "]" * 100, "nested more than", "line 1"),
    ("far too deep", "a: " + "[" * 100_000, "nested more than", "line 1"),
    ("too deep in maps", "{a: " * 100_000, "nested more than", "line 1"),
    ("too long", "a: " + "b" * 5_000_000, "longer than", None),
]


@pytest.mark.parametrize(("name", "text", "message", "place"), BAD, ids=[case[0] for case in BAD])
def test_anything_else_is_refused_with_its_line(name: str, text: str, message: str, place: Any) -> None:
    with pytest.raises(ConfigError) as raised:
        load.read_config(text)
    [problem] = raised.value.problems
    assert message in str(problem)
    assert place is None or place in problem.place
    assert "Mend config.yml" in str(raised.value)
    str(raised.value).encode()


def laughs(open_bracket: str = "[", close_bracket: str = "]") -> str:
    lines = ['a0: &a0 ["lol"]']
    for level in range(1, 30):
        again = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} {open_bracket}{again}{close_bracket}")
    return "\n".join(lines)


@pytest.mark.parametrize(
    "text",
    [
        laughs(),
        laughs("{<<: [", "]}").replace('["lol"]', "{lol: 1}"),
        "a: &a " + "x" * 100_000 + "\nb: [" + ", ".join(["*a"] * 10_000) + "]",
    ],
    ids=["lists of lists", "merges of merges", "one long text"],
)
def test_expansion_without_bounds_is_refused_at_once(text: str) -> None:
    started = time.process_time()
    with pytest.raises(ConfigError, match="expands without bounds"):
        load.read_config(text)
    assert time.process_time() - started < 2


def test_yaml_missing_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "YAML_ERROR", "No module named 'yaml'")
    with pytest.raises(Exception, match="pip install PyYAML"):
        load.read_config("a: 1")
