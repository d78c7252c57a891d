# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocks of a page in docs/ or of README.md, run as they stand there; what they print is held against the page.

A block of `console` has commands (`$ `) and what each printed; one of `sh` has commands only. A block whose first line
is `# name.ext` in another language is a file. A line `*Not run by the tests: …*` above a block says why it is not run,
`*Run by `make test-long`.*` that it takes long.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
DOCS = TOP / "docs"
# What people read: the site's own pages, and those that a forge shows first.
PAGES = [TOP / "README.md", TOP / "CONTRIBUTING.md", TOP / "SECURITY.md", *sorted(DOCS.glob("*.md"))]
COMMANDS = ("sh", "console")
BLOCK = re.compile(
    r"^(?:(?P<mark>\*(?:Not run by the tests: [^\n]*|Run by `make test-long`\.)\*)\n\n)?"
    r"(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
LONG = "*Run by `make test-long`.*"
# Names that stand on the page, and a prefix that keeps them apart from those of whoever uses the same daemon.
NAMES = ("shop", "alba", "bruno", "clara")
PREFIX = "" if os.environ.get("TPAEXEC_DOCS_UPDATE") else "t-doc-"


@dataclass(frozen=True)
class Block:
    """One block, in the order of the page."""

    language: str
    text: str
    mark: str

    @property
    def reason(self) -> str:
        """Why it is not run, or nothing."""
        return self.mark.strip("*").removeprefix("Not run by the tests: ") if self.mark and not self.long else ""

    @property
    def long(self) -> bool:
        return self.mark == LONG

    @property
    def file(self) -> str:
        """The file that this block is, or nothing."""
        found = re.match(r"# ([\w.-]+\.\w+)( |$)", self.text.partition("\n")[0])
        return found.group(1) if found and self.language not in COMMANDS else ""

    def steps(self) -> list[tuple[str, str]]:
        """Each command with what the page says that it printed."""
        if self.language == "sh":
            return [(line, "") for line in re.sub(r"\\\n\s*", "", self.text).splitlines() if line.strip()]
        parts = re.split(r"^\$ ", self.text, flags=re.MULTILINE)
        assert not parts[0], f"a console begins with a command: {self.text}"
        return [(command, printed) for command, _newline, printed in (part.partition("\n") for part in parts[1:])]


def blocks_of(text: str) -> list[Block]:
    """All blocks of a page."""
    return [Block(found["language"], found["text"], found["mark"] or "") for found in BLOCK.finditer(text)]


def apart(text: str) -> str:
    """The page's names as the test uses them: whole words that are no option's value of another kind."""
    return re.sub(rf"(?<![\w./-])({'|'.join(NAMES)})(?![\w-])", rf"{PREFIX}\1", text) if PREFIX else text


VARYING = (
    (re.compile(r"\d+(\.\d+)? s\b"), "# s"),
    (re.compile(r"\d+(\.\d+)? (MB|MiB|GiB)\b"), "# MB"),
    (re.compile(r"\b[0-9a-f]{12,64}\b"), "ID"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?Z?"), "TIME"),
    (re.compile(r"Checked \S+ \((\S+)\): .*"), "Checked HOST"),
    (re.compile(r"Docker \d\S+"), "Docker VERSION"),
    (re.compile(r"\bPython 3\.\d+\.\d+"), "Python 3"),
    (re.compile(r"-{3,}"), "---"),
    (re.compile(r"[ \t]+"), " "),
)
PROGRESS = re.compile(r"^ (network )?\S+ (created|started|ready|stopped|removed|found|mended)\b.*# s")


def normal(text: str) -> list[str]:
    """What must be the same each time: no times, ids and versions; addresses by the order of their appearance.

    Findings of the host (all that is indented under its line) are that machine's; nodes are handled at once, so their
    lines are sorted.
    """
    addresses: dict[str, str] = {}
    text = re.sub(r"\b\d{1,3}(\.\d{1,3}){3}\b", lambda at: addresses.setdefault(at[0], f"A{len(addresses)}"), text)
    lines, host = [], False
    for raw in (text.replace(PREFIX, "") if PREFIX else text).splitlines():
        line = raw
        for pattern, put in VARYING:
            line = pattern.sub(put, line)
        host = (host or "Checked HOST" in line) and (line.startswith(" ") or "Checked HOST" in line)
        if line.strip() and not (host and line.startswith(" ")):
            lines.append(line.rstrip())
    return _sorted_progress(lines)


def _sorted_progress(lines: list[str]) -> list[str]:
    done: list[str] = []
    run: list[str] = []
    for line in [*lines, ""]:
        if PROGRESS.match(line):
            run.append(line)
            continue
        done += [*sorted(run), line]
        run = []
    return done[:-1]


def call(command: str, place: Path) -> tuple[int, str]:
    """As a user types it: the command on the PATH, both streams on one screen."""
    path = os.pathsep.join([str(TOP / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]])
    environ = {**os.environ, "PATH": path, "COLUMNS": "100", "NO_COLOR": "1", "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(
        ["bash", "-c", apart(command)], cwd=place, env=environ, text=True, check=False, timeout=600,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return done.returncode, done.stdout


def run_page(name: str, place: Path, long: bool = False) -> list[str]:
    """Runs a page from top to bottom; returns what differs. With TPAEXEC_DOCS_UPDATE the page gets what came."""
    page = DOCS / name
    text, differing = page.read_text(encoding="utf-8"), []
    for block in blocks_of(text):
        if block.file:
            (place / apart(block.file)).write_text(apart(block.text))
        if block.language not in COMMANDS or block.reason or (block.long and not long):
            continue
        new, before = "", len(differing)
        for command, printed in block.steps():
            code, came = call(command, place)
            assert "Traceback" not in came, came
            # A command may fail where the page shows its error, and nowhere else.
            assert code == 0 or "error: " in (came if not PREFIX else printed), f"$ {command}\n{came}"
            new += f"$ {command}\n{came}"
            if block.language == "console" and normal(came) != normal(printed):
                differing.append(f"{name}: $ {command}\n--- came\n{came}\n--- the page has\n{printed}")
        if len(differing) > before and not PREFIX:
            text = text.replace(f"```console\n{block.text}```", f"```console\n{new}```", 1)
    if not PREFIX:
        page.write_text(text, encoding="utf-8")
        return []
    return differing
