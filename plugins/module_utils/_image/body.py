# SPDX-License-Identifier: GPL-3.0-or-later
"""The body of the module guest_image: options in, result out."""

from __future__ import annotations

from typing import Any, Mapping

from .._address import Address
from .._client import Daemon, connect
from .._entry import Run
from .._errors import DaemonError, PlatformError
from .._hosts import addresses_of, closing, connect_all
from .._spec.model import Cluster, Host
from .._spec.parse import options_to_data, parse_config
from . import hosts, obtain, workdir
from .judge import Policy, judge
from .ways import make_ways


def guest_image_body(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """guest_image: obtain what is missing, then look into all of it."""
    if (params["cluster"] or {}).get("tpaexec_docker", {}).get("hosts"):
        return _on_hosts(params, run)
    names = list(dict.fromkeys(params["names"]))
    with workdir.terminable(), connect(Address.from_params(params), pool=obtain.PARALLEL + 1) as daemon:
        ways = make_ways(daemon, params, run)
        request = obtain.Request(params["source"], params["force"], run.check_mode, run.progress)
        outcomes = obtain.obtain(daemon, names, request, ways)
        result: dict[str, Any] = {
            "changed": any(outcome.changed for outcome in outcomes),
            "images": [outcome.as_dict() for outcome in outcomes],
            "findings": [],
            "checked": {"ran": [], "not_run": {}},
        }
        if run.diff_mode:
            result["diff"] = diff(outcomes)
        failure = obtain.failure(outcomes)
        if failure:
            return dict(result, failed=True, msg=failure)
        there = [outcome.name for outcome in outcomes if outcome.image_id]
        if params["check"]:
            decided = _decided(params)
            fresh = [outcome.name for outcome in outcomes if outcome.changed]
            result.update(judge(daemon, there, decided, params["cache_dir"] or "", fresh).as_result())
        return result


def _decided(params: Mapping[str, Any]) -> Policy:
    return Policy(params["ignore"], params["strict"], waivers=params["waivers"])


def _on_hosts(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """Each image on the hosts whose nodes use it. A host that does not answer has what it has: the others go on."""
    cluster = parse_config(options_to_data(params["cluster"]), params["base_dir"] or "/", _read)
    used: tuple[Host, ...] = cluster.used_hosts
    addresses = addresses_of(used, Address.from_params(params))
    with workdir.terminable(), closing(connect_all(addresses, obtain.PARALLEL + 1)) as connected:
        daemons = {name: item for name, item in connected.items() if isinstance(item, Daemon)}
        errors = [item for item in connected.values() if isinstance(item, DaemonError)]
        if not daemons:
            said = "\n".join(f"  - {error}" for error in errors)
            raise PlatformError(f"No host answers; mend what is said of each.\n{said}")
        spreads = hosts.spread_all(daemons, needed_by(cluster, params["names"], daemons), params, run)
        result: dict[str, Any] = {
            "changed": any(spread.changed for spread in spreads),
            "images": [spread.as_dict() for spread in spreads],
            "findings": [],
            "checked": {"ran": [], "not_run": {}},
            "summary": hosts.summary(spreads, run.check_mode),
        }
        if run.diff_mode:
            result["diff"] = hosts.diff(spreads)
        if params["check"]:
            result.update(hosts.judged(daemons, spreads, _decided(params), params["cache_dir"] or "").as_result())
        failures = [f"{spread.name}: {spread.failure()}" for spread in spreads if spread.failure()]
        return dict(result, failed=True, msg="\n".join(failures)) if failures else result


def _read(path: str) -> str:
    with open(path, encoding="utf-8") as handle:
        return handle.read()


def needed_by(cluster: Cluster, names: list[str], daemons: Mapping[str, Any]) -> dict[str, list[str]]:
    """By image, the hosts among *daemons* whose nodes use it; one that no node uses goes to the first host."""
    needed: dict[str, list[str]] = {name: [] for name in dict.fromkeys(names)}
    for instance in cluster.instances:
        hosts_of = needed.get(instance.settings.image)
        if hosts_of is not None and instance.host in daemons and instance.host not in hosts_of:
            hosts_of.append(instance.host)
    used = {instance.settings.image for instance in cluster.instances}
    first = [next(iter(daemons))]
    return {name: found or first for name, found in needed.items() if found or name not in used}


def diff(outcomes: list[obtain.Outcome]) -> dict[str, str]:
    """Before and after, one line an image."""
    changed = [outcome for outcome in outcomes if outcome.changed]
    return {"before": "", "after": "".join(f"image {outcome.name} ({outcome.source})\n" for outcome in changed)}
