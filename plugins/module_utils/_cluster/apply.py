# SPDX-License-Identifier: GPL-3.0-or-later
"""Carry out a plan: networks first, then all nodes in one bounded pool. A failed node is data; the others go on."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Callable, Mapping, Optional

from .._client import Daemon
from .._errors import DaemonError, PlatformError
from .._spec.model import Attachment, Cluster, Network
from .body import create_body, endpoint
from .explain import explained
from .hosts_file import capture_lines, restore_lines
from .labels import network_labels, node_labels, volume_labels
from .observe import ID_LABEL, World
from .plan import NodePlan, Plan, Step
from .plan_network import CREATE, KEEP, REMOVE, REPLACE, NetworkPlan
from .pool import Deadline
from .ready import Boot, not_running, run_in, wait_booted
from .recipe import STOP_TIMEOUT, cook
from .ssh import RELOAD, SshInstaller

RUNNING_AFTER = ("create", "start", "unpause", "update", "connect", "disconnect")


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

    @property
    def name(self) -> str:
        return self.plan.name


@dataclass(frozen=True)
class Tools:
    """The edges that a worker needs. `listen` hears of every step as it happens: (node, step, seconds)."""

    daemon: Daemon
    deadline: Deadline
    installer: Optional[SshInstaller]
    keys: Callable[[], Mapping[str, str]]
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    listen: Callable[[str, str, float], None] = lambda node, step, seconds: None


class Applier:
    """One run of one plan."""

    def __init__(
        self,
        cluster: Cluster,
        cluster_id: str,
        world: World,
        tools: Tools,
        hosts_lines: Mapping[str, list[str]],
        wait: bool,
    ) -> None:
        self.cluster = cluster
        self.cluster_id = cluster_id
        self.world = world
        self.tools = tools
        self.hosts_lines = hosts_lines
        self.wait = wait
        self.steps: list[dict[str, Any]] = []
        self.network_ids = {name: network.id for name, network in world.networks.items()}

    # networks and volumes -------------------------------------------------------------------------------------------

    def make_networks(self, plans: tuple[NetworkPlan, ...]) -> None:
        """Before the nodes. Raises PlatformError: without its network no node can be made."""
        for plan in plans:
            if plan.action in (CREATE, REPLACE):
                self._timed(f"network {plan.name}", plan.action, lambda plan=plan: self._make_network(plan))

    def remove_networks(self, plans: tuple[NetworkPlan, ...]) -> list[str]:
        """After the nodes; what could not be removed, as messages."""
        failures = []
        for plan in plans:
            if plan.action == REMOVE and plan.observed is not None:
                ident = plan.observed.id
                try:
                    self._timed(
                        f"network {plan.name}", REMOVE, lambda ident=ident: self._gone_is_fine("remove_network", ident)
                    )
                except PlatformError as error:
                    failures.append(f"network {plan.name}: {error}")
        return failures

    def _make_network(self, plan: NetworkPlan) -> None:
        if plan.network is None:
            return
        if plan.action == REPLACE and plan.observed is not None:
            for ident in plan.observed.members:
                self.tools.daemon.call("disconnect_container_from_network", ident, plan.observed.id, force=True)
            self.tools.daemon.call("remove_network", plan.observed.id)
        labels = network_labels(self.cluster, plan.network, self.cluster_id)
        try:
            created = self.tools.daemon.call("create_network", **network_arguments(plan.network, labels))
        except DaemonError as error:
            raise explained(error, f"network {plan.name}") from error
        self.network_ids[plan.name] = created["Id"]

    def make_volumes(self, names: tuple[str, ...]) -> None:
        """Named volumes that are not there, with our label: so that only what we made can ever be removed."""
        for name in names:
            try:
                self.tools.daemon.call("inspect_volume", name)
            except DaemonError as error:
                if error.status != 404:
                    raise
                labels = volume_labels(self.cluster, self.cluster_id)
                self._timed(
                    f"volume {name}",
                    "create",
                    lambda name=name: self.tools.daemon.call("create_volume", name, labels=labels),
                )

    def remove_volumes(self, names: tuple[str, ...]) -> list[str]:
        """Those of *names* that carry our label; the others are named in what is returned."""
        kept = []
        for name in names:
            try:
                volume = self.tools.daemon.call("inspect_volume", name)
                if (volume.get("Labels") or {}).get(ID_LABEL) != self.cluster_id:
                    kept.append(f"Volume {name} was not made by this cluster: left as it is.")
                    continue
                self._timed(f"volume {name}", "remove", lambda name=name: self.tools.daemon.call("remove_volume", name))
            except DaemonError as error:
                if error.status != 404:
                    kept.append(f"Volume {name} is left: {error.message}")
        return kept

    # nodes ----------------------------------------------------------------------------------------------------------

    def run_nodes(self, plan: Plan, parallel: int) -> list[NodeResult]:
        """All nodes side by side; results in the plan's order. Nodes whose address the engine chooses come after those
        with fixed ones, because a free choice could take a fixed address that is not yet in use."""
        results = [NodeResult(node, node.container.id if node.container else "") for node in plan.nodes]
        first = [result for result in results if not _chooses_address(result.plan)]
        later = [result for result in results if _chooses_address(result.plan)]
        waves = [first, later] if first and later else [results]
        for wave in waves:
            if wave:
                with ThreadPoolExecutor(max_workers=max(1, min(parallel, len(wave)))) as pool:
                    list(pool.map(self._run_node, wave))
        return results

    def _run_node(self, result: NodeResult) -> None:
        """One worker's whole work; what goes wrong becomes the result's error."""
        started = self.tools.clock()
        try:
            if result.plan.blocked:
                result.error = "; ".join(result.plan.reasons)
                return
            for step in result.plan.steps:
                self._step(result, step)
            self._finish(result)
        except PlatformError as error:
            result.error = str(explained(error, result.name))
            self.tools.listen(result.name, "failed", self.tools.clock() - started)
        except Exception as error:  # pylint: disable=broad-except
            result.error = f"{type(error).__name__}: {error}"

    def _step(self, result: NodeResult, step: Step) -> None:
        action = getattr(self, f"_do_{step.kind}")
        seconds = self._timed(result.name, str(step), lambda: action(result, step.data))
        result.seconds[step.kind] = round(result.seconds.get(step.kind, 0.0) + seconds, 3)
        result.done.append(step.kind)

    def _finish(self, result: NodeResult) -> None:
        """After the steps: booted, keys in place, and what the node is now."""
        if not result.container_id or "remove" in result.done[-1:]:
            return
        raw = (
            self.tools.daemon.call("inspect_container", result.container_id)
            if result.done
            else result.plan.container.raw
        )  # type: ignore[union-attr]
        result.raw = raw
        state = raw.get("State") or {}
        if "stop" in result.done or not self._wants_running(result):
            return
        if state.get("Status") not in ("running",):
            raise not_running(self.tools.daemon, result.container_id, state)
        if self.wait:
            self._timed(result.name, "boot", lambda: self._boot(result))
        if not result.raw.get("NetworkSettings", {}).get("Networks"):
            result.raw = self.tools.daemon.call("inspect_container", result.container_id)

    @staticmethod
    def _wants_running(result: NodeResult) -> bool:
        container = result.plan.container
        return any(kind in result.done for kind in ("start", "unpause")) or (
            container is not None and container.status in ("running", "restarting")
        )

    def _boot(self, result: NodeResult) -> None:
        tools = self.tools
        boot = wait_booted(tools.daemon, result.container_id, tools.deadline, tools.keys(), tools.sleep)
        result.boot = boot
        result.ssh = boot.sshd and boot.key
        if boot.sshd and tools.installer is not None and not (boot.key and boot.host_key):
            tools.installer.install(result.container_id, f"running {result.container_id}")
            run_in(tools.daemon, result.container_id, RELOAD)
            result.done.append("keys")
            result.ssh = True
        if "start" in result.done:
            restore_lines(tools.daemon, result.container_id, self.hosts_lines.get(result.container_id, []))

    # steps ----------------------------------------------------------------------------------------------------------

    def _do_create(self, result: NodeResult, data: Any) -> None:
        del data
        instance = result.plan.instance
        if instance is None:
            return
        cooked = cook(instance, self.world.host, self.cluster_id)
        labels = node_labels(self.cluster, instance, cooked, self.cluster_id)
        body = create_body(instance, cooked, labels)
        created = self.tools.daemon.call("create_container_from_config", body, instance.name)
        result.container_id = created["Id"]
        if self.tools.installer is not None:
            image = self.world.images.get(instance.settings.image) or {}
            result.ssh = self.tools.installer.install(result.container_id, str(image.get("Id")))

    def _do_start(self, result: NodeResult, data: Any) -> None:
        del data
        self.tools.daemon.call("start", result.container_id)

    def _do_unpause(self, result: NodeResult, data: Any) -> None:
        del data
        self.tools.daemon.call("unpause", result.container_id)

    def _do_stop(self, result: NodeResult, data: Any) -> None:
        del data
        container = result.plan.container
        if container is not None and container.status == "paused":
            self.tools.daemon.call("unpause", result.container_id)
        result.hosts_lines = capture_lines(self.tools.daemon, result.container_id)
        self._stop(result.container_id)

    def _stop(self, ident: str) -> None:
        self.tools.daemon.guard(self.tools.daemon.api.stop, ident, timeout=STOP_TIMEOUT)

    def _do_remove(self, result: NodeResult, data: Any) -> None:
        """Data that outlives the container is written out first; without any, a quick end is as good."""
        del data
        container = result.plan.container
        if container is None:
            return
        if container.status in ("running", "restarting") and _keeps_data(container.raw):
            self._stop(container.id)
        self._gone_is_fine("remove_container", container.id, v=True, force=True)
        result.container_id = ""

    def _do_update(self, result: NodeResult, data: Any) -> None:
        self.tools.daemon.update_container(result.container_id, data)

    def _do_connect(self, result: NodeResult, data: Attachment) -> None:
        ident = self.network_ids.get(data.network, data.network)
        config = endpoint(data)
        ipam = config.get("IPAMConfig") or {}
        self.tools.daemon.call(
            "connect_container_to_network",
            result.container_id,
            ident,
            ipv4_address=ipam.get("IPv4Address"),
            ipv6_address=ipam.get("IPv6Address"),
            aliases=config.get("Aliases"),
            links=[tuple(link.split(":", 1)) if ":" in link else (link, link) for link in config.get("Links") or []]
            or None,
        )

    def _do_disconnect(self, result: NodeResult, data: Attachment) -> None:
        ident = self.network_ids.get(data.network, data.network)
        self._gone_is_fine("disconnect_container_from_network", result.container_id, ident, force=True)

    # helpers --------------------------------------------------------------------------------------------------------

    def _gone_is_fine(self, method: str, *args: Any, **kwargs: Any) -> None:
        try:
            self.tools.daemon.call(method, *args, **kwargs)
        except DaemonError as error:
            if error.status != 404 and "is not connected to" not in error.message:
                raise

    def _timed(self, target: str, step: str, action: Callable[[], Any]) -> float:
        started = self.tools.clock()
        action()
        seconds = self.tools.clock() - started
        self.steps.append({"target": target, "step": step, "seconds": round(seconds, 3)})
        self.tools.listen(target, step, seconds)
        return seconds


def _chooses_address(plan: NodePlan) -> bool:
    return plan.instance is not None and any(not item.ipv4_address for item in plan.instance.settings.networks)


def _keeps_data(raw: Mapping[str, Any]) -> bool:
    """Some mount other than the cgroup binds is writable: it outlives the container."""
    mounts = raw.get("Mounts") or []
    return any(mount.get("RW") and not str(mount.get("Destination")).startswith("/sys/fs/cgroup") for mount in mounts)


def network_arguments(network: Network, labels: Mapping[str, str]) -> dict[str, Any]:
    """The SDK's create_network, from one of docker_networks."""
    pools = [
        {
            key: value
            for key, value in (("Subnet", pool.subnet), ("IPRange", pool.iprange), ("Gateway", pool.gateway))
            if value
        }
        for pool in network.ipam
    ]
    return dict(
        name=network.name,
        driver="bridge",
        options=dict(network.driver_options) or None,
        ipam={"Driver": "default", "Config": pools} if pools else None,
        labels=dict(labels),
        enable_ipv6=network.enable_ipv6,
        check_duplicate=True,
    )


def network_changes(plans: tuple[NetworkPlan, ...]) -> list[dict[str, Any]]:
    """The networks part of the result."""
    return [
        {"name": plan.name, "action": plan.action, "changed": plan.action != KEEP, "reasons": list(plan.reasons)}
        for plan in plans
    ]
