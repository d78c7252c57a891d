# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan's steps on the daemons. Join tokens live here, in local variables, and nowhere else."""

from __future__ import annotations

import time
from typing import Any, Callable, Mapping, Optional

from .._client import Daemon
from .._cluster.pool import Deadline, run_all
from .._errors import DaemonError
from .model import PORT, Action, Member, Plan

WAIT = 30.0  # seconds for a host to be listed as ready
Tell = Callable[[str, str, Optional[float]], None]


class Apply:
    """*daemons* by host; *addresses*: by which the hosts reach each other ("" lets the engine choose)."""

    def __init__(
        self,
        daemons: Mapping[str, Daemon],
        addresses: Mapping[str, str],
        progress: Tell = lambda *_step: None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.daemons, self.addresses, self.progress, self.sleep = daemons, addresses, progress, sleep
        self.steps: list[dict[str, Any]] = []

    def run(self, todo: Plan) -> None:
        """All steps: managers one after the other, since each is a vote of all before; then the workers at once."""
        leaders = list(todo.managers)
        for action in todo.actions:
            if action.kind == "init":
                self._step(action, lambda action=action: self._init(action.host))  # type: ignore[misc]
                leaders.append(action.host)
        leader = self.daemons[leaders[0]]
        joins = [action for action in todo.actions if action.kind == "join"]
        for action in [action for action in todo.actions if action.kind == "promote"]:
            self._step(action, lambda action=action: self._promote(leader, action))  # type: ignore[misc]
        for action in [action for action in joins if action.role == "manager"]:
            self._step(action, lambda action=action: self._join(leader, leaders, action))  # type: ignore[misc]
        workers = [action for action in joins if action.role != "manager"]
        run_all([self._job(leader, leaders, action) for action in workers], len(workers))

    def _job(self, leader: Daemon, leaders: list[str], action: Action) -> Callable[[], None]:
        return lambda: self._step(action, lambda: self._join(leader, leaders, action))

    def _step(self, action: Action, work: Callable[[], None]) -> None:
        target, started = f"host {action.host}", time.monotonic()
        self.progress(target, action.kind, None)
        try:
            work()
        except DaemonError as error:
            message = f"Host {action.host}: {action} failed. {error.message}"
            raise DaemonError(message, error.remedy or _REMEDY, error.id, error.status) from None
        seconds = time.monotonic() - started
        self.progress(target, action.kind, seconds)
        self.steps.append({"host": action.host, "step": str(action), "seconds": round(seconds, 3)})

    def _init(self, host: str) -> None:
        self.daemons[host].call("init_swarm", advertise_addr=self.addresses.get(host) or None)

    def _join(self, leader: Daemon, leaders: list[str], action: Action) -> None:
        token = str(leader.call("inspect_swarm")["JoinTokens"][action.role.capitalize()])
        remotes = [f"{address}:{PORT}" for address in self._known(leader, leaders)]
        daemon = self.daemons[action.host]
        try:
            daemon.call(
                "join_swarm",
                remote_addrs=remotes,
                join_token=token,
                advertise_addr=self.addresses.get(action.host) or None,
            )
        except DaemonError as error:  # an engine may say the token back
            raise DaemonError(error.message.replace(token, "***"), error.remedy, error.id, error.status) from None
        self._await(leader, str(daemon.call("info")["Swarm"]["NodeID"]), action.role == "manager")

    def _known(self, leader: Daemon, leaders: list[str]) -> list[str]:
        """By which addresses the managers take joins."""
        found = (leader.call("info").get("Swarm") or {}).get("RemoteManagers") or []
        listed = [str(item.get("Addr") or "").rpartition(":")[0] for item in found]
        return list(dict.fromkeys(filter(None, [*(self.addresses.get(host, "") for host in leaders), *listed])))

    def _promote(self, leader: Daemon, action: Action) -> None:
        seen = leader.call("inspect_node", action.node)
        leader.call("update_node", action.node, seen["Version"]["Index"], {**seen["Spec"], "Role": "manager"})
        self._await(leader, action.node, manager=True)
        # its own engine learns it a moment later
        self._until(lambda: self.daemons[action.host].call("info")["Swarm"].get("ControlAvailable") is True)

    def _await(self, leader: Daemon, node: str, manager: bool) -> None:
        """Until the Swarm lists the node as ready: before that, nothing can be started on it."""

        def there() -> bool:
            member = Member.from_api(leader.call("inspect_node", node))
            return member.ready and (member.votes or not manager)

        self._until(there)

    def _until(self, there: Callable[[], bool]) -> None:
        deadline = Deadline.after(WAIT)
        while not there():
            if deadline.passed:
                raise DaemonError(
                    f"It is not ready in the Swarm after {WAIT:.0f} s.",
                    "Look at 'docker node ls' on a manager and at the host's daemon log, and run it again.",
                )
            self.sleep(0.1)


_REMEDY = (
    "Look at its engine's log (journalctl -u docker) and at the way to the managers on 2377/tcp, then run it again."
)
