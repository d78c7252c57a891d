# SPDX-License-Identifier: GPL-3.0-or-later
"""All hosts at once; one that does not answer stops nobody, and what changes by itself is waited for."""

from __future__ import annotations

from typing import Any

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError
from ansible_collections.tpaexec.docker.plugins.module_utils._swarm import look

ACTIVE = {"LocalNodeState": "active", "NodeID": "n", "ControlAvailable": True}
NODES = [{"ID": "n", "Spec": {"Role": "manager"}, "Status": {"State": "ready"}}]


class Engine:
    """What it says of its Swarm, one look after the other; the last for ever."""

    def __init__(self, *said: Any) -> None:
        self.said = list(said)

    def call(self, method: str) -> Any:
        swarm, nodes = self.said[0]
        if method == "nodes":
            self.said = self.said[1:] or self.said
            if nodes is None:
                raise DaemonError("The swarm does not have a leader.", "", "DAEMON_ERROR")
            return nodes
        if isinstance(swarm, DaemonError):
            raise swarm
        if not swarm.get("ControlAvailable"):
            self.said = self.said[1:] or self.said
        return {"Swarm": swarm}


def see(**engines: Engine) -> tuple[dict[str, Any], dict[str, str], int]:
    naps: list[float] = []
    found, errors = look.settled(engines, naps.append)  # type: ignore[arg-type]
    return {one.host: one.members for one in found}, {host: error.message for host, error in errors.items()}, len(naps)


def test_one_that_does_not_answer_is_named_and_the_others_are_there() -> None:
    found, errors, naps = see(a=Engine((ACTIVE, NODES)), b=Engine((DaemonError("It hangs.", "Look."), None)))
    assert list(found) == ["a"]
    assert errors == {"b": "Host b: It hangs."}
    assert naps == 0


def test_an_election_and_a_join_are_waited_for() -> None:
    electing = Engine((ACTIVE, None), (ACTIVE, None), (ACTIVE, NODES))
    joining = Engine(*[({"LocalNodeState": "pending"}, None)] * 3, ({"LocalNodeState": "active"}, None))
    found, _errors, naps = see(a=electing, b=joining)
    assert found["a"] is not None
    assert naps == 3


def test_a_host_that_has_booted_is_waited_for() -> None:
    """It answers before the Swarm lists it as ready; one that does not answer is not waited for."""

    def nodes(state: str) -> list[Any]:
        return [*NODES, {"ID": "w", "Spec": {"Role": "worker"}, "Status": {"State": state}}]

    leader = Engine((ACTIVE, nodes("down")), (ACTIVE, nodes("down")), (ACTIVE, nodes("ready")))
    worker = ({"LocalNodeState": "active", "NodeID": "w"}, None)
    assert see(a=leader, b=Engine(worker))[2] == 2
    leader = Engine((ACTIVE, nodes("down")))
    assert see(a=leader, b=Engine((DaemonError("It is off.", "Start it."), None)))[2] == 0


def test_one_without_a_leader_beside_one_with_is_no_election() -> None:
    found, _errors, naps = see(a=Engine((ACTIVE, NODES)), b=Engine((ACTIVE, None)))
    assert found["b"] is None
    assert naps == 0


def test_the_wait_has_an_end(monkeypatch: Any) -> None:
    monkeypatch.setattr(look, "SETTLING", 0)
    assert see(a=Engine((ACTIVE, None))) == ({"a": None}, {}, 0)
