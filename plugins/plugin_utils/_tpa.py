# SPDX-License-Identifier: GPL-3.0-or-later
"""What TPA's inventory writer wants to know of nodes that docker_cluster converged. Pure."""

from __future__ import annotations

from typing import Any, Mapping, Sequence

from ansible_collections.tpaexec.docker.plugins.module_utils._directory.render import addresses, host_vars
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError, Problem
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.keys import COMMON_INSTANCE_KEYS
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.parse import options_to_data, parse_config

# Who a node is; what its container is to be (volumes among it) was docker_cluster's to judge.
IDENTITY_KEYS = (*(key for key in COMMON_INSTANCE_KEYS if key != "volumes"), "image", "region")

ADDRESS_KEYS = ("ip_address", "private_ip")


def instance_vars(
    instances: Sequence[Mapping[str, Any]], converged: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """TPA's `instance_vars`: *instances* with their defaults merged in, and what docker_cluster returned for them."""
    if not isinstance(instances, list) or not all(isinstance(item, dict) for item in instances):
        raise ConfigError([Problem("instances", "It is no list of maps.", "Give the filter docker_instances.")])
    known = [{key: item[key] for key in IDENTITY_KEYS if key in item} for item in instances]
    cluster = parse_config(options_to_data({"name": "tpa", "instances": known}), "/", _no_file)
    found = addresses(cluster, converged)
    return [
        {
            # TPA's ssh_config and known_hosts read addresses here, not in vars
            **{key: address for key in ADDRESS_KEYS if (address := found[instance.name])},
            "Name": instance.name,
            "node": instance.node,
            "add_to_inventory": not instance.provision_only,
            "platform": "docker",
            "vars": host_vars(instance, found[instance.name]),
        }
        for instance in cluster.instances
    ]


def _no_file(path: str) -> str:
    raise FileNotFoundError(path)
