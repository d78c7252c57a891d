# SPDX-License-Identifier: GPL-3.0-or-later
"""Can this user talk to the daemon, and over what kind of line?"""

from __future__ import annotations

from typing import Any, Iterable

from .facts import Facts
from .model import ERROR, INFO, WARNING, Check, Finding, NotRun, Rule

ROOT = "Who controls the Docker daemon is root on its host."

FAILURES = (
    Rule(
        "DAEMON_NOT_RUNNING",
        ERROR,
        "There is no socket, or nothing listens on it.",
        "Start it (`systemctl start docker`), or install it with the playbook tpaexec.docker.install_docker.",
    ),
    Rule(
        "DAEMON_HUNG",
        ERROR,
        "The daemon accepts the connection and does not answer within `timeout`.",
        "Look at the daemon's log (`journalctl -u docker`), restart it if it hangs, or raise `timeout`.",
    ),
    Rule(
        "SOCKET_PERMISSION_GROUP",
        ERROR,
        "No permission on the socket: the user is not in its group.",
        '`sudo usermod -a -G docker "$(id -un)"` and log in again. BEWARE: the group is root on the host.',
    ),
    Rule(
        "SOCKET_PERMISSION_SESSION",
        ERROR,
        "No permission on the socket: the user is in its group, but this login session does not have it yet.",
        "Log in again, or `newgrp docker`.",
    ),
    Rule(
        "SOCKET_PERMISSION_OTHER",
        ERROR,
        "No permission on the socket for another reason: its mode, its owner, a directory above it, an access list.",
        "It should be root:docker with mode 0660; the message shows what it is.",
    ),
    Rule(
        "TLS_INVALID",
        ERROR,
        "The TLS handshake fails: a certificate expired, has another name, or comes from an unknown authority.",
        "Renew the certificate, or give the right `ca_path`, `client_cert`, `client_key`, `tls_hostname`.",
    ),
    Rule(
        "SDK_MISSING",
        ERROR,
        "The Python package `docker` is not there for the interpreter that runs the module.",
        "`PYTHON -m pip install 'docker>=7.1.0'`, with the interpreter that the message names.",
    ),
    Rule(
        "SDK_TOO_OLD",
        ERROR,
        "The Python package `docker` is older than 7.1.0.",
        "`PYTHON -m pip install --upgrade 'docker>=7.1.0'`, with the interpreter that the message names.",
    ),
    Rule(
        "DAEMON_ERROR",
        ERROR,
        "The daemon answers, and with an error or with something that cannot be read.",
        "Look at the daemon's log (`journalctl -u docker`).",
    ),
)
ROOT_EQUIVALENT = Rule(
    "ROOT_EQUIVALENT",
    INFO,
    "Always, when the daemon can be reached: who can use it is root on its host.",
    "Give access to trusted users only.",
)
TCP_NO_TLS = Rule(
    "TCP_NO_TLS",
    WARNING,
    "`docker_host` is tcp:// without TLS.",
    "Use TLS (`tls`, `validate_certs`, `ca_path`, …) or ssh://; "
    "https://docs.docker.com/engine/security/protect-access/ says how.",
    also="error when the address is not a loopback one",
)


def find_failure(facts: Facts) -> Iterable[Finding]:
    """The one reason why the daemon cannot be used, as the client found it. Each id ran: it would have been seen."""
    failure = facts.failure
    if failure is None:
        return
    rule = next((rule for rule in FAILURES if rule.id == failure.id), None)
    if rule is not None:
        yield rule.finding(failure.message, failure.remedy)


def find_root_equivalent(facts: Facts) -> Iterable[Finding]:
    client = facts.client
    who = ""
    if client.socket_group:
        members = ", ".join(client.socket_members) or "nobody besides root and users whose primary group it is"
        who = f" Here that is group {client.socket_group}: {members}."
    yield ROOT_EQUIVALENT.finding(
        f"This user can use the Docker daemon at {client.docker_host}. {ROOT}{who}",
        "Only give trusted users access to the Docker daemon.",
        group=client.socket_group,
        members=list(client.socket_members),
    )


def find_tcp(facts: Facts) -> Iterable[Finding]:
    client = facts.client
    if client.scheme not in ("tcp", "http") or client.tls:
        return
    where = (
        "only this machine's users reach it" if client.loopback else "everybody on the network between is root there"
    )
    yield TCP_NO_TLS.finding(
        f"The daemon is reached at {client.docker_host} without TLS: {where}, since nobody has to prove who they are.",
        severity=WARNING if client.loopback else ERROR,
    )


API_TOO_NEW = Rule(
    "API_TOO_NEW",
    ERROR,
    "The daemon's least API version is above what the SDK speaks.",
    "Upgrade the Python package `docker` on the host where the module runs.",
)
ENGINE_TOO_OLD = Rule(
    "ENGINE_TOO_OLD", ERROR, "Docker Engine is older than 20.10.", "Upgrade Docker to 20.10 or newer."
)
LEAST_ENGINE = (20, 10)


def find_api(facts: Facts) -> Iterable[Finding]:
    if facts.failure is not None and facts.failure.id == API_TOO_NEW.id:
        yield API_TOO_NEW.finding(facts.failure.message, facts.failure.remedy)
        return
    engine = _engine(facts)
    if not engine.api_least or not facts.client.sdk_api:
        raise NotRun("the daemon or the SDK does not say which API versions it speaks")
    if engine.api_least > facts.client.sdk_api:
        least, most = _dotted(engine.api_least), _dotted(facts.client.sdk_api)
        yield API_TOO_NEW.finding(
            f"The daemon speaks API {least} or newer, the Docker SDK for Python on this host {most} at most.",
            daemon_least=least,
            sdk_most=most,
        )


def find_engine_age(facts: Facts) -> Iterable[Finding]:
    if facts.failure is not None and facts.failure.id == ENGINE_TOO_OLD.id:
        yield ENGINE_TOO_OLD.finding(facts.failure.message, facts.failure.remedy)
        return
    engine = _engine(facts)
    if not engine.docker:
        raise NotRun("this is not Docker Engine: its version numbers mean something else")
    if not engine.version_numbers:
        raise NotRun("the daemon does not say its version")
    if engine.version_numbers < LEAST_ENGINE:
        yield ENGINE_TOO_OLD.finding(
            f"Docker Engine is {engine.version}; 20.10 or newer is needed.", version=engine.version, needed="20.10"
        )


def _engine(facts: Facts) -> Any:
    if facts.failure is not None:
        raise NotRun("the daemon could not be reached")
    return facts.engine


def _dotted(numbers: tuple[int, ...]) -> str:
    return ".".join(str(number) for number in numbers)


CHECKS = (
    Check(FAILURES, find_failure, module="both", theme="access"),
    Check((ROOT_EQUIVALENT,), find_root_equivalent, needs=("engine",), theme="access"),
    Check((TCP_NO_TLS,), find_tcp, theme="access"),
    Check((ENGINE_TOO_OLD,), find_engine_age, module="both", theme="engine"),
    Check((API_TOO_NEW,), find_api, module="both", theme="engine"),
)
