# SPDX-License-Identifier: GPL-3.0-or-later
"""words.py FILE: the page with `tpaexec --help` and the help of every word, as the command prints it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(TOP / "bin"))

from _command.words import WORDS  # noqa: E402

HEAD = """<!-- SPDX-License-Identifier: GPL-3.0-or-later -->
# Every word of `tpaexec`, and its options

This page is made from the command itself; [command.md](command.md) says what holds for all words.
"""


def printed(*argv: str) -> str:
    """What the command says on a terminal of 100 columns."""
    environ = {**os.environ, "COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(
        [str(TOP / "bin/tpaexec"), *argv], capture_output=True, text=True, check=True, env=environ, timeout=60
    )
    return f"```text\n{done.stdout.rstrip()}\n```\n"


def page() -> str:
    """The whole page."""
    parts = [HEAD, printed("--help")]
    parts += [f"## {word.name}\n\n{printed(word.name, '--help')}" for word in WORDS]
    return "\n".join(parts)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
