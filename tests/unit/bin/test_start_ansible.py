# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's start: a Ctrl-C where Python cannot raise ends it all the same, and without a traceback of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

STARTER = Path(__file__).resolve().parents[3] / "bin" / "_command" / "start_ansible.py"
FORK = """
os.register_at_fork(after_in_parent=interrupt)
child = os.fork()
if not child:
    os._exit(0)
"""
FINALIZER = """
class Thing:
    def __del__(self):
        interrupt()
Thing()
"""
PROGRAM = """
import os, signal, time
def interrupt():
    if os.getpid() == own:
        signal.raise_signal(signal.SIGINT)
        sum(range(1000))
own = os.getpid()
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background inherits that it is ignored
try:
    {body}
    time.sleep(1)
    print("went on")
except KeyboardInterrupt:
    print("interrupted")
"""


def start(tmp_path: Path, program: str, *through: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "program"
    file.write_text(program)
    words = [sys.executable, *through, str(file), "a word"]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.parametrize("body", [FORK, FINALIZER], ids=["hook of a fork", "finalizer"])
def test_a_ctrl_c_is_not_lost(tmp_path: Path, body: str) -> None:
    program = PROGRAM.format(body=body.replace("\n", "\n    "))
    done = start(tmp_path, program, str(STARTER), "now")
    assert (done.stdout, done.stderr) == ("interrupted\n", "")
    plain = start(tmp_path, program)  # Python's own way: else the test above shows nothing
    assert plain.stdout == "went on\n"
    assert "Exception ignored" in plain.stderr


def test_other_errors_there_are_still_shown(tmp_path: Path) -> None:
    done = start(tmp_path, "class Thing:\n    def __del__(self): 1 / 0\nThing()\n", str(STARTER), "now")
    assert "ZeroDivisionError" in done.stderr


def test_the_program_is_as_if_it_had_been_started_itself(tmp_path: Path) -> None:
    """Its words, its name, what it can import, its exit code; Ctrl-C is let in when that was asked for."""
    program = """
import signal, sys
import shutil
print(sys.argv[1:], __name__, sys.path[0] == __file__.rpartition("/")[0])
print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))
try:
    import settings
except ImportError:
    sys.exit(7)
"""
    blocked = f"import os, signal; signal.pthread_sigmask(signal.SIG_BLOCK, [2]); os.execv({sys.executable!r}, {{}})"
    for when, held in (("now", False), ("later", True)):
        words = [sys.executable, str(STARTER), when, str(tmp_path / "program"), "a word"]
        (tmp_path / "program").write_text(program)
        done = subprocess.run(
            [sys.executable, "-c", blocked.format(words)], capture_output=True, text=True, check=False, timeout=30
        )
        assert (done.stdout, done.returncode) == (f"['a word'] __main__ True\n{held}\n", 7), done.stderr
