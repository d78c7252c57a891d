# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster on the hosts of a rig: its options, runs of docker_cluster, and what is really on each host."""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any, Iterator, Mapping

import docker

from ansible_collections.tpaexec.docker.tests.integration.engines.runner import Reply, run
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.rig import Rig


class Cluster:
    """One node a host, and one more on the first. `places` and `hosts` may be changed between runs."""

    def __init__(self, rig: Rig, directory: Path, name: str, subnet: str) -> None:
        self.rig, self.directory, self.name, self.subnet = rig, directory, name, subnet
        self.nodes = [f"{name}-{number}" for number in range(1, rig.count + 2)]
        self.places = dict(zip(self.nodes, [*rig.hosts, rig.hosts[0]]))
        self.hosts: dict[str, Any] = rig.mapping()

    def words(self, **options: Any) -> dict[str, Any]:
        return {
            "cluster_dir": str(self.directory),
            "name": self.name,
            "networks": [{"name": self.name, "ipam_config": [{"subnet": f"{self.subnet}.0/27"}]}],
            "instance_defaults": {"image": self.rig.image},
            "instances": [
                {"Name": node, "node": number, "ip_address": f"{self.subnet}.{number + 1}"}
                for number, node in enumerate(self.nodes, 1)
            ],
            "tpaexec_docker": {
                "hosts": self.hosts,
                "instances": {node: {"host": host} for node, host in self.places.items()},
            },
            "timeout": 30,
            **options,
        }

    def run(self, check: bool = False, environ: Any = None, **options: Any) -> Reply:
        return run("docker_cluster", self.words(**options), check_mode=check, environ=environ, limit=240)

    def converged(self, **options: Any) -> dict[str, Any]:
        """A run that must go well."""
        reply = self.run(**options)
        assert not reply.failed, reply.result.get("msg")
        return reply.result

    def there(self) -> dict[str, tuple[str, str, str]]:
        """host, state and address of each node's container, as the engines say."""
        found = {}
        for host in self.rig.hosts:
            for box in self.rig.sdk(host).containers.list(all=True, filters={"label": f"Cluster={self.name}"}):
                networks = box.attrs["NetworkSettings"]["Networks"]
                found[box.name] = (host, box.status, networks[self.name]["IPAddress"])
        return found

    def sh(self, node: str, script: str) -> tuple[int, str]:
        box = self.rig.sdk(self.places[node]).containers.get(node)
        code, output = box.exec_run(["bash", "-c", script])
        return code, output.decode().strip()

    def reaches(self, node: str, other: str) -> bool:
        """By the other's name, over the overlay, to a port that its sshd listens on."""
        code, _output = self.sh(node, f"timeout 5 bash -c 'exec 3<>/dev/tcp/{other}/22'")
        return code == 0

    def clear(self) -> None:
        for host in self.rig.hosts:
            with contextlib.suppress(docker.errors.DockerException, OSError):
                for box in self.rig.sdk(host).containers.list(all=True, filters={"label": f"Cluster={self.name}"}):
                    box.remove(force=True, v=True)
        for _attempt in range(50):
            try:
                self.rig.sdk("h1").networks.get(self.name).remove()
            except docker.errors.NotFound:
                return
            except docker.errors.APIError:
                time.sleep(0.2)


@contextlib.contextmanager
def a_cluster(rig: Rig, directory: Path, name: str, subnet: str) -> Iterator[Cluster]:
    """A cluster that is gone afterwards, whatever happened."""
    cluster = Cluster(rig, directory, name, subnet)
    try:
        yield cluster
    finally:
        cluster.clear()


def write_config(home: Path, words: Mapping[str, Any], **more: Any) -> Path:
    """config.yml in *home*, of docker_cluster's options as `Cluster.words` or test_swarm's `cluster` give them."""
    home.mkdir(exist_ok=True)
    os.chmod(home, 0o700)
    config = {
        "cluster_name": words["name"],
        "cluster_vars": {"postgres_version": "15", "preferred_python_version": "python3"},
        "keyring_backend": "legacy",
        "docker_networks": words["networks"],
        "locations": [{"Name": "main"}],
        "instance_defaults": {"platform": "docker", "location": "main", **words["instance_defaults"]},
        "instances": words["instances"],
        "tpaexec_docker": words["tpaexec_docker"],
        **more,
    }
    (home / "config.yml").write_text(json.dumps(config))
    return home


def statuses(result: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["status"] for one in result["instances"]}


def node(result: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in result["instances"] if one["name"] == name)
