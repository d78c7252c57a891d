# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine where the module runs: the docker command, and an ssh:// line's limits."""

from __future__ import annotations

from typing import Iterable

from .facts import Facts
from .facts_engine import EngineFacts
from .facts_host import CliFacts
from .model import WARNING, Check, Finding, NotRun, Rule

CLI_MISSING = Rule(
    "CLI_MISSING",
    WARNING,
    "No docker command on the controller: the `docker` connection (ping, cmd, playbook, deploy) needs it.",
    "Install it: apt-get install docker-cli (Debian 13 and newer) or docker.io, dnf install moby-engine or "
    "docker-cli, zypper install "
    "docker; docker.com's package is docker-ce-cli.",
)
CLI_SKEW = Rule(
    "CLI_SKEW",
    WARNING,
    "The docker command's API is newer than the daemon's.",
    "Install a docker command of the daemon's own release, where something fails; set DOCKER_API_VERSION for the "
    "oldest ones.",
)
SSH_MAXSESSIONS = Rule(
    "SSH_MAXSESSIONS",
    WARNING,
    "An ssh:// daemon, and `parallel` above sshd's usual MaxSessions and MaxStartups (10).",
    "Raise MaxSessions and MaxStartups in the Docker host's /etc/ssh/sshd_config, or set `parallel` to 10 or less.",
)
SSHD_SESSIONS = 10
# The docker command refuses daemons below this API: 29 and newer have dropped what older engines speak.
CLI_LEAST_API = ((29, (1, 44)), (0, (1, 24)))


def find_cli(facts: Facts) -> Iterable[Finding]:
    cli: CliFacts = facts.cli  # type: ignore[assignment]
    if not cli.path:
        yield CLI_MISSING.finding(
            "There is no docker command on this machine's PATH: Ansible's docker connection, by which nodes are "
            "reached, needs it."
        )


def find_skew(facts: Facts) -> Iterable[Finding]:
    cli: CliFacts = facts.cli  # type: ignore[assignment]
    engine: EngineFacts = facts.engine  # type: ignore[assignment]
    if not cli.path:
        return
    if not cli.api or not engine.api:
        raise NotRun("the docker command or the daemon does not say which API it speaks")
    if cli.api > engine.api:
        major = int(cli.version.split(".", 1)[0]) if cli.version.split(".", 1)[0].isdecimal() else 0
        least = next((api for number, api in CLI_LEAST_API if major >= number), CLI_LEAST_API[-1][1])
        refused = engine.api < least
        effect = (
            "it refuses daemons that old: the docker connection fails" if refused else "it steps down to the daemon's"
        )
        yield CLI_SKEW.finding(
            f"The docker command {cli.version} ({cli.path}) speaks API {_dotted(cli.api)}, the daemon "
            f"{_dotted(engine.api)}: {effect}; newer options of the command do not work.",
            refused=refused,
        )


def _dotted(version: Iterable[int]) -> str:
    """A version as it was said, of one part or of many."""
    return ".".join(map(str, version))


def find_ssh(facts: Facts) -> Iterable[Finding]:
    client = facts.client
    if client.scheme != "ssh" or client.parallel <= SSHD_SESSIONS:
        return
    limit = "MaxStartups" if client.ssh_client else "MaxSessions"
    yield SSH_MAXSESSIONS.finding(
        f"{client.parallel} calls at once over ssh to {client.docker_host}; sshd's usual {limit} is {SSHD_SESSIONS}: "
        f"those beyond it are "
        "refused as broken connections (docker/compose#10117, docker/docker-py#2966).",
        parallel=client.parallel,
    )


CHECKS = (
    Check((CLI_MISSING,), find_cli, ("cli",), theme="access"),
    Check((CLI_SKEW,), find_skew, ("cli", "engine"), theme="access"),
    Check((SSH_MAXSESSIONS,), find_ssh, theme="access"),
)
