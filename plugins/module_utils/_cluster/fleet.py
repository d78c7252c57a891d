# SPDX-License-Identifier: GPL-3.0-or-later
"""All hosts of a cluster as they are: a World each, what the Swarm's manager sees of all, and hosts that are silent.

Of one host alone, its World is the whole picture. Of several, `whole` puts one together: containers of all hosts, and
overlay networks with their endpoints on every host, as only a manager knows them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Mapping, Optional

from .._checks import hosts as rules
from .._client import Daemon
from .._errors import DaemonError
from .._hosts import Connected, of_host
from .._spec.model import DEFAULT_HOST, Cluster
from .host import HostFacts, SwarmFacts
from .observe import FOREIGN, OURS, Container, ObservedNetwork, World, network_from_api, observe
from .pool import run_all
from .record import Place


@dataclass(frozen=True)
class Attached:
    """One endpoint of an overlay network, on any host: `address` is without its prefix."""

    network_id: str
    container_id: str
    address: str
    node_id: str


@dataclass(frozen=True)
class SwarmView:
    """What a manager told. `manager` is the name of its host, "" where none could be asked: `silence` says why."""

    manager: str = ""
    nodes: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    networks: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    attached: tuple[Attached, ...] = ()
    silence: str = ""


@dataclass(frozen=True)
class Fleet:
    """Hosts by name. `required` are those that config.yml puts nodes on; `lost` did not answer. `swarm` is None where
    no network reaches over hosts."""

    worlds: Mapping[str, World]
    lost: Mapping[str, DaemonError] = field(default_factory=dict)
    required: tuple[str, ...] = ()
    swarm: Optional[SwarmView] = None
    cluster_id: str = ""
    places: Mapping[str, Place] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World) -> Fleet:
        """One host alone."""
        return cls({world.docker_host: world}, required=(world.docker_host,))

    @property
    def several(self) -> bool:
        return len(self.required) > 1 or self.swarm is not None

    @property
    def containers(self) -> list[Container]:
        """Those of all hosts, by name and host."""
        found = [item for world in self.worlds.values() for item in world.containers.values()]
        return sorted(found, key=lambda item: (item.name, item.host))

    @property
    def engines(self) -> set[str]:
        """The ids of those that answer."""
        return {world.host.engine_id for world in self.worlds.values()} - {""}

    def swarm_of(self, host: str) -> SwarmFacts:
        return self.worlds[host].host.swarm if host in self.worlds else SwarmFacts()


def observe_all(
    connected: Mapping[str, Connected],
    cluster: Cluster,
    cluster_id: str,
    parallel: int,
    places: Optional[Mapping[str, Place]] = None,
    *,
    attaches: bool = False,
) -> Fleet:
    """Look at every host at once. A host that fails while it is looked at counts as silent.

    *places* are the record's: a host that has nodes by them matters as one that config.yml uses. One host alone that
    fails raises its DaemonError. *attaches*: a host that its Swarm does not reach counts as silent, too; nodes
    there can be stopped and removed, but not attached.
    """
    required = tuple(host.name for host in cluster.used_hosts)
    daemons = {name: item for name, item in connected.items() if not isinstance(item, DaemonError)}
    if len(connected) == 1 and not daemons:
        raise next(item for item in connected.values() if isinstance(item, DaemonError))
    if list(connected) == list(daemons) == list(required) and len(daemons) == 1:
        ((name, daemon),) = daemons.items()
        world = observe(daemon, cluster, cluster_id, parallel, name)
        if not any(is_overlay(network) and network.owner == OURS for network in world.networks.values()):
            return replace(Fleet.of(world), places=places or {})
    jobs = [_look(name, daemon, cluster, cluster_id, parallel) for name, daemon in daemons.items()]
    looks = dict(zip(daemons, run_all(jobs, len(jobs))))
    worlds = {name: item for name, item in looks.items() if isinstance(item, World)}
    lost = {name: item for name, item in {**connected, **looks}.items() if isinstance(item, DaemonError)}
    if DEFAULT_HOST not in required and _named_too(worlds):
        del worlds[DEFAULT_HOST]
    view = observe_swarm(daemons, worlds, lost) if _reaches_over(cluster, worlds) else None
    for name in cut_off(worlds, view) if attaches else ():
        lost[name] = of_host(name, DaemonError(CUT_OFF, rules.CUT_OFF.remedy, rules.CUT_OFF.id))
        del worlds[name]
    places = places or _before_hosts(cluster, lost)
    asked = {name for name in lost if name in required or name in {place.host for place in places.values()}}
    if view is None and required[0] in lost:
        raise lost[required[0]]
    return Fleet(worlds, {name: lost[name] for name in lost if name in asked}, required, view, cluster_id, places)


def _named_too(worlds: Mapping[str, World]) -> bool:
    """The daemon of DOCKER_HOST, where the cluster was before it had hosts, is one of them by now."""
    engines = {name: (world.host.swarm.node_id, world.host.engine_id) for name, world in worlds.items()}
    own = engines.pop(DEFAULT_HOST, ("", ""))
    return any(own) and own in engines.values()


def _before_hosts(cluster: Cluster, lost: Mapping[str, DaemonError]) -> dict[str, Place]:
    """Where nodes are of a cluster that was made before it had hosts, when that daemon does not answer."""
    if DEFAULT_HOST not in lost or not cluster.hosts:
        return {}
    return {instance.name: Place(DEFAULT_HOST) for instance in cluster.instances}


CUT_OFF = "It is cut off from the other managers of its Swarm, which lead it without this one."


def cut_off(worlds: Mapping[str, World], view: Optional[SwarmView]) -> list[str]:
    """Managers that know of no leader, while another has answered for the same Swarm."""
    if view is None or not view.manager:
        return []
    swarms = {name: world.host.swarm for name, world in worlds.items() if name != view.manager}
    return [name for name, one in swarms.items() if one.manager and one.error and one.node_id in view.nodes]


def _look(name: str, daemon: Daemon, cluster: Cluster, cluster_id: str, parallel: int) -> Any:
    def job() -> Any:
        try:
            return observe(daemon, cluster, cluster_id, parallel, name)
        except DaemonError as error:
            return of_host(name, error)

    return job


def _reaches_over(cluster: Cluster, worlds: Mapping[str, World]) -> bool:
    """Several hosts are used, or were: an overlay network is there."""
    overlays = (network for world in worlds.values() for network in world.networks.values() if is_overlay(network))
    return len(cluster.used_hosts) > 1 or any(overlays)


def is_overlay(network: ObservedNetwork) -> bool:
    return network.raw.get("Scope") == "swarm"


def observe_swarm(
    daemons: Mapping[str, Daemon], worlds: Mapping[str, World], lost: Mapping[str, DaemonError]
) -> SwarmView:
    """Ask the first manager that answers."""
    reasons = [str(error) for error in lost.values()]
    for name, world in worlds.items():
        if not world.host.swarm.manager:
            continue
        try:
            return _ask_manager(name, daemons[name])
        except DaemonError as error:
            reasons.append(f"Host {name}: {error.message}")
    none = "None of the hosts that answer is a manager of the Swarm."
    return SwarmView(silence=" ".join(reasons) or none)


def _ask_manager(name: str, daemon: Daemon) -> SwarmView:
    nodes, networks, tasks = run_all(
        [
            lambda: daemon.call("nodes"),
            lambda: daemon.call("networks", filters={"scope": "swarm"}),
            lambda: daemon.call("tasks", filters={"runtime": ["attachment"]}),
        ],
        3,
    )
    return SwarmView(
        manager=name,
        nodes={str(node["ID"]): str((node.get("Status") or {}).get("State") or "") for node in nodes},
        names={str(node["ID"]): str((node.get("Description") or {}).get("Hostname") or "") for node in nodes},
        networks={str(network["Name"]): network for network in networks if network.get("Scope") == "swarm"},
        attached=tuple(item for task in tasks for item in attached_of(task)),
    )


# States of a task in which Swarm has given its addresses back, whatever it is wanted to be (swarmkit, TaskState).
ENDED = ("complete", "shutdown", "failed", "rejected", "remove", "orphaned")


def attached_of(task: Mapping[str, Any]) -> list[Attached]:
    """The endpoints of one task that joins a plain container to overlay networks; one that has ended has none."""
    if task.get("DesiredState") not in ("running", "ready") or (task.get("Status") or {}).get("State") in ENDED:
        return []
    container = str(((task.get("Spec") or {}).get("NetworkAttachmentSpec") or {}).get("ContainerID") or "")
    return [
        Attached(str((item.get("Network") or {}).get("ID") or ""), container, str(address).partition("/")[0], node)
        for node in [str(task.get("NodeID") or "")]
        for item in task.get("NetworksAttachments") or []
        for address in item.get("Addresses") or []
    ]


def whole(cluster: Cluster, fleet: Fleet) -> World:
    """One picture of all hosts, for what is decided about the cluster and not about a host."""
    if not fleet.several and len(fleet.worlds) == 1:
        return next(iter(fleet.worlds.values()))
    homes = {instance.name: instance.host for instance in cluster.instances}
    containers: dict[str, Container] = {}
    for item in sorted(fleet.containers, key=lambda one: (homes.get(one.name) == one.host, one.owner != FOREIGN)):
        containers[item.name] = item  # of several under a name, the one at home, then one of ours
    if fleet.swarm is None:
        base = fleet.worlds[fleet.required[0]]
        return replace(base, containers=containers)
    facts = [world.host for world in fleet.worlds.values()] or [HostFacts()]
    return World(facts[0], containers, _networks(cluster, fleet), {})


def out_of_sight(cluster: Cluster, fleet: Fleet) -> set[str]:
    """Nodes that are, or were made, on hosts that do not answer."""
    made = {name for name, place in fleet.places.items() if place.host in fleet.lost}
    return made | {instance.name for instance in cluster.instances if instance.host in fleet.lost}


def left_behind(fleet: Fleet) -> set[str]:
    """Nodes that were made on an engine which is none of config.yml's any more: its host was replaced, or taken out."""
    known = {"", *fleet.engines}
    return {
        name for name, place in fleet.places.items() if place.host not in fleet.lost and place.engine not in known
    }


