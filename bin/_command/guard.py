# SPDX-License-Identifier: GPL-3.0-or-later
"""One look before something else is let at a directory that we provisioned.

TPA's deploy and upgrade provision first, unless the hash of config.yml is the recorded one. TPA's provision knows its
own recipe only: it would recreate each of our nodes, and what was written in them would be lost. And Ansible enters
containers by their names: one that somebody else made under a node's name is none of ours to run things in.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil

from .daemons import Listed, containers, nodes_by_daemon, text_of
from .errors import CommandError

PROVISIONING = ("deploy", "upgrade", "provision")
RECORDED = os.path.join("inventory", "group_vars", "hashes", "config.yml")
OURS = os.path.join(".tpaexec-docker", "id")


def check_before_tpa(argv: list[str]) -> None:
    """Refuse what would cost the nodes' data; say what to run in its place."""
    if len(argv) < 2 or argv[0] not in PROVISIONING or not os.path.exists(os.path.join(argv[1], OURS)):
        return
    recorded, now = _recorded(argv[1]), _now(argv[1])
    if recorded and now and recorded != now:
        raise CommandError(
            f"Run 'tpaexec provision {argv[1]}' first: config.yml changed since it was provisioned. TPA would "
            "provision it by its own recipe, and recreate every node with all that is in it."
        )


def check_before_ansible(directory: str, environ: dict[str, str]) -> None:
    """Refuse to enter containers of others. What is wrong with a daemon is Ansible's to say: it is passed over here."""
    ident, docker = text_of(os.path.join(directory, OURS)).strip(), shutil.which("docker", path=environ.get("PATH"))
    nodes = nodes_by_daemon(directory) if ident else {}
    cluster, others = _cluster_name(directory), set()
    for names, found in zip(nodes.values(), containers(list(nodes), docker, environ)):
        others |= {one.name for one in found if one.name in names and not _is_ours(one, ident, cluster)}
    if others:
        named = f"container {min(others)} is" if len(others) == 1 else f"containers {', '.join(sorted(others))} are"
        raise CommandError(
            f"Rename or remove what has a node's name yourself: the {named} someone else's. Nothing was run. "
            f"'tpaexec list-containers {directory}' shows the nodes."
        )


def _is_ours(found: Listed, ident: str, cluster: str) -> bool:
    """As module_utils' owner_of: the id decides; a cluster's label without an id is TPA's."""
    return found.id == ident if found.id else bool(cluster) and found.cluster == cluster


def _cluster_name(directory: str) -> str:
    """The inventory's file is 00-<cluster>."""
    try:
        names = os.listdir(os.path.join(directory, "inventory"))
    except OSError:
        return ""
    return next((name[3:] for name in sorted(names) if name.startswith("00-")), "")


def _recorded(directory: str) -> str:
    found = re.search(r"last_provisioned: '?([0-9a-f]{64})", text_of(os.path.join(directory, RECORDED)))
    return found.group(1) if found else ""


def _now(directory: str) -> str:
    """As Ansible's lookup `file` and TPA compute it: without the blanks at the end."""
    try:
        with open(os.path.join(directory, "config.yml"), encoding="utf-8", newline="") as file:
            return hashlib.sha256(file.read().rstrip().encode("utf-8")).hexdigest()
    except (OSError, ValueError):
        return ""
