# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance as the body of `POST /containers/create`: pure."""

from __future__ import annotations

from typing import Any, Mapping

from .._spec.model import Attachment, Instance, Settings
from .recipe import STOP_SIGNAL, STOP_TIMEOUT, Cooked


def create_body(instance: Instance, cooked: Cooked, labels: Mapping[str, str]) -> dict[str, Any]:
    """The whole body. Only the first network is in it: engines before 25 take one, the others are connected after."""
    settings = instance.settings
    first = settings.networks[:1]
    body: dict[str, Any] = {
        "Hostname": instance.name,
        "Image": settings.image,
        "Labels": dict(labels),
        "Env": [f"{key}={value}" for key, value in settings.env.items()],
        "Tty": True,
        "OpenStdin": True,
        "StopSignal": STOP_SIGNAL,
        "StopTimeout": STOP_TIMEOUT,
        "ExposedPorts": {str(port): {} for port in _exposed(settings)},
        "HostConfig": host_config(settings, cooked),
    }
    if first:
        body["NetworkingConfig"] = {"EndpointsConfig": {first[0].network: endpoint(first[0])}}
    return body


def _exposed(settings: Settings) -> list[str]:
    published = [str(port.container) for port in settings.published_ports]
    return list(dict.fromkeys([*(str(port) for port in settings.exposed_ports), *published]))


def endpoint(attachment: Attachment) -> dict[str, Any]:
    """One network of a container, as the engine's API wants it."""
    config: dict[str, Any] = {}
    ipam = {}
    if attachment.ipv4_address:
        ipam["IPv4Address"] = attachment.ipv4_address
    if attachment.ipv6_address:
        ipam["IPv6Address"] = attachment.ipv6_address
    if ipam:
        config["IPAMConfig"] = ipam
    if attachment.aliases:
        config["Aliases"] = list(attachment.aliases)
    if attachment.links:
        config["Links"] = list(attachment.links)
    return config


def host_config(settings: Settings, cooked: Cooked) -> dict[str, Any]:
    """The HostConfig part; a setting that config.yml leaves open is left out, so that the engine's default counts."""
    config: dict[str, Any] = {
        "Binds": [*cooked.binds, *(str(volume) for volume in settings.volumes if volume.kind != "anonymous")],
        "Tmpfs": dict(cooked.tmpfs),
        "CgroupnsMode": cooked.cgroupns,
        "Privileged": settings.privileged,
        "Init": False,
        "RestartPolicy": {"Name": settings.restart_policy, "MaximumRetryCount": settings.restart_retries},
        "NetworkMode": settings.networks[0].network if settings.networks else "default",
        "PortBindings": port_bindings(settings),
        "Ulimits": ulimits(settings, cooked),
    }
    anonymous = [volume for volume in settings.volumes if volume.kind == "anonymous"]
    if anonymous:
        config["Mounts"] = [
            {"Type": "volume", "Target": volume.target, "ReadOnly": volume.read_only} for volume in anonymous
        ]
    optional: dict[str, Any] = {
        "CgroupParent": cooked.cgroup_parent,
        "SecurityOpt": [*cooked.security_opts, *settings.security_opts],
        "CapAdd": list(settings.cap_add),
        "CapDrop": list(settings.cap_drop),
        "Sysctls": dict(settings.sysctls),
        "Devices": [
            {
                "PathOnHost": item.host_path,
                "PathInContainer": item.container_path,
                "CgroupPermissions": item.permissions,
            }
            for item in settings.devices
        ],
        "Memory": settings.memory,
        "MemoryReservation": settings.memory_reservation,
        "ShmSize": settings.shm_size,
        "NanoCpus": None if settings.cpus is None else round(settings.cpus * 1e9),
        "PidsLimit": settings.pids_limit,
        "Dns": list(settings.dns),
        "DnsSearch": list(settings.dns_search),
        "ExtraHosts": list(settings.extra_hosts),
        "LogConfig": _log_config(settings),
    }
    config.update({key: value for key, value in optional.items() if value not in (None, [], {}, "")})
    return config


def port_bindings(settings: Settings) -> dict[str, list[dict[str, str]]]:
    """`-p`, as the API wants it; host_port 0 lets the engine choose."""
    bindings: dict[str, list[dict[str, str]]] = {}
    for port in settings.published_ports:
        host_port = str(port.host_port) if port.host_port else ""
        bindings.setdefault(str(port.container), []).append({"HostIp": port.host_ip, "HostPort": host_port})
    return bindings


def ulimits(settings: Settings, cooked: Cooked) -> list[dict[str, Any]]:
    """The user's, and the recipe's nofile where the user says none."""
    said = [{"Name": limit.name, "Soft": limit.soft, "Hard": limit.hard} for limit in settings.ulimits]
    if cooked.nofile and all(limit.name != "nofile" for limit in settings.ulimits):
        said.append({"Name": "nofile", "Soft": cooked.nofile[0], "Hard": cooked.nofile[1]})
    return said


def _log_config(settings: Settings) -> dict[str, Any]:
    if settings.log_driver is None and not settings.log_options:
        return {}
    return {"Type": settings.log_driver or "json-file", "Config": dict(settings.log_options)}
