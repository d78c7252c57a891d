# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters of one or two nodes on the real daemon, converged by the module docker_cluster in a process of its own."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any, Iterator, Optional

import docker
import pytest

from ansible_collections.tpaexec.docker.tests.integration.engines.runner import Reply, run

DOCKER_HOST = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"


class Cluster:
    """One cluster: its directory, its options, its nodes on the daemon. `config` may be changed between runs."""

    def __init__(self, sdk: Any, directory: Path, name: str, subnet: str, image: str, count: int = 2) -> None:
        self.sdk, self.directory, self.name = sdk, directory, name
        self.nodes = [f"{name}-{number}" for number in range(1, count + 1)]
        self.config: dict[str, Any] = {
            "name": name,
            "networks": [{"name": name, "ipam_config": [{"subnet": f"{subnet}.0/28"}]}],
            "instance_defaults": {"image": image},
            "instances": [
                {"Name": node, "node": number, "ip_address": f"{subnet}.{number + 1}"}
                for number, node in enumerate(self.nodes, 1)
            ],
        }

    def run(self, check: bool = False, limit: float = 240, **options: Any) -> Reply:
        """docker_cluster with this config."""
        words = {"docker_host": DOCKER_HOST, "cluster_dir": str(self.directory), **self.config, **options}
        return run("docker_cluster", words, check_mode=check, limit=limit)

    def converged(self, **options: Any) -> dict[str, Any]:
        """A run that must go well."""
        reply = self.run(**options)
        assert not reply.failed, reply.result.get("msg")
        return reply.result

    def instance(self, number: int = 1) -> dict[str, Any]:
        """What config says of a node; changes count."""
        return self.config["instances"][number - 1]

    def get(self, number: int = 1) -> Any:
        return self.sdk.containers.get(self.nodes[number - 1])

    def attrs(self, number: int = 1) -> dict[str, Any]:
        return self.get(number).attrs

    def sh(self, script: str, number: int = 1) -> str:
        """What a script prints in a node; it must succeed."""
        done = self.get(number).exec_run(["sh", "-c", script])
        assert done.exit_code == 0, done.output
        return done.output.decode().strip()

    def picture(self) -> tuple[Any, ...]:
        """All that a run could touch: containers, the network, the directory's files."""
        self_and_dropped = self.sdk.containers.list(all=True, filters={"label": f"Cluster={self.name}"})
        networks = sorted((one.attrs for one in self.sdk.networks.list(names=[self.name])), key=lambda one: one["Id"])
        files = {
            str(path): (path.stat().st_mtime_ns, path.stat().st_mode)
            for path in self.directory.rglob("*")
            if path.name != "lock"
        }
        return sorted((one.id, one.attrs["State"]) for one in self_and_dropped), networks, files

    def clear(self) -> None:
        for container in self.sdk.containers.list(all=True, filters={"label": f"Cluster={self.name}"}):
            with contextlib.suppress(docker.errors.APIError):
                container.remove(force=True, v=True)
        for network in self.sdk.networks.list(names=[self.name], greedy=True):
            if network.name.startswith(self.name):
                for member in network.attrs.get("Containers") or {}:
                    network.disconnect(member, force=True)
                network.remove()


def node(reply: Reply, name: str) -> dict[str, Any]:
    return next(item for item in reply.result["instances"] if item["name"] == name)


@contextlib.contextmanager
def a_cluster(sdk: Any, tmp_path_factory: Any, *words: Any, **more: Any) -> Iterator[Cluster]:
    """A cluster that is gone afterwards, whatever happened."""
    cluster = Cluster(sdk, tmp_path_factory.mktemp("cluster"), *words, **more)
    cluster.clear()
    try:
        yield cluster
    finally:
        cluster.clear()


@contextlib.contextmanager
def foreign(sdk: Any, image: str, name: str, network: Optional[str] = None, **more: Any) -> Iterator[Any]:
    """Somebody else's container, running."""
    with contextlib.suppress(docker.errors.NotFound):
        sdk.containers.get(name).remove(force=True)
    container = sdk.containers.run(image, ["sleep", "900"], name=name, network=network, detach=True, **more)
    container.reload()
    try:
        yield container
    finally:
        container.remove(force=True, v=True)


def fixed_network(sdk: Any, name: str, subnet: str, **more: Any) -> Any:
    pool = docker.types.IPAMPool(subnet=subnet)
    return sdk.networks.create(name, ipam=docker.types.IPAMConfig(pool_configs=[pool]), **more)


def derived_image(sdk: Any, base: str, name: str, files: dict[str, str], changes: str = "") -> Any:
    """*base* with some files more, and another CMD."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path, text in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    container = sdk.containers.create(base)
    try:
        container.put_archive("/", packed.getvalue())
        return container.commit(*name.split(":"), changes=changes or None)
    finally:
        container.remove()


@pytest.fixture(scope="session")
def broken_image(sdk, guest_image) -> Iterator[str]:
    """Boots for ever: one unit fails with words of its own, another never ends."""
    units = {
        "etc/systemd/system/fails.service": "[Service]\nType=oneshot\n"
        "ExecStart=/bin/sh -c 'echo words of fails; exit 3'\n",
        "etc/systemd/system/never.service": "[Unit]\nBefore=multi-user.target\n[Service]\nType=oneshot\n"
        "TimeoutStartSec=infinity\nExecStart=/bin/sleep infinity\n",
    }
    wants = {
        f"etc/systemd/system/multi-user.target.d/{name}.conf": f"[Unit]\nWants={name}.service\nAfter={name}.service\n"
        for name in ("fails", "never")
    }
    image = derived_image(sdk, guest_image, "t-clu/broken:1", {**units, **wants})
    yield "t-clu/broken:1"
    sdk.images.remove(image.id, force=True)


@pytest.fixture(scope="session")
def ending_image(sdk, guest_image) -> Iterator[str]:
    """Its init ends at once."""
    changes = 'ENTRYPOINT ["/bin/sh", "-c", "echo cannot go on; exit 3"]\nCMD []'
    image = derived_image(sdk, guest_image, "t-clu/ends:1", {}, changes)
    yield "t-clu/ends:1"
    sdk.images.remove(image.id, force=True)


def command(*words: Any, **more: Any) -> subprocess.CompletedProcess[str]:
    """bin/tpaexec, as a user calls it."""
    from ansible_collections.tpaexec.docker.tests.integration.directory.conftest import tpaexec  # noqa: PLC0415

    return tpaexec(*words, **more)
