# SPDX-License-Identifier: GPL-3.0-or-later
"""The exceptions of the collection: raised below, turned into fail_json by _entry alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


def quoted(value: object) -> str:
    """*value* in quotes for a message: one line whatever is in it, and never a Python repr."""
    text = str(value)
    return "'" + (text if text.isprintable() else ascii(text)[1:-1]) + "'"


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a config.yml: where it stands, what is wrong, what to do."""

    place: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        text = f"{self.place}: {self.message}" if self.place else self.message
        return f"{text} {self.remedy}" if self.remedy else text


class PlatformError(Exception):
    """The root. `message` says what happened, `remedy` what to do; `details` goes into the module's result."""

    def __init__(self, message: str, remedy: str = "", **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.details = details

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}" if self.remedy else self.message

    def result(self) -> dict[str, Any]:
        """What a module's result gains when this error ends it."""
        return dict(self.details, remedy=self.remedy)


class ConfigError(PlatformError):
    """config.yml (or the module's options) says something that cannot be: all problems, each with its place."""

    def __init__(self, problems: list[Problem], source: str = "config.yml") -> None:
        self.problems = list(problems)
        lines = "\n".join(f"  - {problem}" for problem in self.problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__(
            f"Mend {source}: {count} found, nothing was changed.\n{lines}",
            problems=[vars(problem).copy() for problem in self.problems],
        )


class DaemonError(PlatformError):
    """The Docker daemon cannot be reached, refuses us, or answers with an error.

    `id` is the finding's id in the catalogue of checks (for example DAEMON_HUNG), `status` the HTTP status of a
    reply, 0 when there was none.
    """

    def __init__(self, message: str, remedy: str = "", id: str = "DAEMON_ERROR", status: int = 0) -> None:
        super().__init__(message, remedy, id=id)
        self.id = id
        self.status = status
