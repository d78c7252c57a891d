# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine itself: what it is, and how it was set up."""

from __future__ import annotations

from typing import Any, Iterable, Optional

from . import values
from .facts import Facts
from .facts_engine import EngineFacts
from .model import ERROR, INFO, WARNING, Check, Finding, NotRun, Rule

NOT_DOCKER = Rule(
    "ENGINE_NOT_DOCKER",
    WARNING,
    "Podman or another program answers the API.",
    "Use Docker Engine 20.10 or newer where you can; what is known to differ is in the message.",
)
DESKTOP = Rule(
    "DOCKER_DESKTOP",
    WARNING,
    "Docker Desktop: the engine runs in a virtual machine.",
    "Reach nodes by published ports or the `docker` connection, or use an engine on Linux itself.",
)
ROOTLESS = Rule(
    "ROOTLESS",
    WARNING,
    "The engine runs without root.",
    "Use a rootful engine: point DOCKER_HOST to unix:///var/run/docker.sock.",
)
USERNS = Rule(
    "USERNS_REMAP",
    WARNING,
    "The engine remaps users (`userns-remap`).",
    'Take "userns-remap" out of /etc/docker/daemon.json and restart the daemon: systemctl restart docker',
)
WINDOWS = Rule(
    "WINDOWS_CONTAINERS",
    ERROR,
    "The engine runs containers of another operating system than Linux.",
    "Switch Docker to Linux containers (Docker Desktop: its menu, Switch to Linux containers).",
)
CONTROLLER = Rule(
    "CGROUP_CONTROLLER_MISSING",
    ERROR,
    "A cgroup controller is not available: memory, pids (error), cpu, io (warning).",
    "Enable it on the kernel command line (cgroup v1: `cgroup_enable=memory swapaccount=1`; cgroup v2: see that "
    "/sys/fs/cgroup/cgroup.controllers lists it) and boot again.",
    also="warning for cpu and io",
)
DRIVER = Rule(
    "CGROUP_DRIVER",
    WARNING,
    "The engine manages cgroups itself (cgroupfs) on a host with systemd and cgroup v2: two managers of one tree.",
    '{"exec-opts": ["native.cgroupdriver=systemd"]} in /etc/docker/daemon.json, and restart the daemon.',
)
INIT = Rule(
    "DAEMON_INIT_TRUE",
    WARNING,
    "The daemon's default is `init: true`: a guest's systemd would not be PID 1.",
    'Take "init" out of /etc/docker/daemon.json (or --init off dockerd). Nodes made by this collection turn it off.',
)
ROOTLESS_CGROUPS = (
    "A rootless engine has cgroups only on cgroup v2, with systemd's delegation (Delegate=cpu cpuset io memory pids in "
    "user@.service.d); or use a rootful engine: point DOCKER_HOST to unix:///var/run/docker.sock."
)
LIMITS = (
    Rule(
        "MEMORY_LIMIT",
        WARNING,
        "config.yml limits memory, and the daemon says that it cannot enforce that.",
        "Enable the memory controller (kernel command line: cgroup_enable=memory) and boot again.",
    ),
    Rule(
        "SWAP_LIMIT",
        WARNING,
        "config.yml limits memory, and the daemon says that it cannot limit swap.",
        "Kernel command line: swapaccount=1 (cgroup v1), and boot again.",
    ),
)
LIVE_RESTORE = Rule(
    "LIVE_RESTORE_OFF",
    INFO,
    "A restart of the daemon stops the nodes.",
    '{"live-restore": true} in /etc/docker/daemon.json keeps them running (not together with Swarm).',
)
SWARM = Rule(
    "SWARM_STATE",
    INFO,
    "The engine is part of a Swarm.",
    "`docker node ls` on a manager shows its state; a locked one is opened with `docker swarm unlock`.",
    also="warning when it is locked, in error, or has lost its quorum",
)
CLOCK = Rule(
    "CLOCK_SKEW",
    WARNING,
    "The daemon's clock and this machine's differ by more than 5 seconds.",
    "Synchronise both: systemctl enable --now systemd-timesyncd (or chrony).",
)
PODMAN_DIFFERS = (
    "no static addresses in networks made by older versions, no restart policy after a reboot without its own "
    "systemd units, other names for storage drivers; this project is tested with Docker Engine only"
)


