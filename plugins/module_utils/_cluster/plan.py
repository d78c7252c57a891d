# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is wanted and what is there to what has to be done; pure. `changed` and `diff` come from here alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Iterable, Mapping, Optional

from .._errors import Problem
from .._spec.model import Cluster, Instance
from .fleet import Fleet, left_behind, out_of_sight, seen_from, whole
from .labels import applied_of
from .observe import FOREIGN, OURS, TPA, Container, World
from .plan_mend import NodeContext
from .plan_model import ABSENT, PRESENT, STARTED, STOPPED, NodePlan, Plan, Step, Wishes
from .plan_move import lost_plan, moved_plan, out_of_reach, plan_strays, unseen
from .plan_network import NetworkPlan, plan_networks
from .plan_node import plan_present, plan_start
from .plan_overlay import local_leftovers, plan_overlays
from .plan_problems import foreseen, in_the_way, missing_images, unknown_names
from .plan_swarm import attach_blocker, swarm_problems


@dataclass(frozen=True)
class Scene:
    """What every node's plan depends on. `replaced`: networks that are made anew."""

    fleet: Fleet
    merged: World
    applied: Mapping[str, Mapping[str, Any]]
    wishes: Wishes
    replaced: frozenset[str]


def make_plan(
    cluster: Cluster,
    fleet: Fleet,
    applied: Mapping[str, Mapping[str, Any]],
    wishes: Wishes,
) -> Plan:
    """The plan. *applied* maps container ids to what the record says was mended in place."""
    names = [instance.name for instance in cluster.instances]
    world = whole(cluster, fleet)
    problems = unknown_names(names, world, wishes)
    members = {
        item.name for item in world.containers.values() if item.owner == OURS or (_is_ours(item) and item.name in names)
    } | out_of_sight(cluster, fleet)
    if wishes.state == PRESENT:
        members |= left_behind(fleet)  # their addresses are told of node by node; `absent` leaves them their network
    networks, network_problems = _plan_networks(cluster, fleet, world, wishes.state, members)
    problems += _same_engines(cluster, fleet, wishes)
    replaced = frozenset(item.name for item in networks if item.replaces)
    scene = Scene(fleet, world, applied, wishes, replaced)
    nodes = [_placed(instance, scene) for instance in cluster.instances if _chosen(instance, wishes)]
    if wishes.state == PRESENT:
        problems += [*network_problems, *in_the_way(cluster, fleet)]
    images = missing_images(fleet) if wishes.state == PRESENT else []
    if not wishes.foresee:
        problems += images
    dropped, warnings = _plan_dropped(names, world, wishes)
    left, more = plan_strays(cluster, fleet, wishes)
    more += out_of_reach(cluster, fleet, wishes.state)
    return Plan(
        networks=networks,
        nodes=(*nodes, *dropped, *left),
        volumes=_named_volumes([node for node in nodes if wishes.state != PRESENT or "create" in node.kinds], fleet),
        problems=tuple(problems),
        warnings=(*warnings, *more, *(foreseen(item) for item in images if wishes.foresee)),
    )


def _plan_networks(
    cluster: Cluster, fleet: Fleet, world: World, state: str, members: set[str]
) -> tuple[tuple[NetworkPlan, ...], list[Problem]]:
    if fleet.several:
        return plan_overlays(cluster, fleet, world, state, members)
    plans, problems = plan_networks(cluster, world, state, members)
    if state == ABSENT:
        plans = (*plans, *local_leftovers(fleet, members, {world.docker_host}))
    return plans, problems


def _same_engines(cluster: Cluster, fleet: Fleet, wishes: Wishes) -> list[Problem]:
    """One engine under two names is always wrong; what is wrong with the Swarm matters when something is made."""
    found = swarm_problems(cluster, fleet) if len(fleet.worlds) > 1 or fleet.several else []
    return [item for item in found if wishes.state == PRESENT or "the same engine" in item.message]


def _is_ours(container: Optional[Container]) -> bool:
    return container is not None and container.owner != FOREIGN


def _chosen(instance: Instance, wishes: Wishes) -> bool:
    return not wishes.nodes or instance.name in wishes.nodes


