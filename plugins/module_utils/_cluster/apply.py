# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out the plans of nodes, all in one bounded pool. A failed node is data; the others go on."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence

from .._errors import DaemonError, PlatformError
from .._hosts import of_host
from .._spec.model import Attachment
from .body import create_body, endpoint
from .explain import ATTACH_DENIED, ATTACHED_LATE, explained
from .hosts_file import capture_lines, restore_lines
from .labels import node_labels
from .plan_model import NodePlan, Step
from .ready import Boot, not_running, run_in, wait_booted
from .recipe import STOP_TIMEOUT, cook
from .ssh import RELOAD
from .tools import Benches, Site, Tools

FREEING = ("remove", "disconnect")
SILENT = ("DAEMON_HUNG", "DAEMON_NOT_RUNNING")
# Seconds. An engine whose host has booted may exchange an overlay's state with its own former self, for 30 s (its log:
# "Bulk sync to node … timed out"). It gives an attachment 20 s of that; what is left of it then counts as open, until
# the engine has denied the network (moby, AttachNetwork). Asked again without a pause, it was seen to leave a task.
ATTACHING = 60.0
DENIALS = 5  # in a row, a second apart: twice were seen of an engine that gives in; a network that is gone stays so


@dataclass
class NodeResult:
    """What became of one node; filled by its worker alone."""

    plan: NodePlan
    container_id: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict)
    boot: Optional[Boot] = None
    error: str = ""
    ssh: bool = False
    seconds: dict[str, float] = field(default_factory=dict)
    done: list[str] = field(default_factory=list)
    hosts_lines: Optional[list[str]] = None
    host: str = ""

    def __post_init__(self) -> None:
        """`host` is where the container is: the plan's, once it was made there."""
        self.host = self.plan.container.host if self.plan.container else self.plan.host

    @property
    def name(self) -> str:
        return self.plan.name


