# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's frames; the streams of real daemons are in tests/integration/engines/test_exec.py."""

from __future__ import annotations

import io

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._exec import CHUNK, STDERR, STDOUT, frames

OUT, ERR = b"\x01\0\0\0\0\0\0\x06hello\n", b"\x02\0\0\0\0\0\0\x04oops"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", b""),
        (OUT + ERR, b"hello\noops"),
        (b"\x01\0\0\0\0\0\0\0" + OUT, b"hello\n"),
        (OUT + ERR[:-2], b"hello\noo"),
        (OUT + ERR[:5], b"hello\n"),
        (b"\x01\0\0\0\0\x01\0\0" + b"x" * 65536, b"x" * 65536),
    ],
)
def test_frames_of_an_exec(body, expected):
    found = list(frames(io.BytesIO(body)))
    assert b"".join(data for _stream, data in found) == expected
    assert {stream for stream, _data in found} <= {STDOUT, STDERR}


def test_streams_are_told_apart_and_a_long_frame_comes_in_pieces():
    size = CHUNK + 5
    body = b"\x02\0\0\0" + size.to_bytes(4, "big") + b"e" * size + OUT
    assert list(frames(io.BytesIO(body))) == [(STDERR, b"e" * CHUNK), (STDERR, b"e" * 5), (STDOUT, b"hello\n")]
