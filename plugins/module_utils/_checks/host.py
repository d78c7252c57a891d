# SPDX-License-Identifier: GPL-3.0-or-later
"""The limits of the daemon's host, against what N systemd guests need."""

from __future__ import annotations

from typing import Iterable, Optional

from . import values
from .capacity import BOOT_MEMORY, Capacity, Limit, capacity, inotify_taken
from .facts import Facts
from .facts_host import HostFacts
from .model import ERROR, WARNING, Check, Finding, NotRun, Rule, Unknown

# The role engine's values, too: some 120 nodes.
INOTIFY = {"fs.inotify.max_user_instances": 1024, "fs.inotify.max_user_watches": 524288}
INOTIFY_LOW = Rule(
    "INOTIFY_LOW",
    WARNING,
    "fs.inotify.max_user_instances or max_user_watches below what N guests need (each systemd takes some).",
    f"sudo sysctl -w {' '.join(f'{name}={value}' for name, value in INOTIFY.items())} — and to make it last, both "
    "lines in /etc/sysctl.d/90-tpaexec-docker.conf",
)
PIDS_LOW = Rule(
    "PIDS_LOW",
    WARNING,
    "kernel.pid_max or kernel.threads-max below what N guests need.",
    "sudo sysctl -w kernel.pid_max=4194304 kernel.threads-max=4194304 — and to make it last, both lines in "
    "/etc/sysctl.d/90-tpaexec-docker.conf",
)
FILES_LOW = Rule(
    "FILES_LOW",
    WARNING,
    "fs.file-max below what N guests need.",
    "sudo sysctl -w fs.file-max=2097152 — and to make it last, the line in /etc/sysctl.d/90-tpaexec-docker.conf",
)
NOFILE_HUGE = Rule(
    "NOFILE_HUGE",
    WARNING,
    "Containers start with a limit of open files in the hundreds of millions: old yum and Python 2 are slow to start.",
    '{"default-ulimits": {"nofile": {"Name": "nofile", "Soft": 65536, "Hard": 524288}}} in /etc/docker/daemon.json, '
    "or `ulimits` in "
    "config.yml; https://github.com/containerd/containerd/issues/6741. Nodes made by this collection have the limit "
    "set.",
)
MEMORY_LOW = Rule(
    "MEMORY_LOW",
    WARNING,
    "Free memory below what N guests need.",
    "Stop what is not needed, use a larger host, or fewer nodes (the message says how many fit).",
    also="error below what boots",
)
FIREWALLD_NFT = Rule(
    "FIREWALLD_NFT",
    WARNING,
    "firewalld with the nftables backend: container traffic may be dropped.",
    "Put the bridges into the zone docker (firewall-cmd --zone=docker --list-interfaces shows them), or "
    "FirewallBackend=iptables in "
    "/etc/firewalld/firewalld.conf; then restart firewalld and docker.",
)
HUGE = 100_000_000


def find_inotify(facts: Facts) -> Iterable[Finding]:
    host, room = _host(facts), capacity(facts)
    limits = dict(zip(INOTIFY, (host.inotify_instances, host.inotify_watches)))
    if set(limits.values()) == {None}:
        raise NotRun("this kernel does not show its inotify limits")
    taken = dict(zip(INOTIFY, (inotify_taken(facts), 0)))
    rows = {name: row for name in INOTIFY if limits[name] is not None and (row := _row(room, name))}
    needs = {name: row.need(room.wanted) + taken[name] for name, row in rows.items()}
    remedy = INOTIFY_LOW.remedy
    for name, usual in INOTIFY.items():
        enough = _enough(usual, limits[name] or 0, needs.get(name, 0))
        remedy = remedy.replace(f"{name}={usual}", f"{name}={enough}")
    for name, row in rows.items():
        if row.nodes >= room.wanted:
            continue
        yield INOTIFY_LOW.finding(
            f"{name} is {limits[name]}; {_nodes(room.wanted)} about {needs[name]} (all containers of one user share "
            f"it), {row.nodes} fit. Beyond it systemd boots degraded: "
            "'Too many open files', 'Failed to allocate directory watch'.",
            remedy,
            sysctl=name,
            value=limits[name],
            needed=needs[name],
            nodes_fit=row.nodes,
        )


def _enough(usual: int, limit: int, need: int) -> int:
    """A value that all of the nodes fit in; one line sets both limits, and must lower neither."""
    return max(limit, usual, 1 << need.bit_length() if need > usual else 0)


def find_pids(facts: Facts) -> Iterable[Finding]:
    host, room = _host(facts), capacity(facts)
    if host.pid_max is None and host.threads_max is None:
        raise NotRun("this kernel does not show its limits of processes")
    for name, limit in (("kernel.pid_max", host.pid_max), ("kernel.threads-max", host.threads_max)):
        row = _row(room, name)
        if limit is not None and row is not None and row.nodes < room.wanted:
            yield PIDS_LOW.finding(
                f"{name} is {limit} with {host.threads or 0} in use; {_nodes(room.wanted)} about "
                f"{row.need(room.wanted)} more, "
                f"{row.nodes} fit. Beyond it nothing on the host can start a process.",
                sysctl=name,
                value=limit,
                nodes_fit=row.nodes,
            )


