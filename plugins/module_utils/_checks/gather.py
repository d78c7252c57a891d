# SPDX-License-Identifier: GPL-3.0-or-later
"""From the module's options to Facts: everything is asked at once, and one deadline holds for all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, replace
from typing import Any, Callable, Mapping, Optional, Union

from .._address import Address
from .._background import Late, Task, Until
from .._client import Daemon, connect, sdk_api
from .._errors import DaemonError
from .._socket_access import socket_facts
from . import gather_disks, gather_host, gather_through, machine
from .facts import NO_DAEMON, Facts
from .facts_cluster import Wants
from .facts_engine import EngineFacts
from .facts_host import ClientFacts, CliFacts, Failure, GuestImage, Inventory
from .facts_storage import StorageFacts
from .gather_daemon import guest_image, inventory
from .model import Unknown
from .values import text, version, without_password

PROXIES = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy")


@dataclass(frozen=True)
class Job:
    """What is to be gathered. `create`: a container may be made (and removed) to look into an image."""

    address: Address
    wants: Union[Wants, Unknown]
    cli: bool = True
    images: bool = True
    create: bool = True
    cache_dir: str = ""
    parallel: int = 0
    spare: int = 3
    loop_lvm_severity: str = "warning"


@dataclass(frozen=True)
class Replies:
    """What came back over the API, raw, and when."""

    daemon: Daemon
    version: Any
    info: Any
    middle: float


def gather(job: Job, until: Until, environ: Optional[Mapping[str, str]] = None) -> tuple[Facts, Optional[Daemon]]:
    """All facts that can be had until then, and the connection for who needs it after."""
    environ = os.environ if environ is None else environ
    cli = Task(read_cli, environ) if job.cli else None
    asked = Task(ask, job.address)
    facts = Facts(client=client_facts(job, environ), wants=job.wants)
    daemon: Optional[Daemon] = None
    try:
        replies = asked.result(until)
        daemon = replies.daemon
        facts = _with_daemon(facts, job, replies, until)
    except Late:
        facts = _without_daemon(facts, _hung(job.address))
    except DaemonError as error:
        facts = _without_daemon(facts, Failure(error.id, error.message, error.remedy))
    facts = replace(
        facts, cli=_in_time(cli, until, "the docker command") if cli else Unknown("not asked for (option cli)")
    )
    return facts, daemon


def _without_daemon(facts: Facts, failure: Failure) -> Facts:
    return replace(
        facts,
        failure=failure,
        host=NO_DAEMON,
        filesystems=NO_DAEMON,
        config=NO_DAEMON,
        network=NO_DAEMON,
        images=NO_DAEMON,
    )


def ask(address: Address) -> Replies:
    """Connect, `/version` and `/info`; what cannot be read is a DaemonError as well."""
    daemon = connect(address)
    shown = Task(daemon.call, "version")
    before = time.time()
    info = daemon.call("info")
    middle = (before + time.time()) / 2
    seen = shown.result(Until.after(address.timeout))
    if not isinstance(info, dict) or not isinstance(seen, dict):
        raise DaemonError(
            f"What answers at {address.docker_host} is not a Docker daemon: its /version or /info is no JSON object.",
            "Check DOCKER_HOST (or `docker_host`): it has to lead to Docker Engine's API.",
            "DAEMON_ERROR",
        )
    return Replies(daemon, seen, info, middle)


def _with_daemon(facts: Facts, job: Job, replies: Replies, until: Until) -> Facts:
    """Everything that can be known once the daemon has answered; parts in parallel."""
    engine = EngineFacts.from_api(replies.version, replies.info)
    storage = StorageFacts.from_api(replies.info)
    listing = Task(_list, replies.daemon)
    images = {name: Task(_look, replies.daemon, job, name) for name in _image_names(job)}
    facts = replace(
        facts,
        client=replace(facts.client, clock=replies.middle),
        engine=engine,
        storage=storage,
        **_of_host(job, engine, storage, until),
    )
    found = tuple(_image(name, task, until) for name, task in images.items())
    facts = replace(
        facts,
        inventory=_in_time(listing, until, "the list of networks and containers"),
        images=found if found or not isinstance(job.wants, Unknown) else facts.images,
    )
    node = "" if job.address.local else _own_running(facts)
    if not node:
        return facts
    return measured_through(facts, _in_time(Task(gather_through.measure, replies.daemon, node), until, "a node's view"))


def _own_running(facts: Facts) -> str:
    """A running node of this cluster: through it, a machine that is not ours can be measured."""
    if isinstance(facts.wants, Unknown) or isinstance(facts.inventory, Unknown):
        return ""
    own = (box.id for box in facts.inventory.containers if box.state == "running" and facts.wants.owns(box.labels))
    return next(own, "")


def measured_through(facts: Facts, printed: Union[str, Unknown]) -> Facts:
    """With what a container of the daemon's host saw, where the host itself could not be looked at."""
    if (
        not printed
        or isinstance(printed, Unknown)
        or isinstance(facts.engine, Unknown)
        or isinstance(facts.storage, Unknown)
    ):
        return facts
    engine, storage = facts.engine, facts.storage
    seen = gather_through.understand(printed, engine, storage, _overlay(facts.wants))  # type: ignore[arg-type]
    return replace(
        facts,
        host=seen.host if isinstance(facts.host, Unknown) else facts.host,
        filesystems=seen.filesystems if isinstance(facts.filesystems, Unknown) else facts.filesystems,
    )


