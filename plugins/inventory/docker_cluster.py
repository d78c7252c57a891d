# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Live inventory of clusters: see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: docker_cluster
short_description: Live inventory of clusters that tpaexec.docker (or TPAexec) made
version_added: "0.1.0"
author:
  - The tpaexec.docker developers (@tpaexec)
description:
  - Asks one or several Docker daemons, all at once, for the nodes of one, some or all clusters, by their
    labels. One that does not answer makes the source fail, unless O(unreachable) says otherwise.
  - With O(cluster_dir), the hosts of a cluster directory's C(config.yml) are asked, and for the nodes of that directory
    alone, so that one source is enough for a cluster over several Docker hosts.
  - With O(cache), what was answered is taken from the cache while it has not expired and the file asks for the same
    O(clusters) of the same daemons; C(--flush-cache) asks again.
  - The hosts have the variables that the generated inventory of a cluster directory gives them (C(node), C(platform),
    C(ip_address), C(private_ip), C(location), C(role), C(volumes), C(upstream), C(backup) and those under C(vars)), and
    C(docker_cluster_state), C(docker_cluster_status), C(docker_cluster_image), C(docker_cluster_container),
    C(docker_cluster_addresses), C(docker_cluster_daemon) and C(docker_cluster_id) (of the cluster; empty if TPAexec
    made it) besides.
  - Groups are C(tag_Cluster_NAME), as in the generated inventory, C(role_ROLE), C(location_LOCATION) and
    C(state_STATE). With several daemons, also C(daemon_NAME).
  - Nodes that are not running are listed too, in C(state_exited), C(state_paused) and so on. Use O(filters) to leave
    them out.
