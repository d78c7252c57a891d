# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks over several hosts: each host by itself, all at once, then held against each other.

A host that does not answer is that host's finding. Where `unreachable` is `warning` (provision) it is none that stops
the others, as long as one of them answers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence
from xml.etree import ElementTree

from .._background import Late, Task, Until
from .._client import Daemon
from .._spec.model import Cluster
from . import hosts, network
from .facts import Facts
from .facts_cluster import NetworkWant, Wants
from .model import ERROR, WARNING, Check, Finding, Outcome, Rule, Unknown
from .policy import Policy, apply_policy, failure_message
from .report import Report, counts, render
from .values import plural

BETWEEN = "between the hosts"
NO_SURVEY = "what gets from host to host is measured with the canary (--canary), and before a Swarm is formed"
MEASURED = (*hosts.MEASURED_RULES, hosts.NO_ADDRESS)
CHECK = Check(hosts.RULES, lambda facts: (), theme="hosts")  # for the report: which ids are of this theme


@dataclass(frozen=True)
class One:
    """What came of one host."""

    facts: Facts
    daemon: Optional[Daemon]
    outcome: Outcome


Examine = Callable[[str, Wants], One]
Result = Callable[[str, One, list[Finding]], dict[str, Any]]


def wants_of(cluster: Cluster, host: str, cluster_id: str, adopt: bool) -> Wants:
    """What the cluster asks of one host: its own nodes, and the networks, which are overlays where hosts share them."""
    own = replace(cluster, instances=tuple(one for one in cluster.instances if one.host == host))
    wants = Wants.from_cluster(own, cluster_id, adopt)
    return replace(wants, networks=overlays(cluster))


def overlays(cluster: Cluster) -> tuple[NetworkWant, ...]:
    wanted = Wants.from_cluster(cluster, "").networks
    several = len(cluster.used_hosts) > 1
    return tuple(replace(want, driver="overlay") if several else want for want in wanted)


def examine_all(names: Sequence[str], wants: Mapping[str, Wants], examine: Examine) -> dict[str, One]:
    """Each host in a thread of its own; `examine` has its own deadline and always returns."""
    tasks = {name: Task(examine, name, wants[name]) for name in names}
    forever = Until.after(3600)
    found: dict[str, One] = {}
    for name, task in tasks.items():
        try:
            found[name] = task.result(forever)
        except Late:  # an hour: nothing waits that long
            continue
    return found


def combine(
    found: Mapping[str, One],
    between: Sequence[Finding],
    not_measured: str,
    *,
    ran: Iterable[Rule] = (),
    policy: Policy,
    params: Mapping[str, Any],
    result_of: Result,
) -> dict[str, Any]:
    """One result for all: findings with their host's name, a report a host, and one of what is between them."""
    quiet = replace(policy, problems=())
    answered = any(one.facts.failure is None for one in found.values())
    mild = params["unreachable"] == WARNING and answered
    judged = {name: apply_policy(_milder(one, mild), quiet) for name, one in found.items()}
    across = apply_policy(between, policy)
    results = {name: result_of(name, one, judged[name]) for name, one in found.items()}
    findings = [*across, *_named(judged)]
    rules = (*hosts.ENGINE_RULES, *ran, *(() if not_measured else MEASURED))
    shared = Outcome(tuple(across), tuple(rule.id for rule in rules), _unmeasured(not_measured))
    title = ", ".join(found)
    result: dict[str, Any] = {
        "changed": False,
        "findings": [finding.as_dict() for finding in findings],
        "checked": _checked({name: one.outcome for name, one in found.items()}, shared),
        "facts": {"hosts": {name: one["facts"] for name, one in results.items()}},
        "hosts": {name: _brief(one) for name, one in results.items()},
        "server_version": next((one["server_version"] for one in results.values() if one["server_version"]), None),
        "driver": next((one["driver"] for one in results.values() if one["driver"]), None),
        "storage": next((one["storage"] for one in results.values() if one["storage"]), None),
        "report": _report(results, Report(BETWEEN, across, shared, (CHECK, *network.CHECKS)), params),
        "summary": _summary(results, findings),
    }
    message = failure_message(findings, title)
    return dict(result, failed=True, msg=message) if message else result


def _milder(one: One, mild: bool) -> Iterable[Finding]:
    """A silent host's findings, as warnings: its nodes fail when their turn comes, and say so again."""
    for finding in one.outcome.findings:
        silent = mild and one.facts.failure is not None and finding.severity == ERROR
        yield finding.as_severity(WARNING) if silent else finding


