# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines in memory that share a Swarm: overlay networks are common to all, everything else is each one's own."""

from __future__ import annotations

import copy
from collections import ChainMap
from typing import Any, Optional

from .model_engine import ModelEngine, refused


class ModelSwarm:
    """`hosts` by name; the first is the only manager."""

    def __init__(self, *names: str) -> None:
        self.nets: dict[str, dict[str, Any]] = {}
        self.hosts = {name: ModelHost(self, name) for name in names}

    @property
    def manager(self) -> ModelHost:
        return next(iter(self.hosts.values()))


class ModelHost(ModelEngine):
    def __init__(self, swarm: ModelSwarm, name: str) -> None:
        super().__init__()
        self.swarm, self.host = swarm, name
        self.state = "active"
        self.cluster = "swarm-1"
        self.engine_id = f"engine-{name}"
        self.nets = ChainMap({}, swarm.nets)  # type: ignore[assignment]

    def _next(self, letter: str) -> str:
        """Engines give nobody else's ids."""
        return f"{super()._next(letter)}{self.host}"

    @property
    def node_id(self) -> str:
        return f"node-{self.engine_id}" if self.state == "active" else ""

    def do_info(self) -> dict[str, Any]:
        leads = self is self.swarm.manager
        swarm = {"LocalNodeState": self.state, "NodeID": self.node_id, "ControlAvailable": leads}
        swarm["Cluster"] = {"ID": self.cluster} if leads else None
        return {**super().do_info(), "ID": self.engine_id, "Swarm": swarm}

    def do_nodes(self) -> list[dict[str, Any]]:
        return [
            {"ID": host.node_id, "Status": {"State": "ready"}, "Description": {"Hostname": name}}
            for name, host in self.swarm.hosts.items()
        ]

    def do_tasks(self, filters: Any = None) -> list[dict[str, Any]]:
        return [
            {
                "NodeID": host.node_id,
                "DesiredState": "running",
                "Spec": {"NetworkAttachmentSpec": {"ContainerID": ident}},
                "NetworksAttachments": [{"Network": {"ID": net}, "Addresses": [f"{endpoint['IPAddress']}/24"]}],
            }
            for host in self.swarm.hosts.values()
            for net in self.swarm.nets
            for ident, _box, endpoint in ModelEngine._attached(host, net)
        ]

    def do_networks(self, filters: Any = None) -> list[dict[str, Any]]:
        """A worker does not know an overlay before its first use."""
        found = [
            net
            for net in self.nets.values()
            if net.get("Scope") != "swarm" or self is self.swarm.manager or ModelEngine._attached(self, net["Id"])
        ]
        return [copy.deepcopy(net) for net in found if not filters or net.get("Scope") == "swarm"]

    def do_create_network(self, name: str, driver: str, options: Any, ipam: Any, labels: Any, **more: Any) -> Any:
        made = super().do_create_network(name, driver, options, ipam, labels, **more)
        net = self.nets.maps[0][made["Id"]]  # type: ignore[attr-defined]
        net["Scope"] = "swarm" if driver == "overlay" else "local"
        if driver == "overlay":
            if self is not self.swarm.manager:
                raise refused(503, "This node is not a swarm manager")
            net.update(Attachable=bool(more.get("attachable")))
            self.swarm.nets[f"o{made['Id']}"] = {**self.nets.maps[0].pop(made["Id"]), "Id": f"o{made['Id']}"}  # type: ignore[attr-defined]
            return {"Id": f"o{made['Id']}"}
        return made

    def do_remove_network(self, ident: str) -> None:
        net = self._net(ident)
        if net.get("Scope") != "swarm":
            super().do_remove_network(ident)
            return
        if self.do_tasks() and any(
            task["NetworksAttachments"][0]["Network"]["ID"] == net["Id"] for task in self.do_tasks()
        ):
            raise refused(400, f"network {net['Id']} is in use by task x")
        del self.swarm.nets[net["Id"]]

    def _attached(self, ident: str) -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
        """All over the Swarm: an address is given once."""
        return [item for host in self.swarm.hosts.values() for item in ModelEngine._attached(host, ident)]

    def at(self, name: str) -> Optional[dict[str, Any]]:
        """The container of that name on this host."""
        return next((box for box in self.boxes.values() if box["Name"] == f"/{name}"), None)
