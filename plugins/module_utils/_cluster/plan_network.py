# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's networks: made, kept, taken over from TPA, replaced, removed, or someone else's; pure."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, replace
from typing import Any, Optional

from .._errors import Problem
from .._spec.model import DEFAULT_HOST, Cluster, IpamPool, Network
from .fleet import FAR
from .observe import ID_LABEL, OURS, ObservedNetwork, World

CREATE, REPLACE, REMOVE, KEEP = "create", "replace", "remove", "keep"
# Options that Podman gives back under another name than it took them.
PODMANS = {"com.docker.network.driver.mtu": "mtu"}


@dataclass(frozen=True)
class Overlay:
    """What a network over several hosts needs besides: a manager's host to be made on, addresses for Swarm itself, and
    networks of its name that reach one host only, which it takes the place of."""

    ipam: tuple[IpamPool, ...] = ()
    locals: tuple[tuple[str, ObservedNetwork], ...] = ()


@dataclass(frozen=True)
class NetworkPlan:
    """One network of docker_networks (or one of ours that is no longer in it). `host` is where it is worked on."""

    name: str
    action: str
    network: Optional[Network] = None
    observed: Optional[ObservedNetwork] = None
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    host: str = DEFAULT_HOST
    overlay: Optional[Overlay] = None

    @property
    def changed(self) -> bool:
        return self.action != KEEP or bool(self.overlay and self.overlay.locals)

    @property
    def replaces(self) -> bool:
        """Nodes that are attached to it are attached anew."""
        return self.action == REPLACE or bool(self.overlay and self.overlay.locals)


def plan_networks(
    cluster: Cluster, world: World, state: str, members: set[str]
) -> tuple[tuple[NetworkPlan, ...], list[Problem]]:
    """Plans, and problems that forbid doing anything. *members* are this cluster's containers."""
    if state not in ("present", "absent"):
        return (), []
    declared = {network.name for network in cluster.networks}
    problems = [] if state == "absent" else _external(cluster, world, declared)
    plans: list[NetworkPlan] = []
    for network in cluster.networks:
        observed = world.networks.get(network.name)
        if state == "absent":
            plans.append(plan_absent(network.name, observed, world, members, network))
            continue
        plan, found = plan_present(cluster, network, observed, world, members)
        plans.append(plan)
        problems += found
    for observed in world.networks.values():
        if observed.owner == OURS and observed.name not in declared and state == "absent":
            plans.append(plan_absent(observed.name, observed, world, members, None))
    return tuple(replace(plan, host=world.docker_host) for plan in plans), problems


def _external(cluster: Cluster, world: World, declared: set[str]) -> list[Problem]:
    """Networks that instances name and docker_networks does not: they must be there."""
    wanted = {item.network for instance in cluster.instances for item in instance.settings.networks} - declared
    engine = {"bridge", "host", "none", "default"}
    return [
        Problem(
            "docker_networks",
            f"there is no network {name} on the Docker host.",
            "Declare it in docker_networks, or create it.",
        )
        for name in sorted(wanted - engine)
        if name not in world.networks
    ]


def plan_present(
    cluster: Cluster,
    network: Network,
    observed: Optional[ObservedNetwork],
    world: World,
    members: set[str],
) -> tuple[NetworkPlan, list[Problem]]:
    """One that is to be there."""
    if observed is None:
        return NetworkPlan(network.name, CREATE, network, None, ("not there",)), []
    differences = network_drift(network, observed)
    if observed.owner == OURS:
        foreign = strangers_of(observed, members)
        if not differences:
            return NetworkPlan(network.name, KEEP, network, observed), _address_problems(cluster, observed, members)
        if foreign:
            return NetworkPlan(network.name, KEEP, network, observed), [in_use(network.name, foreign, differences)]
        return NetworkPlan(network.name, REPLACE, network, observed, tuple(differences)), []
    if not differences and adoptable(observed, world, members):
        warning = f"Network {network.name} carries no label (made by TPA): taken as it is."
        return NetworkPlan(network.name, KEEP, network, observed, (), (warning,)), []
    return NetworkPlan(network.name, KEEP, network, observed), [foreign_problem(network, observed, differences)]


def adoptable(observed: ObservedNetwork, world: World, members: set[str]) -> bool:
    """TPA labels no network: one is this cluster's if its nodes were attached to it and nobody else is.

    A stopped node is no endpoint of the network, but its own settings still name the network's id.
    """
    if ID_LABEL in observed.labels or strangers_of(observed, members):
        return False
    nodes = [world.containers[name] for name in members if name in world.containers]
    return any(endpoint.network_id == observed.id for node in nodes for endpoint in node.endpoints)


# After a power failure engine 20.10 was seen to leave such an endpoint in the Swarm; its start clears it.
GONE = "If there is no such container, restart Docker there (systemctl restart docker)"


