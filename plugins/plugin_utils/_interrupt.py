# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Ctrl-C that ends the run whenever it comes, without Ansible's own words on it and without a traceback."""

from __future__ import annotations

import signal
import sys
from typing import Any

AGAIN = 0.02  # seconds


def in_one_line(display: Any) -> None:
    """Ansible's own line on a Ctrl-C is left out: the command says what was left, and how to go on."""
    said = display.error

    def error(text: Any, *args: Any, **more: Any) -> None:
        if "interrupted execution" not in str(text):
            said(text, *args, **more)

    display.error = error


def never_lost() -> None:
    """Where Python cannot raise (the hooks of a fork, a finalizer), it prints a KeyboardInterrupt as a traceback of an
    "Exception ignored" and goes on as if there had been none: here it comes again, until it is raised."""
    before = sys.unraisablehook

    def hook(unraisable: Any) -> None:
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            before(unraisable)
            return
        signal.signal(signal.SIGALRM, again)
        signal.setitimer(signal.ITIMER_REAL, AGAIN)

    def again(_number: int, _frame: Any) -> None:
        raise KeyboardInterrupt

    sys.unraisablehook = hook
