# SPDX-License-Identifier: GPL-3.0-or-later
"""One node that exists: what is mended in place, what blocks, which networks it is to be attached to; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Iterator, Mapping, Optional

from .._spec.model import Attachment, Instance
from .drift import MEND, Drift, drift_of
from .observe import Container, Endpoint, World


@dataclass(frozen=True)
class NodeContext:
    """All that the plan of one node depends on. `replaced`: networks that are removed and made again."""

    instance: Instance
    container: Optional[Container]
    world: World
    applied: Mapping[str, Any]
    replaced: frozenset[str] = frozenset()


def mends(context: NodeContext) -> tuple[dict[str, Any], dict[str, Any], list[str], list[str]]:
    """(the engine's update call, what it will have applied, reasons, blockers)."""
    container = context.container
    if container is None:
        return {}, {}, [], []
    found = drift_of(context.instance.settings, context.applied, container.raw)
    blockers = [str(item) for item in found if item.verdict != MEND]
    update: dict[str, Any] = {}
    for item in found:
        if item.verdict == MEND:
            update.update(_update(item, context.instance))
    mended = {item.key: item.wanted for item in found if item.verdict == MEND}
    return update, mended, [str(item) for item in found if item.verdict == MEND], blockers


def _update(drift: Drift, instance: Instance) -> dict[str, Any]:
    """The body of `POST /containers/{id}/update` for one drift."""
    settings = instance.settings
    if drift.key == "memory":
        # The engine keeps memory + swap at twice the memory; it refuses one above the other.
        return {"Memory": settings.memory, "MemorySwap": (settings.memory or 0) * 2}
    if drift.key == "memory_reservation":
        return {"MemoryReservation": settings.memory_reservation}
    if drift.key == "cpus":
        return {"NanoCpus": drift.wanted}
    if drift.key == "pids_limit":
        return {"PidsLimit": drift.wanted or -1}
    return {"RestartPolicy": {"Name": settings.restart_policy, "MaximumRetryCount": settings.restart_retries}}


def attach_steps(context: NodeContext) -> Iterator[tuple[str, Attachment, str]]:
    """(connect or disconnect, the network, why). One that stays in config.yml is disconnected, then connected."""
    container = context.container
    if container is None:
        return
    wanted = {item.network for item in context.instance.settings.networks}
    made_with = {str(name) for name in context.applied.get("networks") or []}
    for endpoint in container.endpoints:
        if endpoint.network not in wanted and endpoint.network in made_with:
            yield "disconnect", Attachment(endpoint.network), f"network {endpoint.network} is no longer wanted"
    for item in context.instance.settings.networks:
        have = container.endpoint(item.network)
        reason = _attach_reason(item, have, context)
        if not reason:
            continue
        if have is not None:
            yield "disconnect", Attachment(item.network), reason
        yield "connect", item, reason


def _attach_reason(item: Attachment, have: Optional[Endpoint], context: NodeContext) -> str:
    if have is None:
        return f"not attached to network {item.network}"
    network = context.world.networks.get(item.network)
    if item.network in context.replaced or network is None:
        return f"network {item.network} is made anew"
    # Podman names the network where Docker has its id.
    if have.network_id not in ("", network.id, network.name):
        return f"attached to a network {item.network} that is gone"
    if item.ipv4_address and item.ipv4_address != (have.asked or have.address):
        return f"address in {item.network}: wanted {item.ipv4_address}, found {have.asked or have.address or 'none'}"
    missing = [alias for alias in item.aliases if alias not in have.aliases]
    return f"aliases in {item.network}: {', '.join(missing)} missing" if missing else ""
