# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a process may not open the daemon's socket: not in the group, in it but not yet in this session, or else."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from dataclasses import dataclass
from typing import Mapping

from ._errors import DaemonError

ROOT_WARNING = "BEWARE: who controls the Docker daemon is root on its host; only add trusted users."


@dataclass(frozen=True)
class SocketFacts:
    """What decides on access to a socket, gathered once so that the decision is a pure function."""

    path: str
    owner: str
    group: str
    mode: int
    group_writable: bool
    user: str
    user_in_group: bool
    process_in_group: bool
    group_members: tuple[str, ...] = ()


# Where others than the distribution's engine listen.
ELSEWHERE = (
    ("{run}/docker.sock", "rootless Docker"),
    ("{home}/.docker/desktop/docker.sock", "Docker Desktop"),
    ("{home}/.docker/run/docker.sock", "Docker Desktop"),
    ("{run}/podman/podman.sock", "Podman"),
    ("/run/podman/podman.sock", "Podman"),
)


def other_socket(environ: Mapping[str, str]) -> str:
    """A sentence on the socket of another engine of this user; "" where there is none. Nothing is connected to."""
    places = {
        "home": environ.get("HOME") or os.path.expanduser("~"),
        "run": environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}",
    }
    for pattern, product in ELSEWHERE:
        path = pattern.format(**places)
        try:
            there = stat.S_ISSOCK(os.stat(path).st_mode)
        except (OSError, ValueError):
            continue
        if there:
            return f"{product} has a socket here: DOCKER_HOST=unix://{path} (docs/checks.md says what it supports)."
    return ""


def explain_denied(path: str) -> DaemonError:
    """The DaemonError for EACCES on *path*."""
    try:
        facts = socket_facts(path)
    except OSError as error:
        return DaemonError(
            f"Permission denied on the Docker socket {path}, and it cannot be looked at ({error.strerror}).",
            f"A directory above it shuts this user out: namei -l {path}",
            "SOCKET_PERMISSION_OTHER",
        )
    return denied(facts)


def socket_facts(path: str) -> SocketFacts:
    """Look at the socket and at who we are. Raises OSError when the socket cannot be looked at."""
    info = os.stat(path)
    user = _user_name(os.geteuid())
    group, members = _group(info.st_gid)
    return SocketFacts(
        path=path,
        owner=_user_name(info.st_uid),
        group=group,
        mode=stat.S_IMODE(info.st_mode),
        group_writable=bool(info.st_mode & stat.S_IWGRP),
        user=user,
        user_in_group=user in members or info.st_gid in _groups_of(user),
        process_in_group=info.st_gid in {os.getegid(), *os.getgroups()},
        group_members=members,
    )


def denied(facts: SocketFacts) -> DaemonError:
    """Which of the three cases it is; pure."""
    head = f"Permission denied on the Docker socket {facts.path}"
    nameless = facts.group.isdecimal()  # a group that has no name here: nobody can be added to it
    of_root = facts.group == "root" and facts.owner == "root"
    if not facts.group_writable or facts.process_in_group or of_root or nameless:
        return DaemonError(
            f"{head}: its owner is {facts.owner}:{facts.group} and its mode {facts.mode:04o}.",
            "It should be root:docker, mode 0660: check the daemon's `group` option and the access list "
            f"(getfacl {facts.path}).",
            "SOCKET_PERMISSION_OTHER",
        )
    if facts.user_in_group:
        return DaemonError(
            f"{head}: user {facts.user} is in group {facts.group}, but this login session does not have it yet.",
            f"Log out and in again, or run: newgrp {facts.group}",
            "SOCKET_PERMISSION_SESSION",
        )
    return DaemonError(
        f"{head}: user {facts.user} is not in group {facts.group}.",
        f'Run: sudo usermod -a -G {facts.group} "$(id -un)" and log in again. {ROOT_WARNING}',
        "SOCKET_PERMISSION_GROUP",
    )


def _user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _group(gid: int) -> tuple[str, tuple[str, ...]]:
    try:
        entry = grp.getgrgid(gid)
    except KeyError:
        return str(gid), ()
    return entry.gr_name, tuple(entry.gr_mem)


def _groups_of(user: str) -> set[int]:
    """The groups that the user database gives the user now, the primary one too."""
    try:
        return set(os.getgrouplist(user, pwd.getpwnam(user).pw_gid))
    except KeyError:
        return set()
