# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the command as one table: name, arguments, what runs. Nothing here does anything."""

from __future__ import annotations

from .arguments import Word
from .words_keep import KEEPING
from .words_make import MAKING
from .words_use import USING

WORDS: tuple[Word, ...] = (*MAKING, *USING, *KEEPING)

# What is no variable of a playbook.
OWN = frozenset({"check", "diff", "verbosity", "quiet", "output", "inventory"})


def find(name: str) -> Word | None:
    """The word of that name."""
    return next((word for word in WORDS if word.name == name), None)