def _named(judged: Mapping[str, Sequence[Finding]]) -> list[Finding]:
    """Findings with their hosts' names before them; the same one of several hosts stands once."""
    grouped: dict[tuple[str, str, str, str], tuple[Finding, list[str]]] = {}
    for name, findings in judged.items():
        for one in findings:
            key = (one.id, one.severity, one.message, one.remedy)
            grouped.setdefault(key, (one, []))[1].append(name)
    return [
        one.as_severity(one.severity, f"{', '.join(names)}: {one.message}", host=", ".join(names), hosts=names)
        for one, names in grouped.values()
    ]


def _unmeasured(reason: str) -> dict[str, str]:
    return dict.fromkeys((rule.id for rule in MEASURED), reason) if reason else {}


def _checked(outcomes: Mapping[str, Outcome], shared: Outcome) -> dict[str, Any]:
    """An id ran when it ran on every host; else why not, and where."""
    not_run = dict(shared.not_run)
    ran: dict[str, None] = dict.fromkeys(shared.ran)
    for name, outcome in outcomes.items():
        ran.update(dict.fromkeys(outcome.ran))
        for ident, reason in outcome.not_run.items():
            not_run[ident] = f"{not_run[ident]}; {name}: {reason}" if ident in not_run else f"{name}: {reason}"
    return {"ran": [ident for ident in ran if ident not in not_run], "not_run": not_run}


def _brief(result: Mapping[str, Any]) -> dict[str, Any]:
    return {key: result[key] for key in ("server_version", "driver", "summary")}


def _report(results: Mapping[str, Mapping[str, Any]], across: Report, params: Mapping[str, Any]) -> str:
    form = params["format"]
    parts = {name: str(result["report"]) for name, result in results.items()}
    last = render(across, form, params["color"])
    if form == "json":
        documents = {name: json.loads(part) for name, part in parts.items()}
        return json.dumps({"hosts": documents, "between": json.loads(last)}, indent=2)
    if form == "junit":
        suites = ElementTree.Element("testsuites", name="tpaexec preflight")
        for part in [*parts.values(), last]:
            suites.extend(ElementTree.fromstring(part).iter("testsuite"))  # noqa: S314 - our own
        return ElementTree.tostring(suites, encoding="unicode")
    return "\n\n".join([*parts.values(), last])


def _summary(results: Mapping[str, Mapping[str, Any]], findings: Sequence[Finding]) -> str:
    number = counts(findings)
    versions = ", ".join(
        f"{name} (Docker {one['server_version'] or 'does not answer'})" for name, one in results.items()
    )
    return f"Checked {versions}: {plural(number['error'], 'error')}, {plural(number['warning'], 'warning')}"


def swarm_between(cluster: Cluster, found: Mapping[str, One]) -> list[Finding]:
    """What would keep these hosts out of one Swarm."""
    from .._swarm.look import look  # noqa: PLC0415 - as below
    from .._swarm.plan import plan  # noqa: PLC0415

    daemons = {name: one.daemon for name, one in found.items() if one.daemon is not None}
    swarms, silent = look(daemons) if daemons else ([], {})
    lost = [name for name in found if name not in daemons or name in silent]
    todo = plan(swarms, lost) if swarms else plan(())
    forms = any(action.kind == "init" for action in todo.actions)
    unknown = hosts.UNKNOWN.id  # a host that does not answer is that host's finding already
    return [
        *(one for one in (*todo.refusals, *todo.notes) if one.id != unknown),
        *(hosts.ingress(overlays(cluster)) if forms else ()),
    ]


def survey_between(
    cluster: Cluster, found: Mapping[str, One], images: Callable[[One], str]
) -> tuple[list[Finding], str]:
    """Helpers on those that answer; what they found, and why something could not be measured ("" when all was)."""
    # imported here: only the canary needs it
    from .._swarm.body import reached_by  # noqa: PLC0415
    from .._swarm.survey import Place, survey  # noqa: PLC0415

    places = {}
    for name, one in found.items():
        if one.daemon is None or isinstance(one.facts.engine, Unknown):
            continue
        host, swarm = cluster.host(name), one.facts.engine.swarm
        inside = swarm.state == "active"
        places[name] = Place(
            one.daemon, images(one), host.advertise_addr, reached_by(host), swarm.address if inside else "", inside
        )
    if len(places) < 2:
        return [], "fewer than two hosts answer"
    done = survey(places)
    return done.findings(overlays(cluster)), "; ".join(f"{name}: {why}" for name, why in done.unknown.items())
