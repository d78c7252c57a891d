# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a cluster directory, as text: pure. The bytes are those that TPA's own provision writes.

Where TPA or Ansible reads a file, it is written as TPA writes it (checked against TPA 23.40.1, ansible-core 2.16): the
same keys, the same order, the same quoting and folding.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from .._errors import ConfigError, PlatformError, Problem
from .._spec.model import Cluster, Instance
from .connection import connection_vars, proxy_command
from .connection import host_vars_path as connection_path
from .keys import HOST_KEY_TYPES, ssh_key_name
from .nice_yaml import nice_yaml
from .write import File

# The TPA whose directories these are; TPA prints it in its deployment log and reads it nowhere else
OUR_MARK = "-tpaexec.docker"
TPA_VERSION = f"23.40.1{OUR_MARK}"

KNOWN_HOSTS = "tpa_known_hosts"
SSH_CONFIG = "ssh_config"
VAULT_PASS = "vault/vault_pass.txt"  # noqa: S105 - a path
HASH_FILE = "inventory/group_vars/hashes/config.yml"
INSTANCE_VARS = "01-instance_vars.yml"

# A template on purpose, and TPA's own: it is resolved where the inventory is used
INTERPRETER = (
    """ansible_python_interpreter: '/usr/bin/{{ python|default(preferred_python_version|default("python2.7")) }}'\n"""
)


@dataclass(frozen=True)
class Context:
    """What the files say beside the cluster itself.

    `top` is config.yml's top level as it was read: keys that TPA passes on and that `Cluster` has no field for; `root`
    is the directory.
    """

    config_hash: str
    host_keys: Mapping[str, str] = field(default_factory=dict)
    vault_password: str = ""
    top: Mapping[str, Any] = field(default_factory=dict)
    tpa_version: str = TPA_VERSION
    root: str = ""


def version_to_keep(text: str) -> str:
    """The `tpa_version` that TPA wrote into *text* (01-<cluster>.yml), else ours.

    TPA commits its inventory to git and refuses to deprovision while a committed file differs: for the sake of this
    one line it should not.
    """
    found = re.search(r"^tpa_version: '?([0-9A-Za-z][0-9A-Za-z.+~_-]*)'?$", text, re.MULTILINE)
    return found.group(1) if found and not found.group(1).endswith(OUR_MARK) else TPA_VERSION


def cluster_tag(cluster: Cluster, top: Mapping[str, Any]) -> str:
    """The group of all nodes: TPA's `cluster_tag`, which config.yml may set."""
    tag = top.get("cluster_tag") or f"tag_Cluster_{cluster.name}"
    if isinstance(tag, str) and re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", tag):
        return tag
    raise ConfigError([Problem("cluster_tag", "is not a group name.", "Use letters, digits, '_', '-' and '.'.")])


