# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster directory as the live inventory uses it: its daemons, its nodes among theirs, and ssh's way there."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field
from typing import Any, Mapping

from .._address import Address
from .._cluster.job import record_directory
from .._cluster.record import Place, read_id, read_record
from .._hosts import addresses_of
from .._spec.model import DEFAULT_HOST, Cluster
from .body import read_cluster
from .connection import proxy_through, through_host
from .keys import ssh_key_name
from .live import LiveNode
from .render import KNOWN_HOSTS


@dataclass(frozen=True)
class Site:
    """`root` is the directory; `cluster_id` is "" before its first provision, `places` where nodes were made last."""

    root: str
    cluster: Cluster
    cluster_id: str = ""
    places: Mapping[str, Place] = field(default_factory=dict)

    @classmethod
    def read(cls, directory: str) -> Site:
        root = os.path.realpath(directory)
        cluster = read_cluster(root)[2]
        record = record_directory(None, root, cluster.name)
        return cls(root, cluster, read_id(record), read_record(record).places)

    def addresses(self, own: Address) -> dict[str, Address]:
        """The daemons by host name. *own* is that of the host `default`.

        A node that config.yml has put elsewhere is still where it was, until it is made anew: that host is asked, too.
        """
        hosts = {host.name: host for host in self.cluster.used_hosts}
        for place in self.places.values():
            if place.host == DEFAULT_HOST or place.host in self.cluster.hosts:
                hosts.setdefault(place.host, self.cluster.host(place.host))
        return addresses_of(hosts.values(), own)

    def has(self, node: LiveNode) -> bool:
        """The id decides, as everywhere: another directory may have a cluster of the same name, and this one may have
        got another name since. Nodes that TPA made have none."""
        if node.cluster_id and self.cluster_id:
            return node.cluster_id == self.cluster_id
        return node.cluster == self.cluster.name

    def away(self, name: str, host: str) -> bool:
        """*host* is not where config.yml has this node: what is there may be an older container of it."""
        return any(instance.name == name and instance.host != host for instance in self.cluster.instances)

    def ssh_vars(self, name: str, host: str) -> dict[str, Any]:
        """The directory's key and known hosts, and the way through *host*, as ssh_config has them."""
        known = [os.path.join(self.root, file) for file in ("known_hosts", KNOWN_HOSTS)]
        options = ["IdentitiesOnly=yes", "UserKnownHostsFile=" + " ".join(f'"{path}"' for path in known)]
        if through_host(self.cluster, host):
            options.append("ProxyCommand=" + proxy_through(self.cluster.host(host), name))
        return {
            "ansible_port": self.cluster.ssh_port,
            "ansible_ssh_private_key_file": os.path.join(self.root, os.path.expanduser(ssh_key_name(self.cluster))),
            "ansible_ssh_common_args": " ".join(f"-o {shlex.quote(option)}" for option in options),
        }
