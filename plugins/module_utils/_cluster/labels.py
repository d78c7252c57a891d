# SPDX-License-Identifier: GPL-3.0-or-later
"""The labels of what we make: TPA's, and ours with the prefix tpaexec.docker."""

from __future__ import annotations

import json
import os
import pwd
from typing import Any, Mapping

from .._spec.model import Cluster, Instance, Network
from .drift import applied_values
from .observe import CLUSTER_LABEL, ID_LABEL
from .recipe import Cooked

PREFIX = "tpaexec.docker."
APPLIED_LABEL = PREFIX + "applied"
RECIPE_LABEL = PREFIX + "recipe"


def node_labels(cluster: Cluster, instance: Instance, cooked: Cooked, cluster_id: str) -> dict[str, str]:
    """TPA_CONTRACT.md, A container: tags of the cluster, tags of the instance, Cluster; then ours."""
    return {
        **tpa_tags(cluster),
        **{str(key): str(value) for key, value in instance.tags.items()},
        CLUSTER_LABEL: cluster.name,
        ID_LABEL: cluster_id,
        PREFIX + "node": str(instance.node),
        PREFIX + "role": _json(list(instance.role)),
        PREFIX + "location": instance.location,
        PREFIX + "vars": _json(host_vars(instance)),
        **({PREFIX + "provision_only": "true"} if instance.provision_only else {}),
        RECIPE_LABEL: cooked.recipe,
        APPLIED_LABEL: _json({**applied_values(instance.settings), "networks": network_names(instance)}),
    }


def network_names(instance: Instance) -> list[str]:
    return [item.network for item in instance.settings.networks]


def tpa_tags(cluster: Cluster) -> dict[str, str]:
    return {"Owner": _user(), **{str(key): str(value) for key, value in cluster.tags.items()}, "Name": cluster.name}


def _user() -> str:
    """TPA's default for the tag Owner."""
    try:
        return os.environ.get("USER") or pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def network_labels(cluster: Cluster, network: Network, cluster_id: str) -> dict[str, str]:
    return {**network.labels, CLUSTER_LABEL: cluster.name, ID_LABEL: cluster_id}


def volume_labels(cluster: Cluster, cluster_id: str) -> dict[str, str]:
    return {CLUSTER_LABEL: cluster.name, ID_LABEL: cluster_id}


def host_vars(instance: Instance) -> dict[str, Any]:
    """What TPA's inventory has for a node besides its addresses (TPA_CONTRACT.md, host_vars)."""
    found: dict[str, Any] = {
        "location": instance.location or None,
        "role": [r for r in instance.role if r != "postgres"],
    }
    for key in ("region", "upstream", "ansible_host"):
        if getattr(instance, key):
            found[key] = getattr(instance, key)
    if instance.backup:
        found["backup"] = instance.backup[0] if len(instance.backup) == 1 else list(instance.backup)
    found["volumes"] = []
    found.update(instance.vars)
    return found


def applied_of(labels: Mapping[str, str]) -> dict[str, Any]:
    """What creation applied, {} where the label is not there (a node that TPA made) or not ours to read."""
    try:
        value = json.loads(labels.get(APPLIED_LABEL) or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def recipe_of(labels: Mapping[str, str]) -> str:
    return labels.get(RECIPE_LABEL) or ""


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
