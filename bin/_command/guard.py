# SPDX-License-Identifier: GPL-3.0-or-later
"""One look before something else is let at a directory that we provisioned.

TPA's deploy and upgrade provision first, unless the hash of config.yml is the recorded one. TPA's provision knows its
own recipe only: it would recreate each of our nodes, and what was written in them would be lost. And Ansible enters
containers by their names: one that somebody else made under a node's name is none of ours to run things in.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from functools import partial
from typing import Callable, Optional, TypeVar

from .errors import CommandError

T = TypeVar("T")
R = TypeVar("R")
PROVISIONING = ("deploy", "upgrade", "provision")
RECORDED = os.path.join("inventory", "group_vars", "hashes", "config.yml")
OURS = os.path.join(".tpaexec-docker", "id")


def check_before_tpa(argv: list[str]) -> None:
    """Refuse what would cost the nodes' data; say what to run in its place."""
    if len(argv) < 2 or argv[0] not in PROVISIONING or not os.path.exists(os.path.join(argv[1], OURS)):
        return
    recorded, now = _recorded(argv[1]), _now(argv[1])
    if recorded and now and recorded != now:
        raise CommandError(
            f"Run 'tpaexec provision {argv[1]}' first: config.yml changed since it was provisioned. TPA would "
            "provision it by its own recipe, and recreate every node with all that is in it."
        )


TLS_FILES = {"tls_ca_cert": "--tlscacert", "tls_client_cert": "--tlscert", "tls_client_key": "--tlskey"}
LABELS = '{{.Names}}\t{{.Label "tpaexec.docker.id"}}\t{{.Label "Cluster"}}'


def check_before_ansible(directory: str, environ: dict[str, str]) -> None:
    """Refuse to enter containers of others. What is wrong with a daemon is Ansible's to say: it is passed over here."""
    ident, docker = _text(os.path.join(directory, OURS)).strip(), shutil.which("docker", path=environ.get("PATH"))
    nodes = _nodes_by_daemon(directory)
    if not ident or not docker or not nodes:
        return
    cluster, others = _cluster_name(directory), set()
    for names, rows in zip(nodes.values(), _all_at_once(partial(_containers, docker, environ), list(nodes))):
        others |= {name for name, found, label in rows if name in names and not _is_ours(found, label, ident, cluster)}
    if others:
        named = f"container {min(others)} is" if len(others) == 1 else f"containers {', '.join(sorted(others))} are"
        raise CommandError(
            f"Rename or remove what has a node's name yourself: the {named} someone else's. Nothing was run. "
            f"'tpaexec list-containers {directory}' shows the nodes."
        )


def _all_at_once(function: Callable[[T], R], arguments: list[T]) -> list[R]:
    if len(arguments) == 1:
        return [function(arguments[0])]
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - for several hosts alone

    with ThreadPoolExecutor(len(arguments)) as pool:
        return list(pool.map(function, arguments))


def _containers(docker: str, environ: dict[str, str], options: tuple[str, ...]) -> list[list[str]]:
    """Name, id of the cluster and its name of all containers of a daemon; none where it does not answer."""
    import subprocess  # noqa: PLC0415 - slow to load, and every word loads this file

    try:
        # A session of its own: an ssh that the docker command starts has no terminal to ask questions on.
        done = subprocess.run(  # noqa: S603 - an argument list, no shell
            [docker, *options, "ps", "--all", "--format", LABELS], stdin=subprocess.DEVNULL, start_new_session=True,
            capture_output=True, text=True, check=False, timeout=20, env=environ,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return []
    return [line.split("\t") for line in done.stdout.splitlines() if line.count("\t") == 2]


def _is_ours(found: str, label: str, ident: str, cluster: str) -> bool:
    """As module_utils' owner_of: the id decides; a cluster's label without an id is TPA's."""
    return found == ident if found else bool(cluster) and label == cluster


def _nodes_by_daemon(directory: str) -> dict[tuple[str, ...], set[str]]:
    """The nodes by the docker command's options that lead to their daemon; () for the one of DOCKER_HOST.

    A host whose certificate has another name is left to Ansible: the docker command cannot be told of that.
    """
    folder = os.path.join(directory, "inventory", "host_vars")
    found: dict[tuple[str, ...], set[str]] = {}
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return found
    for name in names:
        host = host_of(directory, name)
        options = _options(host, os.path.join(directory, "inventory")) if host is not None else ()
        if options is not None:
            found.setdefault(options, set()).add(name)
    return found


def host_of(directory: str, node: str) -> Optional[dict[str, str]]:
    """What the inventory says of the Docker host of *node*; None for the daemon of DOCKER_HOST. By the lines of a file
    that provision wrote: Python's own library has no YAML."""
    path = os.path.join(directory, "inventory", "host_vars", node, "02-docker_host.yml")
    if not os.path.exists(path):
        return None
    section = _text(path).partition("\ntpaexec_docker_host:\n")[2]
    section = re.sub(r"\n {4,}", " ", section)  # where a long value goes on
    return {key: _plain(value) for key, value in re.findall(r"^  (\w+): (.+)$", section, re.MULTILINE)}


def _options(host: dict[str, str], inventory_dir: str) -> Optional[tuple[str, ...]]:
    if not host.get("docker_host") or host.get("tls_hostname"):
        return None
    words = ["--host", host["docker_host"], *(["--tlsverify"] if any(key in host for key in TLS_FILES) else [])]
    for key, option in TLS_FILES.items():
        if key in host:
            words += [option, host[key].replace("{{ inventory_dir }}", os.path.abspath(inventory_dir))]
    return tuple(words)


def _plain(value: str) -> str:
    return value[1:-1].replace("''", "'") if value[:1] == value[-1:] == "'" else value


def _cluster_name(directory: str) -> str:
    """The inventory's file is 00-<cluster>."""
    try:
        names = os.listdir(os.path.join(directory, "inventory"))
    except OSError:
        return ""
    return next((name[3:] for name in sorted(names) if name.startswith("00-")), "")


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return ""


def _recorded(directory: str) -> str:
    found = re.search(r"last_provisioned: '?([0-9a-f]{64})", _text(os.path.join(directory, RECORDED)))
    return found.group(1) if found else ""


def _now(directory: str) -> str:
    """As Ansible's lookup `file` and TPA compute it: without the blanks at the end."""
    try:
        with open(os.path.join(directory, "config.yml"), encoding="utf-8", newline="") as file:
            return hashlib.sha256(file.read().rstrip().encode("utf-8")).hexdigest()
    except (OSError, ValueError):
        return ""
