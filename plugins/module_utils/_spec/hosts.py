# SPDX-License-Identifier: GPL-3.0-or-later
"""tpaexec_docker.hosts: the Docker hosts of a cluster, each with an address that nobody else can listen in on."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, Mapping, Optional
from urllib.parse import SplitResult, urlsplit

from . import values
from .keys import HOST_KEYS
from .model import DEFAULT_HOST, Host
from .networks import address, check_keys
from .problems import BadValue, Problems, show
from .settings import Files
from .volumes import host_path

PLACE = "tpaexec_docker.hosts"
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?", re.ASCII)
_FORMS = "Write unix:///PATH, tcp://HOST:PORT (with TLS) or ssh://USER@HOST."
_FILES = ("tls_ca_cert", "tls_client_cert", "tls_client_key")
_TLS = (*_FILES, "tls_hostname")


def host_name(value: Any) -> str:
    if not isinstance(value, str):
        raise BadValue(f"{show(value)} is no name of a host.", f"Write it in quotes: '{show(value)}'.")
    if not _NAME.fullmatch(value):
        raise BadValue(f"{show(value)} is no name of a host.", "Use letters, digits, '-', '_' and '.', such as h1.")
    return value


def parse_hosts(item: Any, files: Files, problems: Problems) -> dict[str, Host]:
    """The hosts by name, in config.yml's order. `default` is not among them: it is what DOCKER_HOST says."""
    if item is None:
        return {}
    found: dict[str, Host] = {}
    for key, words in (problems.attempt(PLACE, values.mapping, item) or {}).items():
        name = problems.attempt(PLACE, host_name, key)
        if name == DEFAULT_HOST:
            _check_default(words, problems)
        elif name is not None:
            found[name] = _host(name, words, files, problems)
    _refuse_same_engine(found, problems)
    return found


def _check_default(words: Any, problems: Problems) -> None:
    place = f"{PLACE}.{DEFAULT_HOST}"
    if isinstance(words, dict):
        check_keys(words, HOST_KEYS, place, problems)
    if words:
        problems.add(
            place,
            "The name default is reserved: it is the daemon that DOCKER_HOST (or `docker_host`) names.",
            "Give this host another name.",
        )


def _host(name: str, words: Any, files: Files, problems: Problems) -> Host:
    place = f"{PLACE}.{name}"
    if not isinstance(words, dict):
        problems.add(place, f"A map is needed, not {show(words)}.", f"Its keys are: {', '.join(HOST_KEYS)}.")
        return Host(name)
    check_keys(words, HOST_KEYS, place, problems)
    url = problems.attempt(f"{place}.docker_host", docker_host, words.get("docker_host")) or ""
    found: dict[str, Any] = {}
    for key in _FILES:
        if words.get(key) is not None:
            found[key] = problems.attempt(f"{place}.{key}", _file, words[key], files) or ""
    if words.get("tls_hostname") is not None:
        found["tls_hostname"] = problems.attempt(f"{place}.tls_hostname", values.text, words["tls_hostname"]) or ""
    if words.get("use_ssh_client") is not None:
        parsed = problems.attempt(f"{place}.use_ssh_client", values.boolean, words["use_ssh_client"])
        found["use_ssh_client"] = bool(parsed)
    if words.get("advertise_addr") is not None:
        said_addr = problems.attempt(f"{place}.advertise_addr", _advertised, words["advertise_addr"])
        found["advertise_addr"] = said_addr or ""
    if url:
        _check_together(url, words, place, problems)
    return Host(name, docker_host=url, **found)


def _file(word: Any, files: Files) -> str:
    """The absolute path of a file that can be read now: no daemon is asked before that is sure."""
    files.content(word)
    return host_path(values.text(word), files.base_dir)


def _advertised(value: Any) -> str:
    """The address by which the other hosts reach this one, for Swarm."""
    found = address(value)
    if found.is_loopback or found.is_unspecified or found.is_multicast:
        raise BadValue(f"{show(value)} leads other hosts nowhere.", "Write the address by which they reach this one.")
    return str(found)


