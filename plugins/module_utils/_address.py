# SPDX-License-Identifier: GPL-3.0-or-later
"""How to reach one daemon, as options, config.yml or the environment say it: pure."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from typing import Any, Mapping, Optional

from ._spec.model import Host

DEFAULT_SOCKET = "unix:///var/run/docker.sock"


@dataclass(frozen=True)
class Address:
    """How to reach one daemon, as the module's options and the environment say it."""

    docker_host: str = DEFAULT_SOCKET
    tls: bool = False
    validate_certs: bool = False
    tls_hostname: Optional[str] = None
    ca_path: Optional[str] = None
    client_cert: Optional[str] = None
    client_key: Optional[str] = None
    use_ssh_client: bool = False
    timeout: int = 60

    @classmethod
    def from_params(cls, params: Mapping[str, Any], environ: Optional[Mapping[str, str]] = None) -> Address:
        """Options of `connection_argument_spec`, with DOCKER_CERT_PATH filling in the files that are there."""
        chosen = {key: params[key] for key in cls.__dataclass_fields__ if params.get(key) is not None}
        chosen["docker_host"] = full_url(str(chosen.get("docker_host") or ""))
        address = cls(**chosen)
        folder = (os.environ if environ is None else environ).get("DOCKER_CERT_PATH")
        if not folder or not address.uses_tls:
            return address
        files = {"ca_path": "ca.pem", "client_cert": "cert.pem", "client_key": "key.pem"}
        found = {key: os.path.join(folder, name) for key, name in files.items() if not getattr(address, key)}
        there: dict[str, Any] = {key: path for key, path in found.items() if os.path.exists(path)}
        return replace(address, **there)

    @classmethod
    def from_host(cls, host: Host, defaults: Address) -> Address:
        """One of config.yml's hosts. *defaults*: the task's own address, which is what the host `default` has; the
        others take nothing but its timeout, since DOCKER_* in the environment is not meant for them."""
        if not host.docker_host:
            return defaults
        return cls(
            docker_host=host.docker_host,
            tls=host.tls,
            validate_certs=host.tls,
            tls_hostname=host.tls_hostname or None,
            ca_path=host.tls_ca_cert or None,
            client_cert=host.tls_client_cert or None,
            client_key=host.tls_client_key or None,
            use_ssh_client=host.use_ssh_client,
            timeout=defaults.timeout,
        )

    @property
    def uses_tls(self) -> bool:
        return self.tls or self.validate_certs or self.docker_host.startswith("https://")

    @property
    def socket_path(self) -> str:
        """The path of a unix socket, "" for any other kind of address."""
        match = re.match(r"^(?:http\+)?unix://(/?.*)$", self.docker_host)
        return "/" + match.group(1).lstrip("/") if match else ""

    @property
    def local(self) -> bool:
        """The daemon is reached by a unix socket: it is (as far as one can tell) on this machine."""
        return bool(self.socket_path)


def full_url(docker_host: str) -> str:
    """*docker_host* as the SDK reads it, with what it leaves to be guessed: `` → the default, `1.2.3.4:2375` → tcp."""
    scheme, colon, rest = docker_host.strip().partition("://")
    if colon:
        return f"{scheme.lower()}://{rest}"
    if docker_host.startswith("unix:"):
        return "unix:///" + docker_host[len("unix:") :].lstrip("/")
    if re.fullmatch(r"[\w.-]*:\d+|\[[0-9a-fA-F:.]+\]:\d+", scheme):
        return f"tcp://{scheme if scheme[0] != ':' else '127.0.0.1' + scheme}"
    return scheme or DEFAULT_SOCKET
