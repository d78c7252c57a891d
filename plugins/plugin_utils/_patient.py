# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Output whose reader may go away (`tpaexec provision demo | head -1`) without the run being stuck or cut short.

A worker's line is printed by a thread of Ansible's that ends at the first OSError: the run would then wait for ever.
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Any


class Patient:
    """A text stream; from the first failure on, what is written goes nowhere."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """As a stream's, but it does not raise OSError."""
        try:
            return int(self._stream.write(text))
        except OSError as error:
            self._give_up(error)
            return len(text)

    def flush(self) -> None:
        """As a stream's, but it does not raise OSError."""
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """What is still buffered must have somewhere to go, or the interpreter fails at its end."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)
        if error.errno != errno.EPIPE and self._stream.fileno() == 1:
            sys.stderr.write(f"warning: The output cannot be written: {error.strerror}. The run goes on.\n")


def outlive_readers() -> None:
    """Both standard streams of this process become patient."""
    if not isinstance(sys.stdout, Patient):
        sys.stdout, sys.stderr = Patient(sys.stdout), Patient(sys.stderr)


def interrupt_in_one_line(display: Any) -> None:
    """Ansible's own line on a Ctrl-C is left out: the command says what was left, and how to go on."""
    said = display.error

    def error(text: Any, *args: Any, **more: Any) -> None:
        if "interrupted execution" not in str(text):
            said(text, *args, **more)

    display.error = error
