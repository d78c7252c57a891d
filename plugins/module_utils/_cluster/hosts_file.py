# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines that were added to a node's /etc/hosts: the engine rewrites the file at each start, so we carry them over."""

from __future__ import annotations

import re
from typing import Optional

from .._client import Daemon
from .._errors import DaemonError
from .ready import run_in

OWN = re.compile(r"^(127\.0\.0\.1\s+localhost|::1\s+localhost|fe00::|ff00::|ff02::)")
APPEND = r"""
for line in "$@"; do grep -qxF -- "$line" /etc/hosts || printf '%s\n' "$line" >> /etc/hosts; done
"""


def added_lines(text: str, hostname: str, addresses: set[str]) -> list[str]:
    """The lines of a hosts file that the engine did not write itself; pure."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#") or OWN.match(line):
            continue
        if words[0] in addresses and words[1:2] == [hostname]:
            continue
        found.append(line)
    return found


def capture_lines(daemon: Daemon, ident: str) -> Optional[list[str]]:
    """Before a stop. None: the node cannot be asked any more, and what is known of it from before stays."""
    try:
        raw = daemon.call("inspect_container", ident)
        code, text = run_in(daemon, ident, "cat /etc/hosts")
    except DaemonError:
        return None
    if code:
        return None
    networks = ((raw.get("NetworkSettings") or {}).get("Networks") or {}).values()
    addresses = {str(item.get(key)) for item in networks for key in ("IPAddress", "GlobalIPv6Address") if item.get(key)}
    extra = {
        str(item).replace(":", " ", 1).split()[0] for item in (raw.get("HostConfig") or {}).get("ExtraHosts") or []
    }
    lines = added_lines(text, str((raw.get("Config") or {}).get("Hostname") or ""), addresses)
    return [line for line in lines if not (len(line.split()) == 2 and line.split()[1] in extra)]


def restore_lines(daemon: Daemon, ident: str, lines: list[str]) -> None:
    """After a start; lines that are there are not added again."""
    if lines:
        run_in(daemon, ident, APPEND, *lines)