class NodeWorker:
    """The steps of a node, one method a kind of step."""

    def __init__(
        self, site: Site, benches: Benches, network_ids: Mapping[str, str], missed: Optional[Mapping[str, str]] = None
    ) -> None:
        """*missed*: hosts on which nothing can be done, and why."""
        self._site = site
        self._benches = benches
        self._network_ids = network_ids
        self._silent: dict[str, str] = dict(missed or {})

    def _at(self, result: NodeResult) -> Tools:
        """The tools of the host where the node's container is."""
        return self._benches[result.host]

    def free(self, result: NodeResult) -> None:
        """The steps up to the last one that gives an address, a port or a name back."""
        self._guarded(result, self._steps, _freeing(result.plan))

    def make(self, result: NodeResult) -> None:
        """The steps up to the container's creation, which needs no key: keys are made meanwhile."""
        if not result.error:
            self._guarded(result, self._steps, _making(result.plan))

    def run(self, result: NodeResult) -> None:
        """The other steps, and what follows them."""
        if result.plan.blocked:
            result.error = "; ".join(result.plan.reasons)
        elif not result.error:
            self._guarded(result, self._steps, len(result.plan.steps))
        if not result.error:
            self._guarded(result, self._finish)

    def _guarded(self, result: NodeResult, action: Callable[..., None], *args: Any) -> None:
        """A part of one worker's work; what goes wrong becomes the result's error."""
        hosts = (result.host, *([result.plan.host] if "create" in result.plan.kinds else []))
        silent = next((self._silent[host] for host in hosts if host in self._silent), "")
        if silent:
            result.error = silent
            return
        try:
            action(result, *args)
        except DaemonError as error:
            told = explained(of_host(result.host, error), result.name)
            result.error = str(told)
            # Of several hosts, one that fell silent costs its nodes one wait, not one each.
            if error.id in SILENT and not error.status and len(self._benches) > 1:
                self._silent[result.host] = result.error
        except PlatformError as error:
            result.error = str(explained(error, result.name))
        except Exception as error:  # pylint: disable=broad-except
            result.error = (
                f"Unexpected: {type(error).__name__}: {error}. Please report it with the command's -v output."
            )

    def _steps(self, result: NodeResult, end: int) -> None:
        """Those of the plan's first *end* steps that are not done yet."""
        for step in result.plan.steps[len(result.done) : end]:
            self._step(result, step)

    def _step(self, result: NodeResult, step: Step) -> None:
        action = getattr(self, f"_do_{step.kind}")
        seconds = self._at(result).timed(result.name, str(step), action, result, step.data)
        result.seconds[step.kind] = round(result.seconds.get(step.kind, 0.0) + seconds, 3)
        result.done.append(step.kind)

    def _finish(self, result: NodeResult) -> None:
        """After the steps: booted, keys in place, and what the node is now."""
        if not result.container_id:
            return
        result.raw = self._inspect(result)
        if not _is_to_run(result):
            return
        state = result.raw.get("State") or {}
        if state.get("Status") != "running":
            raise not_running(self._at(result).daemon, result.container_id, state)
        if self._site.wait:
            result.seconds["boot"] = self._at(result).timed(result.name, "boot", self._boot, result)

    def _inspect(self, result: NodeResult) -> Mapping[str, Any]:
        if not result.done and result.plan.container is not None:
            return result.plan.container.raw
        raw: Mapping[str, Any] = self._at(result).daemon.call("inspect_container", result.container_id)
        return raw

    def _boot(self, result: NodeResult) -> None:
        tools, ident = self._at(result), result.container_id
        boot = wait_booted(tools.daemon, ident, tools.deadline, tools.keys(), tools.sleep)
        result.boot = boot
        result.ssh = boot.sshd and boot.key
        if boot.sshd and tools.installer is not None and not (boot.key and boot.host_key):
            tools.installer.install(ident, f"node {ident}")
            run_in(tools.daemon, ident, RELOAD)
            result.done.append("keys")
            result.ssh = True
        if "start" in result.done:
            restore_lines(tools.daemon, ident, self._site.hosts_lines.get(ident, []))

    def _do_create(self, result: NodeResult, _data: Any) -> None:
        instance, site = result.plan.instance, self._site
        if instance is None:
            return
        result.host = result.plan.host
        cooked = cook(instance, site.facts(result.host), site.cluster_id)
        labels = node_labels(site.cluster, instance, cooked, site.cluster_id)
        body = create_body(instance, cooked, labels)
        created = self._at(result).daemon.call("create_container_from_config", body, instance.name)
        result.container_id = created["Id"]
        installer = self._at(result).installer
        if installer is not None:
            installer.look(result.container_id, self._image_id(result))

    def _image_id(self, result: NodeResult) -> str:
        instance = result.plan.instance
        return str(self._site.image(result.host, instance.settings.image).get("Id")) if instance else ""

    def _do_start(self, result: NodeResult, _data: Any) -> None:
        installer = self._at(result).installer
        if installer is not None and "create" in result.done:
            result.ssh = installer.install(result.container_id, self._image_id(result))
        self._attaching(result, "start", result.container_id)

    def _attaching(self, result: NodeResult, method: str, *args: Any, **kwargs: Any) -> None:
        """A call that attaches a node to its networks: again, where a Swarm's engine says no for a while."""
        tools, until, denied = self._at(result), 0.0, 0
        while True:
            try:
                tools.daemon.call(method, *args, **kwargs)
                return
            except DaemonError as error:
                until = until or tools.clock() + ATTACHING
                denied = denied + 1 if re.search(ATTACH_DENIED, error.message) else 0
                passing = self._site.fleet.several and (denied or re.search(ATTACHED_LATE, error.message))
                if not passing or denied > DENIALS or tools.clock() >= until or tools.deadline.passed:
                    raise
            tools.sleep(1)

    def _do_unpause(self, result: NodeResult, _data: Any) -> None:
        self._at(result).daemon.call("unpause", result.container_id)

    def _do_stop(self, result: NodeResult, _data: Any) -> None:
        container = result.plan.container
        if container is not None and container.status == "paused":
            self._at(result).daemon.call("unpause", result.container_id)
        result.hosts_lines = capture_lines(self._at(result).daemon, result.container_id)
        self._stop(result)

    def _stop(self, result: NodeResult) -> None:
        self._at(result).daemon.call("stop", result.container_id, timeout=STOP_TIMEOUT)

    def _do_remove(self, result: NodeResult, _data: Any) -> None:
        """Data that outlives the container is written out first; without any, a quick end is as good."""
        container = result.plan.container
        if container is None:
            return
        if container.status in ("running", "restarting") and _keeps_data(container.raw):
            self._stop(result)
        self._at(result).gone_is_fine("remove_container", container.id, v=True, force=True)
        result.container_id = ""

    def _do_update(self, result: NodeResult, data: Mapping[str, Any]) -> None:
        self._at(result).daemon.update_container(result.container_id, data)

    def _do_connect(self, result: NodeResult, data: Attachment) -> None:
        ident = self._network_ids.get(data.network, data.network)
        config = endpoint(data)
        ipam = config.get("IPAMConfig") or {}
        links = [tuple(link.split(":", 1)) if ":" in link else (link, link) for link in data.links]
        self._attaching(
            result,
            "connect_container_to_network",
            result.container_id,
            ident,
            ipv4_address=ipam.get("IPv4Address"),
            ipv6_address=ipam.get("IPv6Address"),
            aliases=config.get("Aliases"),
            links=links or None,
        )

    def _do_disconnect(self, result: NodeResult, data: Attachment) -> None:
        ident = self._network_ids.get(data.network, data.network)
        self._at(result).gone_is_fine("disconnect_container_from_network", result.container_id, ident, force=True)


