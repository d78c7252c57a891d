# SPDX-License-Identifier: GPL-3.0-or-later
"""Every message in the sources (tests/tools/messages.py collects them) says what to do, in words, and in a sentence."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
TOOL = TOP / "tests" / "tools" / "messages.py"
spec = importlib.util.spec_from_file_location("messages", TOOL)
assert spec
assert spec.loader
messages = importlib.util.module_from_spec(spec)
spec.loader.exec_module(messages)
ALL = messages.collected()

# What a message without a remedy of its own says: what is needed, or what is allowed.
PRESCRIBES = re.compile(r"\b(needed|needs|must|only|between|did you mean|allowed|can be|instead)\b", re.IGNORECASE)
IMPERATIVES = frozenset(
    re.findall(
        r"\w+",
        "give write use name run install set put take mend check look free make start stop remove restore wait add "
        "leave raise choose say move upgrade log ask shorten let keep lower restart switch report rename try read "
        "replace open mount unmount correct declare describe detach save reserve get see",
    )
)
# Whose remedy comes from elsewhere, and from where.
ELSEWHERE = {
    ("plugins/module_utils/_client.py", "The Docker daemon refused"): "by the engine's words: _cluster.explain, _image",
    ("plugins/module_utils/_image/ship.py", "Loading"): "the engine's own error, which is filled in, has one",
    ("bin/_command/parsing.py", "{…}{…}."): "argparse's own words",
    ("bin/_command/arguments.py", "{…} does not end in"): "the parser says `Mend --output:` before it",
}


def says_what_to_do(message) -> bool:
    if message.remedy or PRESCRIBES.search(message.text):
        return True
    if set(re.findall(r"[a-z]+", message.text.lower())) & IMPERATIVES:
        return True
    path = message.place.rsplit(":", 1)[0]
    return any(path == where and message.text.startswith(begun) for where, begun in ELSEWHERE)


ERRORS = {*messages.CALLS, "add", "fail"} - {"Rule"}


def test_it_collects_them():
    """A tool that finds nothing would let everything pass."""
    kinds = {one.kind for one in ALL}
    assert {*ERRORS, "Rule", "finding", "warn"} - kinds <= {"AnsibleError", "AnsibleFilterError"}
    assert len(ALL) > 500
    source = 'def f(x):\n    text = f"No {x!r}."\n    raise PlatformError(text, "")\n'
    (found,) = messages.of_source(f"{source}", "x.py")
    assert (found.text, found.remedy, found.reprs) == ("No {…}.", "", False)
    (found,) = messages.of_source('raise BadValue(f"No {x!r}.")\n', "x.py")
    assert found.reprs
    assert not says_what_to_do(found)


def test_each_says_what_to_do():
    silent = [f"{one.place}: {one.text}" for one in ALL if one.kind in ERRORS and not says_what_to_do(one)]
    assert silent == [], "give each a remedy"


def test_each_kind_of_finding_has_a_remedy():
    source = (TOP / "plugins/module_utils/_checks/image_content.py").read_text()
    silent = [one for one in ALL if one.kind == "Rule" and not one.remedy]
    assert all(re.search(rf'"info", "{re.escape(one.text)}"', source) for one in silent), silent


def test_none_shows_a_python_repr_or_a_template():
    assert [f"{one.place}: {one.text}" for one in ALL if one.reprs] == [], "use quoted() of _errors"
    assert [one.place for one in ALL if "{{" in one.whole or "%s" in one.whole] == []


def test_each_is_a_sentence():
    odd = []
    for one in ALL:
        text = one.text.strip()
        begins = (
            text[:1].isupper() or text[:1].isdigit() or text[:1] in "{`'/-'\"" or text.split(maxsplit=1)[0].islower()
        )
        if one.kind in ERRORS - {"ArgumentTypeError", "DaemonError"} and not (begins and text[-1:] in ".:}?!)"):
            odd.append(f"{one.place}: {text}")
    assert odd == []


def test_every_exception_in_elsewhere_is_still_needed():
    texts = {(one.place.rsplit(":", 1)[0], one.text) for one in ALL}
    for where, begun in ELSEWHERE:
        assert any(path == where and text.startswith(begun) for path, text in texts), (where, begun)
