# SPDX-License-Identifier: GPL-3.0-or-later
"""What is really there: the daemon's containers, networks and images, as far as one cluster is concerned.

Whose a thing is, is decided here, once: OURS carries our id; TPA's carries the cluster's label and no id; everything
else is FOREIGN, whatever its name.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping, Optional

from .._checks.machine import Machine, default_nofile, find_daemon
from .._client import Daemon
from .._errors import DaemonError
from .._spec.model import DEFAULT_HOST, Cluster
from .host import HostFacts
from .pool import run_all

ID_LABEL = "tpaexec.docker.id"
CLUSTER_LABEL = "Cluster"
OURS, TPA, FOREIGN = "ours", "tpa", "foreign"


@dataclass(frozen=True)
class Endpoint:
    """One network of a container: what was asked for and what it has."""

    network: str
    network_id: str = ""
    address: str = ""
    asked: str = ""
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Container:
    """One container as it is. `raw` is its inspect reply, read by the table of drift alone."""

    id: str
    name: str
    owner: str
    status: str
    image_id: str
    labels: Mapping[str, str]
    endpoints: tuple[Endpoint, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)
    started_at: str = ""
    exit_code: int = 0
    error: str = ""
    restarting: bool = False
    host: str = DEFAULT_HOST

    @classmethod
    def from_api(cls, raw: Mapping[str, Any], cluster: str, cluster_id: str, host: str = DEFAULT_HOST) -> Container:
        state = raw.get("State") or {}
        labels = (raw.get("Config") or {}).get("Labels") or {}
        return cls(
            id=str(raw.get("Id") or ""),
            name=str(raw.get("Name") or "").lstrip("/"),
            owner=owner_of(labels, cluster, cluster_id),
            status=str(state.get("Status") or "unknown"),
            image_id=str(raw.get("Image") or ""),
            labels=labels,
            endpoints=_endpoints(raw),
            raw=raw,
            started_at=str(state.get("StartedAt") or ""),
            exit_code=int(state.get("ExitCode") or 0),
            error=str(state.get("Error") or ""),
            restarting=bool(state.get("Restarting")),
            host=host,
        )

    def endpoint(self, network: str) -> Optional[Endpoint]:
        return next((item for item in self.endpoints if item.network == network), None)


@dataclass(frozen=True)
class ObservedNetwork:
    """One network as it is; `members` are the names of the containers attached to it."""

    id: str
    name: str
    owner: str
    subnets: tuple[str, ...]
    labels: Mapping[str, str]
    members: Mapping[str, str] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """All that was seen of one daemon.

    `containers` by name: those of the cluster, and foreign ones under names that the cluster wants. `taken_names` are
    all names in use. `images` maps a wanted image name to its inspect reply, None where it is missing. `subnets` are
    those of all networks of the daemon, by the network's name.
    """

    host: HostFacts
    containers: Mapping[str, Container]
    networks: Mapping[str, ObservedNetwork]
    images: Mapping[str, Optional[Mapping[str, Any]]]
    docker_host: str = DEFAULT_HOST
    subnets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def owner_of(labels: Mapping[str, str], cluster: str, cluster_id: str) -> str:
    """DESIGN.md, Ownership: the id decides; a cluster's label without an id is TPA's."""
    found = labels.get(ID_LABEL)
    if found:
        return OURS if cluster_id and found == cluster_id else FOREIGN
    return TPA if labels.get(CLUSTER_LABEL) == cluster else FOREIGN


def _endpoints(raw: Mapping[str, Any]) -> tuple[Endpoint, ...]:
    networks = (raw.get("NetworkSettings") or {}).get("Networks") or {}
    found = []
    for name, settings in networks.items():
        ipam = settings.get("IPAMConfig") or {}
        found.append(
            Endpoint(
                network=name,
                network_id=str(settings.get("NetworkID") or ""),
                address=str(settings.get("IPAddress") or ""),
                asked=str(ipam.get("IPv4Address") or ""),
                aliases=tuple(settings.get("Aliases") or ()),
            )
        )
    return tuple(found)


def observe(daemon: Daemon, cluster: Cluster, cluster_id: str, parallel: int = 8, place: str = DEFAULT_HOST) -> World:
    """Look at everything on the host called *place*, side by side. Raises DaemonError."""
    here = [instance for instance in cluster.instances if instance.host == place]
    image_names = list(dict.fromkeys(instance.settings.image for instance in here))
    first = run_all(
        [
            lambda: HostFacts.from_api(daemon.call("version"), daemon.call("info"), _nofile(daemon)),
            lambda: daemon.call("containers", all=True),
            lambda: daemon.call("networks"),
            *(_image_job(daemon, name) for name in image_names),
        ],
        parallel,
    )
    host, summaries, networks = first[0], first[1], first[2]
    wanted = {instance.name for instance in cluster.instances}
    concerned = [item for item in summaries if _concerns(item, cluster.name, cluster_id, wanted)]
    jobs = [_container_job(daemon, item["Id"]) for item in concerned]
    wanted_networks = _wanted_networks(cluster)
    ids = [net["Id"] for net in networks if _network_concerns(net, wanted_networks, cluster_id)]
    second = run_all([*jobs, *(_network_job(daemon, ident) for ident in ids)], parallel)
    seen = [Container.from_api(raw, cluster.name, cluster_id, place) for raw in second[: len(jobs)] if raw]
    raws = [raw for raw in second[len(jobs) :] if raw]
    return World(
        host=host,
        containers={container.name: container for container in seen},
        networks={raw["Name"]: network_from_api(raw, cluster_id) for raw in raws},
        images=dict(zip(image_names, first[3:])),
        docker_host=place,
        subnets={str(network.get("Name")): subnets_of(network) for network in networks},
    )


def _nofile(daemon: Daemon) -> Optional[int]:
    """Only a daemon on this machine can be looked at; of another one the limit stays unknown."""
    here = Machine()
    return (
        default_nofile(Machine(pid=find_daemon(here, daemon.address.socket_path)))[0] if daemon.address.local else None
    )


def _wanted_networks(cluster: Cluster) -> set[str]:
    attached = {item.network for instance in cluster.instances for item in instance.settings.networks}
    return attached | {network.name for network in cluster.networks}


def _concerns(summary: Mapping[str, Any], cluster: str, cluster_id: str, wanted: set[str]) -> bool:
    names = {str(name).lstrip("/") for name in summary.get("Names") or []}
    return bool(names & wanted) or owner_of(summary.get("Labels") or {}, cluster, cluster_id) != FOREIGN


def _network_concerns(network: Mapping[str, Any], wanted: set[str], cluster_id: str) -> bool:
    labels = network.get("Labels") or {}
    return network.get("Name") in wanted or bool(cluster_id and labels.get(ID_LABEL) == cluster_id)


def network_from_api(raw: Mapping[str, Any], cluster_id: str) -> ObservedNetwork:
    labels = raw.get("Labels") or {}
    found = labels.get(ID_LABEL)
    members = raw.get("Containers") or {}  # an overlay's own endpoint on a host, `lb-<network>`, is nobody's container
    return ObservedNetwork(
        id=str(raw.get("Id") or ""),
        name=str(raw.get("Name") or ""),
        owner=OURS if cluster_id and found == cluster_id else FOREIGN,
        subnets=subnets_of(raw),
        labels=labels,
        members={ident: str(item.get("Name") or "") for ident, item in members.items() if not ident.startswith("lb-")},
        raw=raw,
    )


def subnets_of(raw: Mapping[str, Any]) -> tuple[str, ...]:
    pools = (raw.get("IPAM") or {}).get("Config") or []
    return tuple(str(pool.get("Subnet")) for pool in pools if pool.get("Subnet"))


def _gone(error: DaemonError) -> bool:
    return error.status == 404


def _container_job(daemon: Daemon, ident: str) -> Any:
    return lambda: _or_none(daemon, "inspect_container", ident)


def _network_job(daemon: Daemon, ident: str) -> Any:
    return lambda: _or_none(daemon, "inspect_network", ident)


def _image_job(daemon: Daemon, name: str) -> Any:
    return lambda: _or_none(daemon, "inspect_image", name)


def _or_none(daemon: Daemon, method: str, ident: str) -> Optional[Mapping[str, Any]]:
    """A thing that went away between two looks is not there: no error."""
    try:
        return daemon.call(method, ident)
    except DaemonError as error:
        if _gone(error):
            return None
        raise


def of_cluster(containers: Iterable[Container]) -> list[Container]:
    """Ours and TPA's, by name."""
    return sorted((item for item in containers if item.owner != FOREIGN), key=lambda item: item.name)
