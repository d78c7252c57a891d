# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathering what is wrong: parsers raise `BadValue`, a `Problems` notes it with its place, all are reported at once."""

from __future__ import annotations

import datetime
import difflib
from typing import Any, Callable, Iterable, Optional, TypeVar

from .._errors import ConfigError, Problem, quoted

Result = TypeVar("Result")
LONGEST_SHOWN = 60
LONGEST_PLACE = 200


class BadValue(Exception):
    """A value that cannot be what it is said to be; *below* is where it stands inside the value (`[1]`, `.FOO`).

    `others` are further ones of the same map, so that all are reported together.
    """

    def __init__(self, message: str, remedy: str = "", below: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.below = below
        self.others: list[BadValue] = []


class Problems:
    """The problems of one config.yml so far. One place and message count once: defaults are read for every node."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}

    def add(self, place: str, message: str, remedy: str = "") -> None:
        self._found[Problem(_one_line(place), message, remedy)] = None

    def attempt(self, place: str, parse: Callable[..., Result], *args: Any) -> Optional[Result]:
        """What *parse* returns, or None with the problem noted."""
        try:
            return parse(*args)
        except BadValue as bad:
            for one in (bad, *bad.others):
                self.add(place + one.below, one.message, one.remedy)
            return None

    def each(self, place: str, values: Any, parse: Callable[[Any], Result]) -> list[Result]:
        """Parse the items of a list one by one, so that each bad one is reported with its index."""
        if not isinstance(values, list):
            self.add(place, f"A list is needed, not {show(values)}.")
            return []
        found = (self.attempt(f"{place}[{index}]", parse, value) for index, value in enumerate(values))
        return [item for item in found if item is not None]

    def raise_any(self, source: str, rename: Callable[[str], str] = str) -> None:
        """One ConfigError with everything noted, if anything was."""
        if self._found:
            raise ConfigError([Problem(rename(p.place), p.message, p.remedy) for p in self._found], source)


def _one_line(place: str) -> str:
    """A place may have a user's key in it, and that may be anything."""
    text = place if place.isprintable() else ascii(place)[1:-1]
    return text if len(text) <= LONGEST_PLACE else text[: LONGEST_PLACE - 3] + "..."


def show(value: Any) -> str:
    """A value in a message: short, on one line, and safe for any depth and size."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, (list, tuple, set)):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > 200:
        return "a huge number"
    if isinstance(value, datetime.date):  # what YAML makes of 2020-01-01, with a time or without
        text = f"the date {value}"
    else:
        text = quoted(value) if isinstance(value, str) else str(value)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "..."


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`Did you mean "memory"?`, or nothing when no known word is near."""
    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.7)
    return f'Did you mean "{names[near[0]]}"?' if near else ""