def docker_host(value: Any) -> str:
    """A daemon's URL, as the Docker SDK takes it."""
    if value is None:
        raise BadValue("It is missing.", _FORMS)
    url = values.text(value).strip()
    scheme, _mark, rest = url.partition("://")
    if scheme == "unix":
        if not rest.startswith("/") or rest.endswith("/"):
            raise BadValue(f"{show(value)} names no socket.", "Write it as unix:///var/run/docker.sock.")
        return url
    if scheme in ("http", "https"):
        raise BadValue(f"{show(value)}: the docker command refuses {scheme}://.", f"Write tcp://{rest or 'HOST:PORT'}.")
    if scheme not in ("tcp", "ssh") or not rest:
        raise BadValue(f"{show(value)} is no address of a Docker daemon.", _FORMS)
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadValue(f"{show(value)} is no address of a Docker daemon: {error}.", _FORMS) from None
    _check_parts(parts, value)
    if scheme != "ssh" and port is None:
        raise BadValue(f"{show(value)} has no port.", "A daemon with TLS listens on 2376: tcp://HOST:2376.")
    return url.rstrip("/")


def _check_parts(parts: SplitResult, value: Any) -> None:
    if parts.password is not None:
        raise BadValue("There is a password in the address.", "Take it out; ssh logs in with a key or an agent.")
    if not parts.hostname or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise BadValue(f"{show(value)} is no address of a Docker daemon.", _FORMS)
    if parts.username is not None and parts.scheme != "ssh":
        raise BadValue(f"{show(value)}: a user can be given with ssh:// only.", _FORMS)


def _check_together(url: str, words: Mapping[str, Any], place: str, problems: Problems) -> None:
    """What one key allows another: TLS where it is needed, and only where it means something."""
    scheme = url.partition("://")[0]
    said = [key for key in _TLS if words.get(key) is not None]
    if scheme in ("unix", "ssh") and said:
        problems.add(f"{place}.{said[0]}", f"TLS is for tcp:// only, not for {scheme}://.", "Take it out.")
    if scheme == "tcp" and not said and not _loopback(urlsplit(url).hostname or ""):
        problems.add(
            f"{place}.docker_host",
            "Without TLS, whoever reaches that port is root on the host.",
            "Give tls_ca_cert, tls_client_cert and tls_client_key, or go there by ssh://.",
        )
    if (words.get("tls_client_cert") is None) != (words.get("tls_client_key") is None):
        there = "tls_client_cert" if words.get("tls_client_cert") is not None else "tls_client_key"
        problems.add(f"{place}.{there}", "A certificate and its key are given together.", "Give both, or neither.")
    if words.get("use_ssh_client") not in (None, False) and scheme != "ssh":
        problems.add(f"{place}.use_ssh_client", f"It is for ssh:// only, not for {scheme}://.", "Take it out.")


def _loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _engine_of(url: str) -> tuple[str, ...]:
    """What two addresses of the same listener have in common; who logs in is no matter."""
    if url.startswith("unix://"):
        return ("unix", re.sub(r"^/var/run/", "/run/", "/" + url[len("unix://") :].lstrip("/")))
    parts = urlsplit(url)
    kind = "ssh" if parts.scheme == "ssh" else "tcp"
    return (kind, parts.hostname or "", str(parts.port or 22))


def _refuse_same_engine(hosts: Mapping[str, Host], problems: Problems) -> None:
    first: dict[tuple[str, ...], str] = {}
    for name, host in hosts.items():
        other: Optional[str] = first.setdefault(_engine_of(host.docker_host), name) if host.docker_host else None
        if other not in (None, name):
            message = f"It is the same engine as {other}: {host.docker_host}."
            problems.add(f"{PLACE}.{name}.docker_host", message, "Name each engine once.")
