# SPDX-License-Identifier: GPL-3.0-or-later
"""How hosts become one Swarm: from what each says to a list of steps. Pure.

A host is never taken out of a Swarm, whosever it is. Managers are made only in a Swarm whose every node is one of these
hosts: how many managers somebody else's Swarm has is not ours to say.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Iterator, Mapping, Optional, Sequence

from .._checks import hosts as rules
from .._checks.model import Finding
from .._errors import quoted
from .model import ACTIVE, ERROR, INACTIVE, LOCKED, PENDING, Action, HostSwarm, Plan

WANTED = 3  # managers, where there are three hosts: one may be lost

_STATES = {
    LOCKED: (rules.LOCKED, "is in a Swarm that is locked"),
    PENDING: (rules.BROKEN, "is joining a Swarm and has not got there"),
    ERROR: (rules.BROKEN, "is in a Swarm that does not work"),
}


def plan(hosts: Sequence[HostSwarm], unreachable: Sequence[str] = ()) -> Plan:
    """*hosts* are those that answered, in config.yml's order; *unreachable* are the names of the others."""
    if len(hosts) + len(unreachable) < 2:
        return Plan()
    apart = cut_off(hosts)
    if apart:
        rest = [host for host in hosts if host not in apart]
        found = plan(rest, [*unreachable, *(host.host for host in apart)])
        return replace(found, notes=(*found.notes, *map(_apart, apart)))
    broken = tuple(_broken(hosts))
    if broken:
        return Plan(refusals=broken)
    inside = [host for host in hosts if host.state == ACTIVE]
    refusals = tuple(_strangers(inside))
    if refusals:
        return Plan(refusals=refusals)
    return _steps(hosts, inside, tuple(unreachable))


def cut_off(hosts: Sequence[HostSwarm]) -> list[HostSwarm]:
    """Managers that know of no leader, of a Swarm that has one."""
    leader = manager_of(hosts)
    alone = [host for host in hosts if host.state == ACTIVE and host.manager and host.members is None]
    return [host for host in alone if leader and _together(leader, host)]


def _apart(host: HostSwarm) -> Finding:
    said = f": {host.error.strip().rstrip('.')}" if host.error else ""
    return rules.CUT_OFF.finding(f"{host.host} is cut off from the other managers of its Swarm{said}.", host=host.host)


def _broken(hosts: Sequence[HostSwarm]) -> Iterator[Finding]:
    for host in hosts:
        said = f": {host.error.strip().rstrip('.')}" if host.error else ""
        if host.state in _STATES:
            rule, what = _STATES[host.state]
            yield rule.finding(f"{host.host} {what}{said}.", host=host.host)
        elif host.state == ACTIVE and host.manager and host.members is None:
            text = f"{host.host} is a manager of a Swarm that has no leader: too few of its managers are up{said}."
            yield rules.NO_QUORUM.finding(text, host=host.host)
        elif host.state not in (ACTIVE, INACTIVE):
            text = f"{host.host} says of its Swarm {quoted(host.state)}, which is not known here."
            yield rules.BROKEN.finding(text, "Look at docker info there.", host=host.host)


def _strangers(inside: Sequence[HostSwarm]) -> Iterator[Finding]:
    """Hosts of a Swarm that is not the first manager's; workers without any manager among the hosts."""
    if not inside:
        return
    leader = next((host for host in inside if host.members is not None), None)
    if leader is None:
        names = ", ".join(host.host for host in inside)
        text = f"{names}: in a Swarm as workers, and none of its managers is under tpaexec_docker.hosts."
        yield rules.NO_MANAGER.finding(text, host=inside[0].host)
        return
    for host in inside:
        if not _together(leader, host):
            text = f"{host.host} and {leader.host} are in different Swarms."
            yield rules.DIFFERENT.finding(text, host=host.host, other=leader.host)


def _together(leader: HostSwarm, host: HostSwarm) -> bool:
    if leader.cluster and host.cluster:
        return leader.cluster == host.cluster
    return host.node in {member.id for member in leader.members or ()}


