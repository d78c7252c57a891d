# SPDX-License-Identifier: GPL-3.0-or-later
"""config.yml as values: frozen dataclasses with everything parsed, defaulted and validated.

Sizes are bytes, times seconds, names as Docker will see them. `_spec.parse` is the only maker of these; everything
below (plan, recipe, render) takes them as they are and validates nothing again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Optional

DEFAULT_HOST = "default"


@dataclass(frozen=True)
class Port:
    """An exposed port."""

    number: int
    protocol: str = "tcp"

    def __str__(self) -> str:
        return f"{self.number}/{self.protocol}"


@dataclass(frozen=True)
class PublishedPort:
    """`-p host_ip:host_port:port/protocol`; host_port 0 lets the engine choose."""

    container: Port
    host_port: int = 0
    host_ip: str = "0.0.0.0"  # noqa: S104 - what the engine takes for "all addresses"


@dataclass(frozen=True)
class Volume:
    """`-v source:target:options`. kind: `bind` (source is an absolute path), `volume` (a name), `anonymous`."""

    kind: str
    source: str
    target: str
    options: tuple[str, ...] = ()

    @property
    def read_only(self) -> bool:
        return "ro" in self.options

    def __str__(self) -> str:
        return ":".join(part for part in (self.source, self.target, ",".join(self.options)) if part)


@dataclass(frozen=True)
class Ulimit:
    name: str
    soft: int
    hard: int


@dataclass(frozen=True)
class Device:
    """`--device host:container:permissions`."""

    host_path: str
    container_path: str
    permissions: str = "rwm"


@dataclass(frozen=True)
class Attachment:
    """One network of an instance. An empty address: the engine chooses."""

    network: str
    ipv4_address: str = ""
    ipv6_address: str = ""
    aliases: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


@dataclass(frozen=True)
class IpamPool:
    subnet: str
    iprange: str = ""
    gateway: str = ""


@dataclass(frozen=True)
class Network:
    """One of docker_networks. driver is always `bridge` on one host."""

    name: str
    ipam: tuple[IpamPool, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    enable_ipv6: bool = False
    driver_options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """What an instance's container is to be, from config.yml alone; the recipe adds what systemd needs.

    `declared` names the config.yml keys that the user wrote (instance, instance_defaults or tpaexec_docker): a key
    that is not in it has our default, and is not compared with what the daemon says.
    None means "not said": the engine's default.
    """

    image: str
    privileged: bool = False
    restart_policy: str = "unless-stopped"
    restart_retries: int = 0
    memory: Optional[int] = None
    memory_reservation: Optional[int] = None
    shm_size: Optional[int] = None
    env: Mapping[str, str] = field(default_factory=dict)
    log_driver: Optional[str] = None
    log_options: Mapping[str, str] = field(default_factory=dict)
    exposed_ports: tuple[Port, ...] = ()
    published_ports: tuple[PublishedPort, ...] = ()
    devices: tuple[Device, ...] = ()
    networks: tuple[Attachment, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    ulimits: tuple[Ulimit, ...] = ()
    volumes: tuple[Volume, ...] = ()
    security_opts: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    cpus: Optional[float] = None
    pids_limit: Optional[int] = None
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    extra_hosts: tuple[str, ...] = ()
    cgroup_parent: Optional[str] = None
    declared: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Instance:
    """One node: who it is in the cluster, and what its container is to be."""

    name: str
    node: int
    settings: Settings
    role: tuple[str, ...] = ()
    location: str = ""
    upstream: str = ""
    backup: tuple[str, ...] = ()
    region: str = ""
    ansible_host: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    vars: Mapping[str, Any] = field(default_factory=dict)
    provision_only: bool = False
    host: str = DEFAULT_HOST


@dataclass(frozen=True)
class Host:
    """One of tpaexec_docker.hosts: how its daemon is reached. An empty docker_host: as DOCKER_HOST and the task's
    options say (the host `default`). Paths are absolute."""

    name: str = DEFAULT_HOST
    docker_host: str = ""
    tls_ca_cert: str = ""
    tls_client_cert: str = ""
    tls_client_key: str = ""
    tls_hostname: str = ""
    use_ssh_client: bool = False
    advertise_addr: str = ""

    @property
    def tls(self) -> bool:
        """TLS is spoken, and the daemon's certificate verified."""
        said = self.tls_ca_cert or self.tls_client_cert or self.tls_hostname
        return bool(said) or self.docker_host.startswith("https://")


@dataclass(frozen=True)
class Waiver:
    """tpaexec_docker.preflight.waivers[]: a finding accepted until a day, for a reason."""

    id: str
    reason: str
    expires: str


@dataclass(frozen=True)
class PreflightPolicy:
    ignore: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()


@dataclass(frozen=True)
class Cluster:
    """A whole valid config.yml. `hosts` are the declared ones; `used_hosts` those that have nodes."""

    name: str
    instances: tuple[Instance, ...]
    networks: tuple[Network, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    vars: Mapping[str, Any] = field(default_factory=dict)
    architecture: str = ""
    locations: tuple[str, ...] = ()
    images: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    ssh_key_file: str = ""
    ssh_port: int = 22
    keyring_backend: str = ""
    vault_name: str = ""
    preflight: PreflightPolicy = PreflightPolicy()
    hosts: Mapping[str, Host] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def host(self, name: str) -> Host:
        """The host of that name; `default` is always there."""
        return self.hosts.get(name) or Host(name)

    @property
    def used_hosts(self) -> tuple[Host, ...]:
        """The hosts on which this config.yml puts nodes, in the order of its nodes."""
        names = dict.fromkeys(instance.host for instance in self.instances)
        return tuple(self.host(name) for name in names) or (Host(),)
