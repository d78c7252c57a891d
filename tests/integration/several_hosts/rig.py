# SPDX-License-Identifier: GPL-3.0-or-later
"""Several Docker hosts on this machine, made by rig.sh, for as long as a `with` block lasts.

Each rig has a slot of its own: a number that gives its folder, its network and its names, held by a lock for as long as
the test run lives. Who takes a slot first clears what a killed run has left in it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Optional

import docker

from ansible_collections.tpaexec.docker.tests.tools import packages

HERE = Path(__file__).resolve().parent
SLOTS = 16
CGROUPS = ("cpu", "cpuacct", "cpuset", "memory", "blkio", "pids", "freezer", "devices", "systemd")
PROGRAMS = {"openssl": "openssl", "tini": "tini", "ip": "iproute2", "bc": "bc", "sysctl": "procps"}
ENGINE = ("dockerd", "containerd", "docker", "nsenter", "unshare", "setsid", "iptables")


def why_not() -> str:
    """Why there can be no rig on this machine; "" when there can."""
    if os.geteuid():
        return "the rig of several hosts needs root"
    missing = [name for name in CGROUPS if not os.path.isdir(f"/sys/fs/cgroup/{name}")]
    if missing:
        return f"the rig of several hosts is made of cgroup v1 hierarchies; this machine has no {', '.join(missing)}"
    missing = [name for name in ENGINE if not shutil.which(name, path=_path())]
    return f"the rig of several hosts needs {', '.join(missing)}" if missing else ""


def _path() -> str:
    return os.environ.get("PATH", "") + ":/usr/sbin:/sbin"


def _tools() -> str:
    """The PATH with everything on it that rig.sh calls; what is missing is unpacked privately, not installed."""
    missing = [package for name, package in PROGRAMS.items() if not shutil.which(name, path=_path())]
    if not missing:
        return _path()
    root = packages.unpack(packages.own_suite(), missing)
    return f"{_path()}:{root}/usr/bin:{root}/usr/sbin:{root}/bin:{root}/sbin"


class Rig:
    """`with Rig(count=3) as rig:` - hosts h1, h2, …; see rig.sh for the words of `rig.call`."""

    def __init__(self, count: int = 3, image: str = "tpaexec/debian-systemd:12", load: bool = True) -> None:
        self.count, self.image, self.load = count, image, load
        self.slot = -1
        self.kept = False  # the hosts outlive this process: see detached.py
        self._lock: Any = None
        self._clients: dict[str, Any] = {}
        self._environ: dict[str, str] = {}

    @property
    def hosts(self) -> list[str]:
        return [f"h{number}" for number in range(1, self.count + 1)]

    @property
    def subnet(self) -> str:
        """The first three numbers of the network between the hosts."""
        return f"10.96.{self.slot}"

    @property
    def home(self) -> Path:
        return Path(os.environ.get("TPAEXEC_TEST_ENGINES", "/var/tmp/tpaexec-engines")) / f"rig{self.slot}"

    @property
    def path(self) -> str:
        """The PATH that rig.sh has."""
        return self._environ["PATH"]

    def address(self, host: str) -> str:
        return f"{self.subnet}.{host[1:]}"

    def socket(self, host: str) -> str:
        return f"unix://{self.home}/state/hosts/{host}/docker.sock"

    def words(self, host: str) -> dict[str, str]:
        """What config.yml says of a host under `tpaexec_docker.hosts`: TLS over tcp."""
        ca = self.home / "state" / "ca"
        return {
            "docker_host": f"tcp://{self.address(host)}:2376",
            "tls_ca_cert": f"{ca}/ca.pem",
            "tls_client_cert": f"{ca}/cert.pem",
            "tls_client_key": f"{ca}/key.pem",
        }

    def mapping(self) -> dict[str, dict[str, str]]:
        """All of `tpaexec_docker.hosts`."""
        return {host: self.words(host) for host in self.hosts}

    def sdk(self, host: str, timeout: int = 60) -> Any:
        """The plain SDK over the host's own socket. Ask again after the host was booted."""
        if host not in self._clients:
            self._clients[host] = docker.DockerClient(base_url=self.socket(host), timeout=timeout, version="auto")
        return self._clients[host]

    def call(self, *words: str, check: bool = True, limit: float = 180, **environ: str) -> str:
        """rig.sh with these words; what it printed."""
        done = subprocess.run(
            ["bash", str(HERE / "rig.sh"), *words], capture_output=True, text=True, check=False,
            env={**self._environ, **environ}, timeout=limit, stdin=subprocess.DEVNULL,
            pass_fds=[self._lock.fileno()] if self.kept and self._lock else [],  # the hosts hold the slot
        )  # fmt: skip
        if check and done.returncode:
            raise RuntimeError(f"rig.sh {' '.join(words)} ended with {done.returncode}: {done.stderr[-3000:]}")
        return done.stdout

    def inside(self, host: str, *words: str) -> str:
        """What a command prints that runs in the host's namespaces."""
        return self.call("in", host, *words)

    def cable(self, host: str, mtu: int) -> None:
        """The largest packet that gets to the host; the host itself does not know."""
        self.call("cable", host, str(mtu))

    def kill(self, host: str) -> None:
        """A power failure."""
        self._forget(host)
        self.call("kill-host", host)

    def boot(self, host: str) -> None:
        self.call("boot-host", host)

    def form_swarm(self, role: str = "manager") -> None:
        """All hosts in one Swarm, made by the docker command; nothing to do when they are."""
        if self.swarm_state("h1") != "active":
            first = self.address("h1")
            self.docker("h1", "swarm", "init", "--advertise-addr", first, "--task-history-limit", "1")
            token = self.docker("h1", "swarm", "join-token", "-q", role)
            for host in self.hosts[1:]:
                advertise = ["--advertise-addr", self.address(host)]
                self.docker(host, "swarm", "join", "--token", token.strip(), *advertise, f"{first}:2377")

    def leave_swarm(self) -> None:
        """No host in any Swarm. All leave at once: the last managers would wait long for the others' votes."""

        def leave(host: str) -> None:
            # Seen on 20.10 after faults: it may take longer than the engine waits for it.
            for last in (False, False, True):
                if self.swarm_state(host) == "inactive":
                    return
                with contextlib.nullcontext() if last else contextlib.suppress(RuntimeError):
                    self.docker(host, "swarm", "leave", "--force")

        with ThreadPoolExecutor(self.count) as pool:
            list(pool.map(leave, self.hosts))
        for host in self.hosts:
            # Seen on 20.10: an engine may keep the port of the Swarm's gossip until it is restarted.
            if ":7946 " in self.inside(host, "ss", "-lntu"):
                self.call("stop-engine", host)
                self.call("start-engine", host)

    def swarm_state(self, host: str) -> str:
        return str(self.sdk(host).info()["Swarm"]["LocalNodeState"])

    def await_managers(self, host: str = "h1", seconds: float = 60) -> None:
        """Until every node of the Swarm is ready, as *host* sees it."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                nodes = self.sdk(host).api.nodes()
                if len(nodes) == self.count and all(node["Status"]["State"] == "ready" for node in nodes):
                    return
            except docker.errors.APIError:
                pass
            time.sleep(0.2)
        raise AssertionError(f"the Swarm is not whole after {seconds} s: {self.call('status')}")

    def docker(self, host: str, *words: str) -> str:
        """The docker command on a host."""
        return self.call("d", host, *words)

    def sshd(self, host: str) -> Path:
        """sshd in *host*; the private key that it takes for root, beside known hosts in `known_hosts`."""
        if not shutil.which("sshd", path=_path()):
            root = packages.unpack(packages.own_suite(), ["openssh-server", "libwrap0"])
            link = self.home / "tools"
            link.unlink(missing_ok=True)  # another checkout's, which may be gone: the rigs' folder outlives a run
            link.symlink_to(root)
        self.call("sshd", host)
        return self.home / "ssh" / "id"

    def host_key(self, host: str) -> str:
        """The line of a known_hosts file."""
        kind, key = (self.home / "state" / "hosts" / host / "hostkey.pub").read_text().split()[:2]
        return f"{self.address(host)} {kind} {key}\n"

    def __enter__(self) -> Rig:
        reason = why_not()
        if reason:
            raise RuntimeError(reason)
        self._take_slot()
        self._arrange()
        try:
            self.call("down", check=False)
            self.home.mkdir(parents=True, exist_ok=True)
            self.call("engines", str(self.count))
        except BaseException:
            self._end()
            raise
        return self

    def _arrange(self) -> None:
        """What rig.sh is told by its environment."""
        self._environ = {key: value for key, value in os.environ.items() if not key.startswith(("DOCKER_", "RIG"))}
        for key in ("no_proxy", "NO_PROXY"):  # what is in the rig's network is reached without a detour
            self._environ[key] = ",".join(filter(None, (os.environ.get(key), f"{self.subnet}.0/24")))
        self._environ.update(
            PATH=_tools(), RIG=str(self.home), RIG_TAG=f"tpr{self.slot}-", RIG_SUB=self.subnet, RIG_IMG=self.image,
            RIG_LOAD="1" if self.load else "0",
        )  # fmt: skip

    def attach(self, slot: int) -> Rig:
        """To hosts that are there already, made by another process with `kept`."""
        self.slot = slot
        self._arrange()
        return self

    def __exit__(self, *_error: object) -> None:
        self._end()

    def _end(self) -> None:
        for host in list(self._clients):
            self._forget(host)
        try:
            self.call("down", check=False)
        finally:
            self._lock.close()

    def _forget(self, host: str) -> None:
        client: Optional[Any] = self._clients.pop(host, None)
        if client:
            client.close()

    def _take_slot(self) -> None:
        """The first number that no living run holds."""
        base = self.home.parent
        base.mkdir(parents=True, exist_ok=True)
        for slot in range(SLOTS):
            lock = open(base / f"rig{slot}.lock", "w", encoding="utf-8")  # noqa: SIM115 - held as long as we live
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                continue
            self.slot, self._lock = slot, lock
            return
        raise RuntimeError(f"all {SLOTS} rigs of this machine are in use")
