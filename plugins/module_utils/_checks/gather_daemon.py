# SPDX-License-Identifier: GPL-3.0-or-later
"""What the daemon tells through its API, typed, and whatever it sends."""

from __future__ import annotations

from typing import Any, Mapping, Union

from .._client import Daemon
from .._errors import DaemonError, PlatformError
from . import values
from .facts_engine import architecture
from .facts_host import DockerContainer, DockerNetwork, GuestImage, Inventory
from .model import Unknown


def inventory(networks: Any, containers: Any) -> Inventory:
    """From the replies of `/networks` and `/containers/json?all=1`."""
    return Inventory(
        networks=tuple(_network(values.mapping(item)) for item in values.sequence(networks)),
        containers=tuple(_container(values.mapping(item)) for item in values.sequence(containers)),
    )


def _network(item: Mapping[str, Any]) -> DockerNetwork:
    ident = values.text(item.get("Id"))
    pools = [values.mapping(pool) for pool in values.sequence(values.mapping(item.get("IPAM")).get("Config"))]
    options = _labels(item.get("Options"))
    return DockerNetwork(
        id=ident,
        name=values.text(item.get("Name")),
        driver=values.text(item.get("Driver")),
        subnets=tuple(values.text(pool.get("Subnet")) for pool in pools if values.subnet(pool.get("Subnet"))),
        labels=_labels(item.get("Labels")),
        bridge=options.get("com.docker.network.bridge.name") or (f"br-{ident[:12]}" if ident else ""),
    )


def _container(item: Mapping[str, Any]) -> DockerContainer:
    names = values.texts(item.get("Names"))
    networks = values.mapping(values.mapping(item.get("NetworkSettings")).get("Networks"))
    ports = [values.mapping(port) for port in values.sequence(item.get("Ports"))]
    return DockerContainer(
        id=values.text(item.get("Id")),
        # a link of another container shows as /other/alias: the own name has one slash
        name=next((name[1:] for name in names if name.count("/") == 1), names[0].lstrip("/") if names else ""),
        state=values.text(item.get("State")),
        labels=_labels(item.get("Labels")),
        networks=tuple(values.text(name) for name in networks),
        ports=tuple(
            (values.text(port.get("IP")), values.number(port.get("PublicPort")) or 0, values.text(port.get("Type")))
            for port in ports
            if values.number(port.get("PublicPort"))
        ),
    )


def _labels(value: Any) -> dict[str, str]:
    return {values.text(key): values.text(item) for key, item in values.mapping(value).items()}


def guest_image(daemon: Daemon, name: str, cache_dir: str, create: bool) -> GuestImage:
    """What is in an image; one that is not there yet is no error here. Nothing is created unless *create*."""
    # imported here: a check of the host alone needs none of it
    from .._image.inspect import inspect_image, load_facts, look  # noqa: PLC0415

    try:
        seen = inspect_image(daemon, name)
    except DaemonError as error:
        return GuestImage(name, systemd=Unknown(f"the image {name} cannot be inspected: {error.message}"))
    except PlatformError:
        return GuestImage(name, present=False, systemd=Unknown(f"the image {name} is not on this engine yet"))
    systemd: Union[int, Unknown] = Unknown(f"in check mode no container is created to look into the image {name}")
    try:
        facts = load_facts(cache_dir, values.text(seen.get("Id")), name)
        if facts is None and create:
            facts = look(daemon, name, cache_dir)
        if facts is not None:
            found = facts.systemd_version
            systemd = (
                found if found else Unknown(f"no systemd was found in the image {name} (docker_image_check says more)")
            )
    except PlatformError as error:
        systemd = Unknown(f"the image {name} cannot be looked into: {error.message}")
    return GuestImage(
        name=name,
        architecture=architecture(values.text(seen.get("Architecture"))),
        os=values.text(seen.get("Os")),
        size=values.number(seen.get("Size")) or 0,
        systemd=systemd,
    )
