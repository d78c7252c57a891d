# SPDX-License-Identifier: GPL-3.0-or-later
"""One converging run from options to result: parse, lock, observe, plan, apply, report."""

from __future__ import annotations

import contextlib
import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Iterator, Mapping, Optional

from .._client import Address, Daemon, connect
from .._directory.config_file import read_file
from .._directory.keys import SshKeys, ensure_keys, read_keys
from .._entry import Run
from .._errors import ConfigError, PlatformError
from .._spec.model import Cluster
from .._spec.parse import options_to_data, parse_config
from . import timeline
from .apply import NodeWorker, run_nodes
from .apply_networks import make_networks, make_volumes, remove_networks, remove_volumes
from .cgroups import our_groups, remove_groups
from .observe import FOREIGN, ID_LABEL, OURS, World, observe
from .plan import ABSENT, PRESENT, Plan, Wishes, make_plan
from .plan_network import KEEP
from .pool import Deadline
from .record import Record, locked, new_id, read_id, read_record, write_id, write_record
from .result import Outcome, as_result
from .ssh import KeyMaterial, SshInstaller
from .tools import Site, Tools


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


def job_of(params: Mapping[str, Any]) -> Job:
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


def body(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """The module docker_cluster."""
    job = job_of(params)
    # With a cluster directory, cluster_config has said them already.
    for warning in () if job.cluster_dir else job.cluster.warnings:
        run.warn(warning)
    with connect(Address.from_params(params), job.parallel + 2) as daemon, _lock(job, run.check_mode):
        return converge(daemon, job, run)


def _lock(job: Job, check_mode: bool) -> contextlib.AbstractContextManager[None]:
    """Looking needs no lock, and check mode writes nothing."""
    return contextlib.nullcontext() if check_mode else locked(job.directory)


def converge(daemon: Daemon, job: Job, run: Run) -> dict[str, Any]:
    """Bring the cluster to its state, or say what that would take."""
    ident, world = _identify(daemon, job, run)
    record = read_record(job.directory)
    plan = make_plan(job.cluster, world, record.applied, job.wishes)
    if plan.problems:
        raise ConfigError(list(plan.problems), f"what stands in the way of cluster {job.cluster.name}")
    for warning in _warnings(plan):
        run.warn(warning)
    if run.check_mode:
        return as_result(job.cluster, plan, world, Outcome(check_mode=True), job.wishes.state)
    if job.wishes.state == PRESENT:
        _keep_id(job.directory, ident)
    site = Site(job.cluster, ident, world, record.hosts, job.wait)
    outcome = _apply(daemon, job, run, site, plan)
    write_record(job.directory, _next_record(record, world, outcome.results))
    result = as_result(job.cluster, plan, world, outcome, job.wishes.state)
    if job.wishes.state == PRESENT:
        timeline.keep(job.directory, result)
    if job.wishes.state == ABSENT and not result.get("failed") and not _leaves_something(plan, job):
        _forget(job.directory)
    return result


def _keep_id(directory: str, ident: str) -> None:
    if read_id(directory) != ident:
        write_id(directory, ident)


def _identify(daemon: Daemon, job: Job, run: Run) -> tuple[str, World]:
    """The cluster's id, and what is there as seen with it. A new id until something is made with it; `adopt` takes the
    id that the containers of our names carry, when ours is lost."""
    ident = read_id(job.directory)
    world = observe(daemon, job.cluster, ident, job.parallel)
    if job.adopt:
        found = _adoptable_id(job.cluster, world)
        if found and found != ident:
            run.warn(
                f"Taking over cluster {job.cluster.name} by name: its nodes carry the id {found}, "
                f"this directory's was {ident or 'lost'}."
            )
            return found, observe(daemon, job.cluster, found, job.parallel)
    return ident or new_id(), world


def _adoptable_id(cluster: Cluster, world: World) -> str:
    """The one id on containers of our cluster's label and names, "" when there is none. Two are too many to guess."""
    names = {instance.name for instance in cluster.instances}
    found = {
        item.labels[ID_LABEL]
        for item in world.containers.values()
        if item.name in names
        and item.owner == FOREIGN
        and item.labels.get("Cluster") == cluster.name
        and item.labels.get(ID_LABEL)
    }
    if len(found) > 1:
        raise PlatformError(
            f"The nodes of cluster {cluster.name} carry several ids: {', '.join(sorted(found))}.",
            "They come from more than one cluster directory: remove or rename those that are not this one's.",
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


def _apply(daemon: Daemon, job: Job, run: Run, site: Site, plan: Plan) -> Outcome:
    state = job.wishes.state
    with _keys_in_background(job, run, plan) as keys:
        tools = replace(_tools(daemon, job, keys), progress=run.progress)
        ids = {name: network.id for name, network in site.world.networks.items()}
        if state == PRESENT:
            ids = make_networks(site, tools, plan.networks)
            make_volumes(site, tools, plan.volumes)
        results = run_nodes(NodeWorker(site, tools, ids), plan.nodes, job.parallel)
        failures = remove_networks(tools, plan.networks) if state == ABSENT else []
        gone = [item.plan.container for item in results if "remove" in item.done and "create" not in item.done]
        raws = [container.raw for container in gone if container is not None]
        remove_groups(daemon, our_groups(raws), str(raws[0].get("Image") or "") if raws else "")
        if state == ABSENT and job.wishes.remove_volumes:
            for message in remove_volumes(site, tools, plan.volumes):
                run.warn(message)
        if keys is not None:
            keys.result()
    return Outcome(results=tuple(results), steps=tuple(tools.steps), failures=tuple(failures))


def _tools(daemon: Daemon, job: Job, keys: Optional[Future[SshKeys]]) -> Tools:
    deadline = Deadline.after(job.wait_timeout)
    if keys is None:
        return Tools(daemon, deadline)

    def material() -> KeyMaterial:
        return key_material(keys.result())

    return Tools(daemon, deadline, SshInstaller(daemon, material), lambda: _wanted_keys(material()))


def _wanted_keys(material: KeyMaterial) -> dict[str, str]:
    return {"key": material.public_key, "host_key": material.host_public}


def _next_record(record: Record, world: World, results: Any) -> Record:
    """Mends and captured lines of this run added, containers that are gone dropped."""
    applied, hosts = dict(record.applied), dict(record.hosts)
    alive = {item.id for item in world.containers.values()} | {result.container_id for result in results}
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
    )


def _leaves_something(plan: Plan, job: Job) -> bool:
    """A volume that is kept, or a network that strangers use, carries our id: without it nobody could remove them."""
    kept = any(item.action == KEEP and item.observed and item.observed.owner == OURS for item in plan.networks)
    return kept or bool(plan.volumes and not job.wishes.remove_volumes)


def _forget(directory: str) -> None:
    """After `absent` nothing carries the id any more: what we kept goes too. The lock goes last, while it is held."""
    for name in ("id", "record.json", timeline.FILE, "lock"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(directory, name))
    with contextlib.suppress(OSError):
        os.rmdir(directory)
