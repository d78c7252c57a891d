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


def test_a_manager_that_is_cut_off_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has its note; that the others do not reach its ports would stop them all."""
    names = ("h1", "h2", "h3", "h4")
    nodes = [{"Name": f"n{host}", "node": number, "image": "i"} for number, host in enumerate(names, 1)]
    hosts = {host: {"docker_host": f"unix:///{host}"} for host in names}
    said = {"hosts": hosts, "instances": {f"n{host}": {"host": host} for host in names}}
    cluster = parse_config(options_to_data({"name": "c", "instances": nodes, "tpaexec_docker": said}), "/", str)
    monkeypatch.setattr(body, "image_id", lambda _daemon, name: f"id of {name}")
    one, two, three = swarm("m", "m", "m")
    swarms = (one, two, replace(three, members=None, error="The swarm does not have a leader."), out("h4"))
    daemons: dict[str, Any] = {host: object() for host in names}
    places = body._places(body.Sight(cluster, swarms, {}, plan(swarms)), daemons)
    assert {host: place.inside for host, place in places.items()} == {"h1": True, "h2": True, "h4": False}
