# SPDX-License-Identifier: GPL-3.0-or-later
"""One converging run from options to result: parse, lock, observe, plan, apply, report."""

from __future__ import annotations

import contextlib
import os
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, Iterator, Mapping, Optional, Sequence

from .._address import Address
from .._client import Daemon
from .._directory.keys import SshKeys, ensure_keys, read_keys
from .._entry import Run
from .._errors import ConfigError, DaemonError, PlatformError
from .._hosts import Connected, addresses_of, closing, connect_all, of_host
from .._spec.model import Cluster
from . import timeline
from .apply import NodeResult, NodeWorker, run_nodes
from .apply_networks import make_networks, make_volumes, remove_networks, remove_volumes, volumes_of
from .cgroups import our_groups, remove_groups
from .explain import explained
from .fleet import Fleet, observe_all
from .helpers import sweep
from .job import Job, hosts_of, job_of
from .observe import FOREIGN, ID_LABEL
from .plan import make_plan
from .plan_model import ABSENT, PRESENT, STARTED, Plan
from .pool import Deadline, run_all
from .record import Place, locked, new_id, read_id, read_record, write_record
from .remember import forget, intended, keep_id, leaves_something, next_record
from .result import Outcome, as_result
from .ssh import KeyMaterial, SshInstaller
from .tools import Benches, Site, Tools


