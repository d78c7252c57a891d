# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's own errors while converging, with what to do: a table of its words."""

from __future__ import annotations

import re

from .._errors import DaemonError, PlatformError

ATTACHED_LATE = r"attaching to network failed.*context deadline exceeded"
# Newer engines say before it which step failed.
ATTACH_DENIED = r"^The Docker daemon refused: (?:failed to set up container networking: )?network \S+ not found"
# what the engine says · what to do
TABLE: tuple[tuple[str, str], ...] = (
    (r"port is already allocated|address already in use",
     "Another process or container has that host port: change published_ports, or find it: ss -ltnp"),
    (r"Pool overlaps with other one",
     "Another Docker network has that subnet: docker network ls; choose a free one (tpaexec configure finds one)."),
    (r"[Aa]ddress already in use|Address already allocated",
     "Another container has that address: choose another ip_address."),
    (r"is already in use by container|[Cc]onflict\. The container name",
     "A container of that name was made meanwhile: look at it with docker ps -a, then run provision again."),
    (r"No such image|pull access denied", "Get the image first: tpaexec provision obtains it, or docker pull."),
    (r"network \S+ not found",
     "Its network was removed meanwhile: tpaexec provision makes it again and attaches the nodes."),
    (r"has active endpoints",
     "Something is attached: docker network inspect shows it. Where it shows nothing, the engine has miscounted (seen "
     "with 64 nodes on 20.10): restart the daemon, then run the same again."),
    (r"in use by task",
     "The Swarm still counts a node that has gone, most likely on a host that was away: docker node ls shows whether "
     "it is back. When it is Ready, run the same again. If this stays, restart Docker on that host (systemctl restart "
     "docker): its engine has forgotten the node, and tells the Swarm so when it starts."),
    (ATTACHED_LATE,
     "The Swarm did not give the node its overlay in time: docker node ls on a manager shows which hosts are Ready. "
     "When all are, run the same again."),
    (r"setting rlimit",
     "The Docker daemon may not raise that limit: lower the instance's ulimits, or raise the daemon's own."),
    (r"no space left on device|disk quota exceeded",
     "The Docker host's disk is full: docker system df, then docker system prune or a larger data root."),
    (r"too many open files|inotify",
     "The Docker host's inotify limits are used up: sysctl -w fs.inotify.max_user_instances=1024"),
    (r"[Mm]inimum memory limit", "Give the instance more memory: at least 6m for the engine, about 64m for systemd."),
    (r"unknown capability|invalid capability", "See docker_cap_add and docker_cap_drop: names as in capabilities(7)."),
    (r"sysctl .* is not|not in a separate kernel namespace",
     "Only namespaced sysctls (kernel.shm*, net.*, …) can be set for a container."),
    (r"bind source path does not exist|mkdir .*: (permission denied|read-only)",
     "Check the host side of `volumes` and `local_source_directories`."),
    (r"could not find an available.* network|all predefined address pools",
     "The engine has no free subnet: give docker_networks an ipam_config subnet, or remove unused networks."),
)  # fmt: skip


def explained(error: PlatformError, where: str) -> PlatformError:
    """*error* with a remedy where the table has one and it brought none itself."""
    if error.remedy or not isinstance(error, DaemonError):
        return error
    for pattern, remedy in TABLE:
        if re.search(pattern, error.message):
            return DaemonError(error.message, remedy, error.id, error.status)
    return DaemonError(
        error.message,
        f"It came up at {where}; the daemon's log may say more (journalctl -u docker).",
        error.id,
        error.status,
    )
