# SPDX-License-Identifier: GPL-3.0-or-later
"""Is an image fit to be a node? Facts → findings, pure; the ids are the catalogue's."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any, Iterable, Optional

from .model import Check, Finding, NotRun, Rule

if TYPE_CHECKING:
    from .._image.model import ImageFacts

# last day with (long-term) updates from the distribution itself
END_OF_LIFE = {
    ("centos", "6"): "2020-11-30",
    ("centos", "7"): "2024-06-30",
    ("centos", "8"): "2021-12-31",
    ("debian", "9"): "2022-06-30",
    ("debian", "10"): "2024-06-30",
    ("debian", "11"): "2026-08-31",
    ("debian", "12"): "2028-06-30",
    ("debian", "13"): "2030-06-30",
    ("ubuntu", "16.04"): "2021-04-30",
    ("ubuntu", "18.04"): "2023-05-31",
    ("ubuntu", "20.04"): "2025-05-31",
    ("ubuntu", "22.04"): "2027-04-30",
    ("ubuntu", "24.04"): "2029-04-30",
    ("rhel", "7"): "2024-06-30",
    ("rhel", "8"): "2029-05-31",
    ("rhel", "9"): "2032-05-31",
    ("rocky", "8"): "2029-05-31",
    ("rocky", "9"): "2032-05-31",
    ("almalinux", "8"): "2029-03-01",
    ("almalinux", "9"): "2032-05-31",
    ("ol", "7"): "2024-12-31",
    ("ol", "8"): "2029-07-31",
    ("ol", "9"): "2032-06-30",
}
# hosts that were switched off in 2024, and the last release of Debian that is on its archive only
CENTOS_GONE = re.compile(r"//(mirrorlist|mirror)\.centos\.org/")
DEBIAN_GONE, DEBIAN_HOSTS = 10, re.compile(r"//(?!archive\.)[a-z.]+\.debian\.org/")
# ansible-core: the Python versions that it can manage on a node
MANAGES = (
    ("2.16", {"2.7", *(f"3.{number}" for number in range(6, 13))}),
    ("2.17", {f"3.{number}" for number in range(7, 13)}),
    ("2.18", {f"3.{number}" for number in range(8, 14)}),
    ("2.19", {f"3.{number}" for number in range(8, 14)}),
    ("2.20", {f"3.{number}" for number in range(9, 15)}),
)

NO_SYSTEMD = Rule(
    "IMAGE_NO_SYSTEMD", "error", "The image has no systemd: it cannot boot as a node.",
    "Choose an image with systemd (for example tpaexec/debian-systemd:12, which is made without a registry), or add "
    "the package systemd to yours.",
)  # fmt: skip
NO_INIT = Rule(
    "IMAGE_COMMAND_NOT_INIT", "error", "The image's own command is not an init, so that systemd is not started.",
    'Build it with CMD ["/sbin/init"] and without an ENTRYPOINT.',
)  # fmt: skip
PREINSTALLED = Rule(
    "POSTGRES_PREINSTALLED", "error", "PostgreSQL's server is in the image: it conflicts with what TPAexec installs.",
    "Take it out of the image (its dependencies may stay), or accept it: --ignore POSTGRES_PREINSTALLED.",
)  # fmt: skip
UNIT_ENABLED = Rule(
    "POSTGRES_UNIT_ENABLED", "error", "A unit that starts PostgreSQL is enabled in the image.",
    "Disable it in the image: systemctl disable UNIT.",
)  # fmt: skip
DEPENDENCIES = Rule(
    "POSTGRES_DEPENDENCIES", "info", "Packages that PostgreSQL depends on are in the image: deployment is faster.", ""
)  # fmt: skip
CACHE = Rule("PACKAGE_CACHE", "info", "The package cache is filled: deployment needs fewer downloads.", "")
NO_SSHD = Rule(
    "IMAGE_NO_SSHD", "info", "The image has no SSH server: nodes are reached through the daemon only.",
    "Add openssh-server to the image where nodes must reach each other by SSH (Barman, repmgr).",
)  # fmt: skip
PYTHON = Rule(
    "IMAGE_PYTHON", "warning", "No Python in the image that every supported ansible-core can manage.",
    "Provisioning needs none; `tpaexec ping` falls back to raw. To deploy, use an ansible-core that manages it, or "
    "add a newer Python to the image.",
)  # fmt: skip
MACHINE_ID = Rule(
    "IMAGE_MACHINE_ID", "warning", "A machine-id is baked into the image: all nodes would have the same.",
    "Empty it in the image: : > /etc/machine-id.",
)  # fmt: skip
HOST_KEYS = Rule(
    "IMAGE_HOST_KEYS", "warning", "SSH host keys are baked into the image: whoever has the image can pose as a node.",
    "Remove them in the image: rm /etc/ssh/ssh_host_*.",
)  # fmt: skip
OLD = Rule(
    "IMAGE_END_OF_LIFE", "warning", "The image's release gets no updates any more; its repositories may be gone.",
    "Choose a newer release, or point its repositories at an archive of yours.",
)  # fmt: skip
LOCAL_REPOSITORY = Rule(
    "IMAGE_REPOSITORY_LOCAL", "warning", "A package repository of the image is on the machine that made it.",
    "Point it at an address that nodes can reach, or remove it.",
)  # fmt: skip

REPOSITORY_GONE = Rule(
    "IMAGE_REPOSITORY_GONE", "warning", "A package repository of the image was taken away by its distribution.",
    "Point it at the distribution's archive (vault, archive) or at a mirror of yours, or choose a newer release.",
)  # fmt: skip


def find_systemd(facts: ImageFacts) -> Iterable[Finding]:
    if not facts.has_systemd:
        yield NO_SYSTEMD.finding(f"{facts.name} ({facts.os_name or 'unknown system'}) has no systemd.")


def find_init(facts: ImageFacts) -> Iterable[Finding]:
    command = facts.init.split(" -> ")[0]
    word = command.split(" ")[0]
    if facts.has_systemd and word.rpartition("/")[2] not in ("init", "systemd"):
        shown = command or "nothing"
        yield NO_INIT.finding(f"{facts.name} would run {shown}, not systemd.", command=command)


def find_postgres(facts: ImageFacts) -> Iterable[Finding]:
    found = [*facts.postgres_packages, *facts.postgres_files]
    if found:
        listed = ", ".join(found[:8]) + (f" and {len(found) - 8} more" if len(found) > 8 else "")
        message = f"PostgreSQL is preinstalled in {facts.name}: {listed}. It conflicts with what TPAexec installs."
        yield PREINSTALLED.finding(message, packages=list(facts.postgres_packages), files=list(facts.postgres_files))
    elif facts.not_seen:
        raise NotRun("; ".join(f"{path}: {reason}" for path, reason in facts.not_seen.items()))


def find_units(facts: ImageFacts) -> Iterable[Finding]:
    units = list(facts.postgres_units)
    if "postgresql-common" in facts.packages and not (facts.postgres_packages or facts.postgres_files):
        # Debian's dependency brings an umbrella unit, which starts nothing while no server is there
        units = [unit for unit in units if unit != "postgresql.service"]
    if units:
        listed = " ".join(units)
        message = f"{facts.name} starts {listed} at boot."
        yield UNIT_ENABLED.finding(message, f"Disable it in the image: systemctl disable {listed}.")


def find_dependencies(facts: ImageFacts) -> Iterable[Finding]:
    if facts.postgres_dependencies:
        listed = ", ".join(facts.postgres_dependencies)
        message = f"{facts.name} has what PostgreSQL depends on: {listed}."
        yield DEPENDENCIES.finding(message, packages=list(facts.postgres_dependencies))


def find_cache(facts: ImageFacts) -> Iterable[Finding]:
    cache = facts.package_cache
    if cache:
        size = f"{cache.size / (1 << 20):.1f} MiB"
        least = "" if cache.complete else "at least "
        message = f"{facts.name} has {least}{len(cache.files)} packages ({size}) in its cache {cache.path}."
        yield CACHE.finding(message, count=len(cache.files), size=cache.size, path=cache.path)


def find_sshd(facts: ImageFacts) -> Iterable[Finding]:
    if not facts.sshd:
        yield NO_SSHD.finding(f"{facts.name} has no SSH server: nodes are reached through the daemon only.")


def managed_by(version: str) -> list[str]:
    """The ansible-core versions that can manage a node with this Python."""
    return [core for core, versions in MANAGES if version in versions]


def find_python(facts: ImageFacts) -> Iterable[Finding]:
    cores = {core for python in facts.pythons for core in managed_by(python.version)}
    every = [core for core, _versions in MANAGES]
    if cores == set(every):
        return
    seen = ", ".join(f"{python.path} {python.version}" for python in facts.pythons) or "no Python"
    able = f"ansible-core {', '.join(core for core in every if core in cores)} can manage it" if cores else (
        "no supported ansible-core can manage it")  # fmt: skip
    yield PYTHON.finding(f"{facts.name} has {seen}: {able}.", ansible_core=[core for core in every if core in cores])


def find_leftovers(facts: ImageFacts) -> Iterable[Finding]:
    if facts.machine_id not in ("", "uninitialized"):
        message = f"{facts.name} carries the machine-id {facts.machine_id}: all its nodes would have the same."
        yield MACHINE_ID.finding(message)
    if facts.host_keys:
        listed = ", ".join(facts.host_keys)
        message = f"{facts.name} carries SSH host keys ({listed}): whoever has the image can pose as a node."
        yield HOST_KEYS.finding(message)


def end_of_life(facts: ImageFacts, today: date) -> Optional[str]:
    """The day, when it is over."""
    version = facts.os_version if facts.os_id == "ubuntu" else facts.os_version.split(".")[0]
    day = END_OF_LIFE.get((facts.os_id, version))
    return day if day and date.fromisoformat(day) < today else None


def find_repositories(facts: ImageFacts) -> Iterable[Finding]:
    day = end_of_life(facts, date.today())
    if day:
        yield OLD.finding(f"{facts.name} is {facts.os_name}, which gets no updates since {day}.", since=day)
    local = [url for url in facts.repositories if url.startswith(("file:", "copy:", "cdrom:"))]
    local += [url for url in facts.repositories if "://localhost" in url or "://127." in url]
    if local:
        message = f"{facts.name} has package repositories that its nodes cannot reach: {', '.join(local)}."
        yield LOCAL_REPOSITORY.finding(message)


def find_gone(facts: ImageFacts) -> Iterable[Finding]:
    number = facts.os_version.split(".")[0]
    archived = facts.os_id == "debian" and number.isdigit() and int(number) <= DEBIAN_GONE
    gone = [url for url in facts.repositories if CENTOS_GONE.search(url) or (archived and DEBIAN_HOSTS.search(url))]
    if gone:
        message = f"{facts.name} has package repositories that are there no more: {', '.join(gone)}."
        yield REPOSITORY_GONE.finding(message, repositories=gone)


def _check(find: Any, *rules: Rule) -> Check:
    return Check(rules, find, module="image", theme="image")


CHECKS: tuple[Check, ...] = (
    _check(find_systemd, NO_SYSTEMD),
    _check(find_init, NO_INIT),
    _check(find_postgres, PREINSTALLED),
    _check(find_units, UNIT_ENABLED),
    _check(find_dependencies, DEPENDENCIES),
    _check(find_cache, CACHE),
    _check(find_sshd, NO_SSHD),
    _check(find_python, PYTHON),
    _check(find_leftovers, MACHINE_ID, HOST_KEYS),
    _check(find_repositories, OLD, LOCAL_REPOSITORY),
    _check(find_gone, REPOSITORY_GONE),
)