def find_product(facts: Facts) -> Iterable[Finding]:
    engine = _engine(facts)
    if engine.product == "podman":
        yield NOT_DOCKER.finding(
            f"Podman {engine.version} answers here, by its Docker-compatible API. Known to differ: {PODMAN_DIFFERS}.",
            product="podman",
        )
    elif not engine.docker:
        yield NOT_DOCKER.finding(
            f"Something that is neither Docker Engine nor Podman answers here ({engine.version or 'no version'}); "
            "what it leaves out is not known.",
            product="unknown",
        )
    if engine.desktop:
        yield DESKTOP.finding(
            "This is Docker Desktop: its engine runs in a virtual machine. Nodes boot; their addresses are not "
            "reachable "
            "from this machine (ssh to nodes does not work, the docker connection does), and bind mounts are slow."
        )


def find_remapped(facts: Facts) -> Iterable[Finding]:
    engine = _engine(facts)
    if engine.rootless:
        kinds = {1: "this host has v1: they do not boot", 2: "this host has v2"}
        here = kinds.get(engine.cgroup_version or 0, "which this host has is not known")
        yield ROOTLESS.finding(
            f"The engine runs rootless. systemd guests need cgroup v2 with delegation there ({here}), ports below 1024 "
            "cannot be published, and node addresses are not reachable from the host."
        )
    if engine.userns_remap:
        yield USERNS.finding(
            "The engine remaps users (userns-remap). A systemd guest's root may not write to the host's cgroup tree: "
            "systemd does not boot unless a node is made with the host's user namespace."
        )


def find_os_type(facts: Facts) -> Iterable[Finding]:
    engine = _engine(facts)
    if not engine.os_type:
        raise NotRun("the daemon does not say which system its containers have (OSType)")
    if engine.os_type != "linux":
        yield WINDOWS.finding(f"The engine runs {engine.os_type} containers; nodes are Linux systems.")


def find_controllers(facts: Facts) -> Iterable[Finding]:
    engine = _engine(facts)
    said = " ".join(engine.warnings)
    # weights alone are missing on many kernels: that is no missing controller
    without = engine.cgroup_driver == "none"  # a rootless engine that was given no cgroups
    no_io = without or "No io.max" in said or "No blkio throttle" in said
    known: dict[str, tuple[Optional[bool], str, str]] = {
        "memory": (engine.memory_limit, ERROR, "a node's `memory` cannot be limited, one node can take all"),
        "pids": (engine.pids_limit, ERROR, "nothing stops a node from taking all processes of the host"),
        "cpu": (_both(engine.cpu_shares, engine.cpu_quota), WARNING, "`cpus` cannot be enforced"),
        "io": (not no_io, WARNING, "block I/O cannot be shared out or limited"),
    }
    if all(have is None for name, (have, _severity, _why) in known.items() if name != "io"):
        raise NotRun("the daemon does not say which cgroup controllers it has")
    for name, (have, severity, why) in known.items():
        if have is False:
            yield CONTROLLER.finding(
                f"The cgroup controller {name} is not available to the engine: {why}.",
                ROOTLESS_CGROUPS if without else "",
                severity=severity,
                controller=name,
            )


def _both(*flags: Optional[bool]) -> Optional[bool]:
    known = [flag for flag in flags if flag is not None]
    return all(known) if known else None


