# SPDX-License-Identifier: GPL-3.0-or-later
"""The cgroup folders that recipes give to nodes, taken away with the nodes.

An engine removes a container's own group and leaves its parent: a dozen empty folders a node on cgroup v1. A group is
a folder that can only be removed when nothing is in it, so that trying costs nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Iterable, Mapping, Sequence

from .._client import Daemon
from .._errors import DaemonError
from .recipe import PARENT

TOP = Path("/sys/fs/cgroup")

# Each word is a group's path. All hierarchies of cgroup v1 are tried, and cgroup v2's only one.
SCRIPT = r"""
for group; do
  for top in /host /host/*; do
    [ -d "$top$group" ] || continue
    find "$top$group" -depth -type d -exec rmdir {} \; 2>/dev/null
    rmdir "$top${group%/*}" 2>/dev/null
  done
done
"""


def our_groups(raws: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    """The parent groups that recipes gave to these containers (as inspected): ours by their place, nobody else's."""
    parents = (str((raw.get("HostConfig") or {}).get("CgroupParent") or "") for raw in raws)
    return tuple(dict.fromkeys(parent for parent in parents if parent.startswith(f"{PARENT}/") and ".." not in parent))


def remove_groups(daemon: Daemon, groups: Sequence[str], image: str) -> None:
    """Remove the empty ones of *groups*: ourselves where we may, else by a container of *image* that ends at once."""
    if not groups:
        return
    if daemon.address.local and os.geteuid() == 0:
        remove_here(groups)
    elif image:
        _remove_there(daemon, groups, image)


def remove_here(groups: Sequence[str], top: Path = TOP) -> None:
    """On this machine, as root; what is in use or not there stays as it is."""
    for group in groups:
        for hierarchy in (top, *(entry for entry in top.iterdir() if entry.is_dir())) if top.is_dir() else ():
            folder = hierarchy / group.lstrip("/")
            for place, _folders, _files in os.walk(folder, topdown=False):
                _rmdir(Path(place))
            _rmdir(folder.parent)


def _rmdir(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError:
        return


def _remove_there(daemon: Daemon, groups: Sequence[str], image: str) -> None:
    """Best effort: empty groups harm nobody, and are gone when the host starts again."""
    body = {
        "Image": image,
        "Entrypoint": ["/bin/sh", "-c", SCRIPT, "sh", *groups],
        "Cmd": [],
        "NetworkDisabled": True,
        "HostConfig": {
            "Binds": [f"{TOP}:/host:rw"],
            "CgroupnsMode": "host",
            "NetworkMode": "none",
            "AutoRemove": True,
            "RestartPolicy": {"Name": "no"},
        },
    }
    try:
        ident = daemon.call("create_container_from_config", body)["Id"]
        daemon.call("start", ident)
        daemon.call("wait", ident, timeout=20, condition="removed")
    except DaemonError:
        return
