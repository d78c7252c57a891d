# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.tpaexec.docker.plugins.plugin_utils._progress import Progress

STEPS = [
    ("network n", "create", None),
    ("network n", "create", 0.1),
    ("uno", "create", None),
    ("due", "create", None),
    ("uno", "create", 0.5),
    ("uno", "boot", None),
    ("uno", "boot", 1.25),
]


def told(live: bool, height: int = 24) -> list[str]:
    written: list[str] = []
    progress = Progress(written.append, live, 60, height)
    for step in STEPS:
        progress.step(*step)
    progress.finish()
    return written


def test_a_log_has_a_line_a_node():
    assert [line.split() for line in told(live=False)] == [
        ["network", "n", "created", "0.1", "s"],
        ["uno", "created", "0.5", "s,", "ready", "1.2", "s"],
        ["due", "create", "failed"],
    ]


def test_a_terminal_shows_a_live_line_a_node():
    written = told(live=True)
    assert written[0].count("\n") == 1
    assert "create …" in written[0]
    assert written[-1].startswith("\x1b[3A")
    assert written[-1].count("\n") == 3
    assert "due        create failed" in written[-1]


def test_more_nodes_than_the_terminal_has_lines_are_a_log():
    assert not any("\x1b[3A" in text for text in told(live=True, height=3))


def test_a_line_never_wraps():
    written: list[str] = []
    Progress(written.append, True, 20).step("a" * 50, "create", None)
    assert len(written[0].strip("\r\n").replace("\x1b[K", "")) == 19
