# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of the daemon's list as nodes of an inventory: pure. All that is read here, somebody else wrote."""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass, field
from typing import Any, Iterable, Mapping, Optional

CLUSTER_LABEL = "Cluster"
NAME_LABEL = "Name"
PREFIX = "tpaexec.docker."
ID_LABEL = PREFIX + "id"

# Of the variables that a label may carry, these alone of Ansible's own are taken: none of them can make the controller
# run something. (ansible_connection or ansible_ssh_common_args, say, could.)
HARMLESS = re.compile(
    r"ansible_(user|port|host|python_interpreter|shell_executable|remote_tmp|become|become_method|become_user|ssh_user)"
)
# A name or an address. It ends up among the words of an ssh command, where `-oProxyCommand=…` would be an option.
HOST = re.compile(r"[A-Za-z0-9:][A-Za-z0-9.:%_-]*")


@dataclass(frozen=True)
class LiveNode:
    """One node as the daemon lists it. `vars` are those of 01-instance_vars.yml, addresses included."""

    name: str
    cluster: str
    container_id: str
    state: str
    status: str
    image: str
    node: Optional[int] = None
    cluster_id: str = ""
    role: tuple[str, ...] = ()
    location: str = ""
    address: str = ""
    addresses: Mapping[str, str] = field(default_factory=dict)
    vars: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_api(cls, raw: Mapping[str, Any]) -> Optional[LiveNode]:
        """A node from one entry of `GET /containers/json`; None if it is no node, or one that inventories leave out."""
        labels = raw.get("Labels") or {}
        cluster = labels.get(CLUSTER_LABEL)
        # TPA's own nodes have no id; their Name label repeats the cluster's name
        ours = ID_LABEL in labels or labels.get(NAME_LABEL) == cluster
        if not cluster or not ours or _json(labels, "provision_only") is True:
            return None
        addresses = _addresses(raw)
        role = _json(labels, "role")
        node = _json(labels, "node")
        return cls(
            name=_name(raw),
            cluster=str(cluster),
            container_id=str(raw.get("Id") or ""),
            state=str(raw.get("State") or "unknown"),
            status=str(raw.get("Status") or ""),
            image=str(raw.get("Image") or ""),
            node=node if isinstance(node, int) else None,
            cluster_id=str(labels.get(ID_LABEL) or ""),
            role=tuple(str(one) for one in role if one != "postgres") if isinstance(role, list) else (),
            location=str(labels.get(PREFIX + "location") or ""),
            address=_first(labels, addresses),
            addresses=addresses,
            vars=_vars(labels),
        )

    def groups(self) -> list[str]:
        """By cluster (the name that the generated inventory uses), role, location and state."""
        found = [f"tag_Cluster_{self.cluster}", *(f"role_{role}" for role in self.role)]
        return [*found, *([f"location_{self.location}"] if self.location else []), f"state_{self.state}"]

    def host_vars(self) -> dict[str, Any]:
        """Those of the generated files, and what only a daemon can tell, under docker_cluster_."""
        found: dict[str, Any] = dict(platform="docker", cluster_name=self.cluster)
        found["cluster_tag"] = f"tag_Cluster_{self.cluster}"
        if self.node is not None:
            found["node"] = self.node
        if self.address:
            found.update(ip_address=self.address, private_ip=self.address)
        found.update(self.vars)
        found.update(
            docker_cluster_id=self.cluster_id,
            docker_cluster_container=self.container_id,
            docker_cluster_state=self.state,
            docker_cluster_status=self.status,
            docker_cluster_image=self.image,
            docker_cluster_addresses=dict(self.addresses),
        )
        return found

    def to_cache(self) -> dict[str, Any]:
        """Plain data, for the inventory's cache."""
        return dict(vars(self), role=list(self.role), addresses=dict(self.addresses), vars=dict(self.vars))

    @classmethod
    def from_cache(cls, data: Mapping[str, Any]) -> LiveNode:
        return cls(**{**data, "role": tuple(data["role"])})


def live_nodes(containers: Iterable[Mapping[str, Any]], clusters: Iterable[str] = ()) -> list[LiveNode]:
    """The nodes among *containers*, of *clusters* if any are named, by cluster and node number."""
    wanted = set(clusters)
    found = [node for node in map(LiveNode.from_api, containers) if node]
    chosen = [node for node in found if not wanted or node.cluster in wanted]
    return sorted(chosen, key=lambda node: (node.cluster, node.node is None, node.node or 0, node.name))


def _name(raw: Mapping[str, Any]) -> str:
    """The container's own name; a legacy link adds others, with a further slash."""
    names = [str(name).lstrip("/") for name in raw.get("Names") or []]
    return next((name for name in names if "/" not in name), "") or str(raw.get("Id") or "")[:12]


def _addresses(raw: Mapping[str, Any]) -> dict[str, str]:
    """Address by network; a node that is not running has the one that it was given and will have again."""
    networks = (raw.get("NetworkSettings") or {}).get("Networks") or {}
    found = {}
    for name in sorted(networks):
        endpoint = networks[name] or {}
        address = endpoint.get("IPAddress") or (endpoint.get("IPAMConfig") or {}).get("IPv4Address")
        if address and _is_address(str(address)):
            found[str(name)] = str(address)
    return found


def _is_address(text: str) -> bool:
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False


def _first(labels: Mapping[str, str], addresses: Mapping[str, str]) -> str:
    """The address on the node's first network, as config.yml had them in order."""
    applied = _json(labels, "applied")
    order = applied.get("networks") if isinstance(applied, dict) else None
    names = [name for name in order if isinstance(name, str)] if isinstance(order, list) else []
    return next((addresses[name] for name in [*names, *addresses] if name in addresses), "")


def _vars(labels: Mapping[str, str]) -> dict[str, Any]:
    found = _json(labels, "vars")
    if not isinstance(found, dict):
        return {}
    return {key: value for key, value in found.items() if not key.startswith("ansible_") or _harmless(key, value)}


def _harmless(key: str, value: Any) -> bool:
    return bool(HARMLESS.fullmatch(key)) and (key != "ansible_host" or bool(HOST.fullmatch(str(value))))


def _json(labels: Mapping[str, str], name: str) -> Any:
    """A label's JSON; None where it is missing or somebody else's text."""
    try:
        return json.loads(labels.get(PREFIX + name) or "null")
    except ValueError:
        return None
