# SPDX-License-Identifier: GPL-3.0-or-later
"""What the appliers work with: the edges to each host, and the journal of what was done, with seconds."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Optional

from .._client import Daemon
from .._errors import DaemonError
from .._spec.model import Cluster
from .fleet import Fleet
from .host import HostFacts
from .pool import Deadline
from .ssh import SshInstaller


@dataclass(frozen=True)
class Site:
    """The cluster that is worked on. `hosts_lines`: lines to put back into /etc/hosts, by container id."""

    cluster: Cluster
    cluster_id: str
    fleet: Fleet
    hosts_lines: Mapping[str, list[str]] = field(default_factory=dict)
    wait: bool = True

    def facts(self, host: str) -> HostFacts:
        """What the daemon of *host* says of it."""
        return self.fleet.worlds[host].host

    def image(self, host: str, name: str) -> Mapping[str, Any]:
        """An image as *host* has it."""
        return self.fleet.worlds[host].images.get(name) or {}


@dataclass(frozen=True)
class Tools:
    """The edges to one host; the tools of all hosts share deadline and journal.

    `steps` gains {target, step, at, seconds} for everything that is done, in the order of its end; `at` is when it
    began, in seconds since `began`.
    """

    daemon: Daemon
    deadline: Deadline
    installer: Optional[SshInstaller] = None
    keys: Callable[[], Mapping[str, str]] = dict
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    began: float = field(default_factory=time.monotonic)
    steps: list[dict[str, Any]] = field(default_factory=list)
    progress: Callable[[str, str, Optional[float]], None] = lambda *_step: None

    def timed(self, target: str, step: str, action: Callable[..., Any], *args: Any) -> float:
        """Run *action*, write it down, and return its seconds."""
        started = self.clock()
        self.progress(target, step, None)
        try:
            action(*args)
        except BaseException:
            # What failed took its time, too: it is the longest bar of many a timeline.
            self._note(target, step, started, round(self.clock() - started, 3), failed=True)
            raise
        seconds = round(self.clock() - started, 3)
        self.progress(target, step, seconds)
        self._note(target, step, started, seconds)
        return seconds

    def _note(self, target: str, step: str, started: float, seconds: float, **more: Any) -> None:
        at = round(max(0.0, started - self.began), 3)
        self.steps.append({"target": target, "step": step, "at": at, "seconds": seconds, **more})

    def gone_is_fine(self, method: str, *args: Any, **kwargs: Any) -> None:
        """A call that takes something away: that it is gone already is no error."""
        try:
            self.daemon.call(method, *args, **kwargs)
        except DaemonError as error:
            if error.status != 404 and "is not connected to" not in error.message:
                raise


Benches = Mapping[str, Tools]