notes:
  - The file's name must end in C(docker_cluster.yml) or C(docker_cluster.yaml).
  - What a daemon says is never templated. A variable from a label whose name begins with C(ansible_) is taken only if
    it cannot make the controller run anything (C(ansible_user), C(ansible_become) and the like).
  - Variables of the cluster (C(cluster_vars)) stand in the generated inventory alone. Nodes that TPAexec itself made
    have labels for the cluster only, so no C(role) and C(location).
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description: The name of this plugin.
    type: str
    required: true
    choices: [tpaexec.docker.docker_cluster]
  clusters:
    description:
      - The clusters to list, by C(cluster_name). All, if none is named.
    type: list
    elements: str
    default: []
  cluster_dir:
    description:
      - A cluster directory. Relative to the directory of the source file.
      - The daemons are those on which its C(config.yml) puts nodes (C(tpaexec_docker.hosts)), each with the connection
        that it says; C(daemon_NAME) and C(docker_cluster_daemon) have the names that C(config.yml) gives them. The
        options below describe the one called C(default).
      - Only this directory's nodes are listed. Those of another directory with the same C(cluster_name) are not.
      - Excludes O(clusters) and O(daemons).
    type: str
  connection:
    description:
      - How Ansible reaches the nodes.
      - V(docker_api) is P(tpaexec.docker.docker_api#connection), V(docker) is P(community.docker.docker#connection),
        which needs the C(docker) command. Both are told about the daemon. Where the command cannot be (a
        O(tls_hostname), a path with a blank), V(docker) means V(docker_api).
      - V(ssh) connects to the node's address, which must be reachable from the controller, with a key that you name,
        for example by C(ansible_ssh_private_key_file) in O(compose). With O(cluster_dir), the directory's key and
        known hosts are used, and a node on one of several hosts is reached through its host, by C(docker exec).
    type: str
    choices: [docker_api, docker, ssh]
    default: docker_api
  unreachable:
    description:
      - What a daemon that does not answer means. With V(warning), the nodes of the others are listed, and the cache is
        not written.
    type: str
    choices: [error, warning]
    default: error
  daemons:
    description:
      - Several daemons. Without this option there is one, which the options below describe.
      - Options that an entry leaves out are taken from the options below.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description:
          - A short name, for the group C(daemon_NAME) and for C(docker_cluster_daemon). The host part of
            O(daemons[].docker_host), if not given.
          - If two daemons have a node of one name, those of the later daemon are called C(NODE.NAME).
        type: str
      docker_host:
        description: See O(docker_host).
        type: str
      tls:
        description: See O(tls).
        type: bool
      validate_certs:
        description: See O(validate_certs).
        type: bool
      tls_hostname:
        description: See O(tls_hostname).
        type: str
      ca_path:
        description: See O(ca_path).
        type: path
      client_cert:
        description: See O(client_cert).
        type: path
      client_key:
        description: See O(client_key).
        type: path
      use_ssh_client:
        description: See O(use_ssh_client).
        type: bool
      timeout:
        description: See O(timeout).
        type: int
  docker_host:
    description: URL of the Docker daemon, C(unix://), C(tcp://) or C(ssh://).
    type: str
    default: unix:///var/run/docker.sock
    env:
      - name: DOCKER_HOST
  tls:
    description: Use TLS without verifying the daemon's certificate.
    type: bool
    default: false
    env:
      - name: DOCKER_TLS
  validate_certs:
    description: Use TLS and verify the daemon's certificate.
    type: bool
    default: false
    env:
      - name: DOCKER_TLS_VERIFY
  tls_hostname:
    description: The name expected in the daemon's certificate, when it is not the host in O(docker_host).
    type: str
    env:
      - name: DOCKER_TLS_HOSTNAME
  ca_path:
    description: The certificate of the daemon's authority. C(ca.pem) in E(DOCKER_CERT_PATH), if not given.
    type: path
  client_cert:
    description: The client's certificate. C(cert.pem) in E(DOCKER_CERT_PATH), if not given.
    type: path
  client_key:
    description: The client's key. C(key.pem) in E(DOCKER_CERT_PATH), if not given.
    type: path
  use_ssh_client:
    description: For C(ssh://), use the system's C(ssh) in place of paramiko.
    type: bool
    default: false
  timeout:
    description: Seconds to wait for one reply of the daemon.
    type: int
    default: 60
    env:
      - name: DOCKER_TIMEOUT
  filters:
    description:
      - Conditions over a host's variables, tried one after the other. The first that is true decides, and a host for
        which none is true is listed.
    type: list
    elements: dict
    default: []
    suboptions:
      include:
        description: A Jinja condition, or V(true). Hosts for which it is true are listed.
        type: str
      exclude:
        description: A Jinja condition, or V(true). Hosts for which it is true are left out.
        type: str
requirements:
  - Docker SDK for Python (package C(docker)) >= 7.1.0 on the controller
"""

EXAMPLES = r"""
# Every cluster of the local daemon
plugin: tpaexec.docker.docker_cluster

---
# One cluster, running nodes only, over SSH
plugin: tpaexec.docker.docker_cluster
clusters: [demo]
connection: ssh
filters:
  - exclude: docker_cluster_state != "running"
compose:
  ansible_ssh_private_key_file: "'/home/me/clusters/demo/id_demo'"

---
# The cluster whose directory this file lies in, on all its Docker hosts
plugin: tpaexec.docker.docker_cluster
cluster_dir: .

---
# Two daemons, groups by the image, a cache
plugin: tpaexec.docker.docker_cluster
daemons:
  - name: east
    docker_host: tcp://east.example.com:2376
    validate_certs: true
    ca_path: /etc/docker/ca.pem
  - name: west
    docker_host: ssh://me@west.example.com
keyed_groups:
  - key: docker_cluster_image
    prefix: image
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: /tmp/inventory
"""

import os
from functools import partial
from typing import Any, Iterable, Mapping, Optional, Union
from urllib.parse import urlsplit

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import BaseInventoryPlugin, Cacheable, Constructable
from ansible.utils.display import Display

from ansible_collections.tpaexec.docker.plugins.module_utils._address import DEFAULT_SOCKET, Address
from ansible_collections.tpaexec.docker.plugins.module_utils._client import connect
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.pool import run_all
from ansible_collections.tpaexec.docker.plugins.module_utils._directory.live import CLUSTER_LABEL, LiveNode, live_nodes
from ansible_collections.tpaexec.docker.plugins.module_utils._directory.live_hosts import Site
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError, PlatformError, quoted
from ansible_collections.tpaexec.docker.plugins.module_utils._hosts import CONFIG, of_host, probe_line

try:
    from ansible.utils.unsafe_proxy import wrap_var
except ImportError:

    def wrap_var(value: Any) -> Any:
        """A core that has dropped unsafe_proxy templates nothing but what is marked as trusted."""
        return value


CONNECTIONS = {"docker_api": "tpaexec.docker.docker_api", "docker": "community.docker.docker", "ssh": "ssh"}
# Our option → the variable of the connection plugin docker_api
API_VARS = {
    "docker_host": "ansible_docker_docker_host",
    "tls": "ansible_docker_tls",
    "validate_certs": "ansible_docker_validate_certs",
    "tls_hostname": "ansible_docker_tls_hostname",
    "ca_path": "ansible_docker_ca_cert",
    "client_cert": "ansible_docker_client_cert",
    "client_key": "ansible_docker_client_key",
    "use_ssh_client": "ansible_docker_use_ssh_client",
}


class InventoryModule(BaseInventoryPlugin, Constructable, Cacheable):
    """Asks, caches, adds. What a container is as a node is decided in module_utils/_directory/live.py."""

    NAME = "tpaexec.docker.docker_cluster"

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith(("docker_cluster.yml", "docker_cluster.yaml"))

    def parse(self, inventory: Any, loader: Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        try:
            site = self._site(path)
            own = self._connection_options()
            daemons = (
                site.addresses(Address.from_params(own)) if site else named_daemons(self.get_option("daemons"), own)
            )
            found = self._nodes(daemons, site, self.get_cache_key(path), cache)
        except PlatformError as error:
            raise AnsibleParserError(str(error)) from error
        entries = [(name, node) for name in daemons for node in found.get(name, [])]
        if site:
            entries.sort(key=lambda entry: site.away(entry[1].name, entry[0]))
        taken: set[str] = set()
        for name, node in entries:
            host = node.name
            if host in taken:
                host = f"{node.name}.{name}"
                Display().warning(f"Two daemons have a node {node.name}: the one of {name} is called {host}.")
            taken.add(host)
            variables = connection_vars(self.get_option("connection"), node, daemons[name])
            if site and self.get_option("connection") == "ssh":
                variables.update(wrap_var(site.ssh_vars(node.name, name)))
            self._add(host, node, name, variables, several=len(daemons) > 1)

    def _connection_options(self) -> dict[str, Any]:
        return {name: self.get_option(name) for name in Address.__dataclass_fields__}

    def _site(self, path: str) -> Optional[Site]:
        """What `cluster_dir` says."""
        said = self.get_option("cluster_dir")
        if not said:
            return None
        for other in ("clusters", "daemons"):
            if self.get_option(other):
                seen = f"{other} and cluster_dir say two things about what is listed."
                raise PlatformError(seen, "Leave one of them out: cluster_dir names a cluster and its hosts.")
        return Site.read(os.path.join(os.path.dirname(os.path.abspath(path)), os.path.expanduser(said)))

    def _nodes(
        self, daemons: Mapping[str, Address], site: Optional[Site], key: str, cache: bool
    ) -> dict[str, list[LiveNode]]:
        """The nodes by daemon, from the cache if it may be used and has the answers to the same questions."""
        use = bool(self.get_option("cache"))
        clusters = list(self.get_option("clusters"))
        if site and not site.cluster_id:  # else the id decides: the cluster may have got another name since
            clusters = [site.cluster.name]
        asked = {"clusters": clusters, "daemons": {name: address.docker_host for name, address in daemons.items()}}
        cached = self._cache.get(key) if use and cache else None
        if not isinstance(cached, dict) or cached.get("asked") != asked:
            cached = {"asked": asked, "nodes": self._ask_all(daemons, clusters)}
            if use and len(cached["nodes"]) == len(daemons):
                self._cache[key] = cached
        found = {name: [LiveNode.from_cache(node) for node in nodes] for name, nodes in cached["nodes"].items()}
        return {name: [node for node in nodes if not site or site.has(node)] for name, nodes in found.items()}

    def _ask_all(self, daemons: Mapping[str, Address], clusters: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
        """All at once; those that do not answer are an error with all their names, or a warning each."""
        file = CONFIG if self.get_option("cluster_dir") else "the inventory's source"
        several = len(daemons) > 1
        jobs = [partial(ask, name if several else "", daemons[name], clusters, file) for name in daemons]
        answers = dict(zip(daemons, run_all(jobs, len(jobs))))
        silent = [answer for answer in answers.values() if isinstance(answer, DaemonError)]
        if silent and self.get_option("unreachable") == "error":
            raise PlatformError("\n".join(map(str, silent)))
        for error in silent:
            Display().warning(f"Its nodes are not listed. {error}")
        return {name: answer for name, answer in answers.items() if not isinstance(answer, DaemonError)}

    def _add(self, host: str, node: LiveNode, daemon: str, connection: Mapping[str, Any], several: bool) -> None:
        variables = wrap_var(node.host_vars())
        variables["docker_cluster_daemon"] = daemon
        variables.update(connection)
        # inventory_hostname for the conditions alone: Ansible sets it itself later
        if not self._listed({**variables, "inventory_hostname": wrap_var(host)}):
            return
        self.inventory.add_host(host)
        for group in [*node.groups(), *([f"daemon_{daemon}"] if several else [])]:
            self.inventory.add_host(host, group=self.inventory.add_group(group))
        for key, value in variables.items():
            self.inventory.set_variable(host, key, value)
        strict = self.get_option("strict")
        self._set_composite_vars(self.get_option("compose"), variables, host, strict=strict)
        self._add_host_to_composed_groups(self.get_option("groups"), variables, host, strict=strict)
        self._add_host_to_keyed_groups(self.get_option("keyed_groups"), variables, host, strict=strict)

    def _listed(self, variables: dict[str, Any]) -> bool:
        for entry in self.get_option("filters"):
            word = next(iter(entry), None)
            if len(entry) != 1 or word not in ("include", "exclude"):
                keys = ", ".join(map(str, entry)) or "none"
                raise AnsibleParserError(f"filters: give each entry one key, include or exclude; one has: {keys}.")
            if self._holds(entry[word], variables):
                return bool(word == "include")
        return True

    def _holds(self, condition: Any, variables: dict[str, Any]) -> bool:
        if isinstance(condition, bool):
            return condition
        try:
            return bool(self._compose(condition, variables))
        except Exception as error:
            if self.get_option("strict"):
                said = f"Mend the condition {quoted(condition)} of filters, which cannot be evaluated: {error}"
                raise AnsibleParserError(said) from error
            return False


def named_daemons(entries: Iterable[Mapping[str, Any]], defaults: Mapping[str, Any]) -> dict[str, Address]:
    """The daemons to ask, by name. With no entry, the one that the plugin's own options describe."""
    found: dict[str, Address] = {}
    for entry in list(entries) or [{}]:
        unknown = sorted(set(entry) - set(Address.__dataclass_fields__) - {"name"})
        if unknown:
            raise PlatformError(
                f"daemons: unknown option {', '.join(unknown)}.",
                "See ansible-doc -t inventory tpaexec.docker.docker_cluster.",
            )
        address = Address.from_params({**defaults, **entry})
        name = str(entry.get("name") or urlsplit(address.docker_host).hostname or "local")
        if name in found:
            raise PlatformError(f"daemons: two are called {name}.", "Give each one a `name` of its own.")
        found[name] = address
    return found


def ask(
    name: str, address: Address, clusters: Iterable[str], file: str = CONFIG
) -> Union[list[dict[str, Any]], DaemonError]:
    """The nodes of one daemon, as plain data for the cache. One request, however many nodes there are.

    *name* is that of one of several daemons, which is tried by a short connection first: it may be switched off. *file*
    is where it stands.
    """
    try:
        if name:
            probe_line(address)
        with connect(address) as daemon:
            containers = daemon.call("containers", all=True, filters={"label": [CLUSTER_LABEL]})
    except DaemonError as error:
        return of_host(name, error, file) if name else error
    return [node.to_cache() for node in live_nodes(containers, clusters)]


def connection_vars(kind: str, node: LiveNode, address: Address) -> dict[str, Any]:
    """How Ansible reaches the node. These come from the inventory file, and win over everything a label says."""
    words = command_line(address)
    if kind == "docker" and (address.tls_hostname or any(" " in word for word in words)):
        kind = "docker_api"  # the command cannot be told the name, and its connection plugin splits options at blanks
    found: dict[str, Any] = {"ansible_connection": CONNECTIONS[kind]}
    if kind == "ssh":
        return {**found, "ansible_host": wrap_var(node.address)} if node.address else found
    # Not by a variable from a label: it would name another container
    found["ansible_host"] = wrap_var(node.name)
    if kind == "docker_api":
        given = {API_VARS[key]: getattr(address, key) for key in API_VARS}
        found.update({key: value for key, value in given.items() if value not in (None, False)})
    elif words:
        found["ansible_docker_extra_args"] = " ".join(words)
    return found


def command_line(address: Address) -> list[str]:
    """The options of the command `docker` that lead to this daemon."""
    words = ["--host", address.docker_host] if address.docker_host != DEFAULT_SOCKET else []
    if address.uses_tls:
        words.append("--tlsverify" if address.validate_certs else "--tls")
    files = {"--tlscacert": address.ca_path, "--tlscert": address.client_cert, "--tlskey": address.client_key}
    return words + [word for option, path in files.items() if path for word in (option, path)]
