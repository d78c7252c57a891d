# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's limits and the network tables of the daemon's machine, from /proc and /sys."""

from __future__ import annotations

import os
import re
import socket
import struct
from typing import Any, Iterable, Optional

from .facts_engine import EngineFacts
from .facts_host import HostFacts, Listener, NetworkFacts, Route
from .machine import Machine, default_nofile, name_of

EMULATORS = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "i386": "386",
    "arm": "arm",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
}
FEATURES = {"ip_vs": "CONFIG_IP_VS", "esp4": "CONFIG_INET_ESP"}
LISTEN, UDP_OPEN = "0A", "07"


def is_this_machine(engine: EngineFacts, machine: Machine, unix_socket: bool) -> str:
    """ "" when the daemon runs on this machine's own kernel, else why that cannot be taken for granted."""
    if not unix_socket:
        return "the daemon is not reached by a unix socket, so it is not on the machine where the module runs"
    if engine.desktop:
        return "Docker Desktop's engine runs in a virtual machine, not on this machine's kernel"
    if engine.kernel and engine.kernel != os.uname().release:
        return f"the daemon runs on another kernel ({engine.kernel}) than this machine ({os.uname().release})"
    total = _meminfo(machine).get("MemTotal")
    if engine.memory_total and total and engine.memory_total != total:
        return "the daemon's machine has another amount of memory than this one"
    return ""


def host_facts(machine: Machine, engine: EngineFacts, overlay: bool) -> HostFacts:
    nofile, source = default_nofile(machine)
    uplink_name = uplink(machine)
    running, backend = _firewalld(machine, engine)
    return HostFacts(
        **kernel_limits(machine),
        systemd=machine.exists("/run/systemd/system"),
        nofile=nofile,
        nofile_source=source,
        emulated=_emulated(machine),
        firewalld=running,
        firewalld_backend=backend,
        nameservers=_nameservers(machine),
        uplink=uplink_name,
        uplink_mtu=machine.number(f"/sys/class/net/{uplink_name}/mtu")
        if uplink_name and machine.same_network() is not False
        else None,
        kernel_features={name: kernel_feature(machine, name) for name in FEATURES} if overlay else {},
    )


def kernel_limits(machine: Machine) -> dict[str, Any]:
    """What is the same for the whole machine, whichever namespace asks."""
    return {
        "inotify_instances": machine.number("/proc/sys/fs/inotify/max_user_instances"),
        "inotify_watches": machine.number("/proc/sys/fs/inotify/max_user_watches"),
        "pid_max": machine.number("/proc/sys/kernel/pid_max"),
        "threads_max": machine.number("/proc/sys/kernel/threads-max"),
        "threads": _threads(machine),
        "file_max": machine.number("/proc/sys/fs/file-max"),
        "files": machine.number("/proc/sys/fs/file-nr"),
        "memory_available": _meminfo(machine).get("MemAvailable"),
    }


def _meminfo(machine: Machine) -> dict[str, int]:
    rows = re.findall(r"^(\w+):\s+(\d{1,18}) kB", machine.read("/proc/meminfo") or "", re.MULTILINE)
    return {name: int(kilobytes) * 1024 for name, kilobytes in rows}


def _threads(machine: Machine) -> Optional[int]:
    match = re.search(r"\d+/(\d{1,12})", machine.read("/proc/loadavg") or "")
    return int(match.group(1)) if match else None


def _emulated(machine: Machine) -> tuple[str, ...]:
    """Architectures for which the kernel starts an emulator."""
    folder = machine.top + "/proc/sys/fs/binfmt_misc"
    try:
        names = os.listdir(folder)
    except OSError:
        return ()
    return tuple(sorted(EMULATORS[name[5:]] for name in names if name.startswith("qemu-") and name[5:] in EMULATORS))


def _firewalld(machine: Machine, engine: EngineFacts) -> tuple[str, str]:
    """Whether firewalld runs (`running`, "" for no), and its backend; "" where its configuration may not be read."""
    pid = machine.number("/run/firewalld.pid") or machine.number("/var/run/firewalld.pid")
    runs = "firewalld" in engine.firewall_backend or (pid is not None and machine.exists(f"/proc/{pid}"))
    if not runs:
        return "", ""
    config = machine.read("/etc/firewalld/firewalld.conf")
    if config is None:
        return "running", "nftables" if not machine.exists("/etc/firewalld") else ""
    match = re.search(r"^\s*FirewallBackend\s*=\s*(\w+)", config, re.MULTILINE)
    return "running", match.group(1) if match else "nftables"


def _nameservers(machine: Machine) -> tuple[str, ...]:
    """The resolver's servers; where it is systemd's stub, those behind it, which the engine uses too."""
    found = _resolv(machine, "/etc/resolv.conf")
    return _resolv(machine, "/run/systemd/resolve/resolv.conf") or found if found == ("127.0.0.53",) else found


