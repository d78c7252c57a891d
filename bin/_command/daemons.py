# SPDX-License-Identifier: GPL-3.0-or-later
"""Which daemon has which node, as the inventory says, and what containers it lists: by Python's own library alone."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import time
from typing import Any, NamedTuple, Optional

TLS_FILES = {"tls_ca_cert": "--tlscacert", "tls_client_cert": "--tlscert", "tls_client_key": "--tlskey"}
ID, CLUSTER = "tpaexec.docker.id", "Cluster"
LABELS = f'{{{{.Names}}}}\t{{{{.Label "{ID}"}}}}\t{{{{.Label "{CLUSTER}"}}}}'
PATIENCE = 10  # seconds for all daemons together


class Way(NamedTuple):
    """To a daemon: `options` of the docker command, none for the one of DOCKER_HOST. That command cannot be told that
    the certificate has another name; such a host is asked itself, with `url` and `files` (CA, certificate, key)."""

    options: tuple[str, ...] = ()
    url: str = ""
    tls_hostname: str = ""
    files: tuple[str, ...] = ()


class Listed(NamedTuple):
    """A container: its name and its labels, "" where there is none."""

    name: str
    id: str
    cluster: str


def nodes_by_daemon(directory: str) -> dict[Way, set[str]]:
    """The nodes by the way to their daemon."""
    folder = os.path.join(directory, "inventory", "host_vars")
    found: dict[Way, set[str]] = {}
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return found
    for name in names:
        host = host_of(directory, name)
        if host is None or host.get("docker_host"):
            found.setdefault(_way(host or {}, os.path.join(directory, "inventory")), set()).add(name)
    return found


def host_of(directory: str, node: str) -> Optional[dict[str, str]]:
    """What the inventory says of the Docker host of *node*; None for the daemon of DOCKER_HOST. By the lines of a file
    that provision wrote: Python's own library has no YAML."""
    path = os.path.join(directory, "inventory", "host_vars", node, "02-docker_host.yml")
    if not os.path.exists(path):
        return None
    section = text_of(path).partition("\ntpaexec_docker_host:\n")[2]
    section = re.sub(r"\n {4,}", " ", section)  # where a long value goes on
    return {key: _plain(value) for key, value in re.findall(r"^  (\w+): (.+)$", section, re.MULTILINE)}


def _way(host: dict[str, str], inventory_dir: str) -> Way:
    if not host:
        return Way()
    here = os.path.abspath(inventory_dir)
    files = {key: host.get(key, "").replace("{{ inventory_dir }}", here) for key in TLS_FILES}
    if host.get("tls_hostname"):
        return Way((), host["docker_host"], host["tls_hostname"], tuple(files.values()))
    words = ["--host", host["docker_host"], *(["--tlsverify"] if any(files.values()) else [])]
    for key, option in TLS_FILES.items():
        words += [option, files[key]] if files[key] else []
    return Way(tuple(words))


def _plain(value: str) -> str:
    return value[1:-1].replace("''", "'") if value[:1] == value[-1:] == "'" else value


def containers(ways: list[Way], docker: Optional[str], environ: dict[str, str]) -> list[list[Listed]]:
    """All containers of each daemon, asked at once; none where it does not answer in time, or where the docker command
    that it takes is not there: what is wrong is Ansible's to say. Ctrl-C waits for none of them."""
    import threading  # noqa: PLC0415 - slow to load, and every word loads this file

    found: list[list[Listed]] = [[] for _way in ways]
    started: list[Any] = []

    def ask(place: int) -> None:
        way = ways[place]
        if way.tls_hostname:
            found[place] = _by_tls(way)
        elif docker:
            found[place] = _by_command([docker, *way.options], environ, started)

    threads = [threading.Thread(target=ask, args=(place,), daemon=True) for place in range(len(ways))]
    try:
        for thread in threads:
            thread.start()
        until = time.monotonic() + PATIENCE
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))
    finally:
        for process in started:
            if process.poll() is None:
                with contextlib.suppress(OSError):
                    os.killpg(process.pid, signal.SIGKILL)
    return list(found)


def _by_command(docker: list[str], environ: dict[str, str], started: list[Any]) -> list[Listed]:
    import subprocess  # noqa: PLC0415 - as above

    try:
        # A session of its own: an ssh that the docker command starts has no terminal to ask questions on.
        process = subprocess.Popen(  # noqa: S603 - an argument list, no shell
            [*docker, "ps", "--all", "--format", LABELS], stdin=subprocess.DEVNULL, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environ,
        )  # fmt: skip
        started.append(process)
        lines = process.communicate()[0].splitlines()
    except (OSError, ValueError):
        return []
    return [Listed(*line.split("\t")) for line in lines if line.count("\t") == 2]


def _by_tls(way: Way) -> list[Listed]:
    import http.client  # noqa: PLC0415 - for few hosts
    import json  # noqa: PLC0415
    import ssl  # noqa: PLC0415
    from urllib.parse import urlsplit  # noqa: PLC0415

    authority, certificate, key = way.files
    try:
        context = ssl.create_default_context(cafile=authority or None)
        if certificate:
            context.load_cert_chain(certificate, key or None, password="")  # nobody is asked for one
        at = urlsplit(way.url)
        line = http.client.HTTPConnection(at.hostname or "", at.port or 2376, timeout=PATIENCE)
        line.connect()
        line.sock = context.wrap_socket(line.sock, server_hostname=way.tls_hostname)
        line.request("GET", "/containers/json?all=1")
        found: list[Any] = json.load(line.getresponse())
        line.close()
        labelled = [(item["Names"], item.get("Labels") or {}) for item in found]
        return [
            Listed(str(name).lstrip("/"), labels.get(ID) or "", labels.get(CLUSTER) or "")
            for names, labels in labelled
            for name in names
        ]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, http.client.HTTPException):
        return []


def text_of(path: str) -> str:
    """A file's text, "" where it cannot be read."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return ""
