# SPDX-License-Identifier: GPL-3.0-or-later
"""Images on several hosts: each is obtained on one of them, and is brought from there to the others that need it.

Others pull the very same image by its digest where there is a registry; where that fails, or the image was made here,
it is shipped. What already stands behind the name on a host is left alone: another image there is a finding.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Callable, Mapping, Optional, Sequence, Union

from .._checks import hosts as rules
from .._checks.model import Finding
from .._client import Daemon
from .._cluster.pool import run_all
from .._entry import Run
from .._errors import DaemonError, PlatformError
from .._hosts import of_host
from . import judge, obtain
from .inspect import look
from .present import image_id, inspect_or_none
from .pull import pull, split_name
from .ship import ship
from .ways import make_ways

PRESENT, PULL, SHIP = "present", "pull", "ship"


@dataclass(frozen=True)
class There:
    """One image on one host."""

    source: str
    image_id: str = ""
    changed: bool = False
    seconds: float = 0.0
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {**vars(self)}


@dataclass(frozen=True)
class Spread:
    """One image on all the hosts that need it. `origin` is the host that it was obtained on."""

    name: str
    origin: str
    outcome: obtain.Outcome
    there: Mapping[str, There] = field(default_factory=dict)

    @property
    def changed(self) -> bool:
        return self.outcome.changed or any(item.changed for item in self.there.values())

    def as_dict(self) -> dict[str, Any]:
        shown = {host: item.as_dict() for host, item in self.there.items()}
        return {**self.outcome.as_dict(), "changed": self.changed, "hosts": shown}

    @property
    def fresh(self) -> list[str]:
        """The hosts on which it was not, or another was, before."""
        return [host for host, item in self.there.items() if item.changed]

    def failure(self) -> str:
        if self.outcome.error:
            return f"host {self.origin}: {self.outcome.error}"
        words = [f"host {host}: {item.error}" for host, item in self.there.items() if item.error]
        return "\n".join(words)


def choose_origin(name: str, ids: Mapping[str, str]) -> str:
    """The first host that has the image, else the first that needs it."""
    return next((host for host, ident in ids.items() if ident), next(iter(ids)))


def spread_all(
    daemons: Mapping[str, Daemon], needed: Mapping[str, Sequence[str]], params: Mapping[str, Any], run: Run
) -> list[Spread]:
    """*needed*: the hosts that need each image. All images at once; one that fails does not stop the others. Neither
    does a host that falls silent: it has what it has, and its nodes will tell."""
    request = obtain.Request(params["source"], params["force"], run.check_mode, run.progress)
    pairs = [(name, host) for name, hosts in needed.items() for host in hosts]
    found = dict(zip(pairs, run_all([lambda p=p: _id_on(daemons[p[1]], p[0]) for p in pairs], 8)))  # type: ignore[misc]
    silent = {host: error for (_name, host), error in found.items() if isinstance(error, DaemonError)}
    if silent and len(silent) == len({host for _name, host in pairs}):
        host, error = next(iter(silent.items()))
        raise of_host(host, error)
    ids = {name: {host: found[name, host] for host in hosts if host not in silent} for name, hosts in needed.items()}
    ids = {name: hosts for name, hosts in ids.items() if hosts}
    origins = {name: choose_origin(name, hosts) for name, hosts in ids.items()}
    jobs = [_obtain_job(daemons[host], names, params, request, run) for host, names in _by_origin(origins).items()]
    outcomes = {one.name: one for group in run_all(jobs, len(jobs)) for one in group}
    spreads = [_job(daemons, Spread(name, origins[name], outcomes[name]), ids[name], request) for name in ids]
    return run_all(spreads, obtain.PARALLEL)


def _id_on(daemon: Daemon, name: str) -> Union[str, DaemonError]:
    try:
        return image_id(daemon, name)
    except DaemonError as error:
        return error


def _by_origin(origins: Mapping[str, str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, host in origins.items():
        grouped.setdefault(host, []).append(name)
    return grouped


def _obtain_job(
    daemon: Daemon, names: list[str], params: Mapping[str, Any], request: obtain.Request, run: Run
) -> Callable[[], list[obtain.Outcome]]:
    own = {**params, "names": names}
    return lambda: obtain.obtain(daemon, names, request, make_ways(daemon, own, run))


def _job(
    daemons: Mapping[str, Daemon], spread: Spread, before: Mapping[str, str], request: obtain.Request
) -> Callable[[], Spread]:
    def job() -> Spread:
        outcome = spread.outcome
        first = There(outcome.source, outcome.image_id, outcome.changed, 0.0, str(outcome.error or ""))
        others = {host: ident for host, ident in before.items() if host != spread.origin}
        if outcome.error:
            return replace(spread, there={spread.origin: first})
        again = outcome.changed and bool(before[spread.origin])  # it was obtained anew: so it is for the others
        kept = {host: There(PRESENT, ident) for host, ident in others.items() if ident and not again}
        lacking = [host for host in others if host not in kept]
        if request.check_mode:
            brought = {host: There(SHIP, changed=True) for host in lacking}
        else:
            brought = _bring(daemons, spread, {host: before[host] for host in lacking}, request)
        found = {**kept, **brought, spread.origin: first}
        return replace(spread, there={host: found[host] for host in before})

    return job


def _bring(
    daemons: Mapping[str, Daemon], spread: Spread, lacking: Mapping[str, str], request: obtain.Request
) -> dict[str, There]:
    if not lacking:
        return {}
    name, source = spread.name, daemons[spread.origin]
    started, target = time.monotonic(), f"image {name}"
    pulled = _pull_same(daemons, name, _digest(source, name), list(lacking)) if request.source != "load" else []
    left = {host: daemons[host] for host in lacking if host not in pulled}
    errors: Mapping[str, Optional[PlatformError]] = {}
    if left and "@" in name:
        errors = dict.fromkeys(left, PlatformError(_DIGEST.format(name=name)))
    elif left:
        request.progress(target, f"ship to {', '.join(left)}", None)
        try:
            errors = ship(source, name, left, lambda words: request.progress(target, words, None))
        except PlatformError as error:
            errors = dict.fromkeys(left, error)
        request.progress(target, f"ship to {', '.join(left)}", time.monotonic() - started)
    seconds = round(time.monotonic() - started, 3)
    told = {
        host: There(PULL if host in pulled else SHIP, seconds=seconds, error=str(errors.get(host) or ""))
        for host in lacking
    }
    return {host: _brought(daemons[host], name, before, told[host]) for host, before in lacking.items()}


def _brought(daemon: Daemon, name: str, before: str, told: There) -> There:
    """*told* with what is there now."""
    after = "" if told.error else _id_on(daemon, name)
    if isinstance(after, DaemonError):
        return replace(told, error=str(after))
    return replace(told, image_id=after, changed=bool(after) and after != before)


_DIGEST = (
    "{name} is named by its digest, and this host cannot pull it: no engine can restore that name from an archive."
)


def _digest(daemon: Daemon, name: str) -> str:
    """`repository@sha256:…` under which a registry has the very same image; "" for one that none has."""
    repository = split_name(name)[0]
    digests = (inspect_or_none(daemon, name) or {}).get("RepoDigests") or []
    return next((str(item) for item in digests if str(item).startswith(f"{repository}@")), "")


def _pull_same(daemons: Mapping[str, Daemon], name: str, digest: str, hosts: Sequence[str]) -> list[str]:
    """The hosts that could pull it by themselves."""
    if not digest:
        return []

    def attempt(host: str) -> bool:
        try:
            pull(daemons[host], digest)
            if "@" not in name:
                repository, tag = split_name(name)
                daemons[host].call("tag", digest, repository, tag)
            return True
        except PlatformError:
            return False

    return [host for host, done in zip(hosts, run_all([lambda h=h: attempt(h) for h in hosts], len(hosts))) if done]  # type: ignore[misc]


def differing(spreads: Sequence[Spread]) -> list[Finding]:
    """Images of one name that are not the same on every host."""
    findings = []
    for spread in spreads:
        by_id: dict[str, list[str]] = {}
        for host, item in spread.there.items():
            if item.image_id:
                by_id.setdefault(item.image_id, []).append(host)
        if len(by_id) > 1:
            shown = "; ".join(f"{ident.split(':')[-1][:12]} on {', '.join(hosts)}" for ident, hosts in by_id.items())
            text = f"{spread.name} is not the same image on every host: {shown}."
            findings.append(rules.IMAGE_DIFFERS.finding(text, image=spread.name, ids=by_id))
    return findings


def judged(
    daemons: Mapping[str, Daemon], spreads: Sequence[Spread], decided: judge.Policy, cache_dir: str
) -> judge.Verdict:
    """Each image is looked into once, on the host that it was obtained on, and held against every host it is new on."""
    there = [spread for spread in spreads if spread.outcome.image_id]
    looks = [lambda s=s: look(daemons[s.origin], s.name, cache_dir) for s in there]  # type: ignore[misc]
    facts = run_all(looks, judge.PARALLEL)
    besides = differing(spreads)
    for host, daemon in daemons.items():
        new = [one for one, spread in zip(facts, there) if host in spread.fresh]
        besides += [
            finding.as_severity(finding.severity, f"{host}: {finding.message}", host=host)
            for finding in judge.on_host(daemon, new)
        ]
    return judge.judge_facts(facts, decided, date.today(), besides)


def diff(spreads: Sequence[Spread]) -> dict[str, str]:
    """Before and after, a line for each image and host that changes."""
    lines = [
        f"image {spread.name} on {host} ({item.source})\n"
        for spread in spreads
        for host, item in spread.there.items()
        if item.changed
    ]
    return {"before": "", "after": "".join(lines)}


def summary(spreads: Sequence[Spread], check_mode: bool) -> str:
    """One line for people."""
    words = [
        f"{spread.name} {'would be' if check_mode else 'was'} brought to {', '.join(spread.fresh)}"
        for spread in spreads
        if spread.fresh
    ]
    return "; ".join(words) or f"Images: {', '.join(spread.name for spread in spreads)}"
