# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cluster asks of the host, and what on the daemon is the cluster's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Optional

from .._spec.model import Cluster, Instance, Network
from .facts_host import DockerContainer, DockerNetwork, Inventory

ID_LABEL = "tpaexec.docker.id"
CLUSTER_LABEL = "Cluster"
MTU_OPTION = "com.docker.network.driver.mtu"


@dataclass(frozen=True)
class NodeWant:
    name: str
    image: str
    memory: Optional[int]
    memory_reservation: Optional[int]
    shm: Optional[int]
    dns: bool
    ports: tuple[tuple[str, int, str], ...]
    limits_memory: bool


@dataclass(frozen=True)
class NetworkWant:
    name: str
    subnets: tuple[str, ...]
    mtu: Optional[int]
    driver: str = "bridge"
    encrypted: bool = False


@dataclass(frozen=True)
class Wants:
    """A cluster's needs."""

    name: str = ""
    id: str = ""
    adopt: bool = False
    nodes: tuple[NodeWant, ...] = ()
    networks: tuple[NetworkWant, ...] = ()

    @classmethod
    def from_cluster(cls, cluster: Cluster, cluster_id: str, adopt: bool = False) -> Wants:
        return cls(
            name=cluster.name,
            id=cluster_id,
            adopt=adopt,
            nodes=tuple(_node(instance) for instance in cluster.instances),
            networks=tuple(_network(network) for network in cluster.networks),
        )

    @property
    def images(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(node.image for node in self.nodes))

    def owns(self, labels: Mapping[str, str]) -> bool:
        """Ours by the id, or TPA's by the cluster's name where there is no id. With *adopt*, the name is enough."""
        named = bool(self.name) and labels.get(CLUSTER_LABEL) == self.name
        if labels.get(ID_LABEL):
            return (bool(self.id) and labels[ID_LABEL] == self.id) or (self.adopt and named)
        return named

    def owns_network(self, network: DockerNetwork, inventory: Inventory) -> bool:
        """Ours by the id; TPA's unlabelled one when name and subnet match and only this cluster uses it."""
        if network.labels.get(ID_LABEL):
            return self.owns(network.labels)
        wanted = next((want for want in self.networks if want.name == network.name), None)
        if wanted is None or (wanted.subnets and set(wanted.subnets) != set(network.subnets)):
            return False
        users = [box for box in inventory.containers if network.name in box.networks]
        return all(self.owns(box.labels) for box in users)

    def new_nodes(self, running: tuple[DockerContainer, ...]) -> tuple[NodeWant, ...]:
        """The nodes that do not run yet: what runs already has its memory and its place."""
        own = {box.name for box in running if box.state == "running" and self.owns(box.labels)}
        return tuple(node for node in self.nodes if node.name not in own)


def _node(instance: Instance) -> NodeWant:
    settings = instance.settings
    return NodeWant(
        name=instance.name,
        image=settings.image,
        memory=settings.memory,
        memory_reservation=settings.memory_reservation,
        shm=settings.shm_size,
        dns=bool(settings.dns),
        ports=tuple(
            (port.host_ip, port.host_port, port.container.protocol)
            for port in settings.published_ports
            if port.host_port
        ),
        limits_memory=settings.memory is not None or settings.memory_reservation is not None,
    )


def _network(network: Network) -> NetworkWant:
    options = {str(key): str(value) for key, value in network.driver_options.items()}
    mtu = options.get(MTU_OPTION, "")
    return NetworkWant(
        name=network.name,
        subnets=tuple(pool.subnet for pool in network.ipam if pool.subnet),
        mtu=int(mtu) if mtu.isdecimal() and len(mtu) < 9 else None,
        driver=str(getattr(network, "driver", "bridge")),
        encrypted="encrypted" in options and options["encrypted"].lower() != "false",
    )
