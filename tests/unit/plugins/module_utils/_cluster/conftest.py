# SPDX-License-Identifier: GPL-3.0-or-later
"""One converging run against an engine in memory."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Optional

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._cluster import converge
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.job import job_of
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import Run

from .model_engine import ModelEngine

OPTIONS: dict[str, Any] = {
    "state": "present", "recreate": [], "prune": False, "adopt": False, "nodes": [], "remove_volumes": False,
    "wait": "booted", "wait_timeout": 1, "parallel": 4,
}  # fmt: skip
NETWORK = {"name": "net", "ipam_config": [{"subnet": "10.48.0.0/24"}]}


def cluster(*instances: dict[str, Any], networks: Optional[list[dict[str, Any]]] = None, **more: Any) -> dict[str, Any]:
    """docker_cluster's options for these instances; node numbers and the image are filled in."""
    nodes = [
        {"node": number, "image": "guest:1", "location": "main", **item} for number, item in enumerate(instances, 1)
    ]
    base = {"name": "c", "networks": [NETWORK] if networks is None else networks, "locations": [{"Name": "main"}]}
    return {**base, "instances": nodes, **more}


class Site:
    """An engine, the place of the record, and runs with them."""

    def __init__(self, directory: Path, engine: Optional[ModelEngine] = None) -> None:
        self.engine = engine or ModelEngine()
        self.directory = directory
        self.warnings: list[str] = []

    def run(self, config: dict[str, Any], check: bool = False, **options: Any) -> dict[str, Any]:
        params = {**OPTIONS, **config, **options, "record_dir": str(self.directory)}
        self.warnings = []
        self.engine.calls.clear()
        job = job_of(params, check)
        with converge._lock(job, check):
            run = Run(check, True, self.warnings.append, lambda *a: (0, "", ""))
            return converge.converge({"default": self.engine}, job, run)


def node(result: dict[str, Any], name: str) -> dict[str, Any]:
    return next(item for item in result["instances"] if item["name"] == name)


TWO = cluster({"Name": "uno", "ip_address": "10.48.0.2"}, {"Name": "due", "ip_address": "10.48.0.3"})
ONE = cluster({"Name": "uno", "ip_address": "10.48.0.2"})


def put(engine: ModelEngine, name: str, status: str) -> None:
    """Bring a node's container into a state by hand."""
    box = engine.by_name(name)
    if status in ("created", "exited", "dead", "removing", "restarting"):
        engine.do_stop(box["Id"])
    box["State"]["Status"] = status


def made(site: Site, config: dict[str, Any] = TWO) -> ModelEngine:
    assert not site.run(config).get("failed")
    return site.engine


def stranger(engine: ModelEngine, name: str = "stranger", net: str = "net", address: str = "", **labels: str) -> dict:
    """A container of somebody else's, running, attached to *net*."""
    ident = engine.do_create_container_from_config(
        {"Image": "guest:1", "Hostname": name, "Labels": labels, "Env": [], "ExposedPorts": {}, "HostConfig": {}}, name
    )["Id"]
    engine.do_connect_container_to_network(ident, net, ipv4_address=address or None)
    engine.do_start(ident)
    return copy.deepcopy(engine.boxes[ident])


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "kept")
