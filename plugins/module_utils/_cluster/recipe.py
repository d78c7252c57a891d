# SPDX-License-Identifier: GPL-3.0-or-later
"""How a container must be made so that systemd boots in it, with the least privilege that does.

The table below is the whole choice. A guest's systemd keeps its units in a cgroup subtree that it must be able to
write. What each row gives is written in `why`; `proven` says whether this project's tests boot it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Callable, Mapping, Optional

from .._spec.model import Instance
from .host import HostFacts

TMPFS = {"/tmp": "", "/run": "", "/run/lock": ""}  # noqa: S108 - paths in the guest
STOP_SIGNAL = "SIGRTMIN+3"
STOP_TIMEOUT = 90  # seconds; systemd's own DefaultTimeoutStopSec, so that a database is never killed early
# A default in the hundreds of millions is walked one by one by old yum and Python 2 (containerd#6741). It is lowered
# where it is known to be so; raising it is not the container's right, and the engine refuses the start.
NOFILE_HUGE = 10_000_000
NOFILE = (65536, 524288)
PARENT = "/tpaexec.docker"
OWN_FOLDER = PARENT + "/{cluster}/{node}"
# systemd nests slices at each minus, and a node's name may have some: a digest stands for it.
OWN_SLICE = "tpaexec.docker-{digest}.slice"


@dataclass(frozen=True)
class Recipe:
    """One row: when it applies, and what it adds to a container. `parent`: the cgroup_parent that a node gets."""

    id: str
    why: str
    proven: bool
    fits: Callable[[HostFacts], bool]
    cgroupns: str
    parent: str = ""
    binds: tuple[str, ...] = ()
    security_opts: tuple[str, ...] = ()


RECIPES: tuple[Recipe, ...] = (
    Recipe(
        id="cgroup1-own-subtree",
        why="cgroup v1: only this node's own part of the systemd hierarchy is writable, every controller is read-only",
        proven=True,
        fits=lambda host: host.cgroup_version == 1 and host.cgroup_driver == "cgroupfs" and not host.rootless,
        cgroupns="host",
        parent=OWN_FOLDER,
        binds=("/sys/fs/cgroup/systemd:/sys/fs/cgroup/systemd:ro", "{systemd}{group}:{systemd}{group}:rw"),
    ),
    Recipe(
        id="cgroup1-own-slice",
        why="cgroup v1, driver systemd: only this node's own slice of the systemd hierarchy is writable",
        proven=True,
        fits=lambda host: host.cgroup_version == 1 and host.cgroup_driver == "systemd" and not host.rootless,
        cgroupns="host",
        parent=OWN_SLICE,
        binds=("/sys/fs/cgroup/systemd:/sys/fs/cgroup/systemd:ro", "{systemd}{group}:{systemd}{group}:rw"),
    ),
    Recipe(
        id="cgroup1-systemd-hierarchy",
        why="cgroup v1 with a rootless engine: the systemd hierarchy (no resource controller) is writable",
        proven=False,
        fits=lambda host: host.cgroup_version == 1,
        cgroupns="host",
        binds=("/sys/fs/cgroup/systemd:/sys/fs/cgroup/systemd:rw",),
    ),
    Recipe(
        id="cgroup2-private",
        why="cgroup v2, engine 28 or newer: a private cgroup namespace, mounted writable by the engine itself",
        proven=True,
        fits=lambda host: host.engine >= (28,) and not host.rootless,
        cgroupns="private",
        security_opts=("writable-cgroups=true",),
    ),
    Recipe(
        id="cgroup2-own-subtree",
        why="cgroup v2: the host's tree is read-only, only this node's own part of it is writable",
        proven=True,
        fits=lambda host: host.cgroup_driver == "cgroupfs" and not host.rootless,
        cgroupns="host",
        parent=OWN_FOLDER,
        binds=("/sys/fs/cgroup:/sys/fs/cgroup:ro", "/sys/fs/cgroup{group}:/sys/fs/cgroup{group}:rw"),
    ),
    Recipe(
        id="cgroup2-own-slice",
        why="cgroup v2, driver systemd: the host's tree is read-only, only this node's own slice of it is writable",
        proven=True,
        fits=lambda host: host.cgroup_driver == "systemd" and not host.rootless,
        cgroupns="host",
        parent=OWN_SLICE,
        binds=("/sys/fs/cgroup:/sys/fs/cgroup:ro", "/sys/fs/cgroup{group}:/sys/fs/cgroup{group}:rw"),
    ),
    Recipe(
        id="cgroup2-host-tree",
        why="cgroup v2 with a rootless engine: the cgroup tree that the engine sees is writable, as in TPA",
        proven=False,
        fits=lambda host: True,
        cgroupns="host",
        binds=("/sys/fs/cgroup:/sys/fs/cgroup:rw",),
    ),
)


@dataclass(frozen=True)
class Cooked:
    """A recipe applied to one instance: the parts of the container that config.yml does not say."""

    recipe: str
    why: str
    cgroupns: str
    cgroup_parent: str
    binds: tuple[str, ...]
    tmpfs: Mapping[str, str]
    security_opts: tuple[str, ...]
    nofile: Optional[tuple[int, int]] = None


def choose(host: HostFacts) -> Recipe:
    """The first row that fits: the table is ordered from least privilege to most."""
    return next(recipe for recipe in RECIPES if recipe.fits(host))


def cook(instance: Instance, host: HostFacts, cluster_id: str, recipe: Optional[Recipe] = None) -> Cooked:
    """What *instance* gains on *host*. A user's own mount on /sys/fs/cgroup or own cgroup_parent takes precedence."""
    recipe = recipe or choose(host)
    digest = hashlib.sha256(f"{cluster_id} {instance.name}".encode()).hexdigest()[:16]
    own = recipe.parent.format(cluster=cluster_id[:8], node=instance.name, digest=digest)
    parent = instance.settings.cgroup_parent or own
    users_targets = {volume.target.rstrip("/") for volume in instance.settings.volumes}
    mounts_cgroup = any(target.startswith("/sys/fs/cgroup") for target in users_targets)
    binds = [] if mounts_cgroup else [_fill(bind, group_of(parent)) for bind in recipe.binds]
    return Cooked(
        recipe=recipe.id,
        why=recipe.why,
        cgroupns=recipe.cgroupns,
        cgroup_parent=parent,
        binds=tuple(binds),
        tmpfs={path: options for path, options in TMPFS.items() if path not in users_targets},
        security_opts=recipe.security_opts,
        nofile=NOFILE if (host.nofile or 0) >= NOFILE_HUGE else None,
    )


def group_of(parent: str) -> str:
    """The path of a cgroup_parent below the hierarchy's top: systemd keeps `a-b.slice` in `a.slice`."""
    if not parent.endswith(".slice"):
        return parent
    words = parent.rpartition("/")[2].removesuffix(".slice").split("-")
    return "".join(f"/{'-'.join(words[:count])}.slice" for count in range(1, len(words) + 1))


def _fill(bind: str, group: str) -> str:
    return bind.replace("{systemd}", "/sys/fs/cgroup/systemd").replace("{group}", group)
