# SPDX-License-Identifier: GPL-3.0-or-later
"""What `/version` and `/info` say, typed. A field that an engine does not send is None: unknown, never false."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional

from . import values

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386", "i386": "386"}


@dataclass(frozen=True)
class SwarmFacts:
    state: str = ""
    control: Optional[bool] = None
    error: str = ""
    address: str = ""


@dataclass(frozen=True)
class EngineFacts:
    """The engine, its API, its cgroups, limits and security."""

    product: str
    version: str
    version_numbers: tuple[int, ...]
    api: tuple[int, ...]
    api_least: tuple[int, ...]
    os_type: str
    architecture: str
    kernel: str
    operating_system: str
    desktop: bool
    name: str
    data_root: str
    cgroup_version: Optional[int]
    cgroup_driver: str
    security_options: tuple[str, ...]
    rootless: bool
    userns_remap: bool
    warnings: tuple[str, ...]
    memory_limit: Optional[bool]
    swap_limit: Optional[bool]
    pids_limit: Optional[bool]
    cpu_shares: Optional[bool]
    cpu_quota: Optional[bool]
    ipv4_forwarding: Optional[bool]
    bridge_nf_iptables: Optional[bool]
    live_restore: Optional[bool]
    cpus: Optional[int]
    memory_total: Optional[int]
    system_time: Optional[float]
    proxies: tuple[str, ...]
    no_proxy: str
    swarm: SwarmFacts
    containerd_address: str
    firewall_backend: str
    containers: Optional[int]
    components: Mapping[str, str] = field(default_factory=dict)
    id: str = ""

    @classmethod
    def from_api(cls, version: Any, info: Any) -> EngineFacts:
        """From the raw replies, whatever is in them."""
        version, info = values.mapping(version), values.mapping(info)
        components = _components(version)
        options = values.texts(info.get("SecurityOptions"))
        names = {part for option in options for part in option.split(",")}
        cgroup = info.get("CgroupVersion")
        shown = values.text(version.get("Version")) or values.text(info.get("ServerVersion"))
        return cls(
            product=_product(components, version, info),
            version=shown,
            version_numbers=values.version(shown),
            api=values.version(version.get("ApiVersion"))[:2],
            api_least=values.version(version.get("MinAPIVersion"))[:2],
            os_type=values.text(info.get("OSType")) or values.text(version.get("Os")),
            architecture=architecture(values.text(info.get("Architecture")) or values.text(version.get("Arch"))),
            kernel=values.text(info.get("KernelVersion")) or values.text(version.get("KernelVersion")),
            operating_system=values.text(info.get("OperatingSystem")),
            desktop="docker desktop" in values.text(info.get("OperatingSystem")).lower(),
            name=values.text(info.get("Name")),
            data_root=values.text(info.get("DockerRootDir")),
            cgroup_version=int(cgroup) if isinstance(cgroup, str) and cgroup in ("1", "2") else None,
            cgroup_driver=values.text(info.get("CgroupDriver")),
            security_options=options,
            rootless="name=rootless" in names or info.get("Rootless") is True,
            userns_remap="name=userns" in names,
            warnings=tuple(re.sub(r"\s*\n\s*", " ", line) for line in values.texts(info.get("Warnings"))),
            memory_limit=values.flag(info.get("MemoryLimit")),
            swap_limit=values.flag(info.get("SwapLimit")),
            pids_limit=values.flag(info.get("PidsLimit")),
            cpu_shares=values.flag(info.get("CPUShares")),
            cpu_quota=values.flag(info.get("CpuCfsQuota")),
            ipv4_forwarding=values.flag(info.get("IPv4Forwarding")),
            bridge_nf_iptables=values.flag(info.get("BridgeNfIptables")),
            live_restore=values.flag(info.get("LiveRestoreEnabled")),
            cpus=values.number(info.get("NCPU")),
            memory_total=values.number(info.get("MemTotal")),
            system_time=values.epoch(info.get("SystemTime")),
            proxies=tuple(
                values.without_password(word)
                for word in (_proxy(info, "HttpProxy"), _proxy(info, "HttpsProxy"))
                if word
            ),
            no_proxy=values.text(info.get("NoProxy")),
            swarm=_swarm(info.get("Swarm")),
            containerd_address=values.text(values.mapping(info.get("Containerd")).get("Address")),
            firewall_backend=values.text(values.mapping(info.get("FirewallBackend")).get("Driver")),
            containers=values.number(info.get("Containers")),
            components=components,
            id=values.text(info.get("ID")),
        )

    @property
    def docker(self) -> bool:
        return self.product == "docker"


def architecture(name: str) -> str:
    """Docker says x86_64 where images and Podman say amd64: one word for both."""
    return ARCHITECTURES.get(name, name)


def _components(version: Mapping[str, Any]) -> dict[str, str]:
    rows = [values.mapping(row) for row in values.sequence(version.get("Components"))]
    return {values.text(row.get("Name")): values.text(row.get("Version")) for row in rows if row.get("Name")}


def _product(components: Mapping[str, str], version: Mapping[str, Any], info: Mapping[str, Any]) -> str:
    """`docker`, `podman`, or "" for something else that speaks the API."""
    if any(name.startswith("Podman") for name in components) or "BuildahVersion" in info:
        return "podman"
    known = "Engine" in components or (not components and values.version(version.get("Version")) and "ID" in info)
    return "docker" if known else ""


def _proxy(info: Mapping[str, Any], key: str) -> str:
    return values.text(info.get(key))


def _swarm(value: Any) -> SwarmFacts:
    swarm = values.mapping(value)
    return SwarmFacts(
        state=values.text(swarm.get("LocalNodeState")),
        control=values.flag(swarm.get("ControlAvailable")),
        error=values.text(swarm.get("Error")),
        address=values.text(swarm.get("NodeAddr")),
    )