def find_driver(facts: Facts) -> Iterable[Finding]:
    engine = _engine(facts)
    if engine.cgroup_version is None or not engine.cgroup_driver:
        raise NotRun("the daemon does not say its cgroup version and driver")
    if engine.cgroup_version != 2 or engine.cgroup_driver != "cgroupfs":
        return
    host: Any = facts.host
    if not hasattr(host, "systemd"):
        raise NotRun(f"whether systemd manages the daemon's host is not known: {host.reason}")
    if host.partial:
        raise NotRun("whether systemd manages the daemon's host cannot be seen from a container")
    if host.systemd:
        yield DRIVER.finding(
            "The engine uses the cgroupfs driver on a host where systemd manages the cgroup v2 tree: two managers of "
            "one "
            "tree get in each other's way under pressure."
        )


def find_init(facts: Facts) -> Iterable[Finding]:
    config: Any = facts.config
    if config.init:
        yield INIT.finding(
            f"The daemon puts its own init into every container ({config.source}): systemd would not be PID 1 and "
            f"would "
            "refuse to boot where a container does not turn it off."
        )


def find_limits(facts: Facts) -> Iterable[Finding]:
    engine, wants = _engine(facts), facts.wants
    nodes = [node.name for node in getattr(wants, "nodes", ()) if node.limits_memory]
    for rule, have, what in zip(LIMITS, (engine.memory_limit, engine.swap_limit), ("memory", "swap")):
        if nodes and have is False:
            yield rule.finding(
                f"config.yml limits the memory of {values.plural(len(nodes), 'node')} ({', '.join(nodes[:5])}), and "
                f"the daemon "
                f"cannot limit {what}."
            )


def find_live_restore(facts: Facts) -> Iterable[Finding]:
    engine = _engine(facts)
    if engine.live_restore is None:
        raise NotRun("the daemon does not say whether live restore is on")
    if any(want.driver == "overlay" for want in getattr(facts.wants, "networks", ())):
        return  # the hosts of one cluster are a Swarm, which forbids it
    if not engine.live_restore and engine.docker:
        yield LIVE_RESTORE.finding(
            "Live restore is off: when the daemon restarts (an upgrade, say), all nodes stop with it."
        )


def find_swarm(facts: Facts) -> Iterable[Finding]:
    engine = _engine(facts)
    state, error = engine.swarm.state, engine.swarm.error
    if state in ("", "inactive") and not error:
        return
    bad = state in ("locked", "error", "pending") or bool(error)
    reason = error.removeprefix("rpc error: code = Unknown desc = ").rstrip(". ")
    said = f": {reason}" if reason else ""
    yield SWARM.finding(
        f"The engine is part of a Swarm; its state is {state or 'unknown'}{said}."
        + (" Overlay networks and restarts on workers do not work until it is healthy." if bad else ""),
        severity=WARNING if bad else INFO,
        state=state,
    )


def find_clock(facts: Facts) -> Iterable[Finding]:
    engine, here = _engine(facts), facts.client.clock
    if engine.system_time is None or here is None:
        raise NotRun("the daemon does not say its time")
    skew = engine.system_time - here
    if abs(skew) > 5:
        yield CLOCK.finding(
            f"The daemon's clock is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} this machine's: "
            f"certificates "
            "and replication lag will be misjudged.",
            seconds=round(skew, 1),
        )


def _engine(facts: Facts) -> EngineFacts:
    """For checks whose `needs` name the engine."""
    return facts.engine  # type: ignore[return-value]


CHECKS = (
    Check((NOT_DOCKER, DESKTOP), find_product, ("engine",), theme="engine"),
    Check((ROOTLESS, USERNS), find_remapped, ("engine",), theme="engine"),
    Check((WINDOWS,), find_os_type, ("engine",), theme="engine"),
    Check((CONTROLLER,), find_controllers, ("engine",), theme="engine"),
    Check((DRIVER,), find_driver, ("engine",), theme="engine"),
    Check((INIT,), find_init, ("engine", "config"), theme="engine"),
    Check(LIMITS, find_limits, ("engine", "wants"), theme="engine"),
    Check((LIVE_RESTORE,), find_live_restore, ("engine",), theme="engine"),
    Check((SWARM,), find_swarm, ("engine",), theme="engine"),
    Check((CLOCK,), find_clock, ("engine",), theme="engine"),
)