def addresses(cluster: Cluster, instances: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Each node's address by name, from docker_cluster's `instances`; "" where a node has none (yet)."""
    found = {str(node.get("name")): str(node.get("ip_address") or "") for node in instances}
    missing = [instance.name for instance in cluster.instances if instance.name not in found]
    if missing:
        raise PlatformError(
            f"`instances` says nothing about {', '.join(missing)}.",
            "Give cluster_directory the `instances` that docker_cluster returned for this config.yml.",
        )
    return {instance.name: found[instance.name] or _fixed(instance) for instance in cluster.instances}


def _fixed(instance: Instance) -> str:
    return instance.settings.networks[0].ipv4_address if instance.settings.networks else ""


def files(cluster: Cluster, instances: Sequence[Mapping[str, Any]], context: Context) -> list[File]:
    """Every file that provision writes, but the SSH keys."""
    address = addresses(cluster, instances)
    tag = cluster_tag(cluster, context.top)
    group = f"inventory/group_vars/{tag}"
    made = [
        File(f"inventory/00-{cluster.name}", static_inventory(cluster, tag)),
        File(f"{group}/00-ansible.yml", INTERPRETER + nice_yaml(ansible_vars(cluster, context.top))),
        File(cluster_vars_path(cluster, tag), nice_yaml(cluster_vars(cluster, tag, context))),
    ]
    for instance in cluster.instances:
        content = nice_yaml(host_vars(instance, address[instance.name]))
        made.append(File(host_vars_path(instance.name), content))
        connection = connection_vars(cluster.host(instance.host), context.root)
        if connection:
            made.append(File(connection_path(instance.name), nice_yaml(connection)))
    made.append(File(KNOWN_HOSTS, known_hosts(cluster, address, context.host_keys)))
    made.append(File(SSH_CONFIG, ssh_config(cluster, address, context.root)))
    if context.vault_password:
        made.append(File(VAULT_PASS, context.vault_password + "\n", 0o600, secret=True))
    # Last: TPA's provision stops early while this hash is config.yml's, so all else must be there before it
    made.append(File(HASH_FILE, nice_yaml({"config_hashes": {"last_provisioned": context.config_hash}}, indent=4)))
    return made


def directories(cluster: Cluster, top: Mapping[str, Any]) -> list[str]:
    """Directories that TPA's roles write into and expect to be there."""
    return ["vault", "hostkeys", f"inventory/group_vars/{cluster_tag(cluster, top)}/secrets"]


def host_vars_path(name: str) -> str:
    return f"inventory/host_vars/{name}/{INSTANCE_VARS}"


def static_inventory(cluster: Cluster, tag: str) -> str:
    """`00-<cluster>`. platform=docker stays: TPA's roles branch on it."""
    lines = [f"[{tag}]"]
    lines += [
        f"{instance.name} ansible_connection=docker node={instance.node} platform=docker"
        for instance in cluster.instances
        if not instance.provision_only
    ]
    return "\n".join(lines) + "\n"


def ansible_vars(cluster: Cluster, top: Mapping[str, Any]) -> dict[str, Any]:
    """`00-ansible.yml` below its first line. The blanks are those of TPA's template."""
    only = "" if top.get("use_ssh_agent") else "-o IdentitiesOnly=yes"
    forward = "-o ForwardAgent=yes" if "forward_ssh_agent" in top else ""
    base = "-o ServerAliveInterval=60 -o UserKnownHostsFile='known_hosts tpa_known_hosts'"
    return {
        "ansible_shell_executable": "/bin/bash",
        "ansible_port": str(cluster.ssh_port),
        "ansible_ssh_common_args": f"{base} {only} {forward}",
        "ansible_ssh_private_key_file": ssh_key_name(cluster),
    }


def cluster_vars_path(cluster: Cluster, tag: str) -> str:
    return f"inventory/group_vars/{tag}/01-{cluster.name}.yml"


def cluster_vars(cluster: Cluster, tag: str, context: Context) -> dict[str, Any]:
    """`01-<cluster>.yml`: cluster_vars, and what TPA's roles want to know of the cluster."""
    found = dict(cluster.vars)
    network = found.get("cluster_network", [])
    if isinstance(network, str) and "cluster_networks" not in found:
        found.pop("cluster_network")
        found["cluster_networks"] = [network]
    found.update(
        cluster_tag=tag,
        cluster_name=cluster.name,
        tpa_version=context.tpa_version,
        keyring_backend=cluster.keyring_backend or None,
        compliance=context.top.get("compliance"),
        ssh_key_file=ssh_key_name(cluster),
    )
    return found


def host_vars(instance: Instance, address: str) -> dict[str, Any]:
    """`01-instance_vars.yml`: addresses, then `instance_vars`."""
    found: dict[str, Any] = {"ip_address": address, "private_ip": address} if address else {}
    found.update(instance_vars(instance))
    return found


def instance_vars(instance: Instance) -> dict[str, Any]:
    """What a node is, without its addresses; what stands under `vars` has the last word, as in TPA."""
    backup = instance.backup[0] if len(instance.backup) == 1 else list(instance.backup)
    optional = {"region": instance.region, "backup": backup, "upstream": instance.upstream}
    optional["ansible_host"] = instance.ansible_host
    found: dict[str, Any] = {"location": instance.location or None}
    found.update({key: value for key, value in optional.items() if value})
    found["role"] = [role for role in instance.role if role != "postgres"]
    # Docker's volumes are no devices that TPA would have to format and mount
    found["volumes"] = []
    found.update(instance.vars)
    return found


def known_hosts(cluster: Cluster, address: Mapping[str, str], host_keys: Mapping[str, str]) -> str:
    """`tpa_known_hosts`: every node has the cluster's host keys."""
    lines = []
    for instance in cluster.instances:
        host = address[instance.name]
        if not host:
            continue
        shown = host if cluster.ssh_port == 22 else f"[{host}]:{cluster.ssh_port}"
        lines += [f"{shown} {host_keys[kind].strip()}" for kind in HOST_KEY_TYPES if kind in host_keys]
    return "".join(f"{line}\n" for line in lines)


def ssh_config(cluster: Cluster, address: Mapping[str, str], root: str = "") -> str:
    """`ssh_config`: paths are relative to the directory, so that it can be moved."""
    lines = [
        "Host *",
        f"    Port {cluster.ssh_port}",
        "    IdentitiesOnly yes",
        f'    IdentityFile "{ssh_key_name(cluster)}"',
        "    UserKnownHostsFile known_hosts tpa_known_hosts",
        "    ServerAliveInterval 60",
        "",
    ]
    for instance in cluster.instances:
        lines.append(f"Host {instance.name}")
        user = instance.vars.get("ansible_user")
        if user is not None:
            lines.append(f"    User {_one_line(user)}")
        if address[instance.name]:
            lines.append(f"    HostName {address[instance.name]}")
        proxy = proxy_command(cluster, instance, root)
        if proxy:
            lines.append(f"    ProxyCommand {proxy}")
    return "\n".join(lines) + "\n"


def _one_line(value: Any) -> str:
    """ssh reads a directive a line: a user name with a line break in it would add directives."""
    text = str(value)
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise ConfigError([Problem("vars.ansible_user", "holds a control character.", "Write a plain user name.")])
    return text
