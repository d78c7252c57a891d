# SPDX-License-Identifier: GPL-3.0-or-later
"""Does a node answer, and with a Python that this Ansible can use? One exec a node, all at once, through the daemon."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Mapping, Optional

from ansible.module_utils import ansible_release, basic

from .._address import Address
from .._client import Daemon
from .._directory.config_file import read_text
from .._entry import Run
from .._errors import DaemonError, PlatformError
from .._hosts import Connected, addresses_of, closing, connect_all
from .._spec.load import read_config
from .._spec.model import DEFAULT_HOST, Host
from .job import record_directory
from .observe import FOREIGN, owner_of
from .pool import run_all
from .ready import run_in
from .record import read_id

# The interpreter that the inventory names, else the usual ones. No Python is no failure: `raw` works without.
SCRIPT = """
for python in "$1" python3 /usr/libexec/platform-python python; do
  [ -n "$python" ] && "$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])' 2>/dev/null && exit 0
  [ -z "$1" ] || exit 0
done
exit 0
"""
PARALLEL = 16


@dataclass(frozen=True)
class Answer:
    """What came of one node: *problem* when it did not answer at all, *python* "" when it has none."""

    name: str
    problem: str = ""
    python: str = ""
    usable: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "answers": not self.problem,
            "python": self.python,
            "usable": self.usable,
            "text": self.text,
        }

    @property
    def text(self) -> str:
        """One phrase for people."""
        if self.problem:
            return f"does not answer: {self.problem}"
        if self.usable:
            return f"answers, Python {self.python}"
        seen = f"its Python {self.python} is too old" if self.python else "it has no Python"
        return f"answers to raw only: {seen} for ansible-core {ansible_release.__version__}"


@dataclass(frozen=True)
class Owner:
    """A cluster: its name, and its id, "" where it has none."""

    name: str
    ident: str


def body(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """Ask all nodes; fail when one does not answer."""
    pythons = params["pythons"] + [""] * len(params["names"])
    hosts = [host_of(words) for words in params.get("hosts") or []]
    hosts += [Host()] * (len(params["names"]) - len(hosts))
    jobs = list(zip(params["names"], pythons, hosts))
    cluster = whose(params.get("cluster_dir") or "")
    if not jobs:
        return {"changed": False, "nodes": [], "report": ""}
    addresses = addresses_of(hosts[: len(jobs)], Address.from_params(params))
    with closing(connect_all(addresses, PARALLEL)) as connected:
        silent_one = connected.get(DEFAULT_HOST)
        if len(connected) == 1 and isinstance(silent_one, DaemonError):
            raise silent_one
        answers = run_all([_job(connected[host.name], name, python, cluster) for name, python, host in jobs], PARALLEL)
    width = max(len(answer.name) for answer in answers)
    result: dict[str, Any] = {
        "changed": False,
        "nodes": [answer.as_dict() for answer in answers],
        "report": "\n".join(f"{answer.name:<{width}}  {answer.text}" for answer in answers if not answer.problem),
    }
    silent = [answer for answer in answers if answer.problem]
    if silent:
        lines = "\n".join(f"  - {answer.name}: {answer.problem}" for answer in silent)
        result.update(
            failed=True, msg=f"Look at the nodes that do not answer, {len(silent)} of {len(answers)}:\n{lines}"
        )
    return result


def host_of(words: Mapping[str, Any]) -> Host:
    """What the inventory says of a node's host; nothing: the daemon of the task's own options."""
    known = {key: words[key] for key in Host.__dataclass_fields__ if words.get(key) not in (None, "")}
    return Host(**known) if known.get("docker_host") else Host()


def whose(cluster_dir: str) -> Optional[Owner]:
    """The cluster whose nodes are asked; None: whatever has the names. A ping needs an inventory only."""
    if not cluster_dir:
        return None
    try:
        name = str(read_config(read_text(cluster_dir)).get("cluster_name") or "")
    except PlatformError:
        return None
    return Owner(name, read_id(record_directory(None, cluster_dir, name)))


def _job(daemon: Connected, name: str, python: str, cluster: Optional[Owner]) -> Callable[[], Answer]:
    if isinstance(daemon, DaemonError):
        silence = Answer(name, str(daemon))
        return lambda: silence
    return lambda: ask(daemon, name, python, cluster)


def ask(daemon: Daemon, name: str, interpreter: str, cluster: Optional[Owner] = None) -> Answer:
    """One node; its failure is data. A container of somebody else's is not entered."""
    try:
        if cluster is not None:
            labels = (daemon.call("inspect_container", name).get("Config") or {}).get("Labels") or {}
            if owner_of(labels, cluster.name, cluster.ident) == FOREIGN:
                return Answer(name, "a container of this name is someone else's; it was not asked. Rename or remove it")
        _code, output = run_in(daemon, name, SCRIPT, interpreter or "")
    except DaemonError as error:
        return Answer(name, _problem(error))
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    python = lines[-1] if lines and lines[-1][:1].isdigit() else ""
    return Answer(name, python=python, usable=bool(python) and can_use(python))


def _problem(error: DaemonError) -> str:
    if error.status == 404:
        return "there is no such container; 'tpaexec provision' makes it"
    if error.status == 409:
        return "it is not running; 'tpaexec start-containers' starts it"
    return str(error)


def can_use(python: str, least: Optional[tuple[int, ...]] = getattr(basic, "_PY_MIN", None)) -> bool:
    """Whether modules of the running ansible-core work with that Python. 2.16 does not say; it takes 2.7 and 3.6."""
    numbers = tuple(int(part) for part in python.split(".")[:2] if part.isdigit())
    if not isinstance(least, tuple):
        return numbers == (2, 7) or numbers >= (3, 6)
    return numbers >= least
