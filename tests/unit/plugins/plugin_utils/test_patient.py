# SPDX-License-Identifier: GPL-3.0-or-later
"""Output whose reader goes away: nothing raises, neither while writing nor at the interpreter's end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PATIENT = Path(__file__).resolve().parents[4] / "plugins" / "plugin_utils" / "_patient.py"
PROGRAM = f"""
import runpy, sys
runpy.run_path({str(PATIENT)!r})["outlive_readers"]()
for number in range(20000):
    print("a line that nobody reads", number)
    sys.stdout.flush()
sys.stderr.write("went on to the end" + chr(10))
"""


@pytest.mark.parametrize(
    ("behind", "said"),
    [
        pytest.param("| head -1", "went on to the end\n", id="a reader that goes away"),
        pytest.param(
            "> /dev/full",
            "warning: The output cannot be written: No space left on device. The run goes on.\nwent on to the end\n",
            id="a full disk",
        ),
    ],
)
def test_a_run_goes_on_when_its_output_cannot(behind: str, said: str) -> None:
    command = f'"$0" -c "$1" {behind}; exit "${{PIPESTATUS[0]}}"'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable, PROGRAM], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0
    assert done.stderr == said