def strays(cluster: Cluster, fleet: Fleet) -> list[Container]:
    """Containers of this cluster under a node's name, on another host than that node's own container."""
    picked = whole(cluster, fleet).containers
    return [item for item in fleet.containers if item.owner != FOREIGN and picked[item.name] is not item]


def _networks(cluster: Cluster, fleet: Fleet) -> dict[str, ObservedNetwork]:
    """Overlay networks as the manager sees them, else as a host does; of one host alone, its own besides."""
    found: dict[str, ObservedNetwork] = {}
    view = fleet.swarm or SwarmView()
    for world in fleet.worlds.values():
        for name, network in world.networks.items():
            if is_overlay(network) and name not in found:
                found[name] = network
    for name, raw in view.networks.items():
        found[name] = network_from_api(
            {**raw, "Containers": members_of(str(raw.get("Id")), cluster, fleet)}, fleet.cluster_id
        )
    return found


FAR = " on the Swarm's node "  # in the name of a container that no host of ours has


def members_of(network_id: str, cluster: Cluster, fleet: Fleet) -> dict[str, dict[str, str]]:
    """Who is attached to an overlay, in the form of a network's inspect reply; an unknown one is named by its host."""
    view = fleet.swarm or SwarmView()
    known = _names_by_id(fleet)
    silent = _silent_addresses(cluster, fleet)
    return {
        item.container_id: {
            "Name": known.get(item.container_id)
            or silent.get(item.address)
            or f"{item.container_id[:12]}{FAR}{view.names.get(item.node_id) or item.node_id}",
            "IPv4Address": item.address,
        }
        for item in view.attached
        if item.network_id == network_id
    }


def _silent_addresses(cluster: Cluster, fleet: Fleet) -> dict[str, str]:
    """The addresses of nodes on hosts that do not answer: Swarm keeps them for the day when the host comes back."""
    return {
        item.ipv4_address: instance.name
        for instance in cluster.instances
        if instance.host in fleet.lost
        for item in instance.settings.networks
        if item.ipv4_address
    }


def _names_by_id(fleet: Fleet) -> dict[str, str]:
    """Of a container of someone else's under a node's name, that name alone would be taken for the node."""
    found = {place.container: name for name, place in fleet.places.items() if place.container}
    for world in fleet.worlds.values():
        for network in world.networks.values():
            found.update(network.members)
    for item in fleet.containers:
        found[item.id] = item.name if item.owner != FOREIGN else f"{item.name} on host {item.host}"
    return found


def seen_from(world: World, merged: World) -> World:
    """A host's World with the networks that reach it from others."""
    return replace(world, networks={**world.networks, **merged.networks})
