# SPDX-License-Identifier: GPL-3.0-or-later
"""One node: the steps from the state that its container is in to the one that is wanted; pure."""

from __future__ import annotations

from typing import Optional

from .._spec.model import Instance
from .labels import network_names, recipe_of
from .observe import OURS, TPA, Container
from .plan_mend import NodeContext, attach_steps, mends
from .plan_model import BEYOND, NodePlan, Step, Wishes
from .recipe import choose


def plan_start(instance: Instance, container: Optional[Container]) -> NodePlan:
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
    lost = f" (what it held is lost): tpaexec provision DIR --recreate {instance.name}"
    remedy = lost if again else ": tpaexec provision"
    return NodePlan(instance.name, instance, container, reasons=(f"{reason}. Make it again{remedy}",), blocked=True)


def wake_steps(container: Container) -> list[Step]:
    """What brings a container that exists to run."""
    if container.status == "paused":
        return [Step("unpause")]
    return [] if container.status in ("running", "restarting") else [Step("start")]


def plan_present(context: NodeContext, wishes: Wishes) -> NodePlan:
    instance, container = context.instance, context.container
    if container is None:
        extra = [Step("connect", item) for item in instance.settings.networks[1:]]
        return NodePlan(instance.name, instance, None, (Step("create"), *extra, Step("start")), ("not there",))
    if wishes.renews(instance.name):
        return _plan_again(instance, container, ("recreated as asked",))
    if container.status in BEYOND:
        return _plan_beyond(instance, container, again=True)
    update, mended, reasons, blockers = mends(context)
    warnings = _stale(context)
    if blockers and container.status == "created" and container.owner == OURS:
        return _plan_again(instance, container, (*blockers, "it was never started, so nothing can be lost"))
    if blockers:
        again = f"tpaexec provision DIR --recreate {instance.name}"
        asking = f"a node is made anew only when asked, since what it holds is lost: {again}"
        words = (*blockers, f"{asking}. To keep it, write in config.yml again what it was made with")
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
    again = f"To make it anew, which loses what it holds: tpaexec provision DIR --recreate {instance.name}"
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