def strangers_of(observed: ObservedNetwork, members: set[str]) -> list[str]:
    """The containers on a network that are not this cluster's."""
    return sorted(name for name in observed.members.values() if name not in members)


def _address_problems(cluster: Cluster, observed: ObservedNetwork, members: set[str]) -> list[Problem]:
    """A stranger on the cluster's network may hold an address that a node is to have."""
    wanted = {
        item.ipv4_address: instance.name
        for instance in cluster.instances
        for item in instance.settings.networks
        if item.network == observed.name and item.ipv4_address
    }
    problems = []
    for endpoint in (observed.raw.get("Containers") or {}).values():
        address = str(endpoint.get("IPv4Address") or "").partition("/")[0]
        holder = str(endpoint.get("Name") or "")
        if holder not in members and address in wanted:
            problems.append(
                Problem(
                    wanted[address],
                    f"its address {address} in network {observed.name} is held by the container {holder}, "
                    "which is not this cluster's.",
                    f"Choose another ip_address, or detach it{' there' if ' on ' in holder else ''}: docker network "
                    f"disconnect {observed.name} {holder.partition(' on ')[0]}"
                    f"{f'. {GONE}' if FAR in holder else ''}",
                )
            )
    return problems


def foreign_problem(network: Network, observed: ObservedNetwork, differences: list[str]) -> Problem:
    """Somebody else has the name."""
    seen = ", ".join(observed.subnets) or "no subnet"
    why = f"; {'; '.join(differences)}" if differences else ""
    return Problem(
        f"docker_networks.{network.name}",
        f"a network of this name ({seen}) belongs to someone else{why}; it is left as it is.",
        f"Choose another name in config.yml, or remove it yourself: docker network rm {network.name}",
    )


def in_use(name: str, strangers: list[str], differences: list[str]) -> Problem:
    """It would have to be made anew, and cannot."""
    return Problem(
        f"docker_networks.{name}",
        f"it differs from config.yml ({'; '.join(differences)}) and other containers are attached to it: "
        f"{', '.join(strangers)}.",
        f"Detach them first: docker network disconnect {name} CONTAINER",
    )


def plan_absent(
    name: str, observed: Optional[ObservedNetwork], world: World, members: set[str], network: Optional[Network]
) -> NetworkPlan:
    if observed is None:
        return NetworkPlan(name, KEEP, network, None)
    adopted = network is not None and not network_drift(network, observed) and adoptable(observed, world, members)
    if observed.owner != OURS and not adopted:
        warning = f"Network {name} is not this cluster's: left as it is."
        return NetworkPlan(name, KEEP, network, observed, (), (warning,))
    strangers = strangers_of(observed, members)
    if strangers:
        warning = f"Network {name} is left: other containers are attached to it ({', '.join(strangers)})."
        if any(FAR in name for name in strangers):
            warning += f" {GONE}, then run the same again."
        return NetworkPlan(name, KEEP, network, observed, (), (warning,))
    return NetworkPlan(name, REMOVE, network, observed)


def network_drift(network: Network, observed: ObservedNetwork) -> list[str]:
    """Differences that matter: what config.yml says and the engine has otherwise."""
    raw = observed.raw
    found = []
    wanted = {_norm(pool.subnet) for pool in network.ipam if pool.subnet}
    have = {_norm(subnet) for subnet in observed.subnets}
    if wanted and not wanted <= have:
        found.append(f"subnet: wanted {', '.join(sorted(wanted))}, found {', '.join(sorted(have)) or 'none'}")
    pools = {_norm(str(pool.get("Subnet"))): pool for pool in (raw.get("IPAM") or {}).get("Config") or []}
    for pool in network.ipam:
        theirs = pools.get(_norm(pool.subnet), {})
        found += _differs("gateway", pool.gateway, theirs.get("Gateway"))
        found += _differs("iprange", pool.iprange, theirs.get("IPRange"))
    options = raw.get("Options") or {}
    for key, value in network.driver_options.items():
        found += _differs(f"driver option {key}", value, options.get(key, options.get(PODMANS.get(key, ""))))
    if raw.get("Scope") == "swarm" and not raw.get("Attachable"):
        found.append("attachable: wanted true, found false")
    if network.enable_ipv6 and not raw.get("EnableIPv6"):
        found.append("enable_ipv6: wanted true, found false")
    return found


def _differs(key: str, wanted: Any, have: Any) -> list[str]:
    if not wanted or str(wanted) == str(have or ""):
        return []
    return [f"{key}: wanted {wanted}, found {have or 'none'}"]


def _norm(subnet: str) -> str:
    try:
        return str(ipaddress.ip_network(subnet, strict=False))
    except ValueError:
        return subnet
