# SPDX-License-Identifier: GPL-3.0-or-later
"""cluster_config's `present`: lay out a new cluster and write DIR/config.yml, never over another."""

from __future__ import annotations

import errno
import os
import random
from dataclasses import replace
from typing import Any, Mapping, Optional

from .._address import Address
from .._entry import Run
from .._errors import PlatformError
from .._spec.configure import HostsFile, Wishes, compose, parse_wishes, render
from .._spec.load import read_config
from .._spec.parse import parse_config
from .config_file import CONFIG, config_hash, read_file
from .paths import explain, sweep, sync, temporary_file
from .surroundings import DAEMON_PATIENCE, look_around


def present(params: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """state=present. The text is read back as `validated` would, before it is written."""
    root = os.path.abspath(params["cluster_dir"])
    path = os.path.join(root, CONFIG)
    _refuse_existing(root, path)
    wishes = parse_wishes(params, os.path.basename(root), _names_file(params), _hosts_file(params))
    directories = params.get("exclude_subnets_from") or []
    address = Address.from_params(params)
    around, warnings = look_around(directories, root, replace(address, timeout=min(address.timeout, DAEMON_PATIENCE)))
    text = render(compose(wishes, around, random.SystemRandom()))
    cluster = parse_config(read_config(text), root, read_file)
    if not run.check_mode:
        _write(root, path, text)
    for warning in warnings:
        run.warn(warning)
    return {
        "changed": True,
        "config_file": path,
        "config_hash": config_hash(text),
        "cluster_name": cluster.name,
        "subnet": cluster.networks[0].ipam[0].subnet,
        "image_names": [wishes.image],
        "instances": [
            {"name": one.name, "node": one.node, "role": list(one.role), "host": one.host} for one in cluster.instances
        ],
        "msg": _message(path, wishes, len(cluster.instances), run.check_mode),
        "diff": {"before": "", "after": text, "before_header": path, "after_header": path},
    }


def _message(path: str, wishes: Wishes, count: int, check_mode: bool) -> str:
    done = "would be written" if check_mode else "written"
    return f"{path} {done}: cluster {wishes.cluster_name} of {count} nodes, image {wishes.image}."


def _refuse_existing(root: str, path: str) -> None:
    if os.path.lexists(path):
        remedy = "It is never overwritten: edit it, move it away, or configure another directory."
        raise PlatformError(f"{path} exists already.", remedy)
    if os.path.lexists(root) and not os.path.isdir(root):
        raise PlatformError(f"{root} is a file, not a directory.", "Choose another directory.")


def _names_file(params: Mapping[str, Any]) -> Optional[str]:
    path = params.get("hostnames_from")
    if path is None:
        return None
    try:
        return read_file(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise PlatformError(
            f"--hostnames-from: {path} cannot be read: {reason}.", "Name a file with one name a line."
        ) from error


def _hosts_file(params: Mapping[str, Any]) -> Optional[HostsFile]:
    """The text, the folder that its relative paths start from, and what reads a file there."""
    path = params.get("docker_hosts")
    if path is None:
        return None
    try:
        return read_file(path), os.path.dirname(os.path.abspath(path)), read_file
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        remedy = "Name a YAML file with a map of Docker hosts (docs/configuration.md)."
        raise PlatformError(f"--docker-hosts: {path} cannot be read: {reason}.", remedy) from error


def _write(root: str, path: str, text: str) -> None:
    """The whole file or none; one that came up meanwhile stays, as linking refuses to replace it."""
    with explain(root):
        os.makedirs(root, exist_ok=True)
    sweep(root)
    with explain(path):
        descriptor, temporary = temporary_file(root)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
                handle.write(text)
                handle.flush()
                os.fsync(handle.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            _link(temporary, path)
            sync(root)
        finally:
            os.unlink(temporary)


def _link(temporary: str, path: str) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        _refuse_existing(os.path.dirname(path), path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK):
            raise
        _copy(temporary, path)


def _copy(temporary: str, path: str) -> None:
    """Where the file system has no links: made here and nowhere else, which is what counts."""
    with open(path, "x", encoding="utf-8") as handle:
        handle.write(read_file(temporary))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
