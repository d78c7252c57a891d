# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of the daemon's machine and of the machine where the module runs, as the gatherers found them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Mapping, Optional, Union

from .model import Unknown

NOT_LOOKED = Unknown("the image was not looked into")


@dataclass(frozen=True)
class HostFacts:
    """The kernel's limits on the daemon's machine. None: this kernel does not tell.

    *partial*: seen from one of its containers, which knows nothing of systemd, firewalld, emulators and the uplink.
    """

    partial: bool = False
    systemd: bool = False
    inotify_instances: Optional[int] = None
    inotify_watches: Optional[int] = None
    pid_max: Optional[int] = None
    threads_max: Optional[int] = None
    threads: Optional[int] = None
    file_max: Optional[int] = None
    files: Optional[int] = None
    memory_available: Optional[int] = None
    shm_free: Optional[int] = None
    nofile: Optional[int] = None
    nofile_source: str = ""
    emulated: tuple[str, ...] = ()
    firewalld: str = ""
    firewalld_backend: str = ""
    nameservers: tuple[str, ...] = ()
    uplink: str = ""
    uplink_mtu: Optional[int] = None
    kernel_features: Mapping[str, Optional[bool]] = field(default_factory=dict)


@dataclass(frozen=True)
class DaemonConfig:
    """The daemon's own settings that `/info` does not show, from its command line and daemon.json."""

    source: str
    iptables: bool = True
    init: bool = False
    mtu: int = 1500
    dns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Route:
    """One line of the host's routing table, the default route left out."""

    subnet: str
    device: str


@dataclass(frozen=True)
class Listener:
    """A socket that listens on the daemon's host. `owner` is the program, where that can be seen."""

    protocol: str
    address: str
    port: int
    owner: str = ""


@dataclass(frozen=True)
class NetworkFacts:
    routes: tuple[Route, ...] = ()
    listeners: tuple[Listener, ...] = ()


@dataclass(frozen=True)
class DockerNetwork:
    """A network that the daemon has."""

    id: str
    name: str
    driver: str
    subnets: tuple[str, ...]
    labels: Mapping[str, str]
    bridge: str


@dataclass(frozen=True)
class DockerContainer:
    """A container that the daemon has. `ports` are (host address, host port, protocol)."""

    id: str
    name: str
    state: str
    labels: Mapping[str, str]
    networks: tuple[str, ...]
    ports: tuple[tuple[str, int, str], ...]


@dataclass(frozen=True)
class Inventory:
    """What stands on the daemon already."""

    networks: tuple[DockerNetwork, ...] = ()
    containers: tuple[DockerContainer, ...] = ()


@dataclass(frozen=True)
class ClientFacts:
    """The machine where the module runs: how it talks to the daemon."""

    docker_host: str
    scheme: str
    loopback: bool = True
    tls: bool = False
    sdk_api: tuple[int, ...] = ()
    parallel: int = 0
    ssh_client: bool = False
    socket_group: str = ""
    socket_members: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()
    no_proxy: str = ""
    clock: Optional[float] = None
    spare: int = 3
    loop_lvm_severity: str = "warning"


@dataclass(frozen=True)
class CliFacts:
    """The docker command on the machine where the module runs; `path` is empty when there is none."""

    path: str = ""
    version: str = ""
    api: tuple[int, ...] = ()


@dataclass(frozen=True)
class GuestImage:
    """What is in an image that the cluster will use; `systemd` and `init` come from its content."""

    name: str
    present: bool = True
    architecture: str = ""
    os: str = ""
    size: int = 0
    systemd: Union[int, Unknown] = NOT_LOOKED


@dataclass(frozen=True)
class CanaryFacts:
    """How the throw-away container went: `failed_step` is empty when every step passed."""

    image: str
    steps: tuple[str, ...] = ()
    failed_step: str = ""
    reason: str = ""
    log: str = ""


@dataclass(frozen=True)
class Failure:
    """Why the daemon cannot be talked to, with the catalogue's id."""

    id: str
    message: str
    remedy: str
