# SPDX-License-Identifier: GPL-3.0-or-later
"""This machine's files, as the daemon sees them where we may: an engine can live in namespaces of its own."""

from __future__ import annotations

import gzip
import json
import os
import socket
import struct
from dataclasses import dataclass
from typing import Any, Optional, Union

from . import values
from .facts_host import DaemonConfig
from .model import Unknown

CHUNK = 2**16  # a file below /proc/sys refuses to be read in pieces of megabytes
MOST = 64


@dataclass(frozen=True)
class Machine:
    """*pid* is the daemon's process, 0 when it cannot be found; *top* is where `/` is (tests give a folder)."""

    pid: int = 0
    top: str = ""

    def read(self, path: str) -> Optional[str]:
        """The file's text; None when it is not there or may not be read."""
        try:
            with open(self.top + path, "rb", buffering=0) as handle:
                chunks = [handle.read(CHUNK)]
                while chunks[-1] and len(chunks) < MOST:
                    chunks.append(handle.read(CHUNK))
        except (OSError, ValueError):
            return None
        return b"".join(chunks).decode("utf-8", "replace")

    def number(self, path: str) -> Optional[int]:
        content = (self.read(path) or "").split()
        return int(content[0]) if content and content[0].isdecimal() and len(content[0]) < 25 else None

    def net(self, name: str) -> Optional[str]:
        """A table of the daemon's network namespace, else of ours."""
        own = self.read(f"/proc/{self.pid}/net/{name}") if self.pid else None
        return own if own is not None else self.read(f"/proc/net/{name}")

    def seen_by_daemon(self, path: str) -> str:
        """*path* in the daemon's mount namespace, where we may look into it (root may), else as it is."""
        inside = f"{self.top}/proc/{self.pid}/root"
        return inside + path if self.pid and os.access(inside + "/", os.X_OK) else self.top + path

    def children(self, pid: int) -> list[int]:
        """The processes that any thread of *pid* started: a Go program's first thread starts hardly one."""
        try:
            threads = os.listdir(f"{self.top}/proc/{pid}/task") if pid else []
        except OSError:
            return []
        texts = (self.read(f"/proc/{pid}/task/{thread}/children") or "" for thread in threads)
        return [int(word) for text in texts for word in text.split() if word.isdecimal()]

    def kernel_config(self) -> str:
        try:
            with gzip.open(self.top + "/proc/config.gz", "rt", encoding="utf-8", errors="replace") as handle:
                return handle.read(2**20)
        except (OSError, EOFError):
            return ""

    def exists(self, path: str) -> bool:
        return os.path.exists(self.top + path)

    def same_network(self) -> Optional[bool]:
        """Whether the daemon shares our network namespace; None when that may not be seen."""
        try:
            return os.readlink(f"{self.top}/proc/{self.pid}/ns/net") == os.readlink(f"{self.top}/proc/self/ns/net")
        except OSError:
            return None


def listening_pid(path: str) -> int:
    """The process that listens on a unix socket, as the kernel tells; 0 when it cannot be told."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(1)
            line.connect(path)
            packed = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", packed)[0])
    except (OSError, ValueError, AttributeError):
        return 0


def find_daemon(machine: Machine, socket_path: str) -> int:
    """The engine's process: who listens on the socket, or, where systemd opened it, whom docker.pid names."""
    pid = listening_pid(socket_path) if socket_path else 0
    if pid > 1 and name_of(machine, pid) != "systemd":
        return pid
    noted = machine.number("/run/docker.pid") or machine.number("/var/run/docker.pid") or 0
    return noted if noted and name_of(machine, noted) == "dockerd" else 0


def name_of(machine: Machine, pid: int) -> str:
    return (machine.read(f"/proc/{pid}/comm") or "").strip()


