# SPDX-License-Identifier: GPL-3.0-or-later
"""The scripts around a command in a real shell, and what is heard of them."""

from __future__ import annotations

import io
import subprocess

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._enclosed import Heard, enclosed, is_whole


@pytest.mark.parametrize(
    ("command", "given", "count", "expected"),
    [
        (["sh", "-c", "echo out; echo err >&2; exit 7"], b"", None, (7, b"out\nEND", b"err\nEND")),
        (["cat"], b"\nabcd and more", 4, (0, b"abcdEND", b"END")),
        (["cat"], b"secret\nabcd", 4, (0, b"secret\nabcdEND", b"END")),
        (["cat"], b"secret\n", 0, (0, b"secret\nEND", b"END")),
        (["head", "-c", "1"], b"\nab", 2, (0, b"aEND", b"END")),
        (["printf", "%s|", "a b", "$HOME", "*"], b"", None, (0, b"a b|$HOME|*|END", b"END")),
    ],
)
def test_in_a_shell(command, given, count, expected):
    done = subprocess.run(enclosed(command, "END", count), input=given, capture_output=True, check=False, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == expected


@pytest.mark.parametrize(
    ("code", "said", "whole"),
    [
        (0, b"outEND", True),
        (0, b"out", False),
        (137, b"", False),
        (126, b"OCI runtime exec failed: exec failed: chdir to cwd", True),
        (127, b"cut in the middle", False),
        (1, b"not found", False),  # that command ran
    ],
)
def test_whether_all_was_heard(code, said, whole):
    one = Heard("END")
    one.add(said)
    assert is_whole(code, one) is whole


def test_what_is_forgotten() -> None:
    one = Heard("abcd")
    one.add(b"lecture\nBECOME-SUCCESS-x\nroot")
    one.forget(before=b"no such word")
    one.forget(before=b"BECOME-SUCCESS-x")
    assert one.text == b"BECOME-SUCCESS-x\nroot"
    one.forget()
    assert one.text == b""


def test_an_end_that_comes_in_pieces() -> None:
    sink = io.BytesIO()
    for one in (Heard("abcd", sink), Heard("abcd")):
        for piece in (b"xab", b"cab", b"c", b"d"):
            assert not one.whole
            one.add(piece)
        assert one.whole
        assert one.text == (b"" if one._sink else b"xabc")
    assert sink.getvalue() == b"xabc"
