# SPDX-License-Identifier: GPL-3.0-or-later
"""What docker_preflight and docker_storage_check do: gather → check → judge → report. They change nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, Mapping, Optional, Union

from .._address import Address
from .._argspec import connection_argument_spec, policy_argument_spec
from .._background import Until
from .._client import Daemon
from .._entry import Run
from .._errors import DaemonError, PlatformError
from .._hosts import addresses_of, remedy_for
from .._spec.model import Cluster
from . import gather_through, hosts, registry, several
from .capacity import capacity
from .facts import Facts, plain
from .facts_cluster import Wants
from .facts_host import CanaryFacts
from .gather import Job, gather, measured_through
from .model import ERROR, Check, Finding, Outcome, Unknown, run_checks
from .policy import Policy, apply_policy, failure_message, read_policy
from .report import FORMATS, Report, counts, render
from .values import mapping, plural, sequence, texts

OWN_IMAGE = "tpaexec.docker.image"  # the label of images that this collection made
RESERVE = 0.5  # seconds of `timeout` kept for judging and answering


def common_argument_spec() -> dict[str, Any]:
    """The options of both modules."""
    return dict(
        connection_argument_spec(timeout=10),
        **policy_argument_spec(),
        cluster=dict(type="dict"),
        cluster_dir=dict(type="path"),
        cluster_id=dict(type="str"),
        adopt=dict(type="bool", default=False),
        nodes=dict(type="int", default=3),
        title=dict(type="str", default=""),
        format=dict(type="str", choices=list(FORMATS), default="table"),
        color=dict(type="bool", default=False),
        severity=dict(type="str", choices=["warning", "error"], default="warning", aliases=["loop_lvm_severity"]),
        images=dict(type="bool", default=True),
        image_cache_dir=dict(type="path"),
        unreachable=dict(type="str", choices=["warning", "error"], default="error"),
    )


def preflight_argument_spec() -> dict[str, Any]:
    return dict(
        common_argument_spec(),
        storage=dict(type="bool", default=False),
        cli=dict(type="bool", default=True),
        parallel=dict(type="int", default=0),
        canary=dict(type="bool", default=False),
        canary_image=dict(type="str"),
        canary_mirror=dict(type="str", default=""),
        canary_timeout=dict(type="int", default=60),
    )


def preflight(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """Body of docker_preflight."""
    modules = ("preflight", "storage", "both") if params["storage"] else ("preflight", "both")
    return _examine(params, run, registry.of_modules(*modules))


def storage_check(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """Body of docker_storage_check."""
    quiet = dict(params, cli=False, parallel=0, canary=False)
    return _examine(quiet, run, registry.of_modules("storage", "both"))


def _examine(params: dict[str, Any], run: Run, checks: tuple[Check, ...]) -> dict[str, Any]:
    cluster = read_cluster(params)
    policy = read_policy_of(params, cluster.preflight if cluster else None)
    if cluster and cluster.hosts:
        return _examine_hosts(params, run, checks, cluster, policy)
    address = Address.from_params(params)
    one = _examine_one(params, run, checks, address, read_wants(params, cluster))
    return _result(params, one.facts, one.outcome, apply_policy(one.outcome.findings, policy), checks)


def _examine_one(
    params: Mapping[str, Any], run: Run, checks: tuple[Check, ...], address: Address, wants: Union[Wants, Unknown]
) -> several.One:
    """Gather and check one host; it ends within `timeout`."""
    timeout = max(1, params["timeout"])
    until = Until.after(max(timeout - RESERVE, timeout * 0.5))
    job = Job(
        address=replace(address, timeout=timeout),
        wants=wants,
        cli=params["cli"],
        images=params["images"],
        create=not run.check_mode,
        cache_dir=params["image_cache_dir"] or "",
        parallel=params["parallel"],
        spare=params["nodes"],
        loop_lvm_severity=params["severity"],
    )
    facts, daemon = gather(job, until)
    if params["canary"]:
        facts = fly_canary(params, run, facts, daemon)
    return several.One(facts, daemon, run_checks(checks, facts))


def _examine_hosts(
    params: dict[str, Any], run: Run, checks: tuple[Check, ...], cluster: Cluster, policy: Policy
) -> dict[str, Any]:
    """Every host that has nodes, by its own address, all at once."""
    addresses = addresses_of(cluster.used_hosts, Address.from_params(params))
    names = list(addresses)
    ident = read_id(params)
    wants = {name: several.wants_of(cluster, name, ident, params["adopt"]) for name in names}

    def examine(name: str, wanted: Wants) -> several.One:
        own = dict(params, cli=params["cli"] and name == names[0])  # the docker command is of this machine
        one = _examine_one(own, run, checks, addresses[name], wanted)
        found = [replace(item, remedy=remedy_for(name, item.remedy)) for item in one.outcome.findings]
        return replace(one, outcome=replace(one.outcome, findings=tuple(found)))

    found = several.examine_all(names, wants, examine)
    between = list(hosts.compare({name: one.facts for name, one in found.items()}))
    not_measured = several.NO_SURVEY
    if params["canary"] and not run.check_mode:
        measured, not_measured = several.survey_between(
            cluster, found, lambda one: canary_image(one.facts, one.daemon) if one.daemon else ""
        )
        between += measured
    alone = params["unreachable"] == ERROR  # provision sees for itself when it joins them
    if alone:
        between += several.swarm_between(cluster, found)

    def result(name: str, one: several.One, findings: list[Finding]) -> dict[str, Any]:
        return _result(dict(params, title=name), one.facts, one.outcome, findings, checks)

    ran = hosts.SWARM_RULES if alone else ()
    return several.combine(found, between, not_measured, ran=ran, policy=policy, params=params, result_of=result)


def read_cluster(params: Mapping[str, Any]) -> Optional[Cluster]:
    """The cluster of option `cluster`, parsed."""
    if not params["cluster"]:
        return None
    # imported here: a check of the host alone needs no parser
    from .._spec.parse import options_to_data, parse_config  # noqa: PLC0415

    folder = params["cluster_dir"] or "/"
    return parse_config(options_to_data(params["cluster"]), folder, read_text)


def read_wants(params: Mapping[str, Any], cluster: Optional[Cluster]) -> Union[Wants, Unknown]:
    """What the cluster needs of its one host."""
    if cluster is None:
        return Unknown("no cluster was given")
    return Wants.from_cluster(cluster, read_id(params), params["adopt"])


def read_text(path: str) -> str:
    with open(path, encoding="utf-8") as handle:
        return handle.read()


def read_id(params: Mapping[str, Any]) -> str:
    """The id that the cluster's own containers carry: said, or kept in its directory; "" before the first provision."""
    if params["cluster_id"]:
        return str(params["cluster_id"]).strip()
    if not params["cluster_dir"]:
        return ""
    try:
        return read_text(f"{params['cluster_dir']}/.tpaexec-docker/id").strip()
    except (OSError, ValueError):
        return ""