def find_files(facts: Facts) -> Iterable[Finding]:
    host, room = _host(facts), capacity(facts)
    if host.file_max is None:
        raise NotRun("this kernel does not show fs.file-max")
    row = _row(room, "fs.file-max")
    if row is not None and row.nodes < room.wanted:
        yield FILES_LOW.finding(
            f"fs.file-max is {host.file_max} with {host.files or 0} in use; {_nodes(room.wanted)} about "
            f"{row.need(room.wanted)} more, "
            f"{row.nodes} fit. Beyond it nothing on the host can open a file.",
            value=host.file_max,
            nodes_fit=row.nodes,
        )


def find_nofile(facts: Facts) -> Iterable[Finding]:
    host = _host(facts)
    if host.nofile is None:
        raise NotRun("the limit of open files that containers start with cannot be seen from here")
    if host.nofile >= HUGE:
        shown = "unlimited" if host.nofile == 2**63 - 1 else str(host.nofile)
        yield NOFILE_HUGE.finding(
            f"Containers start with nofile {shown} ({host.nofile_source}): old yum and Python 2 try to close each of "
            f"them, and take "
            "minutes to start.",
            nofile=host.nofile,
        )


def find_memory(facts: Facts) -> Iterable[Finding]:
    room, host = capacity(facts), facts.host
    if isinstance(host, Unknown):
        yield from _total_memory(facts, room, host.reason)
        return
    if host.memory_available is None:
        raise NotRun("this kernel does not show its free memory (MemAvailable)")
    row = _row(room, "memory")
    shared = _row(room, "shared memory")
    if row is None:
        return
    first = room.first
    note = f" What gives out first: {first.resource}, at {values.plural(first.nodes, 'node')}." if first else ""
    if host.memory_available < BOOT_MEMORY * room.wanted:
        yield MEMORY_LOW.finding(
            f"{values.human(host.memory_available)} of memory are free; {_nodes(room.wanted)} "
            f"{values.human(BOOT_MEMORY * room.wanted)} "
            f"only to boot.{note}",
            severity=ERROR,
            free=host.memory_available,
            nodes_fit=row.nodes,
        )
    elif row.nodes < room.wanted:
        yield MEMORY_LOW.finding(
            f"{values.human(host.memory_available)} of memory are free; {_nodes(room.wanted)} about "
            f"{values.human(row.need(room.wanted))}, "
            f"{row.nodes} fit.{note}",
            free=host.memory_available,
            nodes_fit=row.nodes,
        )
    elif shared is not None and shared.nodes < room.wanted:
        yield MEMORY_LOW.finding(
            f"{values.human(host.memory_available)} of memory are free; when {room.wanted} nodes fill their /dev/shm "
            f"(shm_size), they take "
            f"{values.human(shared.need(room.wanted))}.",
            free=host.memory_available,
            nodes_fit=shared.nodes,
        )


def _total_memory(facts: Facts, room: Capacity, reason: str) -> Iterable[Finding]:
    """Of a host far away only the total is known: enough to tell that nodes cannot fit, not that they do."""
    total = getattr(facts.engine, "memory_total", None)
    if not total:
        raise NotRun(reason)
    if total < BOOT_MEMORY * room.wanted:
        yield MEMORY_LOW.finding(
            f"The host has {values.human(total)} of memory in all; {_nodes(room.wanted)} "
            f"{values.human(BOOT_MEMORY * room.wanted)} only to boot.",
            severity=ERROR,
            total=total,
        )
        return
    raise NotRun(f"only the total memory is known: {reason}")


def find_firewalld(facts: Facts) -> Iterable[Finding]:
    host = _host(facts)
    if host.partial:
        raise NotRun("whether firewalld runs on the daemon's host cannot be seen from a container")
    if not host.firewalld:
        return
    if not host.firewalld_backend:
        raise NotRun("firewalld runs, and its configuration may not be read by this user")
    if host.firewalld_backend == "nftables":
        yield FIREWALLD_NFT.finding(
            "firewalld runs with the nftables backend: its rules come besides Docker's iptables rules, and may drop "
            "traffic "
            "between nodes or to them."
        )


def _row(room: Capacity, name: str) -> Optional[Limit]:
    return next((item for item in room.limits if item.resource == name or f"({name})" in item.resource), None)


def _nodes(count: int) -> str:
    return "1 node needs" if count == 1 else f"{count} nodes need"


def _host(facts: Facts) -> HostFacts:
    """For checks whose `needs` name the host."""
    return facts.host  # type: ignore[return-value]


CHECKS = (
    Check((INOTIFY_LOW,), find_inotify, ("host",), theme="host"),
    Check((PIDS_LOW,), find_pids, ("host",), theme="host"),
    Check((FILES_LOW,), find_files, ("host",), theme="host"),
    Check((NOFILE_HUGE,), find_nofile, ("host",), theme="host"),
    Check((MEMORY_LOW,), find_memory, ("engine",), theme="host"),
    Check((FIREWALLD_NFT,), find_firewalld, ("host",), theme="host"),
)
