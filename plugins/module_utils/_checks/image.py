# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests × host: can the cluster's images boot on this host? By what is in them, never by their names."""

from __future__ import annotations

from typing import Any, Iterable, Optional

from .facts import Facts
from .facts_engine import EngineFacts
from .facts_host import CanaryFacts, GuestImage, HostFacts
from .model import ERROR, WARNING, Check, Finding, NotRun, Rule, Unknown

ARCH_MISMATCH = Rule(
    "ARCH_MISMATCH",
    ERROR,
    "An image's architecture is not the daemon's, with no emulation.",
    "Use an image for the daemon's architecture (docker pull --platform), or install emulation: apt-get install "
    "qemu-user-static.",
    also="warning where emulation cannot be seen",
)
CGROUP_GUEST_MISMATCH = Rule(
    "CGROUP_GUEST_MISMATCH",
    ERROR,
    "A guest's systemd does not fit the host's cgroup version: below 244 on cgroup v2, 256 and newer on cgroup v1.",
    "Use another image (--os-image), or boot the host with the other cgroup version.",
    also="warning for versions that boot with luck or with help",
)
CANARY_FAILED = Rule(
    "CANARY_FAILED",
    ERROR,
    "With the option `canary`: a step of the throw-away container failed.",
    "The message says which step and shows its log.",
)
CGROUP1_HOST = (
    "boot the host with cgroup v1: add systemd.unified_cgroup_hierarchy=0 to the kernel command line "
    "(GRUB_CMDLINE_LINUX in "
    "/etc/default/grub, then update-grub and reboot; hosts with systemd 258 or newer no longer can)"
)
CGROUP2_HOST = "boot the host with cgroup v2 (systemd.unified_cgroup_hierarchy=1 on the kernel command line)"
UNIFIED, RELIABLE = 226, 244
NEEDS_HELP, DROPPED = 256, 258


def find_architecture(facts: Facts) -> Iterable[Finding]:
    engine: EngineFacts = facts.engine  # type: ignore[assignment]
    if not engine.architecture:
        raise NotRun("the daemon does not say its architecture")
    for image in _there(facts):
        if not image.architecture or image.architecture == engine.architecture:
            continue
        pair = (engine.architecture, image.architecture)
        host = facts.host
        if pair == ("amd64", "386") or (isinstance(host, HostFacts) and image.architecture in host.emulated):
            continue
        if pair == ("arm64", "arm"):
            effect, level = ": not every such processor runs it.", WARNING
        elif isinstance(host, HostFacts) and not host.partial:
            effect, level = " and has no emulation for it: nodes end with 'exec format error'.", ERROR
        else:
            effect, level = "; whether it has emulation cannot be seen.", WARNING
        yield ARCH_MISMATCH.finding(
            f"The image {image.name} is for {image.architecture}, the daemon's host is {engine.architecture}{effect}",
            severity=level,
            image=image.name,
        )


def find_cgroup(facts: Facts) -> Iterable[Finding]:
    engine: EngineFacts = facts.engine  # type: ignore[assignment]
    if engine.cgroup_version is None:
        raise NotRun("the daemon does not say its cgroup version")
    unknown = []
    for image in _there(facts):
        if isinstance(image.systemd, Unknown):
            unknown.append(image.systemd.reason)
            continue
        yield from guest_on_host(image.name, image.systemd, engine)
    absent = [image.name for image in _images(facts) if not image.present]
    if absent:
        unknown.append(f"not on this engine yet: {', '.join(absent)}")
    if unknown:
        raise NotRun("; ".join(dict.fromkeys(unknown)))


def guest_on_host(name: str, systemd: Optional[int], engine: EngineFacts) -> Iterable[Finding]:
    """One image on one host; the table of what boots where. Nothing is found where one of the versions is not known."""
    if systemd is None or engine.cgroup_version is None:
        return
    head = f"The image {name} has systemd {systemd}, the host cgroup v{engine.cgroup_version}"
    data: dict[str, Any] = {"image": name, "systemd": systemd, "cgroup_version": engine.cgroup_version}
    if engine.cgroup_version == 2 and systemd < UNIFIED:
        yield CGROUP_GUEST_MISMATCH.finding(
            f"{head}: systemd before {UNIFIED} knows no cgroup v2, the node would not boot.",
            f"Name another image in config.yml (`image`; --os-image of configure), with systemd {RELIABLE} or newer, "
            f"or {CGROUP1_HOST}.",
            **data,
        )
    elif engine.cgroup_version == 2 and systemd < RELIABLE:
        yield CGROUP_GUEST_MISMATCH.finding(
            f"{head}: systemd before {RELIABLE} does not boot reliably in a container on cgroup v2.",
            f"Name an image with systemd {RELIABLE} or newer in config.yml (`image`), or {CGROUP1_HOST}.",
            severity=WARNING,
            **data,
        )
    elif engine.cgroup_version == 1 and systemd >= DROPPED:
        yield CGROUP_GUEST_MISMATCH.finding(
            f"{head}: systemd {DROPPED} and newer knows no cgroup v1, the node would not boot.",
            f"Name an image with a systemd before {DROPPED} in config.yml (`image`), or {CGROUP2_HOST}.",
            **data,
        )
    elif engine.cgroup_version == 1 and systemd >= NEEDS_HELP:
        yield CGROUP_GUEST_MISMATCH.finding(
            f"{head}: systemd {NEEDS_HELP} and {NEEDS_HELP + 1} call cgroup v1 obsolete, and may refuse to boot there.",
            f"Prove it with the canary (tpaexec preflight DIR --canary), choose an image with an older systemd, or "
            f"{CGROUP2_HOST}.",
            severity=WARNING,
            **data,
        )


LOOK = "Mend what its log above says, then try it again: tpaexec preflight DIR --canary. "
CANARY_REMEDIES = {
    "resolve": f"{LOOK}The daemon's own DNS answers containers: see its log (journalctl -u docker).",
    "mirror": f"{LOOK}Check the mirror's address, and the Docker host's forwarding, firewall and proxy.",
    "boot": f"{LOOK}Where the image is at fault, name another one in config.yml (`image`).",
}


def find_canary(facts: Facts) -> Iterable[Finding]:
    canary: CanaryFacts = facts.canary  # type: ignore[assignment]
    if canary.failed_step:
        log = f" Its log:\n{canary.log.strip()}" if canary.log.strip() else ""
        yield CANARY_FAILED.finding(
            f"The canary of {canary.image} failed at: {canary.failed_step} ({canary.reason.rstrip('.')}).{log}",
            CANARY_REMEDIES.get(canary.failed_step, CANARY_REMEDIES["boot"]),
            step=canary.failed_step,
            log=canary.log,
        )


def _images(facts: Facts) -> tuple[GuestImage, ...]:
    return facts.images  # type: ignore[return-value]


def _there(facts: Facts) -> list[GuestImage]:
    return [image for image in _images(facts) if image.present]


CHECKS = (
    Check((ARCH_MISMATCH,), find_architecture, ("engine", "images"), theme="image"),
    Check((CGROUP_GUEST_MISMATCH,), find_cgroup, ("engine", "images"), theme="image"),
    Check((CANARY_FAILED,), find_canary, ("canary",), theme="canary"),
)
