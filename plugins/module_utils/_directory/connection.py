# SPDX-License-Identifier: GPL-3.0-or-later
"""How Ansible and ssh reach the nodes of a cluster whose hosts config.yml names: pure.

The connection stays `docker`, TPA's own, led to the host by options of the docker command: it goes to tcp:// with TLS
and to ssh:// alike, and takes no heed of REQUESTS_CA_BUNDLE. It cannot say another name for the certificate, and splits
its options at blanks: for those hosts it is this collection's own, through the daemon's API.
"""

from __future__ import annotations

import os
import shlex
from typing import Any, Callable

from .._spec.model import DEFAULT_HOST, Cluster, Host, Instance

HOST_VARS = "02-docker_host.yml"
_FILES = (("tls_ca_cert", "--tlscacert"), ("tls_client_cert", "--tlscert"), ("tls_client_key", "--tlskey"))
# From its standard input and output to the node's own sshd: the controller has no way into an overlay network.
_THROUGH = "exec 3<>/dev/tcp/127.0.0.1/%p; cat <&3 & cat >&3; kill $!"


def host_vars_path(name: str) -> str:
    return f"inventory/host_vars/{name}/{HOST_VARS}"


def connection_vars(host: Host, root: str) -> dict[str, Any]:
    """The variables of a node on *host*; {} for the daemon that DOCKER_HOST names."""
    if host.name == DEFAULT_HOST:
        return {}
    shown = _from_inventory(root)
    words = {"docker_host": host.docker_host, "tls_hostname": host.tls_hostname, "use_ssh_client": host.use_ssh_client}
    words.update({key: shown(getattr(host, key)) for key, _option in _FILES})
    said: dict[str, Any] = {"name": host.name, **{key: value for key, value in words.items() if value}}
    options = docker_options(host, shown)
    if host.tls_hostname or any(" " in part for part in docker_options(host, str)):
        return {**_api(host, said), "tpaexec_docker_host": said}
    return {
        "ansible_connection": "docker",
        "ansible_docker_extra_args": " ".join(options),
        "tpaexec_docker_host": said,
    }


def _from_inventory(root: str) -> Callable[[str], str]:
    """A path in the directory is written from the inventory, so that the directory can be moved."""

    def shown(path: str) -> str:
        inside = path and root and os.path.commonpath([path, root]) == root
        return "{{ inventory_dir }}/../" + os.path.relpath(path, root) if inside else path

    return shown


def _api(host: Host, said: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"ansible_connection": "tpaexec.docker.docker_api"}
    found["ansible_docker_docker_host"] = host.docker_host
    if host.tls:
        found["ansible_docker_validate_certs"] = True
    names = {
        "tls_hostname": "ansible_docker_tls_hostname",
        "tls_ca_cert": "ansible_docker_ca_cert",
        "tls_client_cert": "ansible_docker_client_cert",
        "tls_client_key": "ansible_docker_client_key",
        "use_ssh_client": "ansible_docker_use_ssh_client",
    }
    found.update({name: said[key] for key, name in names.items() if key in said})
    return found


def docker_options(host: Host, shown: Callable[[str], str]) -> list[str]:
    """The options of the docker command that lead to *host*."""
    if not host.docker_host:
        return []
    words = ["--host", host.docker_host]
    if host.tls:
        words.append("--tlsverify")
    for key, option in _FILES:
        if getattr(host, key):
            words += [option, shown(getattr(host, key))]
    return words


def proxy_command(cluster: Cluster, instance: Instance, root: str) -> str:
    """ssh_config's ProxyCommand for a node that this machine may have no route to; "" where it has one."""
    if not through_host(cluster, instance.host):
        return ""

    def shown(path: str) -> str:
        inside = root and os.path.commonpath([path, root]) == root
        return os.path.relpath(path, root) if inside else path

    return proxy_through(cluster.host(instance.host), instance.name, shown)


def through_host(cluster: Cluster, host: str) -> bool:
    """This machine may have no route to a node there: only a bridge of its own daemon is one."""
    return host != DEFAULT_HOST or len(cluster.used_hosts) > 1


def proxy_through(host: Host, name: str, shown: Callable[[str], str] = str) -> str:
    """The command that ssh runs to talk to node *name*'s sshd, through its *host*."""
    words = ["docker", *docker_options(host, shown), "exec", "-i", name, "bash", "-c"]
    plain = [word.replace("%", "%%") for word in words]
    return f"{shlex.join(plain)} {shlex.quote(_THROUGH)}"