def _overlay(wants: Union[Wants, Unknown]) -> bool:
    return not isinstance(wants, Unknown) and any(network.driver == "overlay" for network in wants.networks)


def _list(daemon: Daemon) -> Inventory:
    networks = Task(daemon.call, "networks")
    containers = daemon.call("containers", all=True)
    return inventory(networks.result(Until.after(daemon.address.timeout)), containers)


def _image_names(job: Job) -> tuple[str, ...]:
    wants = job.wants
    return () if isinstance(wants, Unknown) or not job.images else wants.images


def _look(daemon: Daemon, job: Job, name: str) -> GuestImage:
    return guest_image(daemon, name, job.cache_dir, job.create)


def _image(name: str, task: Task[GuestImage], until: Until) -> GuestImage:
    found = _in_time(task, until, f"the image {name}")
    return GuestImage(name, systemd=found) if isinstance(found, Unknown) else found


def _of_host(job: Job, engine: EngineFacts, storage: StorageFacts, until: Until) -> dict[str, Any]:
    """Facts of the daemon's machine, when that is this one."""
    here = machine.Machine()
    reason = gather_host.is_this_machine(engine, here, job.address.local)
    if reason:
        parts: dict[str, Any] = dict.fromkeys(("host", "filesystems", "config", "network"), Unknown(reason))
        hint = "" if job.address.local else "; a running node of the cluster, or the canary, shows it"
        return {**parts, "host": Unknown(reason + hint), "filesystems": Unknown(reason + hint)}
    here = machine.Machine(pid=machine.find_daemon(here, job.address.socket_path))
    wants = job.wants if isinstance(job.wants, Wants) else Wants()
    ports = [port for node in wants.nodes for _address, port, _protocol in node.ports]
    overlay = _overlay(wants)
    tasks: dict[str, tuple[Task[Any], str]] = {
        "filesystems": (Task(gather_disks.measure, here, engine, storage), "the data root's file system"),
        "host": (Task(gather_host.host_facts, here, engine, overlay), "the kernel's limits"),
        "config": (Task(machine.read_config, here), "the daemon's settings"),
        "network": (Task(gather_host.network_facts, here, ports), "the network tables"),
    }
    return {name: _in_time(task, until, what) for name, (task, what) in tasks.items()}


def _in_time(task: Task[Any], until: Until, what: str) -> Any:
    """The task's value, else Unknown with the reason: no part may keep the others from being reported."""
    try:
        return task.result(until)
    except Late:
        return Unknown(f"reading {what} took longer than `timeout` allows")
    except DaemonError as error:
        return Unknown(f"reading {what} failed: {error.message}")
    except Exception as error:  # pylint: disable=broad-except
        return Unknown(f"reading {what} failed: {type(error).__name__}: {error}")


def _hung(address: Address) -> Failure:
    return Failure(
        "DAEMON_HUNG",
        f"The Docker daemon at {address.docker_host} gave no whole answer within `timeout` ({address.timeout} s).",
        "Look at its log (journalctl -u docker), restart it if it hangs, or raise `timeout`.",
    )


def client_facts(job: Job, environ: Mapping[str, str]) -> ClientFacts:
    """How this machine reaches the daemon."""
    address = job.address
    scheme = address.docker_host.split("://", 1)[0].lower() if "://" in address.docker_host else "unix"
    host = re.sub(r"^\w+://(?:[^@/]*@)?(\[[^\]]*\]|[^:/]*).*$", r"\1", address.docker_host).strip("[]")
    group = ""
    members: tuple[str, ...] = ()
    if address.socket_path:
        try:
            seen = socket_facts(address.socket_path)
            group, members = seen.group, seen.group_members
        except OSError:
            pass
    return ClientFacts(
        docker_host=address.docker_host,
        scheme=scheme,
        loopback=bool(address.socket_path)
        or host in ("localhost", "::1")
        or re.fullmatch(r"127(\.\d{1,3}){3}", host) is not None,
        tls=address.uses_tls,
        sdk_api=version(sdk_api())[:2],
        parallel=job.parallel,
        spare=job.spare,
        ssh_client=address.use_ssh_client,
        socket_group=group,
        socket_members=members,
        proxies=tuple(dict.fromkeys(without_password(environ[name]) for name in PROXIES if environ.get(name))),
        no_proxy=environ.get("NO_PROXY") or environ.get("no_proxy") or "",
        loop_lvm_severity=job.loop_lvm_severity,
    )


def read_cli(environ: Mapping[str, str], run: Callable[..., Any] = subprocess.run) -> CliFacts:
    """The docker command and the newest API that it speaks. It gets no address: it would wait for a hung daemon."""
    path = shutil.which("docker", path=environ.get("PATH"))
    if not path:
        return CliFacts()
    words = [path, "version", "--format", "{{.Client.Version}} {{.Client.DefaultAPIVersion}}"]
    quiet = {name: value for name, value in environ.items() if not name.startswith("DOCKER_")}
    done = run(
        words,
        env={**quiet, "DOCKER_HOST": "unix:///nonexistent/docker.sock"},
        capture_output=True,
        text=True,
        timeout=5,
        check=False,
    )
    found = (done.stdout or "").split()
    return CliFacts(path, text(found[0]) if found else "", version(found[1])[:2] if len(found) > 1 else ())
