# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks and named volumes of a cluster: made before its nodes, removed after them."""

from __future__ import annotations

from functools import partial
from typing import Any, Iterable, Mapping

from .._errors import DaemonError, PlatformError
from .apply_overlays import make_overlay, network_arguments, remove_overlay
from .explain import explained
from .labels import network_labels, volume_labels
from .observe import ID_LABEL
from .plan_network import CREATE, REMOVE, REPLACE, NetworkPlan
from .tools import Benches, Site, Tools


def make_networks(site: Site, benches: Benches, plans: Iterable[NetworkPlan]) -> dict[str, str]:
    """The ids of networks that reach one host, by name; the others go by their names alone, since a host does not know
    an overlay before its first use. Raises PlatformError: without its network no node can be made."""
    worlds = () if site.fleet.several else site.fleet.worlds.values()
    ids = {name: network.id for world in worlds for name, network in world.networks.items()}
    for plan in plans:
        if plan.overlay is not None and plan.changed:
            tools = benches[plan.host]
            tools.timed(f"network {plan.name}", plan.action, make_overlay, site, benches, plan)
        elif plan.action in (CREATE, REPLACE):
            tools = benches[plan.host]
            tools.timed(f"network {plan.name}", plan.action, _make_network, site, tools, plan, ids)
    return ids


def _make_network(site: Site, tools: Tools, plan: NetworkPlan, ids: dict[str, str]) -> None:
    if plan.network is None:
        return
    if plan.action == REPLACE and plan.observed is not None:
        for ident in plan.observed.members:
            tools.gone_is_fine("disconnect_container_from_network", ident, plan.observed.id, force=True)
        tools.gone_is_fine("remove_network", plan.observed.id)
    labels = network_labels(site.cluster, plan.network, site.cluster_id)
    try:
        created = tools.daemon.call("create_network", **network_arguments(plan.network, labels))
    except DaemonError as error:
        raise explained(error, f"network {plan.name}") from error
    ids[plan.name] = created["Id"]


def remove_networks(benches: Benches, plans: Iterable[NetworkPlan]) -> list[str]:
    """What could not be removed, as messages."""
    failures = []
    for plan in plans:
        if plan.action == REMOVE and plan.observed is not None:
            tools = benches[plan.host]
            remove = tools.gone_is_fine if plan.overlay is None else partial(remove_overlay, tools)
            try:
                tools.timed(f"network {plan.name}", REMOVE, remove, "remove_network", plan.observed.id)
            except PlatformError as error:
                failures.append(f"network {plan.name}: {explained(error, 'removing the network')}")
    return failures


def make_volumes(site: Site, tools: Tools, names: Iterable[str]) -> None:
    """Named volumes that are not there, with our label: so that only what we made can ever be removed."""
    labels = volume_labels(site.cluster, site.cluster_id)
    for name in names:
        try:
            tools.daemon.call("inspect_volume", name)
        except DaemonError as error:
            if error.status != 404:
                raise
            tools.timed(f"volume {name}", "create", _make_volume, tools, name, labels)


def _make_volume(tools: Tools, name: str, labels: Mapping[str, str]) -> None:
    tools.daemon.call("create_volume", name, labels=dict(labels))


def volumes_of(site: Site, tools: Tools) -> list[str]:
    """The named volumes on a host that carry our label, also those of nodes that are elsewhere now."""
    found = tools.daemon.call("volumes", filters={"label": [f"{ID_LABEL}={site.cluster_id}"]})
    return [str(volume["Name"]) for volume in found.get("Volumes") or []]


def remove_volumes(site: Site, tools: Tools, names: Iterable[str]) -> list[str]:
    """Those of *names* that carry our label, and whatever else does; the others are named in what is returned."""
    kept = []
    for name in dict.fromkeys([*names, *volumes_of(site, tools)]):
        try:
            volume = tools.daemon.call("inspect_volume", name)
            if (volume.get("Labels") or {}).get(ID_LABEL) != site.cluster_id:
                kept.append(f"Volume {name} was not made by this cluster: left as it is.")
                continue
            tools.timed(f"volume {name}", "remove", tools.daemon.call, "remove_volume", name)
        except DaemonError as error:
            if error.status != 404:
                kept.append(f"Volume {name} is left: {error.message}")
    return kept


def network_changes(plans: Iterable[NetworkPlan]) -> list[dict[str, Any]]:
    """The networks part of the result."""
    return [
        {"name": plan.name, "action": plan.action, "changed": plan.changed, "reasons": list(plan.reasons)}
        for plan in plans
    ]
