# SPDX-License-Identifier: GPL-3.0-or-later
"""Images on several hosts, one of which falls silent; on real engines: integration/several_hosts/test_images.py."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._entry import Run
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError
from ansible_collections.tpaexec.docker.plugins.module_utils._image import hosts, obtain

from .image_fakes import FakeDaemon

IMAGE = {"Id": "sha256:1", "RepoDigests": []}
PARAMS = {"source": "auto", "force": False}


class Dead(FakeDaemon):
    def __init__(self, answers: int = 0) -> None:
        super().__init__({"i:1": IMAGE, "i:2": IMAGE})
        self.answers = answers

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        self.answers -= 1
        if self.answers < 0:
            raise DaemonError("No answer within 60 s.", "Look at that host.", "DAEMON_HUNG")
        return super().call(method, *args, **kwargs)


def run() -> Run:
    return Run(False, False, lambda _text: None, lambda *_a: (0, "", ""))


def there(name: str) -> obtain.Outcome:
    return obtain.Outcome(name, hosts.PRESENT, "sha256:1")


def test_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "_obtain_job", lambda _daemon, names, *_a: lambda: [there(name) for name in names])
    daemons: Any = {"a": FakeDaemon({"i:1": IMAGE}), "b": Dead()}
    needed = {"i:1": ["b", "a"], "i:2": ["b"]}
    [spread] = hosts.spread_all(daemons, needed, PARAMS, run())
    assert (spread.name, spread.origin, list(spread.there), spread.failure()) == ("i:1", "a", ["a"], "")


def test_all_are_silent() -> None:
    daemons: Any = {"a": Dead(), "b": Dead()}
    with pytest.raises(DaemonError, match=r"^Host a: No answer within 60 s\. Look at that host\.$"):
        hosts.spread_all(daemons, {"i:1": ["a", "b"]}, PARAMS, run())


def test_silent_after_it_was_brought() -> None:
    told = hosts._brought(Dead(), "i:1", "", hosts.There(hosts.SHIP))  # type: ignore[arg-type]
    assert (told.changed, told.error) == (False, "No answer within 60 s. Look at that host.")
