# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import signal
import threading
import time

from ansible_collections.tpaexec.docker.plugins.plugin_utils._progress import Progress, ends_between_lines

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


def test_an_end_comes_between_lines_and_no_line_after_it():
    """What a signal's handler does: a worker that dies in the middle of a line would leave Ansible's queue locked."""
    said: list[str] = []
    progress = Progress(said.append, live=False)
    progress.step("uno", "boot", 1.0)
    threads = [threading.Thread(target=progress.step, args=("due", "boot", 1.0)) for _number in range(4)]
    progress.end_with(lambda: [thread.start() for thread in threads])
    time.sleep(0.05)
    assert all(thread.is_alive() for thread in threads)
    assert len(said) == 1
    progress._lock.release()
    for thread in threads:
        thread.join(5)
    assert len(said) == 5


def test_an_end_in_the_middle_of_a_line_waits_for_it():
    said: list[str] = []

    def write(text: str) -> None:
        progress.end_with(lambda: said.append("end"))
        said.append(text)

    progress = Progress(write, live=False)
    progress.step("uno", "boot", 1.0)
    assert len(said) == 2
    assert said[1] == "end"


def test_signals_do_what_they_did_before():
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _frame: seen.append(number))
    try:
        progress = Progress(lambda _text: None, live=False)
        with ends_between_lines(progress):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.01)
        assert seen == [signal.SIGTERM]
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
        assert len(seen) == 2
    finally:
        signal.signal(signal.SIGTERM, before)
