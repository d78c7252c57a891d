# SPDX-License-Identifier: GPL-3.0-or-later
"""One look before TPA is let at a directory that we provisioned.

TPA's deploy and upgrade provision first, unless the hash of config.yml is the recorded one. TPA's provision knows its
own recipe only: it would recreate each of our nodes, and what was written in them would be lost.
"""

from __future__ import annotations

import hashlib
import os
import re

from .errors import CommandError

PROVISIONING = ("deploy", "upgrade", "provision")
RECORDED = os.path.join("inventory", "group_vars", "hashes", "config.yml")
OURS = os.path.join(".tpaexec-docker", "id")


def check_before_tpa(argv: list[str]) -> None:
    """Refuse what would cost the nodes' data; say what to run in its place."""
    if len(argv) < 2 or argv[0] not in PROVISIONING or not os.path.exists(os.path.join(argv[1], OURS)):
        return
    recorded, now = _recorded(argv[1]), _now(argv[1])
    if recorded and now and recorded != now:
        raise CommandError(
            f"Run 'tpaexec provision {argv[1]}' first: config.yml changed since it was provisioned. TPA would "
            "provision it by its own recipe, and recreate every node with all that is in it."
        )


def _recorded(directory: str) -> str:
    try:
        with open(os.path.join(directory, RECORDED), encoding="utf-8") as file:
            found = re.search(r"last_provisioned: '?([0-9a-f]{64})", file.read())
    except (OSError, ValueError):
        return ""
    return found.group(1) if found else ""


def _now(directory: str) -> str:
    """As Ansible's lookup `file` and TPA compute it: without the blanks at the end."""
    try:
        with open(os.path.join(directory, "config.yml"), encoding="utf-8", newline="") as file:
            return hashlib.sha256(file.read().rstrip().encode("utf-8")).hexdigest()
    except (OSError, ValueError):
        return ""