def read_policy_of(params: Mapping[str, Any], config: Any) -> Policy:
    """The task's options, and config.yml's `tpaexec_docker.preflight`."""
    own_waivers = [vars(waiver) for waiver in config.waivers] if config else []
    ignore = [*params["ignore"], *(config.ignore if config else ())]
    today = datetime.now(timezone.utc).date()
    return read_policy(ignore, [*params["waivers"], *own_waivers], params["strict"], registry.known_ids(), today)


def fly_canary(params: Mapping[str, Any], run: Run, facts: Facts, daemon: Optional[Daemon]) -> Facts:
    """Boot one throw-away container; not in check mode, and not without a daemon or an image."""
    if run.check_mode:
        return replace(facts, canary=Unknown("the canary is not started in check mode"))
    if daemon is None:
        return replace(facts, canary=Unknown("the daemon could not be reached"))
    image = params["canary_image"] or canary_image(facts, daemon)
    if not image:
        why = "there is no image to start the canary from (give canary_image, or provision an image first)"
        return replace(facts, canary=Unknown(why))
    from .canary import run_canary  # noqa: PLC0415

    words = {"deadline_seconds": params["canary_timeout"], "mirror": params["canary_mirror"]}
    if not daemon.address.local and isinstance(facts.host, Unknown):
        words["measure"] = gather_through.measure
    try:
        result = run_canary(daemon, image, **words)
    except PlatformError as error:
        return replace(facts, canary=CanaryFacts(image, failed_step="prepare", reason=str(error)))
    flown = CanaryFacts(image, tuple(result.seconds), result.failed_step, result.reason, result.log)
    return replace(measured_through(facts, result.measured), canary=flown)


def canary_image(facts: Facts, daemon: Daemon) -> str:
    """The first of the cluster's images that is there, else one that this collection made; "" when there is none."""
    if isinstance(facts.images, tuple):
        present = [image.name for image in facts.images if image.present]
        if present:
            return present[0]
    try:
        made = daemon.call("images", filters={"label": OWN_IMAGE})
    except DaemonError:
        return ""
    names = [name for image in sequence(made) for name in texts(mapping(image).get("RepoTags")) if "<none>" not in name]
    # bootstrapped ones carry the project's name; others may be built on anything
    return min(names, key=lambda name: (not name.startswith("tpaexec/"), name), default="")


def _result(
    params: Mapping[str, Any], facts: Facts, outcome: Outcome, findings: list[Finding], checks: tuple[Check, ...]
) -> dict[str, Any]:
    room = capacity(facts)
    where = _where(facts)
    if params["title"] and not where.startswith(f"{params['title']} ("):
        where = f"{params['title']}: {where}"
    engine: Any = None if isinstance(facts.engine, Unknown) else facts.engine
    storage: Any = None if isinstance(facts.storage, Unknown) else facts.storage
    shown = dict(plain(facts), capacity=room.as_dict())
    result: dict[str, Any] = {
        "changed": False,
        "findings": [finding.as_dict() for finding in findings],
        "checked": outcome.checked(),
        "facts": shown,
        "server_version": engine.version if engine else None,
        "driver": storage.driver if storage else None,
        "storage": _storage(shown),
        "report": render(Report(where, findings, outcome, checks, room.says()), params["format"], params["color"]),
        "summary": _summary(where, engine, storage, findings),
    }
    message = failure_message(findings, where)
    return dict(result, failed=True, msg=message) if message else result


def _storage(shown: Mapping[str, Any]) -> Optional[dict[str, Any]]:
    """The storage's facts in one map: the driver's, and the file systems as measured."""
    return dict(shown["storage"], filesystems=shown["filesystems"]) if shown["storage"] else None


def _where(facts: Facts) -> str:
    name = getattr(facts.engine, "name", "")
    return f"{name} ({facts.client.docker_host})" if name else facts.client.docker_host


def _summary(where: str, engine: Any, storage: Any, findings: list[Finding]) -> str:
    """One line for a run that goes well."""
    number = counts(findings)
    product = "Podman" if getattr(engine, "product", "") == "podman" else "Docker"
    driver = getattr(storage, "driver", "") or "unknown storage driver"
    seen = f"{product} {engine.version}, {driver}" if engine and storage else "no daemon"
    return f"Checked {where}: {seen}; {plural(number['error'], 'error')}, {plural(number['warning'], 'warning')}"
