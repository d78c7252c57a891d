# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run leaves in the cluster's record: its id, what was mended, where nodes are; and when all of it goes."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from typing import Mapping, Sequence

from .._spec.model import DEFAULT_HOST
from . import timeline
from .apply import NodeResult
from .fleet import left_behind
from .observe import OURS
from .plan_model import Plan
from .plan_network import KEEP
from .record import Place, Record, read_id, write_id
from .tools import Site


def keep_id(directory: str, ident: str) -> None:
    if read_id(directory) != ident:
        write_id(directory, ident)


def intended(record: Record, plan: Plan, site: Site) -> Record:
    """Before anything is made: where nodes will be. After a run that was killed it is known that they were never on the
    daemon of DOCKER_HOST."""
    over = bool(site.cluster.hosts)
    news = {node.name: Place(node.host) for node in plan.nodes if "create" in node.kinds} if over else {}
    settled = over and (record.over_hosts or DEFAULT_HOST not in site.fleet.lost)
    return replace(record, places={**news, **record.places}, over_hosts=settled)


def next_record(record: Record, site: Site, results: Sequence[NodeResult], prune: bool = False) -> Record:
    """Mends and captured lines of this run added, what is gone dropped; what is on a silent host is kept."""
    applied, hosts = dict(record.applied), dict(record.hosts)
    alive = {item.id for item in site.fleet.containers} | {result.container_id for result in results}
    if site.fleet.lost:
        alive |= {*applied, *hosts}
    alive |= {site.fleet.places[name].container for name in left_behind(site.fleet)}
    for result in results:
        mended = result.plan.mended
        if mended and not result.error:
            applied[result.container_id] = {**applied.get(result.container_id, {}), **mended}
        if result.hosts_lines is not None:
            hosts[result.container_id] = result.hosts_lines
        if "remove" in result.done and result.plan.container is not None:
            alive.discard(result.plan.container.id)
    return replace(
        record,
        applied={key: value for key, value in applied.items() if key in alive},
        hosts={key: value for key, value in hosts.items() if key in alive and value},
        places=_next_places(record, site, results, prune),
    )


def _next_places(record: Record, site: Site, results: Sequence[NodeResult], prune: bool) -> dict[str, Place]:
    """Where each node is; kept only where there is a choice. *prune* forgets those whose host config.yml forgot."""
    hosts = site.cluster.hosts
    if not hosts and not record.places:
        return {}
    found = {**site.fleet.places, **record.places}
    for result in results:
        if result.container_id and result.plan.instance is not None and result.host in site.fleet.worlds:
            engine = site.facts(result.host).engine_id
            found[result.name] = Place(result.host, engine, result.container_id)
        elif result.plan.kinds[-1:] == ("remove",) and not result.error and result.plan.instance is not None:
            found.pop(result.name, None)
    removed = {one.plan.container.id for one in results if "remove" in one.done and one.plan.container is not None}
    found = {name: place for name, place in found.items() if place.container not in removed}
    there = [item for item in site.fleet.containers if item.owner == OURS and item.id not in removed]
    for item in there:  # also those that config.yml names no longer
        found.setdefault(item.name, Place(item.host, site.facts(item.host).engine_id, item.id))
    names, seen = {instance.name for instance in site.cluster.instances}, {item.name for item in there}
    unnamed = {name for name, place in found.items() if place.host not in hosts and name not in names and not prune}
    # Without any hosts there is no choice any more; but what was made on one has its data there.
    kept = {name for name in names | seen if hosts or (name in found and found[name].host != DEFAULT_HOST)}
    return {name: one for name, one in found.items() if name in kept | unnamed or one.host in site.fleet.lost}


def leaves_something(plan: Plan, site: Site, places: Mapping[str, Place], volumes: Sequence[str]) -> bool:
    """A node out of reach, a volume that is kept, or a network that strangers use, carries our id: without it nobody
    could remove them. *places*: where nodes still are."""
    kept = any(item.action == KEEP and item.observed and item.observed.owner == OURS for item in plan.networks)
    return kept or bool(volumes) or bool(left_behind(replace(site.fleet, places=places)))


def forget(directory: str) -> None:
    """After `absent` nothing carries the id any more: what we kept goes too. The lock goes last, while it is held."""
    for name in ("id", "record.json", timeline.FILE, "lock"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(directory, name))
    with contextlib.suppress(OSError):
        os.rmdir(directory)
