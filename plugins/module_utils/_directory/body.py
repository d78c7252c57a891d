# SPDX-License-Identifier: GPL-3.0-or-later
"""The body of the module cluster_directory: read config.yml, compare, write."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import replace
from typing import Any, Mapping

from .._entry import Run
from .._errors import PlatformError
from .._spec.load import read_config
from .._spec.model import Cluster
from .._spec.parse import parse_config
from . import absent, vault
from .keys import HOST_KEY_TYPES, ensure_keys, key_pairs, missing_keys, read_keys
from .paths import explain, place, read_text
from .render import Context, cluster_tag, cluster_vars_path, directories, files, version_to_keep
from .write import Change, Changes, apply, compare

TO_BE_MADE = "(made when provisioning)"
KEY = "(a private key: not shown)\n"


def body(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """One run of the module."""
    root = os.path.realpath(params["cluster_dir"])
    text, top, cluster = read_cluster(root)
    if params["state"] == "absent":
        return remove(root, cluster, top, run)
    if config_hash(text) != params["config_hash"]:
        raise PlatformError(
            f"{root}/config.yml changed while it was being provisioned: no file was written.",
            "Run provision again.",
        )
    return write(root, cluster, top, params, run)


def read_cluster(root: str) -> tuple[str, dict[str, Any], Cluster]:
    """config.yml as text, as data and as a Cluster."""
    path = os.path.join(root, "config.yml")
    text = read_text(path)
    if text is None:
        raise PlatformError(
            f"There is no {path}.",
            "Give the directory that `tpaexec configure` made, or make one: tpaexec configure DIR --platform docker",
        )
    top = read_config(text)
    return text, top, parse_config(top, root, _read_env_file)


def _read_env_file(path: str) -> str:
    text = read_text(path)
    if text is None:
        raise FileNotFoundError(path)
    return text


def config_hash(text: str) -> str:
    """SHA-256 of the text without trailing blanks: what Ansible's `file` lookup returns, and so what TPA compares."""
    return hashlib.sha256(text.rstrip().encode("utf-8", "surrogateescape")).hexdigest()


def write(root: str, cluster: Cluster, top: Mapping[str, Any], params: dict[str, Any], run: Run) -> dict[str, Any]:
    """state=present: the keys first, then all files, in the order in which they may be seen."""
    keys, host_keys = _keys(root, cluster, run)
    keys += _tighten(root, cluster, run.check_mode)
    password = vault.file_password(root) if vault.in_file(cluster) else ""
    written = read_text(place(root, cluster_vars_path(cluster, cluster_tag(cluster, top)))) or ""
    context = Context(params["config_hash"], host_keys, password, top, version_to_keep(written), root)
    wanted = files(cluster, params["instances"], context)
    changes = compare(root, wanted, absent.dropped(root, cluster), directories(cluster, top))
    if not run.check_mode:
        apply(root, changes)
    stored, warning = False, ""
    if not password:
        stored, warning = vault.see_to_keyring(root, cluster, run.check_mode, run.run_command)
    if warning and changes.changed:
        run.warn(warning)
    result = _result(root, replace(changes, items=(*keys, *changes.items)), run)
    return dict(result, changed=result["changed"] or stored)


def _keys(root: str, cluster: Cluster, run: Run) -> tuple[list[Change], dict[str, str]]:
    """Make the keys that are missing: what was made, and the public host keys by type."""
    made = missing_keys(root, cluster)
    there = read_keys(root, cluster)
    if not there and not run.check_mode:
        there = ensure_keys(root, cluster, run.run_command)
        made = there.created
    public = dict.fromkeys(HOST_KEY_TYPES, TO_BE_MADE)
    if there:
        public = {kind: text for kind, (_path, text) in there.host_keys.items()}
    return [Change(os.path.relpath(path, root), None, "(made by ssh-keygen)\n") for path in made], public


def _tighten(root: str, cluster: Cluster, check: bool) -> list[Change]:
    """Private keys of ours that others may read (a copy or a git checkout made them so): ssh refuses those."""
    loose = []
    for pair in key_pairs(root, cluster):
        if not pair.ours or not os.path.isfile(pair.private):
            continue
        with explain(pair.private):
            if stat.S_IMODE(os.stat(pair.private).st_mode) & 0o077:
                loose.append(Change(os.path.relpath(pair.private, root), KEY, KEY, 0o600))
                if not check:
                    os.chmod(pair.private, 0o600)
    return loose


def _result(root: str, changes: Changes, run: Run) -> dict[str, Any]:
    result: dict[str, Any] = dict(
        changed=changes.changed,
        cluster_dir=root,
        created=sorted(changes.paths("created")),
        updated=sorted(changes.paths("updated")),
        removed=sorted([*changes.paths("removed"), *changes.rubbish]),
    )
    return dict(result, diff=changes.diff()) if run.diff_mode else result


def remove(root: str, cluster: Cluster, top: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """state=absent."""
    changes = compare(root, [], absent.generated(root, cluster, top), secret=absent.is_secret)
    result = _result(root, changes, run)
    if not run.check_mode:
        apply(root, changes)
    emptied = absent.remove_empty(root, absent.leftover_directories(cluster, top), run.check_mode)
    return dict(result, changed=bool(result["changed"] or emptied))
