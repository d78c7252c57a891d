# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that may never end, done in threads that nobody has to wait for: the module answers in time whatever happens."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any, Callable, Generic, Optional, TypeVar

Value = TypeVar("Value")


class Late(Exception):
    """The work was not done when the time was up."""


@dataclass(frozen=True)
class Until:
    """A moment on a monotonic clock."""

    at: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float) -> Until:
        return cls(time.monotonic() + seconds)

    def left(self) -> float:
        return max(0.0, self.at - self.clock())


class Task(Generic[Value]):
    """*function* begins at once in a daemon thread, which ends with the process; `result` waits until a moment."""

    def __init__(self, function: Callable[..., Value], *args: Any) -> None:
        self._value: Optional[Value] = None
        self._error: Optional[BaseException] = None
        self._thread = threading.Thread(target=self._run, args=(function, args), daemon=True)
        self._thread.start()

    def _run(self, function: Callable[..., Value], args: tuple[Any, ...]) -> None:
        try:
            self._value = function(*args)
        except BaseException as error:  # pylint: disable=broad-except
            self._error = error

    def result(self, until: Until) -> Value:
        """The value; `Late` when there is none in time; the function's own exception when it had one."""
        self._thread.join(until.left())
        if self._thread.is_alive():
            raise Late
        if self._error is not None:
            raise self._error
        return self._value  # type: ignore[return-value]
