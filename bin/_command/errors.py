# SPDX-License-Identifier: GPL-3.0-or-later
"""The two ways in which the command itself ends badly, and "did you mean"."""

from __future__ import annotations

from collections.abc import Iterable


class UsageError(Exception):
    """Wrong usage: exit 2."""


class CommandError(Exception):
    """It cannot be done: exit 1."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean …?` with what is nearest to *word*, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 - slow to load, seldom needed

    near = get_close_matches(word, list(known), n=2, cutoff=0.6)
    return f" Did you mean {' or '.join(repr(one) for one in near)}?" if near else ""