def _resolv(machine: Machine, path: str) -> tuple[str, ...]:
    inside = Machine(top=machine.seen_by_daemon(""))
    return tuple(re.findall(r"^\s*nameserver\s+(\S{1,64})", inside.read(path) or "", re.MULTILINE))


def kernel_feature(machine: Machine, name: str, release: str = "") -> Optional[bool]:
    """Whether a module is loaded, built in or there to be loaded; None when nothing tells. *release*: this kernel's."""
    if re.search(rf"^{name} ", machine.read("/proc/modules") or "", re.MULTILINE):
        return True
    release = release or os.uname().release
    lists = [machine.read(f"/lib/modules/{release}/{file}") for file in ("modules.builtin", "modules.dep")]
    if any(re.search(rf"/{name}\.ko", text or "") for text in lists):
        return True
    config = machine.read(f"/boot/config-{release}") or machine.kernel_config()
    if not config:
        return False if any(lists) else None
    value = re.search(rf"^{FEATURES[name]}=(\w)", config, re.MULTILINE)
    if value is None:
        return False
    return True if value.group(1) == "y" else (False if any(lists) else None)


def network_facts(machine: Machine, ports: Iterable[int]) -> NetworkFacts:
    """Routes, and who listens on the ports that are wanted."""
    return NetworkFacts(routes=(*_routes4(machine), *_routes6(machine)), listeners=_listeners(machine, set(ports)))


def _rows(machine: Machine, name: str) -> list[list[str]]:
    return [line.split() for line in (machine.net(name) or "").splitlines()[1:]]


def _routes4(machine: Machine) -> list[Route]:
    found = []
    for row in _rows(machine, "route"):
        if len(row) < 8 or not all(re.fullmatch(r"[0-9A-F]{8}", word) for word in (row[1], row[7])):
            continue
        address = socket.inet_ntoa(struct.pack("<I", int(row[1], 16)))
        length = bin(int(row[7], 16)).count("1")
        if length and row[0] != "lo":
            found.append(Route(f"{address}/{length}", row[0]))
    return found


def _routes6(machine: Machine) -> list[Route]:
    """Global ones; ipv6_route has no headline."""
    found = []
    for line in (machine.net("ipv6_route") or "").splitlines():
        row = line.split()
        if len(row) < 10 or not re.fullmatch(r"[0-9a-f]{32}", row[0]) or not re.fullmatch(r"[0-9a-f]{2}", row[1]):
            continue
        length = int(row[1], 16)
        if length and row[9] != "lo" and not row[0].startswith(("fe8", "ff")):
            found.append(Route(f"{socket.inet_ntop(socket.AF_INET6, bytes.fromhex(row[0]))}/{length}", row[9]))
    return found


def uplink(machine: Machine) -> str:
    """The interface of the default route with the least metric."""
    rows = [row for row in _rows(machine, "route") if len(row) > 7 and row[1] == row[7] == "00000000"]
    best = min(rows, key=lambda row: int(row[6]) if row[6].isdecimal() else 0, default=None)
    return best[0] if best and re.fullmatch(r"[\w.@:-]{1,32}", best[0]) else ""


def _listeners(machine: Machine, wanted: set[int]) -> tuple[Listener, ...]:
    if not wanted:
        return ()
    found = []
    for table, state in (("tcp", LISTEN), ("tcp6", LISTEN), ("udp", UDP_OPEN), ("udp6", UDP_OPEN)):
        for row in _rows(machine, table):
            match = re.fullmatch(r"([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})", row[1]) if len(row) > 9 else None
            if match and row[3] == state and int(match.group(2), 16) in wanted:
                found.append((table[:3], _address(match.group(1)), int(match.group(2), 16), row[9]))
    owners = _owners(machine, {inode for _table, _address, _port, inode in found})
    return tuple(Listener(table, address, port, owners.get(inode, "")) for table, address, port, inode in found)


def _address(text: str) -> str:
    words = [struct.pack("<I", int(text[place : place + 8], 16)) for place in range(0, len(text), 8)]
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, b"".join(words))


def _owners(machine: Machine, inodes: set[str]) -> dict[str, str]:
    """Which program has a socket open, where we may look; only asked when a wanted port is taken."""
    found: dict[str, str] = {}
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    pids = [name for name in os.listdir(machine.top + "/proc") if name.isdecimal()] if inodes else []
    for pid in pids:
        folder = f"{machine.top}/proc/{pid}/fd"
        try:
            links = {os.readlink(f"{folder}/{name}") for name in os.listdir(folder)}
        except OSError:
            continue
        for link in links & set(wanted):
            found[wanted[link]] = f"{name_of(machine, int(pid))} (pid {pid})"
    return found
