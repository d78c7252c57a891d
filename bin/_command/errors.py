# SPDX-License-Identifier: GPL-3.0-or-later
"""The two ways in which the command itself ends badly, how they are said, and "did you mean"."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable


class UsageError(Exception):
    """Wrong usage: exit 2."""


class CommandError(Exception):
    """It cannot be done: exit 1."""


def say(message: object) -> None:
    """An error on standard error, in the colour that Ansible's own errors have."""
    red = sys.stderr.isatty() and not os.environ.get("NO_COLOR") and not os.environ.get("ANSIBLE_NOCOLOR")
    print(f"\033[0;31merror: {message}\033[0m" if red else f"error: {message}", file=sys.stderr)


def quoted(text: str) -> str:
    """*text* in quotes, on one line whatever is in it."""
    return "'" + "".join(char if char.isprintable() else "?" for char in text) + "'"


# What people type who know other commands.
ALSO = {
    "check": "preflight",
    "create": "configure",
    "delete": "deprovision",
    "destroy": "deprovision",
    "doctor": "preflight",
    "down": "deprovision",
    "draw": "diagram",
    "exec": "cmd",
    "init": "configure",
    "ls": "list-containers",
    "new": "configure",
    "ps": "list-containers",
    "rm": "deprovision",
    "run": "cmd",
    "shell": "ssh",
    "status": "list-containers",
    "up": "provision",
}


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean …?` with what is nearest to *word*, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 - slow to load, seldom needed

    names = list(known)
    begun = [name for name in names if len(word.strip("-")) > 1 and name.startswith(word)]
    meant = [ALSO[word]] if ALSO.get(word) in names else []
    near = meant or begun or get_close_matches(word.lower(), names, n=2, cutoff=0.6)
    return f" Did you mean {' or '.join(quoted(one) for one in near[:2])}?" if near else ""
