# SPDX-License-Identifier: GPL-3.0-or-later
"""What docker_swarm_hosts does: look at all hosts → plan → measure, where something is to be formed → apply."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass, replace
from typing import Any, Mapping, Optional, Sequence
from urllib.parse import urlsplit

from .._address import Address
from .._argspec import connection_argument_spec, policy_argument_spec
from .._checks import hosts as rules
from .._checks.body import read_policy_of, read_text
from .._checks.facts_cluster import NetworkWant, Wants
from .._checks.gather_daemon import inventory
from .._checks.model import Finding
from .._checks.network import SUBNET_OVERLAP
from .._checks.policy import apply_policy, failure_message
from .._checks.traffic import ESP_MISSING, IPVS_MISSING
from .._client import Daemon
from .._cluster.pool import run_all
from .._entry import Run
from .._errors import DaemonError, PlatformError
from .._hosts import addresses_of, closing, connect_all
from .._image.present import image_id
from .._spec.model import Cluster, Host
from .._spec.parse import options_to_data, parse_config
from .apply import Apply
from .look import look, settled
from .model import ACTIVE, HostSwarm, Plan
from .plan import cut_off, diff_of, manager_of, plan
from .survey import Place, Survey, survey

MEASURED = (*rules.MEASURED_RULES, rules.NO_ADDRESS, SUBNET_OVERLAP, IPVS_MISSING, ESP_MISSING)


def argument_spec() -> dict[str, Any]:
    return dict(
        connection_argument_spec(timeout=10),
        cluster=dict(type="dict", required=True),
        cluster_dir=dict(type="path"),
        measure=dict(type="str", choices=["auto", "always", "never"], default="auto"),
        **policy_argument_spec(),
    )


@dataclass(frozen=True)
class Sight:
    """All that was seen before anything is done."""

    cluster: Cluster
    swarms: tuple[HostSwarm, ...]
    errors: Mapping[str, DaemonError]
    todo: Plan

    @property
    def networks(self) -> tuple[NetworkWant, ...]:
        """Over several hosts every network is an overlay."""
        return tuple(replace(want, driver="overlay") for want in Wants.from_cluster(self.cluster, "").networks)


def swarm_hosts(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """Body of docker_swarm_hosts."""
    cluster = parse_config(options_to_data(params["cluster"]), params["cluster_dir"] or "/", read_text)
    hosts = cluster.used_hosts
    if len(hosts) < 2:
        return {"changed": False, "hosts": {}, "managers": [], "findings": [], "steps": [], "checked": _checked({})}
    with closing(connect_all(addresses_of(hosts, Address.from_params(params)))) as connected:
        daemons = {name: item for name, item in connected.items() if isinstance(item, Daemon)}
        errors = {name: item for name, item in connected.items() if isinstance(item, DaemonError)}
        if not daemons:
            said = "\n".join(f"  - {error}" for error in errors.values())
            raise PlatformError(f"No host answers; mend what is said of each.\n{said}")
        swarms, silent = settled(daemons)
        errors.update(silent)
        sight = Sight(cluster, tuple(swarms), errors, plan(swarms, tuple(errors)))
        return _converge(params, run, sight, {swarm.host: daemons[swarm.host] for swarm in swarms})


def _converge(params: Mapping[str, Any], run: Run, sight: Sight, daemons: Mapping[str, Daemon]) -> dict[str, Any]:
    policy = read_policy_of(params, sight.cluster.preflight)
    todo = sight.todo
    found: list[Finding] = [*todo.refusals, *todo.notes]
    if any(action.kind == "init" for action in todo.actions):
        found += rules.ingress(sight.networks)
    not_run = ""
    done = Survey()
    if not todo.refusals:
        not_run = _why_not_measured(params, run, sight, daemons)
        if not not_run:
            done = survey(_places(sight, daemons))
            found += done.findings(sight.networks)
    findings = apply_policy(found, policy)
    result = _result(sight, findings, done, not_run, run.check_mode)
    message = _refused(todo) or failure_message(findings, "the hosts of the cluster")
    if message:
        return dict(result, failed=True, msg=message)
    if todo.changed and not run.check_mode:
        applied = Apply(daemons, done.addresses or _known_addresses(sight), run.progress)
        applied.run(todo)
        swarms, silent = look(daemons)
        result.update(steps=applied.steps, **_hosts(swarms, {**sight.errors, **silent}))
    return dict(result, changed=todo.changed, diff=dict(diff_of(sight.swarms, todo)))


def _refused(todo: Plan) -> str:
    """No Swarm to work with: nobody can let that pass."""
    tail = "These cannot be ignored: there is no Swarm to work with until they are mended."
    return failure_message(todo.refusals, "the hosts of the cluster", tail) if todo.refusals else ""


def _why_not_measured(params: Mapping[str, Any], run: Run, sight: Sight, daemons: Mapping[str, Daemon]) -> str:
    """ "" when it is to be done: something is to be formed, or an overlay is to be made."""
    if run.check_mode:
        return "in check mode no helper container is started"
    if params["measure"] == "never":
        return "not asked for (option measure)"
    if params["measure"] == "always" or sight.todo.changed:
        return ""
    leader = manager_of(sight.swarms)
    names = [network.name for network in sight.networks]
    there = (
        {item.get("Name") for item in daemons[leader.host].call("networks", names=names)} if leader and names else {}
    )
    missing = [name for name in names if name not in there]
    return "" if missing else "the Swarm and its overlay are there already; tpaexec preflight DIR --canary measures"


def _places(sight: Sight, daemons: Mapping[str, Daemon]) -> dict[str, Place]:
    """The helper is made of an image that the host's own nodes use. A manager that is cut off has its note already:
    what the others measured of it would stop them."""
    apart = {swarm.host for swarm in cut_off(sight.swarms)}
    daemons = {name: daemon for name, daemon in daemons.items() if name not in apart}
    wanted = {
        host.name: [one.settings.image for one in sight.cluster.instances if one.host == host.name]
        for host in sight.cluster.used_hosts
    }

    def first(name: str) -> str:
        names = dict.fromkeys(wanted[name])
        return next((image for image in names if image_id(daemons[name], image)), "")

    names = [network.name for network in sight.networks]
    jobs = [lambda name=name: (first(name), _bridges(daemons[name], names)) for name in daemons]  # type: ignore[misc]
    seen = run_all(jobs, len(daemons))
    known = {swarm.host: swarm for swarm in sight.swarms}
    found = {}
    for name, (image, bridges) in zip(daemons, seen):
        host, swarm = sight.cluster.host(name), known[name]
        inside = swarm.state == ACTIVE
        address = swarm.address if inside else ""
        found[name] = Place(
            daemons[name], image, host.advertise_addr, reached_by(host), address, inside=inside, bridges=bridges
        )
    return found


def _bridges(daemon: Daemon, names: Sequence[str]) -> frozenset[str]:
    """Of networks of these *names*: the cluster was on this host alone. Whether they are its own, the plan says."""
    found = inventory(daemon.call("networks", names=names), []).networks if names else ()
    return frozenset(one.bridge for one in found if one.name in names and one.driver == "bridge")


def _known_addresses(sight: Sight) -> dict[str, str]:
    """Where nothing was measured: what is said, else how the controller gets there, else the engine chooses."""
    known = {swarm.host: swarm.address for swarm in sight.swarms}
    hosts = [sight.cluster.host(name) for name in known]
    return {host.name: known[host.name] or host.advertise_addr or reached_by(host) for host in hosts}


def reached_by(host: Host) -> str:
    """The IPv4 address in docker_host, a name resolved; "" for a socket, loopback, or a name of ssh_config."""
    parts = urlsplit(host.docker_host)
    if parts.scheme not in ("tcp", "ssh") or not parts.hostname:
        return ""
    try:
        found = ipaddress.ip_address(socket.gethostbyname(parts.hostname))
    except (OSError, ValueError):
        return ""
    return "" if found.is_loopback else str(found)


def _hosts(swarms: Sequence[HostSwarm], errors: Mapping[str, DaemonError]) -> dict[str, Any]:
    seen = {
        swarm.host: {
            "state": swarm.state,
            "role": ("manager" if swarm.manager else "worker") if swarm.state == ACTIVE else "",
            "address": swarm.address,
            "error": "",
        }
        for swarm in swarms
    }
    lost = {name: {"state": "", "role": "", "address": "", "error": error.message} for name, error in errors.items()}
    managers = [name for name, host in seen.items() if host["role"] == "manager"]
    return {"hosts": {**seen, **lost}, "managers": managers}


def _checked(not_run: Mapping[str, str], ran: Sequence[str] = ()) -> dict[str, Any]:
    return {"ran": list(ran), "not_run": dict(not_run)}


def _result(sight: Sight, findings: list[Finding], done: Survey, not_run: str, check_mode: bool) -> dict[str, Any]:
    """Without `changed` and `diff`: those come from the plan, once nothing stands in its way."""
    reason = not_run or "; ".join(f"{host}: {why}" for host, why in done.unknown.items())
    measured = [rule.id for rule in MEASURED]
    ran = [*(rule.id for rule in rules.SWARM_RULES), *([] if reason else measured)]
    return {
        "changed": False,
        "findings": [finding.as_dict() for finding in findings],
        "checked": _checked(dict.fromkeys(measured, reason) if reason else {}, ran),
        **_hosts(sight.swarms, sight.errors),
        "ways": [{"from": way.source, "to": way.target, "mtu": way.mtu, "blocked": way.blocked} for way in done.ways],
        "steps": [],
        "summary": _summary(sight, check_mode),
    }


def _summary(sight: Sight, check_mode: bool) -> Optional[str]:
    """One line for people."""
    count = len(sight.swarms) + len(sight.errors)
    if sight.todo.changed:
        later = ". What the nodes need can be said once it is there" if check_mode else ""
        return f"Swarm of {count} hosts: {'; '.join(str(action) for action in sight.todo.actions)}{later}"
    return f"Checked the Swarm of {count} hosts"
