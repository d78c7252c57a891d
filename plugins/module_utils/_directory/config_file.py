# SPDX-License-Identifier: GPL-3.0-or-later
"""The body of cluster_config, and its `validated`: read DIR/config.yml, and hand its words on when all are good."""

from __future__ import annotations

import datetime
import hashlib
import os
from typing import Any, Mapping, Optional

from .._entry import Run
from .._errors import ConfigError, PlatformError, Problem
from .._spec.load import read_config
from .._spec.model import Cluster
from .._spec.parse import parse_config

CONFIG = "config.yml"
_MAKE_ONE = "Give the directory that `tpaexec configure` made, or make one: tpaexec configure DIR --platform docker"


def body(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """One run of the module."""
    if params["state"] == "validated":
        return validated(params, run)
    # The Docker SDK takes longer to import than config.yml to read, and every provision reads one.
    from .new_config import present  # noqa: PLC0415

    return present(params, run)


def validated(params: Mapping[str, Any], run: Run) -> dict[str, Any]:
    """state=validated: everything that later steps need to know of the directory. Changes nothing."""
    root = os.path.abspath(params["cluster_dir"])
    text = read_text(root)
    data = read_config(text)
    cluster = parse_config(data, root, read_file)
    _check_writable(root, run)
    for warning in cluster.warnings:
        run.warn(warning)
    return {
        "changed": False,
        "cluster": cluster_words(data, cluster),
        "cluster_name": cluster.name,
        "image_names": list(dict.fromkeys(one.settings.image for one in cluster.instances)),
        "config_hash": config_hash(text),
        "ssh_key_file": cluster.ssh_key_file,
    }


def read_text(root: str) -> str:
    """The text of DIR/config.yml, or an error that says what to do."""
    path = os.path.join(root, CONFIG)
    if not os.path.isdir(root):
        what = "is a file, not a directory" if os.path.exists(root) else "does not exist"
        raise PlatformError(f"The cluster directory {root} {what}.", _MAKE_ONE)
    try:
        return read_file(path)
    except FileNotFoundError:
        raise PlatformError(f"{root} has no {CONFIG}.", _MAKE_ONE) from None
    except UnicodeDecodeError as error:
        raise ConfigError(
            [Problem("", f"It is not UTF-8 text: byte {error.start} is wrong.", "Save it as UTF-8.")]
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise PlatformError(f"{path} cannot be read: {reason}.", "Give yourself the right to read it.") from error


def read_file(path: str) -> str:
    """A file's text as it is, with its line ends."""
    with open(path, encoding="utf-8", newline="") as handle:
        return handle.read()


def config_hash(text: str) -> str:
    """SHA-256 of the text without trailing blanks: what Ansible's `file` lookup returns, and so what TPA compares."""
    return hashlib.sha256(text.rstrip().encode()).hexdigest()


def _check_writable(root: str, run: Run) -> None:
    if os.access(root, os.W_OK | os.X_OK):
        return
    message = f"The cluster directory {root} cannot be written by this user."
    remedy = "Run as its owner, or give yourself the right: sudo chown -R $(id -un) " + root
    if not run.check_mode:
        raise PlatformError(message, remedy)
    run.warn(f"{message} {remedy}")


def cluster_words(data: Mapping[str, Any], cluster: Cluster) -> dict[str, Any]:
    """docker_cluster's options: config.yml's own words, with what a location says written on its instances."""
    return {
        "name": cluster.name,
        "tags": _plain(data.get("cluster_tags") or {}),
        "networks": _plain(data.get("docker_networks") or []),
        "images": _plain(data.get("docker_images") or {}),
        "instance_defaults": _plain(data.get("instance_defaults") or {}),
        "instances": [
            _plain(_placed(words, data, one.location)) for words, one in zip(data["instances"], cluster.instances)
        ],
        "tpaexec_docker": _plain(data.get("tpaexec_docker") or {}),
    }


def _placed(words: Mapping[str, Any], data: Mapping[str, Any], location: str) -> dict[str, Any]:
    """An instance with its location's words under its own, since docker_cluster is not told of locations."""
    locations: Mapping[str, Any] = {item["Name"]: item for item in data.get("locations") or []}
    result = dict(words)
    if location:
        result["location"] = location
    common: Mapping[str, Any] = data.get("instance_defaults") or {}
    for key, value in locations.get(location, {}).items():
        if key == "Name":
            continue
        own: Optional[Any] = words.get(key)
        if isinstance(own, dict) and isinstance(value, dict):
            result[key] = {**value, **own}
        elif key not in words:
            below = common.get(key)
            result[key] = {**below, **value} if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def _plain(value: Any) -> Any:
    """The value as JSON can carry it: a day as text, keys as text."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    return value