def read_config(machine: Machine) -> Union[DaemonConfig, Unknown]:
    """The settings that `/info` leaves out. A file wins over nothing; dockerd refuses both file and flag for one."""
    if not machine.pid:
        return Unknown("the daemon's process cannot be seen from here")
    words = (machine.read(f"/proc/{machine.pid}/cmdline") or "").split("\0")
    if not words or "dockerd" not in words[0]:
        return Unknown("the daemon's command line cannot be seen from here")
    flags = _flags(words[1:])
    path = (flags.get("config-file") or ["/etc/docker/daemon.json"])[-1]
    file = _read_file(machine.seen_by_daemon(path))
    if isinstance(file, Unknown):
        return file
    source = f"dockerd's command line and {path}" if file else "dockerd's command line"
    mtu = values.number(file.get("mtu")) or _number(flags.get("mtu")) or 1500
    return DaemonConfig(
        source=source,
        iptables=_switch(file.get("iptables"), flags.get("iptables"), True),
        init=_switch(file.get("init"), flags.get("init"), False),
        mtu=mtu,
        dns=values.texts(file.get("dns")) or tuple(flags.get("dns", ())),
    )


def _read_file(path: str) -> Union[dict[str, Any], Unknown]:
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return values.mapping(json.load(handle))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        return Unknown(
            f"the daemon's configuration {path.split('/root', 1)[-1]} cannot be read ({type(error).__name__})"
        )


def _flags(words: list[str]) -> dict[str, list[str]]:
    """`--mtu=1400 --init --dns 1.1.1.1` → lists by name; a flag without a value is `true`."""
    found: dict[str, list[str]] = {}
    for place, word in enumerate(words):
        if not word.startswith("--"):
            continue
        name, equals, value = word[2:].partition("=")
        if not equals:
            follows = words[place + 1] if place + 1 < len(words) else ""
            value = follows if follows and not follows.startswith("-") else "true"
        found.setdefault(name, []).append(values.text(value))
    return found


def _switch(in_file: Any, on_line: Optional[list[str]], usual: bool) -> bool:
    if isinstance(in_file, bool):
        return in_file
    if on_line:
        return on_line[-1].lower() not in ("false", "0", "f")
    return usual


def _number(words: Optional[list[str]]) -> Optional[int]:
    return int(words[-1]) if words and words[-1].isdecimal() and len(words[-1]) < 9 else None


def default_nofile(machine: Machine) -> tuple[Optional[int], str]:
    """The soft limit of open files that a container starts with, and where it comes from."""
    words = (machine.read(f"/proc/{machine.pid}/cmdline") or "").split("\0") if machine.pid else []
    flags = _flags(words[1:])
    file = _read_file(machine.seen_by_daemon((flags.get("config-file") or ["/etc/docker/daemon.json"])[-1]))
    if isinstance(file, dict):
        own = values.mapping(values.mapping(file.get("default-ulimits")).get("nofile"))
        soft = values.number(own.get("Soft"))
        if soft is not None:
            return soft, "default-ulimits in daemon.json"
    for word in flags.get("default-ulimit", ()):
        name, _equals, limits = word.partition("=")
        if name == "nofile" and limits.split(":")[0].isdecimal():
            return int(limits.split(":")[0][:12]), "--default-ulimit of dockerd"
    pid = _containerd(machine)
    return (_soft_nofile(machine, pid), "containerd's own limit, which containers inherit") if pid else (None, "")


def _containerd(machine: Machine) -> int:
    """containerd as a child of dockerd, else as a service of systemd's."""
    services = [
        machine.read(f"/sys/fs/cgroup{tree}/system.slice/containerd.service/cgroup.procs") or ""
        for tree in ("", "/systemd", "/unified")
    ]
    listed = [int(word) for service in services for word in service.split() if word.isdecimal()]
    candidates = [*machine.children(machine.pid), *listed]
    return next((pid for pid in candidates if name_of(machine, pid) == "containerd"), 0)


def _soft_nofile(machine: Machine, pid: int) -> Optional[int]:
    for line in (machine.read(f"/proc/{pid}/limits") or "").splitlines():
        if line.startswith("Max open files"):
            word = line[len("Max open files") :].split()[0]
            return 2**63 - 1 if word == "unlimited" else int(word) if word.isdecimal() else None
    return None
