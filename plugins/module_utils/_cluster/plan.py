# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is wanted and what is there to what has to be done; pure. `changed` and `diff` come from here alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Mapping, Optional

from .._errors import Problem
from .._spec.model import Cluster, Instance
from .fleet import Fleet, out_of_sight, seen_from, whole
from .labels import applied_of, network_names, recipe_of
from .observe import FOREIGN, OURS, TPA, Container, World
from .plan_model import ABSENT, ALL, BEYOND, PRESENT, STARTED, STOPPED, NodePlan, Plan, Step, Wishes
from .plan_move import lost_plan, moved_plan, plan_strays, unseen
from .plan_network import NetworkPlan, plan_networks
from .plan_node import NodeContext, attach_steps, mends
from .plan_overlay import attach_blocker, local_leftovers, plan_overlays, swarm_problems
from .recipe import choose


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
    problems = _unknown_names(names, world, wishes)
    members = {
        item.name for item in world.containers.values() if item.owner == OURS or (_is_ours(item) and item.name in names)
    } | out_of_sight(cluster, fleet)
    networks, network_problems = _plan_networks(cluster, fleet, world, wishes.state, members)
    problems += _same_engines(cluster, fleet, wishes)
    replaced = frozenset(item.name for item in networks if item.replaces)
    scene = Scene(fleet, world, applied, wishes, replaced)
    nodes = [_placed(instance, scene) for instance in cluster.instances if _chosen(instance, wishes)]
    if wishes.state == PRESENT:
        problems += [*network_problems, *_in_the_way(cluster, fleet)]
    images = _missing_images(fleet) if wishes.state == PRESENT else []
    if not wishes.foresee:
        problems += images
    dropped, warnings = _plan_dropped(names, world, wishes)
    left, more = plan_strays(cluster, fleet, wishes)
    return Plan(
        networks=networks,
        nodes=(*nodes, *dropped, *left),
        volumes=_named_volumes(cluster, fleet),
        problems=tuple(problems),
        warnings=(*warnings, *more, *(_foreseen(item) for item in images if wishes.foresee)),
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


def _named_volumes(cluster: Cluster, fleet: Fleet) -> dict[str, tuple[str, ...]]:
    found: dict[str, dict[str, None]] = {}
    for instance in cluster.instances:
        for volume in instance.settings.volumes:
            if volume.kind == "volume" and instance.host in fleet.worlds:
                found.setdefault(instance.host, {})[volume.source] = None
    return {host: tuple(names) for host, names in found.items()}


def _unknown_names(names: list[str], world: World, wishes: Wishes) -> list[Problem]:
    known = {*names, *(item.name for item in world.containers.values() if item.owner != FOREIGN)}
    problems = []
    for option, values in (("recreate", wishes.recreate), ("nodes", wishes.nodes)):
        for value in values:
            if value not in known and not (option == "recreate" and value == ALL):
                problems.append(
                    Problem(option, f"there is no node {value} in this cluster.", f"Its nodes: {', '.join(names)}.")
                )
    return problems


def _missing_images(fleet: Fleet) -> list[Problem]:
    missing = [
        (name, host) for host, world in fleet.worlds.items() for name, raw in world.images.items() if raw is None
    ]
    return [
        Problem(
            "images",
            f"the image {name} is not on {f'host {host}' if fleet.several else 'the Docker host'}.",
            f"Get it first: docker pull {name}, or let `tpaexec provision` obtain it (role guest_image).",
        )
        for name, host in missing
    ]


def _foreseen(problem: Problem) -> str:
    """A check of the whole provision comes before its images; the role guest_image says how it would get them."""
    return f"{problem.message.rstrip('.')} yet: what follows is said as if it were."


def _in_the_way(cluster: Cluster, fleet: Fleet) -> list[Problem]:
    problems = []
    for instance in cluster.instances:
        world = fleet.worlds.get(instance.host)
        container = world.containers.get(instance.name) if world else None
        if container is not None and container.owner == FOREIGN:
            labels = (
                ", ".join(f"{key}={value}" for key, value in sorted(container.labels.items()) if _telling(key))
                or "none"
            )
            where = f" on host {instance.host}" if fleet.several else ""
            problems.append(
                Problem(
                    instance.name,
                    f"a container of this name{where} belongs to someone else (its labels: {labels}); it is left as it "
                    "is.",
                    "Rename the instance, or remove that container yourself. If it is this cluster's and its id was "
                    "lost: tpaexec provision DIR --adopt",
                )
            )
    return problems


def _telling(label: str) -> bool:
    return label in ("Cluster", "Name", "Owner", "tpaexec.docker.id") or label.startswith("com.docker.compose.project")


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
            return moved_plan(instance, container, _again(instance, wishes))
    place = fleet.places.get(instance.name)
    if container is None and wishes.state != PRESENT and place and place.host in fleet.lost:
        return lost_plan(instance, fleet.lost[place.host])
    if container is None and wishes.state == PRESENT:
        hindered = unseen(instance, place, fleet, _again(instance, wishes))
        if hindered is not None:
            return hindered
    plan = replace(_plan_node(instance, container, scene), host=instance.host)
    if fleet.several and set(plan.kinds) & {"create", "start", "connect"}:
        networks = [item.network for item in instance.settings.networks]
        blocker = attach_blocker(fleet, networks, scene.merged)
        if blocker:
            return replace(plan, steps=(), reasons=(blocker,), blocked=True, mended={})
    return plan


def _again(instance: Instance, wishes: Wishes) -> bool:
    return instance.name in wishes.recreate or ALL in wishes.recreate


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
        return _plan_start(instance, container)
    world = scene.merged
    if scene.fleet.several:
        world = seen_from(scene.fleet.worlds[instance.host], scene.merged)
    context = NodeContext(instance, container, world, _applied(container, scene.applied), scene.replaced)
    return _plan_present(context, wishes)


def _applied(container: Optional[Container], record: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    if container is None:
        return {}
    return {**applied_of(container.labels), **record.get(container.id, {})}


def _plan_start(instance: Instance, container: Optional[Container]) -> NodePlan:
    if container is None:
        reason = "it was never provisioned or was removed: run tpaexec provision"
        return NodePlan(instance.name, instance, None, reasons=(reason,), blocked=True)
    if container.status in BEYOND:
        return _plan_beyond(instance, container, again=False)
    return NodePlan(instance.name, instance, container, tuple(wake_steps(container)))


def _plan_beyond(instance: Instance, container: Container, again: bool) -> NodePlan:
    """The engine never starts such a container. A dead one is what is left of a removal that somebody asked for and
    that did not end, most often since the daemon was killed: it is finished, and the node made again."""
    said = f" (the engine: {container.error})" if container.error else ""
    if container.status == "removing":
        reason = f"its container is being removed{said}: wait until it is gone, then run tpaexec provision"
        return NodePlan(instance.name, instance, container, reasons=(reason,), blocked=True)
    reason = f"its container is dead: a removal of it began and did not end{said}"
    if again and container.owner == OURS:
        return _plan_again(instance, container, (reason,))
    remedy = f"tpaexec provision DIR --recreate {instance.name}" if again else "tpaexec provision"
    return NodePlan(instance.name, instance, container, reasons=(f"{reason}. Make it again: {remedy}",), blocked=True)


def wake_steps(container: Container) -> list[Step]:
    """What brings a container that exists to run."""
    if container.status == "paused":
        return [Step("unpause")]
    return [] if container.status in ("running", "restarting") else [Step("start")]


def _plan_present(context: NodeContext, wishes: Wishes) -> NodePlan:
    instance, container = context.instance, context.container
    if container is None:
        extra = [Step("connect", item) for item in instance.settings.networks[1:]]
        return NodePlan(instance.name, instance, None, (Step("create"), *extra, Step("start")), ("not there",))
    if _again(instance, wishes):
        return _plan_again(instance, container, ("recreated as asked",))
    if container.status in BEYOND:
        return _plan_beyond(instance, container, again=True)
    update, mended, reasons, blockers = mends(context)
    warnings = _stale(context)
    if blockers and container.status == "created" and container.owner == OURS:
        return _plan_again(instance, container, (*blockers, "it was never started, so nothing can be lost"))
    if blockers:
        words = (*blockers, f"a node is recreated only when asked: tpaexec provision DIR --recreate {instance.name}")
        return NodePlan(instance.name, instance, container, (), words, blocked=True, warnings=warnings)
    changes: list[Step] = []
    if update:
        changes.append(Step("update", update))
    network_reasons = []
    for kind, data, reason in attach_steps(context):
        changes.append(Step(kind, data))
        network_reasons.append(reason)
    # An address that one network gives back may be the next one's; apply frees everything first.
    changes.sort(key=lambda step: step.kind == "connect")
    if network_reasons:
        mended["networks"] = network_names(instance)
    wake = wake_steps(container)
    woken = [f"it was {container.status}"] if wake else []
    all_reasons = (*reasons, *dict.fromkeys(filter(None, network_reasons)), *woken)
    return NodePlan(
        instance.name, instance, container, (*changes, *wake), all_reasons, warnings=warnings, mended=mended
    )


def _plan_again(instance: Instance, container: Container, reasons: tuple[str, ...]) -> NodePlan:
    extra = [Step("connect", item) for item in instance.settings.networks[1:]]
    return NodePlan(
        instance.name, instance, container, (Step("remove"), Step("create"), *extra, Step("start")), reasons
    )


def _stale(context: NodeContext) -> tuple[str, ...]:
    instance, container = context.instance, context.container
    if container is None:
        return ()
    again = f"To renew it: --recreate {instance.name}"
    found = []
    image = context.world.images.get(instance.settings.image)
    if image and container.image_id and image.get("Id") != container.image_id:
        found.append(
            f"{instance.name}: {instance.settings.image} now names a newer image than the one it runs. {again}"
        )
    if container.owner == TPA:
        found.append(f"{instance.name}: made by TPA and taken as it is. {again}")
    else:
        made_by, now = recipe_of(container.labels), choose(context.world.host).id
        if made_by and made_by != now:
            found.append(f"{instance.name}: made by recipe {made_by}, today it would be {now}. {again}")
    return tuple(found)


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
