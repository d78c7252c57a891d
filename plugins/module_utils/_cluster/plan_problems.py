# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands in the way of a whole run: names that nobody has, images that are missing, others' containers; pure."""

from __future__ import annotations

from .._errors import Problem
from .._spec.model import Cluster
from .fleet import Fleet
from .observe import FOREIGN, World
from .plan_model import ALL, Wishes


def unknown_names(names: list[str], world: World, wishes: Wishes) -> list[Problem]:
    known = {*names, *(item.name for item in world.containers.values() if item.owner != FOREIGN)}
    problems = []
    for option, values in (("recreate", wishes.recreate), ("nodes", wishes.nodes)):
        for value in values:
            if value not in known and not (option == "recreate" and value == ALL):
                problems.append(
                    Problem(option, f"there is no node {value} in this cluster.", f"Its nodes: {', '.join(names)}.")
                )
    return problems


def missing_images(fleet: Fleet) -> list[Problem]:
    missing = [
        (name, host) for host, world in fleet.worlds.items() for name, raw in world.images.items() if raw is None
    ]
    return [
        Problem(
            "images",
            f"the image {name} is not on {f'host {host}' if fleet.several else 'the Docker host'}.",
            f"Get it first: docker pull {name}, or let `tpaexec provision` obtain it (role guest_image).",
        )
        for name, host in missing
    ]


def foreseen(problem: Problem) -> str:
    """A check of the whole provision comes before its images; the role guest_image says how it would get them."""
    return f"{problem.message.rstrip('.')} yet: what follows is said as if it were."


def in_the_way(cluster: Cluster, fleet: Fleet) -> list[Problem]:
    problems = []
    for instance in cluster.instances:
        world = fleet.worlds.get(instance.host)
        container = world.containers.get(instance.name) if world else None
        if container is not None and container.owner == FOREIGN:
            labels = (
                ", ".join(f"{key}={value}" for key, value in sorted(container.labels.items()) if _telling(key))
                or "none"
            )
            where = f" on host {instance.host}" if fleet.several else ""
            problems.append(
                Problem(
                    instance.name,
                    f"a container of this name{where} belongs to someone else (its labels: {labels}); it is left as it "
                    "is.",
                    "Rename the instance, or remove that container yourself. If it is this cluster's and its id was "
                    "lost: tpaexec provision DIR --adopt",
                )
            )
    return problems


def _telling(label: str) -> bool:
    return label in ("Cluster", "Name", "Owner", "tpaexec.docker.id") or label.startswith("com.docker.compose.project")
