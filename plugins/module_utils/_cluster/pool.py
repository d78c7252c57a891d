# SPDX-License-Identifier: GPL-3.0-or-later
"""Concurrency, all of it: a bounded pool, results in the order of the jobs, one deadline."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Callable, Sequence, TypeVar

Result = TypeVar("Result")
Clock = Callable[[], float]


@dataclass(frozen=True)
class Deadline:
    """A moment on a monotonic clock that everybody shares."""

    at: float
    clock: Clock = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Clock = time.monotonic) -> Deadline:
        return cls(clock() + seconds, clock)

    def left(self) -> float:
        """Seconds that remain, never below 0."""
        return max(0.0, self.at - self.clock())

    @property
    def passed(self) -> bool:
        return self.left() <= 0


def run_all(jobs: Sequence[Callable[[], Any]], parallel: int) -> list[Any]:
    """Run *jobs* at most *parallel* at a time; their results in order. The first exception ends it, after all ended."""
    if len(jobs) <= 1 or parallel <= 1:
        return [job() for job in jobs]
    with ThreadPoolExecutor(max_workers=min(parallel, len(jobs))) as pool:
        futures = [pool.submit(job) for job in jobs]
        return [future.result() for future in futures]
