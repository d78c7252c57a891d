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
        """The command so that neither it nor its mounts outlive a module that was killed, nor the other way round.

        As root, in a mount and a process namespace of its own: with its first process everything is gone. In a
        session of its own always: mmdebstrap hangs up on its whole process group when it fails, which would be ours.
        """
        if not all(self.which(name) for name in ("setsid", "setpriv", "unshare")):
            return command
        gentle = ["setsid", "--wait", "setpriv", "--pdeathsig", "TERM", *command]
        if self.user_id() != 0:
            return gentle
        apart = ["unshare", "--mount", "--pid", "--fork", "--kill-child=KILL", "--mount-proc"]
        if self.run_command([*apart, "true"])[0] != 0:  # root of a container, which may not
            return gentle
        return ["setsid", "--wait", "setpriv", "--pdeathsig", "KILL", *apart, *command]