def _named_volumes(nodes: Iterable[NodePlan], fleet: Fleet) -> dict[str, tuple[str, ...]]:
    """Those of *nodes*, by the host where the node is to be."""
    found: dict[str, dict[str, None]] = {}
    for instance in (node.instance for node in nodes if node.instance is not None):
        for volume in instance.settings.volumes:
            if volume.kind == "volume" and instance.host in fleet.worlds:
                found.setdefault(instance.host, {})[volume.source] = None
    return {host: tuple(names) for host, names in found.items()}


def _placed(instance: Instance, scene: Scene) -> NodePlan:
    """One node, on the host where it is or is to be."""
    fleet, wishes = scene.fleet, scene.wishes
    if instance.host in fleet.lost:
        return lost_plan(instance, fleet.lost[instance.host])
    container = scene.merged.containers.get(instance.name)
    if container is not None and container.host != instance.host:
        if container.owner == FOREIGN:  # on a host where this node is not to be: nobody's business
            container = None
        elif wishes.state == PRESENT:
            return _attachable(moved_plan(instance, container, wishes.renews(instance.name)), instance, scene)
    place = fleet.places.get(instance.name)
    if container is None and wishes.state != PRESENT and place and place.host in fleet.lost:
        return lost_plan(instance, fleet.lost[place.host])
    if container is None and wishes.state == PRESENT:
        hindered = unseen(instance, place, fleet, wishes.renews(instance.name))
        if hindered is not None:
            return hindered
    return _attachable(replace(_plan_node(instance, container, scene), host=instance.host), instance, scene)


def _attachable(plan: NodePlan, instance: Instance, scene: Scene) -> NodePlan:
    """*plan*, or why nothing is done where the node could not be attached in the end."""
    fleet = scene.fleet
    if fleet.several and set(plan.kinds) & {"create", "start", "connect"}:
        networks = [item.network for item in instance.settings.networks]
        blocker = attach_blocker(fleet, networks, scene.merged)
        if blocker:
            return replace(plan, steps=(), reasons=(blocker,), blocked=True, mended={})
    return plan


def _plan_node(instance: Instance, container: Optional[Container], scene: Scene) -> NodePlan:
    wishes = scene.wishes
    if container is not None and container.owner == FOREIGN:
        warning = f"{instance.name}: a container of this name is someone else's: left as it is."
        return NodePlan(instance.name, instance, None, warnings=(warning,), foreign=True)
    if wishes.state == ABSENT:
        steps = (Step("remove"),) if container else ()
        return NodePlan(instance.name, instance, container, steps)
    if wishes.state == STOPPED:
        steps = (Step("stop"),) if container and container.status in ("running", "paused", "restarting") else ()
        return NodePlan(instance.name, instance, container, steps)
    if wishes.state == STARTED:
        return plan_start(instance, container)
    world = scene.merged
    if scene.fleet.several:
        world = seen_from(scene.fleet.worlds[instance.host], scene.merged)
    context = NodeContext(instance, container, world, _applied(container, scene.applied), scene.replaced)
    return plan_present(context, wishes)


def _applied(container: Optional[Container], record: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    if container is None:
        return {}
    return {**applied_of(container.labels), **record.get(container.id, {})}


def _plan_dropped(names: list[str], world: World, wishes: Wishes) -> tuple[list[NodePlan], tuple[str, ...]]:
    """Nodes of ours that config.yml no longer names: reported; removed with `prune`, and by `absent`."""
    plans, warnings = [], []
    for container in sorted(world.containers.values(), key=lambda item: item.name):
        if container.name in names or container.owner == FOREIGN:
            continue
        if container.owner == TPA:
            warnings.append(
                f"{container.name} carries this cluster's label, but config.yml does not name it: left as it is."
            )
        elif wishes.state == ABSENT or (wishes.state == PRESENT and wishes.prune):
            plans.append(
                NodePlan(
                    container.name,
                    None,
                    container,
                    (Step("remove"),),
                    ("config.yml no longer names it",),
                    host=container.host,
                )
            )
        elif wishes.state == PRESENT:
            warnings.append(
                f"{container.name} is no longer in config.yml: left as it is. "
                "To remove it: tpaexec provision DIR --prune"
            )
    return plans, tuple(warnings)
