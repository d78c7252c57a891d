# SPDX-License-Identifier: GPL-3.0-or-later
"""All checks of a host, in the order in which they are reported. An id is stable for ever."""

from __future__ import annotations

from . import (
    client,
    connection,
    daemon,
    host,
    hosts,
    image,
    image_content,
    network,
    policy,
    storage,
    storage_space,
    traffic,
)
from .model import Check, Rule

CHECKS: tuple[Check, ...] = (
    *connection.CHECKS,
    *client.CHECKS,
    *daemon.CHECKS,
    *host.CHECKS,
    *storage.CHECKS,
    *storage_space.CHECKS,
    *network.CHECKS,
    *traffic.CHECKS,
    *image.CHECKS,
)


def rules() -> tuple[Rule, ...]:
    """The rules of all checks of a host, each once."""
    return tuple(dict.fromkeys(rule for check in CHECKS for rule in check.rules))


def known_ids() -> tuple[str, ...]:
    """Every id that `ignore` and waivers may name: --ignore reaches images' content and several hosts, too."""
    content = (rule for check in image_content.CHECKS for rule in check.rules)
    return tuple(dict.fromkeys(rule.id for rule in (*rules(), *content, *hosts.RULES)))


def policy_rules() -> tuple[Rule, ...]:
    return policy.RULES


def of_modules(*modules: str) -> tuple[Check, ...]:
    return tuple(check for check in CHECKS if check.module in modules)
