# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan and outcome as the module's result; pure. Check mode gives the same form, with what would be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping, Optional, Sequence

from .._spec.model import Cluster
from .apply import NodeResult
from .apply_networks import network_changes
from .fleet import Fleet
from .observe import Container, Endpoint
from .plan_model import ABSENT, STOPPED, NodePlan, Plan
from .recipe import choose


@dataclass(frozen=True)
class Outcome:
    """What `apply` brought; empty in check mode."""

    results: Sequence[NodeResult] = ()
    steps: Sequence[Mapping[str, Any]] = ()
    failures: Sequence[str] = ()
    volumes: Sequence[str] = ()  # those that `absent` left, of ours
    check_mode: bool = False


def as_result(cluster: Cluster, plan: Plan, fleet: Fleet, outcome: Outcome, state: str) -> dict[str, Any]:
    """The dictionary that docker_cluster returns."""
    # By the plan itself: a node and what is left of it on another host have one name.
    by_plan = {id(result.plan): result for result in outcome.results}
    nodes = [_node(node, by_plan.get(id(node)), state) for node in plan.nodes]
    failed = [node for node in nodes if node["status"] in ("failed", "blocked")]
    changed = plan.changed if outcome.check_mode else _changed(plan, outcome)
    hosts = host_rows(cluster, fleet)
    recipe = choose(next(iter(fleet.worlds.values())).host) if fleet.worlds else None
    result: dict[str, Any] = {
        "changed": changed,
        "cluster_name": cluster.name,
        "instances": nodes,
        "networks": network_changes(plan.networks),
        "steps": list(outcome.steps),
        "recipe": {"id": recipe.id, "why": recipe.why, "proven": recipe.proven} if recipe else {},
        "hosts": hosts,
        "diff": diff_of(plan, state),
    }
    if failed or outcome.failures:
        result.update(failed=True, msg=_failure(failed, outcome.failures, len(nodes)))
    return result


def host_rows(cluster: Cluster, fleet: Fleet) -> list[dict[str, Any]]:
    """Every host of the cluster: how its daemon answers, and how nodes are made there."""
    rows = []
    for name in dict.fromkeys([*fleet.required, *fleet.worlds, *fleet.lost]):
        world, error = fleet.worlds.get(name), fleet.lost.get(name)
        nodes = [instance.name for instance in cluster.instances if instance.host == name]
        row: dict[str, Any] = {"name": name, "nodes": nodes, "answers": world is not None, "error": str(error or "")}
        if world is not None:
            engine = ".".join(str(part) for part in world.host.engine)
            row.update(engine=engine, recipe=choose(world.host).id, swarm=world.host.swarm.state)
            row["manager"] = world.host.swarm.manager
        rows.append(row)
    return rows


def _changed(plan: Plan, outcome: Outcome) -> bool:
    return any(item.changed for item in plan.networks) or any(result.done for result in outcome.results)


def _failure(failed: Sequence[Mapping[str, Any]], others: Sequence[str], count: int) -> str:
    words = [f"{node['name']}: {node['error']}" for node in failed] + list(others)
    if not failed:
        return "Not all could be removed:\n" + "\n".join(f"  - {word}" for word in words)
    head = f"{len(failed)} of {count} nodes failed; the others are as wanted. Mend what is said below and run it again."
    return head + "\n" + "\n".join(f"  - {word}" for word in words)


def _node(plan: NodePlan, result: Optional[NodeResult], state: str) -> dict[str, Any]:
    instance = plan.instance
    endpoints = _endpoints(plan, result)
    addresses = {item.network: item.address for item in endpoints if item.address}
    attachments = instance.settings.networks if instance else ()
    if result is None or not addresses:
        fixed = {item.network: item.ipv4_address for item in attachments if item.ipv4_address}
        addresses = {**fixed, **addresses} if state != ABSENT else {}
    first = attachments[0].network if attachments else next(iter(addresses), "")
    error = (result.error if result else "") or ("; ".join(plan.reasons) if plan.blocked else "")
    return {
        "name": plan.name,
        "node": instance.node if instance else None,
        "role": list(instance.role) if instance else [],
        "location": instance.location if instance else "",
        "host": _host(plan, result),
        "image": instance.settings.image if instance else "",
        "status": _status(plan, result, state),
        "changed": bool(result.done) if result else plan.changed,
        "steps": [str(step) for step in plan.steps],
        "reasons": list(plan.reasons),
        "warnings": list(plan.warnings),
        "addresses": addresses,
        "ip_address": addresses.get(first, ""),
        "container_id": result.container_id if result else (plan.container.id if plan.container else ""),
        "ssh": result.ssh if result else False,
        "seconds": dict(result.seconds) if result else {},
        "failed_units": list(result.boot.failed_units) if result and result.boot else [],
        "error": error,
    }


def _host(plan: NodePlan, result: Optional[NodeResult]) -> str:
    """Where its container is; of one that has none, where it is to be."""
    if result is not None and result.container_id:
        return result.host
    return plan.container.host if plan.container else plan.host


def _endpoints(plan: NodePlan, result: Optional[NodeResult]) -> tuple[Endpoint, ...]:
    if result is not None and result.raw:
        return Container.from_api(result.raw, "", "").endpoints
    return plan.container.endpoints if plan.container else ()


def _status(plan: NodePlan, result: Optional[NodeResult], state: str) -> str:
    if plan.foreign:
        return "foreign"
    if plan.blocked or (result is not None and result.error):
        return "blocked" if plan.blocked and not plan.unreachable else "failed"
    if result is None:  # check mode: nothing was touched, so it is what it was
        return plan.container.status if plan.container else "absent"
    if state == ABSENT or plan.kinds[-1:] == ("remove",):
        return "absent"
    if state == STOPPED:
        return "stopped" if plan.container else "absent"
    return result.boot.state if result.boot is not None else "running"


def diff_of(plan: Plan, state: str) -> dict[str, str]:
    """Before and after, from the plan: a line a network and a node."""
    before, after = [], []
    for network in plan.networks:
        if network.changed:
            before.append(_line("network", network.name, "present" if network.observed else "absent", ()))
            after.append(
                _line("network", network.name, "absent" if network.action == "remove" else "present", network.reasons)
            )
    for node in plan.nodes:
        was = node.container.status if node.container else "absent"
        if node.blocked:
            before.append(_line("node", node.name, was, ()))
            after.append(_line("node", node.name, f"{was}, BLOCKED", node.reasons))
        elif node.changed:
            before.append(_line("node", node.name, was, ()))
            after.append(_line("node", node.name, _after(node, state), node.reasons))
    return {"before": "".join(before), "after": "".join(after)}


def _after(node: NodePlan, state: str) -> str:
    if state == STOPPED:
        return "exited"
    if node.kinds[-1:] == ("remove",):
        return "absent"
    settings = node.instance.settings if node.instance else None
    addresses = [item.ipv4_address for item in settings.networks if item.ipv4_address] if settings else []
    described = f", image {settings.image}" if settings and "create" in node.kinds else ""
    return f"running{described}{', address ' + ' '.join(addresses) if addresses and 'create' in node.kinds else ''}"


def _line(kind: str, name: str, status: str, reasons: Sequence[str]) -> str:
    why = f"  # {'; '.join(reasons)}" if reasons else ""
    return f"{kind} {name}: {status}{why}\n"
