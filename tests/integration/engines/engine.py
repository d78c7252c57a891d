# SPDX-License-Identifier: GPL-3.0-or-later
"""One more real Docker engine on this machine, for as long as a `with` block lasts.

Each engine has a network namespace of its own (an engine started in the main one takes docker0 away from the main
engine), and private mount and process namespaces, so that ending one process ends all of it. What could outlive that
(the namespace's name, loop mounts, cgroup folders) is written down in the engine's folder: the next run clears up
after one that was killed.
"""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Iterator, Optional, Sequence

from . import leftovers

HERE = Path(__file__).resolve().parent
LINK = "10.42.255"  # a /30 of it for each engine: the even end here, the odd one in the engine's namespace
ENGINES = 64
NEEDED = ("dockerd", "containerd", "ip", "nsenter", "unshare", "setpriv", "iptables")


def base_dir() -> Path:
    """Where engines keep their folders: not on a RAM disk, and short, for the sake of socket paths."""
    return Path(os.environ.get("TPAEXEC_TEST_ENGINES", "/var/tmp/tpaexec-engines"))


def why_not() -> str:
    """Why no further engine can be started here; "" when one can."""
    if os.geteuid():
        return "further engines need root"
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [name for name in NEEDED if not shutil.which(name, path=path)]
    return f"further engines need {', '.join(missing)}" if missing else ""


class EngineFailed(Exception):
    """dockerd did not come up; the text ends with its log."""


