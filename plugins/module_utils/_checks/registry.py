# SPDX-License-Identifier: GPL-3.0-or-later
"""All checks, in the order in which they are reported. An id is stable for ever."""

from __future__ import annotations

from . import connection, daemon, image_content, storage, storage_space
from .model import Check, Rule

CHECKS: tuple[Check, ...] = (
    *connection.CHECKS,
    *daemon.CHECKS,
    *storage.CHECKS,
    *storage_space.CHECKS,
    *image_content.CHECKS,
)


def rules() -> tuple[Rule, ...]:
    return tuple(rule for check in CHECKS for rule in check.rules)


def ids() -> tuple[str, ...]:
    return tuple(rule.id for rule in rules())


def of_modules(*modules: str) -> tuple[Check, ...]:
    return tuple(check for check in CHECKS if check.module in modules)
