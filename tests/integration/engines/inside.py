# SPDX-License-Identifier: GPL-3.0-or-later
"""Process 1 of a further engine's namespaces: sets them up, starts dockerd, and ends with it.

It runs in private network, mount and process namespaces: its end ends every process and every mount of the engine.
Called by engine.py with one JSON argument: {"command": [...], "binds": [[from, over], ...], "env": {...}}.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys

MS_BIND = 4096
LIBC = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2) itself: after the C library is covered by a newer one, no other program can be started half way."""
    arguments = [text.encode() for text in (source, target, kind)]
    if LIBC.mount(*arguments, flags, data.encode()):
        error = ctypes.get_errno()
        raise OSError(error, f"mount {source} on {target}: {os.strerror(error)}")


def prepare(binds: list[list[str]]) -> None:
    """A /run and an /etc/docker of its own (engines meet in both), then the given files over this machine's."""
    mount("tmpfs", "/run", "tmpfs", 0, "mode=755")
    os.makedirs("/run/lock")
    os.makedirs("/etc/docker", exist_ok=True)
    mount("tmpfs", "/etc/docker", "tmpfs", 0, "mode=755")
    for source, target in binds:
        mount(source, target, "", MS_BIND)


def main() -> int:
    order = json.loads(sys.argv[1])
    prepare(order["binds"])
    child = os.fork()
    if not child:
        os.setsid()
        os.execvpe(order["command"][0], order["command"], {**os.environ, **order["env"]})
    signal.signal(signal.SIGTERM, lambda *_: os.kill(child, signal.SIGTERM))
    while True:
        ended, status = os.wait()
        if ended == child:
            return os.waitstatus_to_exitcode(status) & 0xFF


if __name__ == "__main__":
    sys.exit(main())
