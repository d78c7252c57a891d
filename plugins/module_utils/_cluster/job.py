# SPDX-License-Identifier: GPL-3.0-or-later
"""The module's options, read once: the cluster, what is wished, where its record is, and which hosts to look at."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Mapping, Optional

from .._directory.config_file import read_file
from .._spec.model import DEFAULT_HOST, Cluster, Host
from .._spec.parse import options_to_data, parse_config
from .plan_model import Wishes
from .record import read_id, read_record


@dataclass(frozen=True)
class Job:
    """The module's options, read once."""

    cluster: Cluster
    wishes: Wishes
    directory: str
    cluster_dir: str
    adopt: bool
    wait: bool
    wait_timeout: int
    parallel: int


def job_of(params: Mapping[str, Any], check_mode: bool = False) -> Job:
    """Options → Job. Raises ConfigError with every problem."""
    cluster_dir = params.get("cluster_dir") or ""
    cluster = parse_config(options_to_data(params), cluster_dir or os.getcwd(), read_file)
    return Job(
        cluster=cluster,
        wishes=Wishes(
            state=params["state"],
            recreate=tuple(params.get("recreate") or ()),
            prune=bool(params.get("prune")),
            nodes=tuple(params.get("nodes") or ()),
            remove_volumes=bool(params.get("remove_volumes")),
            foresee=check_mode,
        ),
        directory=record_directory(params.get("record_dir"), cluster_dir, cluster.name),
        cluster_dir=cluster_dir,
        adopt=bool(params.get("adopt")),
        wait=params.get("wait", "booted") == "booted",
        wait_timeout=int(params.get("wait_timeout") or 120),
        parallel=max(1, int(params.get("parallel") or 8)),
    )


def record_directory(said: Optional[str], cluster_dir: str, name: str) -> str:
    """Where id, record and lock are kept: as said, in the cluster directory, else in the user's state directory."""
    if said:
        return said
    if cluster_dir:
        return os.path.join(cluster_dir, ".tpaexec-docker")
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return os.path.join(state, "tpaexec-docker", name)


def hosts_of(cluster: Cluster, directory: str) -> list[Host]:
    """The hosts to look at: those with nodes, the other declared ones, and `default` where the cluster may still have
    something there, because it was made before it had hosts or its record says so."""
    found = {host.name: host for host in (*cluster.used_hosts, *cluster.hosts.values())}
    if cluster.hosts and DEFAULT_HOST not in found:
        record = read_record(directory)
        places = {place.host for place in record.places.values()}
        if DEFAULT_HOST in places or not (places or record.over_hosts or not read_id(directory)):
            found[DEFAULT_HOST] = Host()
    return list(found.values())