def _steps(hosts: Sequence[HostSwarm], inside: Sequence[HostSwarm], unreachable: tuple[str, ...]) -> Plan:
    outside = [host for host in hosts if host.state == INACTIVE]
    held = [host for host in outside if host.live_restore]
    if held:
        return Plan(refusals=tuple(_live_restore(host) for host in held))
    if not inside and unreachable:
        return Plan(refusals=tuple(_not_answering(name) for name in unreachable))
    managers = tuple(host.host for host in inside if host.manager)
    if not outside:
        return Plan(notes=tuple(_few_managers(hosts, inside)), managers=managers)
    count = len(hosts) + len(unreachable)
    wanted = WANTED if count >= WANTED else 1
    if not inside:
        roles = ["manager"] * wanted + ["worker"] * count
        first, *others = outside
        joins = tuple(Action("join", host.host, roles[place]) for place, host in enumerate(others, 1))
        return Plan((Action("init", first.host), *joins))
    return Plan(_into(inside, outside, wanted), managers=managers)


def _into(inside: Sequence[HostSwarm], outside: Sequence[HostSwarm], wanted: int) -> tuple[Action, ...]:
    """Into a Swarm that is there. A worker becomes a manager before strangers of the Swarm's are counted on."""
    leader = next(host for host in inside if host.members is not None)
    members = leader.members or ()
    own = {host.node for host in inside}
    foreign = [member for member in members if member.id not in own and member.ready]
    missing = 0 if foreign else max(0, wanted - sum(1 for member in members if member.manager and member.id in own))
    workers = [host for host in inside if not host.manager][:missing]
    promotions = tuple(Action("promote", host.host, node=host.node) for host in workers)
    missing -= len(promotions)
    roles: list[str] = ["manager"] * missing + ["worker"] * len(outside)
    return (*promotions, *(Action("join", host.host, role) for host, role in zip(outside, roles)))


def _few_managers(hosts: Sequence[HostSwarm], inside: Sequence[HostSwarm]) -> Iterator[Finding]:
    leader = next((host for host in inside if host.members is not None), None)
    members = (leader.members or ()) if leader else ()
    managers = [member for member in members if member.manager]
    if leader and len(hosts) >= WANTED and len(managers) < WANTED:
        yield rules.FEW_MANAGERS.finding(
            f"The Swarm of {len(members)} nodes has {_counted(len(managers))}: with the loss of one it has none to "
            "lead it, and nodes cannot be started anew on any host until it is back.",
            host=leader.host,
        )


def _counted(number: int) -> str:
    return "one manager" if number == 1 else f"{number} managers"


def _live_restore(host: HostSwarm) -> Finding:
    text = f"{host.host}: its engine has live-restore on, with which no engine joins a Swarm."
    return rules.LIVE_RESTORE.finding(text, host=host.host)


def _not_answering(name: str) -> Finding:
    text = f"{name} does not answer: whether it is in a Swarm cannot be seen, so none was formed."
    return rules.UNKNOWN.finding(text, host=name)


def manager_of(hosts: Sequence[HostSwarm]) -> Optional[HostSwarm]:
    """The first that can answer for the Swarm."""
    return next((host for host in hosts if host.members is not None), None)


def diff_of(hosts: Sequence[HostSwarm], todo: Plan) -> Mapping[str, str]:
    """Before and after, a line a host that changes."""
    before = {host.host: _role(host) for host in hosts}
    after = {action.host: f"{action.role} of the Swarm" for action in todo.actions}
    return {
        "before": "".join(f"host {name}: {before[name]}\n" for name in after),
        "after": "".join(f"host {name}: {words}\n" for name, words in after.items()),
    }


def _role(host: HostSwarm) -> str:
    if host.state != ACTIVE:
        return "in no Swarm"
    return "manager of the Swarm" if host.manager else "worker of the Swarm"
