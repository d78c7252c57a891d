# SPDX-License-Identifier: GPL-3.0-or-later
"""A node that is not, or cannot be seen, where config.yml puts it: its data does not move, so neither does it; pure."""

from __future__ import annotations

from typing import Optional

from .._errors import DaemonError
from .._spec.model import DEFAULT_HOST, Cluster, Instance
from .fleet import Fleet, left_behind, strays
from .observe import TPA, Container
from .plan_model import ABSENT, PRESENT, NodePlan, Step, Wishes
from .record import Place


def lost_plan(instance: Instance, error: DaemonError) -> NodePlan:
    """Its host does not answer: nothing can be done to it, or known of it."""
    return NodePlan(
        instance.name, instance, None, reasons=(str(error),), blocked=True, host=instance.host, unreachable=True
    )


def moved_plan(instance: Instance, container: Container, asked: bool) -> NodePlan:
    """It is on another host than config.yml says. Asked for, it is removed there and made here."""
    here, there = instance.host, container.host
    if asked:
        extra = [Step("connect", item) for item in instance.settings.networks[1:]]
        steps = (Step("remove"), Step("create"), *extra, Step("start"))
        reason = f"moved from host {there} to {here} as asked, without its data"
        return NodePlan(instance.name, instance, container, steps, (reason,), host=here)
    reason = (
        f"it is on host {there}, config.yml says {here}; its data would not move with it. To give it up there and make "
        f"the node anew on {here}: tpaexec provision DIR --recreate {instance.name}. To leave it where it is: "
        f"write tpaexec_docker.instances.{instance.name}.host: {there} in config.yml"
    )
    return NodePlan(instance.name, instance, container, (), (reason,), blocked=True, host=here)


def unseen(instance: Instance, place: Optional[Place], fleet: Fleet, asked: bool) -> Optional[NodePlan]:
    """It is nowhere among the hosts that answer. None: it may be made; else why not."""
    if place is None or (place.only_meant and place.host not in fleet.lost):
        return None
    here, gone = place.host in fleet.worlds, place.host in fleet.lost
    held = _held_address(instance, place, fleet) if gone or asked else ""
    if held:
        return _blocked(instance, held)
    if asked or (here and not place.engine) or place.engine in fleet.engines:
        return None
    if here:
        where = f"on another engine than the one that answers as host {place.host} now"
    elif gone:
        name = f"host {place.host}" if place.host != DEFAULT_HOST else "the daemon of DOCKER_HOST"
        where = f"on {name}, which does not answer"
    else:
        where = f"on host {place.host}, which config.yml no longer names"
    return _blocked(
        instance,
        f"it was made {where}; its data is there. Bring that host back, or make the node anew on {instance.host}, "
        f"without its data: tpaexec provision DIR --recreate {instance.name}",
    )


def _held_address(instance: Instance, place: Place, fleet: Fleet) -> str:
    """A node that ran on a host when it died, or runs on one that was replaced, still holds its address in the Swarm: a
    start would fail after 20 s."""
    view, world = fleet.swarm, fleet.worlds.get(place.host)
    if view is None or not place.container or (world is not None and place.engine in ("", world.host.engine_id)):
        return ""
    wanted = {item.ipv4_address for item in instance.settings.networks if item.ipv4_address}
    for item in view.attached:
        if item.container_id == place.container and item.address in wanted:
            name = view.names.get(item.node_id) or item.node_id
            silent = place.host in fleet.lost
            where = f"host {place.host}, which does not answer" if silent else f"the Swarm's node {name}"
            back = "bring that host back" if silent else f"stop it there (docker stop {instance.name})"
            return (
                f"its address {item.address} is still held by its old container on {where}: {back}, or, when that host "
                f"is gone for good, take it out of the Swarm on a manager (docker node rm --force {name}), or give the "
                "node another ip_address"
            )
    return ""


def _blocked(instance: Instance, reason: str) -> NodePlan:
    return NodePlan(instance.name, instance, None, reasons=(reason,), blocked=True, host=instance.host)


def plan_strays(cluster: Cluster, fleet: Fleet, wishes: Wishes) -> tuple[list[NodePlan], list[str]]:
    """What is left of nodes on hosts that they were moved away from; removed with `prune`, and by `absent`."""
    plans, warnings = [], []
    homes = {instance.name: instance.host for instance in cluster.instances}
    for container in strays(cluster, fleet):
        gone = wishes.state == ABSENT or (wishes.state == PRESENT and wishes.prune)
        home = homes.get(container.name, "another host")
        if gone and container.owner != TPA:
            reason = f"{container.name} is on host {home}"
            plans.append(NodePlan(container.name, None, container, (Step("remove"),), (reason,), host=container.host))
        elif wishes.state in (PRESENT, ABSENT):
            warnings.append(
                f"{container.name} is on host {home}, and an older container of it on host {container.host}: that one "
                "is left as it is. To remove it: tpaexec provision DIR --prune"
            )
    return plans, warnings


def out_of_reach(cluster: Cluster, fleet: Fleet, state: str) -> list[str]:
    """Nodes where nobody looks: config.yml forgot their host, or another engine answers there. Of those that config.yml
    still has, `present` says it node by node."""
    names, seen = {instance.name for instance in cluster.instances}, {item.name for item in fleet.containers}
    warnings, behind, engines = [], left_behind(fleet), fleet.engines
    for name, place in sorted(fleet.places.items()):
        forgotten = place.host not in cluster.hosts and place.host != DEFAULT_HOST and not place.only_meant
        away = (forgotten and place.engine not in engines) or name in behind
        if name in seen or place.host in fleet.lost or not away:
            continue
        if state == ABSENT:
            where = (
                f"host {place.host}, which config.yml no longer names"
                if forgotten
                else f"another engine than the one that answers as host {place.host} now"
            )
            warnings.append(
                f"{name} was made on {where}: it is left there as it is. To remove it: write that host into config.yml "
                "again as it was, then tpaexec deprovision DIR. To forget it: remove .tpaexec-docker in DIR"
            )
        elif state == PRESENT and name not in names and forgotten:
            warnings.append(
                f"{name} was made on host {place.host}, and config.yml names neither any more: it is left there as it "
                "is. To remove it: write the host into config.yml again, then tpaexec provision DIR --prune. To forget "
                "it: the same without the host"
            )
    return warnings