@dataclass
class Engine:
    """`with Engine("vfs", storage_driver="vfs") as engine:` - see `engine.docker_host`, `.socket`, `.address`."""

    name: str
    storage_driver: str = ""
    data_root: Optional[Path] = None
    extra_args: Sequence[str] = ()  # `{gateway}` in them is this machine as the engine sees it
    config: dict[str, Any] = field(default_factory=dict)
    unpacked: Optional[Path] = None  # a root folder of packages.unpack() instead of this machine's own engine
    tcp: Sequence[str] = ()  # arguments beside `-H tcp://<address>:<port>`; empty: no tcp
    wait: float = 30.0
    nameserver: str = ""  # instead of this machine's: 127.0.0.1 answers at once that there is none

    def __post_init__(self) -> None:
        self.home = base_dir() / self.name
        self.socket = self.home / "s"
        self.log = self.home / "dockerd.log"
        self.address = ""
        self.process: Optional[subprocess.Popen[bytes]] = None
        self.netns = f"tpaexec-{self.name}"
        if self.data_root is None:
            self.data_root = self.home / "data"

    @property
    def docker_host(self) -> str:
        return f"unix://{self.socket}"

    @staticmethod
    def possible_names() -> str:
        """Every address that an engine may get, as a certificate's subjectAltName."""
        return ",".join(f"IP:{LINK}.{4 * number + 2}" for number in range(ENGINES))

    @property
    def gateway(self) -> str:
        """This machine's end of the engine's cable."""
        return f"{LINK}.{int(self.address.rpartition('.')[2]) - 1}"

    def tcp_host(self, port: int = 2375) -> str:
        return f"tcp://{self.address}:{port}"

    def __enter__(self) -> Engine:
        reason = why_not()
        if reason:
            raise EngineFailed(reason)
        leftovers.sweep(base_dir())
        leftovers.claim(self.home)
        try:
            self.address = self._plug()
            self.process = self._spawn()
            self._await()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the engine as a power failure would, and take everything of it away."""
        if self.process:
            self.process.kill()
            self.process.wait()
        leftovers.clear(self.home, self.data_root)

    def docker(self, *words: str, stdin: Optional[IO[bytes]] = None) -> str:
        """Run the docker command line against this engine."""
        env = {key: value for key, value in os.environ.items() if not key.startswith("DOCKER_")}
        command = ["docker", "-H", self.docker_host, *words]
        done = subprocess.run(command, stdin=stdin, capture_output=True, check=False, env=env)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode(errors='replace')}")
        return done.stdout.decode(errors="replace")

    def load(self, archive: Path) -> None:
        """Load what `docker save` wrote."""
        with open(archive, "rb") as source:
            self.docker("load", "-q", stdin=source)

    def run(self, *words: str) -> str:
        """Run a command in the engine's namespaces: its network, its mounts."""
        leader = self.process.pid if self.process else 0
        first = Path(f"/proc/{leader}/task/{leader}/children").read_text(encoding="utf-8").split()[0]
        return _run(["nsenter", "-t", first, "-m", "-n", "-p", *words])

    def _plug(self) -> str:
        """The network namespace and its cable to the main one; returns the engine's end."""
        with open(base_dir() / "lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            number = _free_number()
            cable = f"tpeng{number}"
            leftovers.note(self.home, netns=self.netns, cable=cable)
            _ip("netns", "add", self.netns)
            _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", self.netns)
            _ip("addr", "add", f"{LINK}.{4 * number + 1}/30", "dev", cable)
        _ip("link", "set", cable, "up")
        _ip("-n", self.netns, "addr", "add", f"{LINK}.{4 * number + 2}/30", "dev", "eth0")
        _ip("-n", self.netns, "link", "set", "lo", "up")
        _ip("-n", self.netns, "link", "set", "eth0", "up")
        _ip("-n", self.netns, "route", "add", "default", "via", f"{LINK}.{4 * number + 1}")
        return f"{LINK}.{4 * number + 2}"

    def _command(self) -> list[str]:
        command = ["dockerd", "--config-file", str(self.home / "daemon.json"), "--data-root", str(self.data_root)]
        command += ["--exec-root", "/run/docker", "--pidfile", "/run/docker.pid", "-H", f"unix://{self.socket}"]
        if self.storage_driver:
            command += ["--storage-driver", self.storage_driver]
        if self.tcp:
            words = [word.format(address=self.address, home=self.home) for word in self.tcp]
            command += ["-H", *words]
        return [*command, *(word.replace("{gateway}", self.gateway) for word in self.extra_args)]

    def _spawn(self) -> subprocess.Popen[bytes]:
        Path(self.data_root or "").mkdir(parents=True, exist_ok=True)
        (self.home / "daemon.json").write_text(json.dumps(self.config), encoding="utf-8")
        path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
        order: dict[str, Any] = {"command": self._command(), "binds": [], "env": {"PATH": path}}
        if self.unpacked:
            order["env"]["PATH"] = f"{self.unpacked}/usr/sbin:{self.unpacked}/usr/bin:{path}"
            order["binds"] = newer_libraries(self.unpacked)
        if self.nameserver:
            resolver = self.home / "resolv.conf"
            resolver.write_text(f"nameserver {self.nameserver}\n", encoding="utf-8")
            order["binds"].append([str(resolver), os.path.realpath("/etc/resolv.conf")])
        # setpriv: a test run that is killed takes its engines with it
        words = ["setpriv", "--pdeathsig", "KILL", "nsenter", f"--net=/run/netns/{self.netns}"]
        words += ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child=KILL"]
        words += ["--mount-proc", sys.executable, str(HERE / "inside.py"), json.dumps(order)]
        with open(self.log, "wb") as log:
            return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def _await(self) -> None:
        deadline = time.monotonic() + self.wait
        while not answers(str(self.socket)):
            ended = self.process is None or self.process.poll() is not None
            if ended or time.monotonic() > deadline:
                tail = self.log.read_text(encoding="utf-8", errors="replace")[-2500:]
                raise EngineFailed(f"{self.name}: dockerd {'ended' if ended else 'does not answer'}:\n{tail}")
            time.sleep(0.05)


def answers(path: str) -> bool:
    """Whether a daemon behind the unix socket *path* says OK to /_ping."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.settimeout(5)
            channel.connect(path)
            channel.sendall(b"GET /_ping HTTP/1.0\r\nHost: localhost\r\n\r\n")
            reply = http.client.HTTPResponse(channel)
            reply.begin()
            return reply.status == 200
    except (OSError, http.client.HTTPException):
        return False


def newer_libraries(root: Path) -> list[list[str]]:
    """The C library and libseccomp of *root* over this machine's, where its runc does not start with those.

    All files of one C library go together. Older programs run with a newer one; the engine's mount namespace is
    the only place where it is seen.
    """
    runc = next(iter([*root.glob("usr/sbin/runc"), *root.glob("usr/bin/runc")]))
    if subprocess.run([str(runc), "--version"], capture_output=True, check=False).returncode == 0:
        return []
    binds = []
    for file in sorted(root.glob("usr/lib/*-linux-gnu/*.so*")):
        over = Path("/") / file.relative_to(root)
        if file.is_file() and over.exists():
            binds.append([str(file.resolve()), str(over.resolve())])
    return [list(pair) for pair in dict.fromkeys(map(tuple, binds))]


@contextmanager
def loop_disk(name: str, mib: int, mkfs: Sequence[str]) -> Iterator[Path]:
    """A file system of its own in a file: `mkfs` is the command without the file's name."""
    with _mount_point(name) as place:
        image = place.parent / "disk"
        with open(image, "wb") as file:
            file.truncate(mib * 2**20)
        _run([*mkfs, str(image)])
        _run(["mount", "-o", "loop", str(image), str(place)])
        yield place


@contextmanager
def ram_disk(name: str, mib: int) -> Iterator[Path]:
    """A tmpfs of its own."""
    with _mount_point(name) as place:
        _run(["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(place)])
        yield place


@contextmanager
def _mount_point(name: str) -> Iterator[Path]:
    home = base_dir() / name
    leftovers.sweep(base_dir())
    leftovers.claim(home)
    try:
        place = home / "mnt"
        place.mkdir()
        leftovers.note(home, mount=str(place))
        yield place
    finally:
        leftovers.clear(home, None)


def _free_number() -> int:
    taken = _ip("-o", "-4", "addr", "show")
    return next(number for number in range(ENGINES) if f" {LINK}.{4 * number + 1}/" not in taken)


def _ip(*words: str) -> str:
    return _run(["ip", *words])


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EngineFailed(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
