# SPDX-License-Identifier: GPL-3.0-or-later
"""A network over several hosts: made and removed on a manager of the Swarm, taken from nodes on every host."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Mapping

from .._errors import DaemonError
from .._spec.model import Network
from .explain import explained
from .labels import network_labels
from .observe import FOREIGN
from .plan_network import CREATE, REPLACE, NetworkPlan
from .tools import Benches, Site, Tools

# Swarm forgets an endpoint a moment after its container went; of a host that was away it hears only when that host's
# agent has found its manager again, which was seen to take longer than the 15 s after which Swarm calls a node down.
RELEASE = 60.0


def make_overlay(site: Site, benches: Benches, plan: NetworkPlan) -> None:
    """What has its name and reaches one host only goes first; then it is made, or made again."""
    if plan.network is None or plan.overlay is None:
        return
    homes = {item.id: item.host for item in site.fleet.containers if item.owner != FOREIGN}
    for host, observed in plan.overlay.locals:
        for ident in observed.members:
            benches[host].gone_is_fine("disconnect_container_from_network", ident, observed.id, force=True)
        benches[host].gone_is_fine("remove_network", observed.id)
    tools = benches[plan.host]
    if plan.action == REPLACE and plan.observed is not None:
        for ident in plan.observed.members:
            if ident in homes:
                benches[homes[ident]].gone_is_fine(
                    "disconnect_container_from_network", ident, plan.observed.id, force=True
                )
        remove_overlay(tools, "remove_network", plan.observed.id)
    if plan.action not in (CREATE, REPLACE):
        return
    network = replace(plan.network, ipam=plan.overlay.ipam)
    arguments = network_arguments(network, network_labels(site.cluster, network, site.cluster_id), "overlay")
    try:
        tools.daemon.call("create_network", attachable=True, **arguments)
    except DaemonError as error:
        raise explained(error, f"network {plan.name}") from error


def remove_overlay(tools: Tools, method: str, ident: str) -> None:
    """Remove it, as soon as the Swarm has seen that nobody is attached any more."""
    end = tools.clock() + RELEASE
    while True:
        try:
            tools.gone_is_fine(method, ident)
            return
        except DaemonError as error:
            if not re.search(r"in use by task|active endpoints", error.message) or tools.clock() >= end:
                raise
        tools.sleep(0.2)


def network_arguments(network: Network, labels: Mapping[str, str], driver: str = "bridge") -> dict[str, Any]:
    """The SDK's create_network, from one of docker_networks."""
    words = (("Subnet", "subnet"), ("IPRange", "iprange"), ("Gateway", "gateway"))
    pools = [{theirs: getattr(pool, ours) for theirs, ours in words if getattr(pool, ours)} for pool in network.ipam]
    return dict(
        name=network.name,
        driver=driver,
        options=dict(network.driver_options) or None,
        ipam={"Driver": "default", "Config": pools} if pools else None,
        labels=dict(labels),
        enable_ipv6=network.enable_ipv6,
        check_duplicate=True,
    )
