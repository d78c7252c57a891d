# SPDX-License-Identifier: GPL-3.0-or-later
"""A Ctrl-C where Python cannot raise ends the program all the same, and without a traceback of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

INTERRUPT = Path(__file__).resolve().parents[4] / "plugins" / "plugin_utils" / "_interrupt.py"
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
import os, runpy, signal, time
if {mended}:
    runpy.run_path({path!r})["never_lost"]()
def interrupt():
    if os.getpid() == own:
        signal.raise_signal(signal.SIGINT)
        sum(range(1000))
own = os.getpid()
try:
    {body}
    time.sleep(1)
    print("went on")
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("body", [FORK, FINALIZER], ids=["hook of a fork", "finalizer"])
@pytest.mark.parametrize("mended", [True, False])
def test_it_is_not_lost(body: str, mended: bool) -> None:
    program = PROGRAM.format(mended=mended, path=str(INTERRUPT), body=body.replace("\n", "\n    "))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=30)
    if mended:
        assert (done.stdout, done.stderr) == ("interrupted\n", "")
    else:  # Python's own way: else this test shows nothing
        assert done.stdout == "went on\n"
        assert "Exception ignored" in done.stderr


def test_other_errors_there_are_still_shown() -> None:
    program = f"import runpy; runpy.run_path({str(INTERRUPT)!r})['never_lost']()\n"
    program += "class Thing:\n    def __del__(self): 1 / 0\nThing()\n"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=30)
    assert "ZeroDivisionError" in done.stderr
