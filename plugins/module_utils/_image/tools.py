# SPDX-License-Identifier: GPL-3.0-or-later
"""The edges of a bootstrap: how commands are run, and what the environment is."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from typing import Callable, Mapping, Optional

RunCommand = Callable[..., "tuple[int, str, str]"]


@dataclass(frozen=True)
class Tools:
    run_command: RunCommand
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    which: Callable[[str], Optional[str]] = shutil.which
    user_id: Callable[[], int] = os.geteuid

    def ends_with_us(self, command: list[str]) -> list[str]:
        """The command so that it does not outlive a module that was killed."""
        return ["setpriv", "--pdeathsig", "TERM", *command] if self.which("setpriv") else command