def run_nodes(worker: NodeWorker, plans: Iterable[NodePlan], parallel: int) -> list[NodeResult]:
    """All nodes side by side; results in the plans' order.

    First all give back what they are to lose: another node may be waiting for that address. Nodes whose address the
    engine chooses come last: a free choice could take a fixed address that is not yet in use.
    """
    results = [NodeResult(plan, plan.container.id if plan.container else "") for plan in plans]
    _side_by_side(worker.free, [result for result in results if _freeing(result.plan)], parallel)
    _side_by_side(worker.make, [result for result in results if _making(result.plan)], parallel)
    for kind in (0, 1, 2):
        _side_by_side(worker.run, [result for result in results if _choice(result.plan) == kind], parallel)
    return results


def _side_by_side(action: Callable[[NodeResult], None], wave: Sequence[NodeResult], parallel: int) -> None:
    if wave:
        with ThreadPoolExecutor(max_workers=max(1, min(parallel, len(wave)))) as pool:
            list(pool.map(action, wave))


def _freeing(plan: NodePlan) -> int:
    """How many of the plan's steps come before every node may take something."""
    return max((number for number, kind in enumerate(plan.kinds, 1) if kind in FREEING), default=0)


def _making(plan: NodePlan) -> int:
    """How many of the plan's steps there are up to the container's creation, 0 for one that is there."""
    return plan.kinds.index("create") + 1 if "create" in plan.kinds else 0


def _is_to_run(result: NodeResult) -> bool:
    """Started by us, or running before and not stopped."""
    if "stop" in result.done:
        return False
    container = result.plan.container
    was_running = container is not None and container.status in ("running", "restarting")
    return was_running or any(kind in result.done for kind in ("start", "unpause"))


def _choice(plan: NodePlan) -> int:
    """0: all addresses of the node are fixed; 1: the engine chooses some of them; 2: all."""
    attachments = plan.instance.settings.networks if plan.instance else ()
    free = [not item.ipv4_address for item in attachments]
    return 0 if not any(free) else 2 if all(free) else 1


def _keeps_data(raw: Mapping[str, Any]) -> bool:
    """Some mount other than the cgroup binds is writable: it outlives the container."""
    mounts = raw.get("Mounts") or []
    return any(mount.get("RW") and not str(mount.get("Destination")).startswith("/sys/fs/cgroup") for mount in mounts)
