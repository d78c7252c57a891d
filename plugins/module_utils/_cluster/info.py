# SPDX-License-Identifier: GPL-3.0-or-later
"""The same observation as docker_cluster's, without the converging: nodes, addresses, state, uptime, drift."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Optional

from .._address import Address
from .._directory.config_file import read_file, read_text
from .._entry import Run
from .._hosts import addresses_of, closing, connect_all
from .._spec.load import read_config
from .._spec.model import Cluster
from .._spec.parse import parse_config
from .fleet import Fleet, observe_all, strays, whole
from .job import hosts_of, record_directory
from .observe import FOREIGN, Container
from .plan import make_plan
from .plan_model import NodePlan, Wishes
from .record import Record, read_id, read_record
from .result import host_rows


def body(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """The module docker_cluster_info."""
    cluster_dir = params["cluster_dir"]
    cluster = parse_config(read_config(read_text(cluster_dir)), cluster_dir, read_file)
    directory = record_directory(params.get("record_dir"), cluster_dir, cluster.name)
    record = read_record(directory)
    addresses = addresses_of(hosts_of(cluster, directory), Address.from_params(params))
    with closing(connect_all(addresses, 10)) as connected:
        fleet = observe_all(connected, cluster, read_id(directory), 8, record.places)
    now = datetime.now(timezone.utc)
    result = report(cluster, fleet, record, now)
    for warning in [*cluster.warnings, *result["warnings_seen"]]:
        run.warn(warning)
    del result["warnings_seen"]
    return result


def report(cluster: Cluster, fleet: Fleet, record: Record, now: datetime) -> dict[str, Any]:
    """All nodes, those that config.yml no longer names too; pure."""
    plan = make_plan(cluster, fleet, record.applied, Wishes())
    seen = whole(cluster, fleet).containers
    nodes = [_node(node, seen.get(node.name), now) for node in plan.nodes]
    named = {node["name"] for node in nodes}
    left = strays(cluster, fleet)
    for container in sorted([*seen.values(), *left], key=lambda item: item.name):
        if (container.name not in named and container.owner != FOREIGN) or container in left:
            nodes.append(_node(NodePlan(container.name, None, container), container, now))
    networks = [
        {"name": item.name, "action": item.action, "reasons": list(item.reasons), "present": item.observed is not None}
        for item in plan.networks
    ]
    hosts = host_rows(cluster, fleet)
    silent = [f"The state of the nodes of {row['name']} is not known. {row['error']}" for row in hosts if row["error"]]
    return {
        "changed": False,
        "cluster_name": cluster.name,
        "instances": nodes,
        "networks": networks,
        "hosts": hosts,
        "problems": [vars(problem).copy() for problem in plan.problems],
        "warnings_seen": [*silent, *plan.warnings],
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
        "host": container.host if container else plan.host,
        "status": _status(plan, seen, container),
        "owner": seen.owner if seen else "",
        "container_id": container.id if container else "",
        "addresses": addresses,
        "ip_address": addresses.get(first, ""),
        "uptime": _uptime(container, now),
        "drift": list(plan.reasons) if (container and plan.changed) or plan.blocked else [],
        "in_config": instance is not None,
        "warnings": list(plan.warnings),
    }


def _status(plan: NodePlan, seen: Optional[Container], container: Optional[Container]) -> str:
    if plan.unreachable:
        return "unknown"
    return container.status if container else ("foreign" if seen else "absent")


def _uptime(container: Optional[Container], now: datetime) -> Optional[int]:
    """Seconds since the start of a container that runs."""
    if container is None or container.status != "running":
        return None
    try:
        started = datetime.strptime(container.started_at[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return max(0, int((now - started).total_seconds()))
