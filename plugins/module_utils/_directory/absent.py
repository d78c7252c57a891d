# SPDX-License-Identifier: GPL-3.0-or-later
"""What deprovision removes of a cluster directory: an exact list of names that provision generates, nothing by guess.

TPA removes more (all of inventory/group_vars, certs, keys, tmp): a user's own files may be there, so they stay.
"""

from __future__ import annotations

import contextlib
import os
from typing import Any, Mapping

from .._spec.model import DEFAULT_HOST, Cluster
from .connection import host_vars_path as connection_path
from .keys import HOST_KEY_DIR, HOST_KEY_TYPES, default_key_name
from .paths import place, read_text
from .render import HASH_FILE, INSTANCE_VARS, KNOWN_HOSTS, SSH_CONFIG, VAULT_PASS, cluster_tag, host_vars_path

# An encrypted value that TPA's deploy made: without the passphrase, which goes too, nobody can read it
ENCRYPTED = "!vault |"


def generated(root: str, cluster: Cluster, top: Mapping[str, Any]) -> list[str]:
    """The generated files that are there. A key that config.yml's ssh_key_file names is the user's, and stays."""
    group = f"inventory/group_vars/{cluster_tag(cluster, top)}"
    login = default_key_name(cluster)
    names = [HASH_FILE, f"inventory/00-{cluster.name}", f"{group}/00-ansible.yml", f"{group}/01-{cluster.name}.yml"]
    names += [path(node) for node in _host_vars(root) for path in (host_vars_path, connection_path)]
    names += _secrets(root, f"{group}/secrets")
    names += [KNOWN_HOSTS, SSH_CONFIG, VAULT_PASS]
    if cluster.ssh_key_file in ("", login):
        names += [login, f"{login}.pub", f"{login}.ppk"]
    names += [f"{HOST_KEY_DIR}/ssh_host_{kind}_key{end}" for kind in HOST_KEY_TYPES for end in ("", ".pub")]
    return [name for name in names if os.path.lexists(os.path.join(root, name))]


def dropped(root: str, cluster: Cluster) -> list[str]:
    """The host_vars files that provision wrote for nodes which config.yml no longer has, or no longer has on a host."""
    nodes = {instance.name: instance.host for instance in cluster.instances}
    there = _host_vars(root)
    stale = [connection_path(node) for node in there if nodes.get(node, DEFAULT_HOST) == DEFAULT_HOST]
    gone = [host_vars_path(node) for node in there if node not in nodes]
    return gone + [path for path in stale if os.path.lexists(os.path.join(root, path))]


def leftover_directories(cluster: Cluster, top: Mapping[str, Any]) -> list[str]:
    """Directories that go if they are empty, deepest first."""
    tag = cluster_tag(cluster, top)
    below = [f"group_vars/{tag}/secrets", f"group_vars/{tag}", "group_vars/hashes", "group_vars", "host_vars"]
    return [*(f"inventory/{name}" for name in below), "inventory", "vault", HOST_KEY_DIR, ".tpaexec-docker"]


def is_secret(path: str) -> bool:
    """The text of this generated file belongs into no diff."""
    key = path.startswith((f"{HOST_KEY_DIR}/", "id_")) and not path.endswith(".pub")
    return key or path == VAULT_PASS or "/secrets/" in path


def remove_empty(root: str, folders: list[str], check: bool) -> list[str]:
    """Remove those of *folders* that are there and empty; what would be removed, when *check*."""
    removed = []
    for folder in folders:
        path = os.path.join(root, folder)
        if os.path.islink(path) or not os.path.isdir(path) or os.listdir(path):
            continue
        if not check:
            with contextlib.suppress(OSError):
                os.rmdir(path)
        if check or not os.path.isdir(path):
            removed.append(folder)
    return removed


def _host_vars(root: str) -> list[str]:
    folder = place(root, "inventory/host_vars")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [name for name in names if os.path.lexists(os.path.join(folder, name, INSTANCE_VARS))]


def _secrets(root: str, folder: str) -> list[str]:
    path = place(root, folder)
    names = sorted(os.listdir(path)) if os.path.isdir(path) else []
    found = [f"{folder}/{name}" for name in names if name.endswith(".yml")]
    return [name for name in found if ENCRYPTED in (read_text(place(root, name)) or "")]
