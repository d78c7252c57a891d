# SPDX-License-Identifier: GPL-3.0-or-later
"""What docker_swarm_hosts measures; the rest of it: tests/integration/several_hosts/test_swarm.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._spec.parse import options_to_data, parse_config
from ansible_collections.tpaexec.docker.plugins.module_utils._swarm import body
from ansible_collections.tpaexec.docker.plugins.module_utils._swarm.plan import plan

from .test_plan import out, swarm


class Engine:
    """One that had the cluster alone, in a bridge of its network's name."""

    def call(self, method: str, names: list[str]) -> list[dict[str, Any]]:
        assert (method, names) == ("networks", ["net"])
        local = {"Driver": "bridge", "Scope": "local"}
        mine = {**local, "Name": "net", "Id": "0a1b2c3d4e5f6789"}
        theirs = {**local, "Name": "net2", "Id": "ffffffffffffffff"}  # the engine's filter takes what begins so
        return [mine, theirs, {"Name": "net", "Id": "o1", "Driver": "overlay"}]


def test_a_manager_that_is_cut_off_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has its note; that the others do not reach its ports would stop them all."""
    names = ("h1", "h2", "h3", "h4")
    nodes = [{"Name": f"n{host}", "node": number, "image": "i"} for number, host in enumerate(names, 1)]
    hosts = {host: {"docker_host": f"unix:///{host}"} for host in names}
    networks = [{"name": "net", "ipam_config": [{"subnet": "10.48.0.0/24"}]}]
    said = {"hosts": hosts, "instances": {f"n{host}": {"host": host} for host in names}}
    options = {"name": "c", "instances": nodes, "networks": networks, "tpaexec_docker": said}
    cluster = parse_config(options_to_data(options), "/", str)
    monkeypatch.setattr(body, "image_id", lambda _daemon, name: f"id of {name}")
    one, two, three = swarm("m", "m", "m")
    swarms = (one, two, replace(three, members=None, error="The swarm does not have a leader."), out("h4"))
    daemons: dict[str, Any] = {host: Engine() for host in names}
    places = body._places(body.Sight(cluster, swarms, {}, plan(swarms)), daemons)
    assert {host: place.inside for host, place in places.items()} == {"h1": True, "h2": True, "h4": False}
    assert {place.bridges for place in places.values()} == {frozenset({"br-0a1b2c3d4e5f"})}
