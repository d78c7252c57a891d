# SPDX-License-Identifier: GPL-3.0-or-later
"""The edges of a report: what each daemon and each node that is not well has to say. Nothing here fails the report."""

from __future__ import annotations

import contextlib
import os
import platform
import re
from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping, Sequence

from ansible.module_utils import ansible_release

from .._address import Address
from .._client import SDK_VERSION, Daemon
from .._cluster.pool import run_all
from .._cluster.ready import JOURNAL, probe, run_in, tail
from .._errors import DaemonError
from .._hosts import addresses_of, closing, connect_all
from .._spec.model import DEFAULT_HOST, Cluster

PARALLEL = 8
CONSOLE_LINES = 60
LONGEST = 16000  # characters of one journal
TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


@dataclass
class Seen:
    """What the daemons said. `environments` are the nodes' own: kept to be taken out of texts, never shown."""

    engines: dict[str, dict[str, str]] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    health: dict[str, str] = field(default_factory=dict)
    journals: list[tuple[str, str, str]] = field(default_factory=list)  # node, title, text
    environments: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


@contextlib.contextmanager
def daemons(cluster: Cluster, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Those of all hosts of the cluster, or the reason, by name."""
    hosts = cluster.used_hosts or (cluster.host(DEFAULT_HOST),)
    with closing(connect_all(addresses_of(hosts, Address.from_params(params)), PARALLEL + 2)) as connected:
        yield dict(connected)


def look(
    cluster: Cluster, connected: Mapping[str, Any], instances: Sequence[Mapping[str, Any]], journals: bool
) -> Seen:
    """Ask every daemon, and every node through its daemon."""
    seen = Seen()
    hosts = {one.name: one.host for one in cluster.instances}
    for name, daemon in connected.items():
        if isinstance(daemon, DaemonError):
            seen.unread.append(str(daemon))
        else:
            _engine(seen, name, daemon, cluster)
    jobs = []
    for item in instances:
        daemon = connected.get(hosts.get(str(item.get("name")), str(item.get("host") or DEFAULT_HOST)))
        if isinstance(daemon, Daemon) and item.get("container_id"):
            jobs.append(lambda item=item, daemon=daemon: _node(daemon, item, journals))
    for name, health, texts, environment in run_all(jobs, PARALLEL):
        seen.health[name] = health
        seen.journals += [(name, title, text) for title, text in texts]
        seen.environments += environment
    return seen


def _node(daemon: Daemon, item: Mapping[str, Any], journals: bool) -> tuple[str, str, list[tuple[str, str]], list[str]]:
    """Name, what its systemd says, its journals if it is not well, its environment."""
    name, ident = str(item["name"]), str(item["container_id"])
    health, texts, environment = "", [], []
    try:
        raw = daemon.call("inspect_container", ident)
        environment = [str(pair) for pair in (raw.get("Config") or {}).get("Env") or []]
        if item.get("status") == "running":
            boot = probe(daemon, ident, 1, {})
            health = boot.state
            if health != "running" and journals:
                _code, text = run_in(daemon, ident, JOURNAL)
                failed = f"; failed units: {', '.join(boot.failed_units)}" if boot.failed_units else ""
                texts.append((f"systemd says {health}{failed}", _clean(text)))
        elif journals:
            texts.append((f"console, last {CONSOLE_LINES} lines", tail(daemon, ident, CONSOLE_LINES)))
    except DaemonError as error:
        texts.append(("could not be read", str(error)))
    return name, health, texts, environment


def _clean(text: str) -> str:
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)
    return "\n".join(line.rstrip() for line in text.splitlines())[-LONGEST:]


def _engine(seen: Seen, host: str, daemon: Daemon, cluster: Cluster) -> None:
    """Chosen fields of /version and /info, and which image is behind each name."""
    try:
        version, info = daemon.call("version"), daemon.call("info")
    except DaemonError as error:
        seen.unread.append(str(error))
        return
    memory = f"{int(info.get('MemTotal') or 0) / (1 << 30):.1f} GiB"
    shown = {
        "Docker Engine": f"{version.get('Version')}, API {version.get('ApiVersion')}",
        "system": f"{info.get('OperatingSystem')}, {info.get('Architecture')}",
        "kernel": info.get("KernelVersion"),
        "storage": info.get("Driver"),
        "cgroups": f"version {info.get('CgroupVersion') or 1}, {info.get('CgroupDriver')}",
        "size": f"{info.get('NCPU')} CPUs, {memory}",
    }
    seen.engines[host] = {key: str(value) for key, value in shown.items() if value}
    for name in dict.fromkeys(one.settings.image for one in cluster.instances if one.host == host):
        with contextlib.suppress(DaemonError):
            image = daemon.call("inspect_image", name)
            seen.images[name] = f"{str(image.get('Id'))[7:19]}, {int(image.get('Size') or 0) / 1e6:.0f} MB"


def own_versions() -> dict[str, str]:
    """This side of the line: the collection, Ansible, Python, the SDK, the system."""
    return {
        "tpaexec.docker": collection_version(),
        "ansible-core": str(ansible_release.__version__),
        "Python": platform.python_version(),
        "Docker SDK": SDK_VERSION or "not installed",
        "controller": f"{_system()}, {platform.machine()}, kernel {platform.release()}",
    }


def collection_version() -> str:
    """From MANIFEST.json or galaxy.yml; `unknown` where the module runs without the collection beside it."""
    manifest = _text_of(os.path.join(TOP, "MANIFEST.json"))
    found = re.search(r'"version": *"([^"]+)"', manifest)
    found = found or re.search(r"^version: *(\S+)", _text_of(os.path.join(TOP, "galaxy.yml")), re.MULTILINE)
    return found.group(1) if found else "unknown"


def _system() -> str:
    found = re.search(r'^PRETTY_NAME="?([^"\n]*)', _text_of("/etc/os-release"), re.MULTILINE)
    return found.group(1) if found else platform.system()


def _text_of(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return ""