def body(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """The module docker_cluster."""
    job = job_of(params, run.check_mode)
    # With a cluster directory, cluster_config has said them already.
    for warning in () if job.cluster_dir else job.cluster.warnings:
        run.warn(warning)
    addresses = addresses_of(hosts_of(job.cluster, job.directory), Address.from_params(params))
    with closing(connect_all(addresses, job.parallel + 2)) as connected, _lock(job, run.check_mode):
        return converge(connected, job, run)


def _lock(job: Job, check_mode: bool) -> contextlib.AbstractContextManager[None]:
    """Looking needs no lock, and check mode writes nothing."""
    return contextlib.nullcontext() if check_mode else locked(job.directory)


def converge(connected: Mapping[str, Connected], job: Job, run: Run) -> dict[str, Any]:
    """Bring the cluster to its state, or say what that would take."""
    if job.wishes.state == ABSENT and job.cluster.hosts and not run.check_mode:
        daemons = [item for item in connected.values() if not isinstance(item, DaemonError)]
        run_all([partial(sweep, daemon) for daemon in daemons], len(daemons))
    record = read_record(job.directory)
    ident, fleet = _identify(connected, job, run, record.places)
    plan = make_plan(job.cluster, fleet, record.applied, job.wishes)
    if plan.problems:
        raise ConfigError(list(plan.problems), f"what stands in the way of cluster {job.cluster.name}")
    for warning in _warnings(plan):
        run.warn(warning)
    if run.check_mode:
        return as_result(job.cluster, plan, fleet, Outcome(check_mode=True), job.wishes.state)
    site = Site(job.cluster, ident, fleet, record.hosts, job.wait)
    if job.wishes.state == PRESENT:
        keep_id(job.directory, ident)
        record = intended(record, plan, site)
        write_record(job.directory, record)
    outcome = _apply(connected, job, run, site, plan)
    record = next_record(record, site, outcome.results, job.wishes.prune)
    write_record(job.directory, record)
    result = as_result(job.cluster, plan, fleet, outcome, job.wishes.state)
    if job.wishes.state == PRESENT:
        timeline.keep(job.directory, result)
    done = job.wishes.state == ABSENT and not result.get("failed") and not fleet.lost
    if done and not leaves_something(plan, site, record.places, outcome.volumes):
        forget(job.directory)
    return result


def _identify(connected: Mapping[str, Connected], job: Job, run: Run, places: Mapping[str, Place]) -> tuple[str, Fleet]:
    """The cluster's id, and what is there as seen with it. A new id until something is made with it; `adopt` takes the
    id that the containers of our names carry, when ours is lost."""
    ident = read_id(job.directory)
    attaches = job.wishes.state in (PRESENT, STARTED)
    fleet = observe_all(connected, job.cluster, ident, job.parallel, places, attaches=attaches)
    if job.adopt:
        found = _adoptable_id(job.cluster, fleet)
        if found and found != ident:
            run.warn(
                f"Taking over cluster {job.cluster.name} by name: its nodes carry the id {found}, "
                f"this directory's was {ident or 'lost'}."
            )
            return found, observe_all(connected, job.cluster, found, job.parallel, places, attaches=attaches)
    return ident or new_id(), fleet


def _adoptable_id(cluster: Cluster, fleet: Fleet) -> str:
    """The one id on containers of our cluster's label and names, "" when there is none. Two are too many to guess."""
    names = {instance.name for instance in cluster.instances}
    found: dict[str, list[str]] = {}
    for item in fleet.containers:
        ours = item.name in names and item.owner == FOREIGN and item.labels.get("Cluster") == cluster.name
        if ours and item.labels.get(ID_LABEL):
            found.setdefault(item.labels[ID_LABEL], []).append(item.name)
    if len(found) > 1:
        whose = "; ".join(f"{', '.join(sorted(nodes))} (id {ident})" for ident, nodes in sorted(found.items()))
        raise PlatformError(
            f"The nodes of cluster {cluster.name} come from more than one cluster directory: {whose}.",
            "Give those that are not this one's another name (docker rename NAME OTHER), or deprovision them from "
            "their own directory.",
        )
    return next(iter(found), "")


def _warnings(plan: Plan) -> list[str]:
    found = [*plan.warnings]
    for network in plan.networks:
        found += network.warnings
    for node in plan.nodes:
        found += node.warnings
    return found


@contextlib.contextmanager
def _keys_in_background(job: Job, run: Run, plan: Plan) -> Iterator[Optional[Future[SshKeys]]]:
    """Keys are made while the engine works. Without a cluster directory there are none."""
    if not job.cluster_dir or job.wishes.state != PRESENT or not plan.nodes:
        yield None
        return
    there = read_keys(job.cluster_dir, job.cluster)
    with ThreadPoolExecutor(max_workers=1) as pool:
        if there is not None:
            yield pool.submit(lambda: there)
        else:
            yield pool.submit(ensure_keys, job.cluster_dir, job.cluster, run.run_command)


def key_material(keys: SshKeys) -> KeyMaterial:
    files = {}
    for private, public in keys.host_keys.values():
        name = os.path.basename(private)
        with open(private, "rb") as file:
            files[name] = file.read()
        files[f"{name}.pub"] = (public.strip() + "\n").encode()
    return KeyMaterial(keys.public_key, files)


def _apply(connected: Mapping[str, Connected], job: Job, run: Run, site: Site, plan: Plan) -> Outcome:
    state = job.wishes.state
    with _keys_in_background(job, run, plan) as keys:
        benches = _benches(connected, job, run, site, keys)
        ids: dict[str, str] = {}
        missed: dict[str, str] = {}
        if state == PRESENT:
            ids = make_networks(site, benches, plan.networks)
            missed = _make_volumes(site, benches, plan)
        elif not site.fleet.several:
            ids = {name: item.id for world in site.fleet.worlds.values() for name, item in world.networks.items()}
        results = run_nodes(NodeWorker(site, benches, ids, missed), plan.nodes, job.parallel)
        failures = remove_networks(benches, plan.networks) if state == ABSENT else []
        _remove_groups(benches, results)
        volumes = _remove_volumes(job, run, site, benches, plan) if state == ABSENT else []
        if keys is not None:
            keys.result()
    steps = next((tools.steps for tools in benches.values()), [])  # one journal for all
    return Outcome(results=tuple(results), steps=tuple(steps), failures=tuple(failures), volumes=volumes)


def _make_volumes(site: Site, benches: Benches, plan: Plan) -> dict[str, str]:
    """Why not, by host: of several, one that fails costs its own nodes alone."""
    missed = {}
    for host, names in plan.volumes.items():
        try:
            make_volumes(site, benches[host], names)
        except DaemonError as error:
            if len(benches) == 1:
                raise
            missed[host] = str(explained(of_host(host, error), f"the volumes on host {host}"))
    return missed


def _remove_volumes(job: Job, run: Run, site: Site, benches: Benches, plan: Plan) -> list[str]:
    """Those that are left; where that cannot be seen, too."""
    left: list[str] = []
    for host, tools in benches.items():
        try:
            if job.wishes.remove_volumes:
                for message in remove_volumes(site, tools, plan.volumes.get(host, ())):
                    run.warn(message)
            left += volumes_of(site, tools)
        except DaemonError as error:
            run.warn(f"Whether volumes of the cluster are left cannot be seen. {of_host(host, error)}")
            left.append(host)
    return left


def _remove_groups(benches: Benches, results: Sequence[NodeResult]) -> None:
    """The cgroup folders of containers that are gone, on the host where each was."""
    for host, tools in benches.items():
        gone = [item.plan.container for item in results if "remove" in item.done]
        stay = {item.name for item in results if "create" in item.done and item.host == host}
        raws = [item.raw for item in gone if item is not None and item.host == host and item.name not in stay]
        remove_groups(tools.daemon, our_groups(raws), str(raws[0].get("Image") or "") if raws else "")


def _benches(
    connected: Mapping[str, Connected], job: Job, run: Run, site: Site, keys: Optional[Future[SshKeys]]
) -> Benches:
    """Tools for every host that answers: one deadline and one journal for all."""
    deadline = Deadline.after(job.wait_timeout)
    common: dict[str, Any] = {"progress": run.progress, "steps": [], "began": time.monotonic()}
    found = {}
    for name, daemon in connected.items():
        if name in site.fleet.worlds and not isinstance(daemon, DaemonError):
            found[name] = replace(_tools(daemon, deadline, keys), **common)
    return found


def _tools(daemon: Daemon, deadline: Deadline, keys: Optional[Future[SshKeys]]) -> Tools:
    if keys is None:
        return Tools(daemon, deadline)

    def material() -> KeyMaterial:
        return key_material(keys.result())

    return Tools(daemon, deadline, SshInstaller(daemon, material), lambda: _wanted_keys(material()))


def _wanted_keys(material: KeyMaterial) -> dict[str, str]:
    return {"key": material.public_key, "host_key": material.host_public}
