# SPDX-License-Identifier: GPL-3.0-or-later
"""The same observation as docker_cluster's, without the converging: nodes, addresses, state, uptime, drift."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Mapping, Optional

from .._client import Address, connect
from .._directory.config_file import read_file, read_text
from .._entry import Run
from .._spec.load import read_config
from .._spec.model import Cluster
from .._spec.parse import parse_config
from .converge import record_directory
from .observe import FOREIGN, Container, World, observe
from .plan import NodePlan, Wishes, make_plan
from .record import read_id, read_record


def body(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """The module docker_cluster_info."""
    cluster_dir = params["cluster_dir"]
    cluster = parse_config(read_config(read_text(cluster_dir)), cluster_dir, read_file)
    directory = record_directory(params.get("record_dir"), cluster_dir, cluster.name)
    with connect(Address.from_params(params), 10) as daemon:
        world = observe(daemon, cluster, read_id(directory))
    now = datetime.now(timezone.utc)
    result = report(cluster, world, read_record(directory).applied, now)
    for warning in [*cluster.warnings, *result["warnings_seen"]]:
        run.warn(warning)
    del result["warnings_seen"]
    return result


def report(cluster: Cluster, world: World, applied: Mapping[str, Mapping[str, Any]], now: datetime) -> dict[str, Any]:
    """All nodes, those that config.yml no longer names too; pure."""
    plan = make_plan(cluster, world, applied, Wishes())
    nodes = [_node(node, world.containers.get(node.name), now) for node in plan.nodes]
    named = {node["name"] for node in nodes}
    for container in sorted(world.containers.values(), key=lambda item: item.name):
        if container.name not in named and container.owner != FOREIGN:
            nodes.append(_node(NodePlan(container.name, None, container), container, now))
    networks = [
        {"name": item.name, "action": item.action, "reasons": list(item.reasons), "present": item.observed is not None}
        for item in plan.networks
    ]
    return {
        "changed": False,
        "cluster_name": cluster.name,
        "instances": nodes,
        "networks": networks,
        "problems": [vars(problem).copy() for problem in plan.problems],
        "warnings_seen": list(plan.warnings),
    }


def _node(plan: NodePlan, seen: Optional[Container], now: datetime) -> dict[str, Any]:
    instance = plan.instance
    container = None if seen is None or seen.owner == FOREIGN else seen
    endpoints = container.endpoints if container else ()
    addresses = {item.network: item.address or item.asked for item in endpoints if item.address or item.asked}
    first = (
        instance.settings.networks[0].network if instance and instance.settings.networks else next(iter(addresses), "")
    )
    return {
        "name": plan.name,
        "node": instance.node if instance else None,
        "role": list(instance.role) if instance else [],
        "location": instance.location if instance else "",
        "image": str((container.raw.get("Config") or {}).get("Image") or "") if container else "",
        "status": container.status if container else ("foreign" if seen else "absent"),
        "owner": seen.owner if seen else "",
        "container_id": container.id if container else "",
        "addresses": addresses,
        "ip_address": addresses.get(first, ""),
        "uptime": _uptime(container, now),
        "drift": list(plan.reasons) if container and (plan.changed or plan.blocked) else [],
        "in_config": instance is not None,
        "warnings": list(plan.warnings),
    }


def _uptime(container: Optional[Container], now: datetime) -> Optional[int]:
    """Seconds since the start of a container that runs."""
    if container is None or container.status != "running":
        return None
    try:
        started = datetime.strptime(container.started_at[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return max(0, int((now - started).total_seconds()))
