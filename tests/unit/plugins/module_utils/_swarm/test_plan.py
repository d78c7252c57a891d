# SPDX-License-Identifier: GPL-3.0-or-later
"""From what hosts say of their Swarm to what is done: nothing, a Swarm of all, or a refusal that says what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._swarm.model import HostSwarm, Member
from ansible_collections.tpaexec.docker.plugins.module_utils._swarm.plan import diff_of, plan


def out(name: str, **words: Any) -> HostSwarm:
    return HostSwarm(name, **words)


def swarm(*roles: str, name: str = "s", strangers: str = "", ready: bool = True) -> list[HostSwarm]:
    """Hosts h1, h2, … of one Swarm, by their roles `m` and `w`; *strangers* are nodes that are no hosts of ours."""
    members = tuple(
        Member(f"{name}{place}", f"h{place}", role == "m", ready) for place, role in enumerate([*roles, *strangers], 1)
    )
    return [
        HostSwarm(
            f"h{place}", "active", f"{name}{place}", f"10.0.0.{place}", role == "m", name if role == "m" else "",
            members=members if role == "m" else None,
        )
        for place, role in enumerate(roles, 1)
    ]  # fmt: skip


def said(hosts: list[HostSwarm], unreachable: tuple[str, ...] = ()) -> list[str]:
    todo = plan(hosts, unreachable)
    return [str(action) for action in todo.actions] or [finding.id for finding in todo.refusals]


MM, WW = ["manager"] * 2, ["worker"] * 2
OUT = [out(f"h{number}") for number in range(1, 6)]


@pytest.mark.parametrize(
    ("hosts", "unreachable", "expected"),
    [
        (OUT[:1], (), []),
        (OUT[:2], (), ["form a Swarm on h1", "join as worker: h2"]),
        (OUT[:3], (), ["form a Swarm on h1", "join as manager: h2", "join as manager: h3"]),
        (OUT, (), ["form a Swarm on h1", *(f"join as {role}: h{n}" for n, role in zip((2, 3, 4, 5), [*MM, *WW]))]),
        (swarm("m", "w"), (), []),
        (swarm("m", "m", "m"), (), []),
        (swarm("w", "m", "w"), (), []),
        (swarm("m", "w"), ("h3",), []),
        ([*swarm("m"), *OUT[1:3]], (), ["join as manager: h2", "join as manager: h3"]),
        ([*swarm("m", "w"), OUT[2]], (), ["make a manager of h2", "join as manager: h3"]),
        ([*swarm("m", "m", "m"), OUT[3]], (), ["join as worker: h4"]),
        ([*swarm("m", strangers="w"), *OUT[1:3]], (), ["join as worker: h2", "join as worker: h3"]),
        ([*swarm("m"), OUT[1]], ("h3",), ["join as manager: h2"]),
        (OUT[:2], ("h3",), ["SWARM_UNKNOWN"]),
        ([*swarm("m"), replace(swarm("m", name="t")[0], host="h2")], (), ["SWARM_DIFFERENT"]),
        ([*swarm("m"), replace(swarm("m", "w", name="t")[1])], (), ["SWARM_DIFFERENT"]),
        (swarm("w", "w"), (), ["SWARM_NO_MANAGER"]),
        ([*swarm("m"), out("h2", state="locked")], (), ["SWARM_LOCKED"]),
        ([*swarm("m"), out("h2", state="pending")], (), ["SWARM_BROKEN"]),
        ([*swarm("m"), out("h2", state="error")], (), ["SWARM_BROKEN"]),
        ([*swarm("m"), out("h2", state="what")], (), ["SWARM_BROKEN"]),
        ([replace(swarm("m")[0], members=None), OUT[1]], (), ["SWARM_NO_QUORUM"]),
        ([OUT[0], replace(OUT[1], live_restore=True)], (), ["SWARM_LIVE_RESTORE"]),
        ([*swarm("m", "w")[:1], replace(swarm("m", "w")[1], live_restore=True)], (), []),
    ],
)  # fmt: skip
def test_what_is_done(hosts, unreachable, expected):
    assert said(hosts, unreachable) == expected


def test_nothing_is_done_beside_a_refusal():
    todo = plan([*swarm("m"), out("h2", state="locked"), out("h3")])
    assert not todo.changed
    assert not todo.actions
    assert todo.refusals[0].remedy
    assert todo.refusals[0].data["host"] == "h2"


def test_a_swarm_that_does_not_outlive_a_loss_is_said_and_left_alone():
    todo = plan(swarm("m", "w", "w"))
    assert [finding.id for finding in todo.notes] == ["SWARM_FEW_MANAGERS"]
    assert not todo.changed
    assert plan(swarm("m", "w")).notes == ()


@pytest.mark.parametrize("known", ["s", ""])  # one that is cut off may not know its Swarm's id
def test_a_manager_that_is_cut_off_stops_nobody(known):
    one, two, three = swarm("m", "m", "m")
    apart = replace(three, members=None, cluster=known, error="The swarm does not have a leader.")
    todo = plan([one, two, apart])
    assert (todo.refusals, todo.actions, todo.managers) == ((), (), ("h1", "h2"))
    [note] = todo.notes
    assert (note.id, note.severity, note.data["host"]) == ("SWARM_CUT_OFF", "warning", "h3")
    assert "force" not in note.remedy
    joined = plan([apart, one, two, out("h4")])
    assert [str(action) for action in joined.actions] == ["join as worker: h4"]


def test_alone_it_is_a_swarm_without_a_leader():
    apart = replace(swarm("m", "m", "m")[2], members=None)
    [refusal] = plan([apart], ("h1", "h2")).refusals
    assert refusal.id == "SWARM_NO_QUORUM"


def test_the_diff_has_the_hosts_that_change():
    hosts = [*swarm("m", "w"), out("h3")]
    diff = diff_of(hosts, plan(hosts))
    assert diff["before"] == "host h2: worker of the Swarm\nhost h3: in no Swarm\n"
    assert diff["after"] == "host h2: manager of the Swarm\nhost h3: manager of the Swarm\n"


@pytest.mark.parametrize(
    ("info", "nodes"),
    [
        ({}, None),
        ({"Swarm": None}, []),
        ({"Swarm": {"RemoteManagers": None, "Cluster": None}}, [{}, None]),
        ({"Swarm": 3}, [3]),
    ],
)  # fmt: skip
def test_whatever_an_engine_sends(info, nodes):
    found = HostSwarm.from_api("h", info, nodes)
    assert (found.state, found.manager) == ("inactive", False)
