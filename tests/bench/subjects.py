# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured: our command, the plain program, docker compose, and an empty playbook as the unit."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Optional

import docker
import yaml
from processes import Failed, Sample, run

TOP = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
FILES = TOP / "playbooks" / "files"
QUIET = {"ANSIBLE_CONFIG": str(FILES / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
BODY_KEYS = ("Image", "Tty", "OpenStdin", "StopSignal", "StopTimeout", "ExposedPorts")
HOST_KEYS = (
    "Binds", "Tmpfs", "CgroupnsMode", "CgroupParent", "RestartPolicy", "Ulimits", "SecurityOpt", "LogConfig", "Init",
)  # fmt: skip


def empty_playbook(work: Path) -> Sample:
    """What starting Ansible costs on this machine, with nothing to do."""
    path = work / "empty.yml"
    path.write_text("- hosts: localhost\n  gather_facts: false\n  tasks: []\n", encoding="utf-8")
    return run([BIN / "ansible-playbook", "-i", FILES / "localhost.ini", path], QUIET)


# The steps of the playbook provision up to its checks: with and without them, the difference is what they cost.
CHECKS = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    guest_image_names: "{{ provision_config.image_names }}"
    preflight_cluster: "{{ provision_config.cluster }}"
    preflight_cluster_dir: "{{ cluster_dir }}"
  tasks:
    - tpaexec.docker.cluster_config: {cluster_dir: "{{ cluster_dir }}"}
      register: provision_config
"""
ROLES = """
    - ansible.builtin.import_role: {name: tpaexec.docker.preflight, rolespec_validate: false}
    - ansible.builtin.import_role: {name: tpaexec.docker.guest_image, rolespec_validate: false}
"""


class Ours:
    """A cluster of *count* nodes by bin/tpaexec."""

    name = "tpaexec"

    def __init__(self, work: Path, count: int, image: str, subnet_prefix: str) -> None:
        self.count = count
        self.directory = work / f"tpaexec-bench-{count}"
        self.prefix = f"tpaexec-bench-{count}"
        self.image = image
        self.subnet_prefix = subnet_prefix
        self.directory.mkdir(parents=True, exist_ok=True)
        self.write_config(count)

    def node(self, number: int) -> str:
        return f"{self.prefix}-{number:02d}"

    def write_config(self, count: int) -> None:
        config = {
            "architecture": "M1",
            "cluster_name": self.prefix,
            "cluster_vars": {"postgres_version": "15"},
            "cluster_tags": {"Owner": "bench"},
            "keyring_backend": "legacy",
            "docker_networks": [
                {"name": self.prefix, "ipam_config": [{"subnet": f"{self.subnet_prefix}.0/24"}]},
            ],
            "instance_defaults": {"platform": "docker", "image": self.image},
            "instances": [
                {"Name": self.node(n), "node": n, "ip_address": f"{self.subnet_prefix}.{n + 9}"}
                for n in range(1, count + 1)
            ],
        }
        (self.directory / "config.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")

    def word(self, *words: str) -> Sample:
        return run([TOP / "bin" / "tpaexec", words[0], self.directory, *words[1:]])

    def provision(self) -> Sample:
        return self.word("provision")

    def checks(self, roles: str) -> Sample:
        """Reading config.yml, with or without (*roles* empty) the checks of the host and of the image."""
        playbook = self.directory / "checks.yml"
        playbook.write_text(CHECKS + roles, encoding="utf-8")
        variables = json.dumps({"cluster_dir": str(self.directory)})
        return run([BIN / "ansible-playbook", "-i", FILES / "localhost.ini", playbook, "-e", variables], QUIET)

    def provision_with(self, parallel: int) -> Sample:
        """The same playbook, with another size of the pool."""
        variables = json.dumps({"cluster_dir": str(self.directory), "cluster_parallel": parallel})
        playbook = "tpaexec.docker.provision"
        return run([BIN / "ansible-playbook", "-i", FILES / "localhost.ini", playbook, "-e", variables], QUIET)

    def ansible_ping(self) -> Sample:
        """What ping is held against: Ansible's own, over the connection that runs the docker command."""
        extra = "ansible_connection=community.docker.docker ansible_python_interpreter=/usr/bin/python3"
        inventory = ["-i", self.directory / "inventory", "-e", extra]
        return run([BIN / "ansible", "all", "-m", "ansible.builtin.ping", *inventory], QUIET)

    def clean(self) -> None:
        """Whatever an interrupted run left, and the directory."""
        if (self.directory / "config.yml").exists():
            subprocess.run([TOP / "bin" / "tpaexec", "deprovision", self.directory], capture_output=True, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)


class Plain:
    """The same containers by plain_sdk.py, a process of its own. *recipe*: a node of ours, inspected."""

    name = "plain SDK"

    def __init__(self, work: Path, count: int, pool: int, recipe: dict[str, Any], subnet_prefix: str) -> None:
        self.work, self.count = work, count
        self.prefix = f"tpaexec-bench-plain-{count}"
        self.subnet_prefix = subnet_prefix
        self.recipe = recipe
        self.path = work / f"{self.prefix}-{pool}.json"
        spec = {
            "network": self.prefix,
            "subnet": f"{subnet_prefix}.0/24",
            "pool": pool,
            "nodes": [self._node(number) for number in range(1, count + 1)],
        }
        self.path.write_text(json.dumps(spec, indent=1), encoding="utf-8")

    def _node(self, number: int) -> dict[str, Any]:
        name = f"{self.prefix}-{number:02d}"
        recipe = json.loads(json.dumps(self.recipe).replace(self.recipe["Name"].lstrip("/"), name))
        host = {key: recipe["HostConfig"][key] for key in HOST_KEYS if recipe["HostConfig"].get(key) is not None}
        address = {"IPAMConfig": {"IPv4Address": f"{self.subnet_prefix}.{number + 9}"}}
        body = {key: recipe["Config"][key] for key in BODY_KEYS if recipe["Config"].get(key) is not None}
        body.update(
            Hostname=name,
            Labels={"tpaexec.docker.bench": "plain"},
            HostConfig={**host, "NetworkMode": self.prefix},
            NetworkingConfig={"EndpointsConfig": {self.prefix: address}},
        )
        return {"name": name, "body": body}

    def up(self) -> Sample:
        return run([sys.executable, TOP / "tests" / "bench" / "plain_sdk.py", "up", self.path])

    def down(self) -> Sample:
        return run([sys.executable, TOP / "tests" / "bench" / "plain_sdk.py", "down", self.path])

    def clean(self) -> None:
        _remove(f"{self.prefix}-", self.prefix)


class Compose:
    """The same containers by docker compose, which waits for systemd by a health check where it can (version 2)."""

    name = "compose"

    def __init__(self, work: Path, plain: Plain, command: list[str]) -> None:
        self.command = command
        self.prefix = plain.prefix.replace("plain", "compose")
        self.directory = work / self.prefix
        self.directory.mkdir(parents=True, exist_ok=True)
        spec = json.loads(plain.path.read_text(encoding="utf-8").replace(plain.prefix, self.prefix))
        compose = {
            "services": {node["name"]: self._service(node) for node in spec["nodes"]},
            "networks": {"default": {"name": self.prefix, "ipam": {"config": [{"subnet": spec["subnet"]}]}}},
        }
        if len(command) == 1:
            compose["version"] = "3.8"
        (self.directory / "docker-compose.yml").write_text(yaml.safe_dump(compose), encoding="utf-8")

    @staticmethod
    def _service(node: dict[str, Any]) -> dict[str, Any]:
        body = node["body"]
        host = body["HostConfig"]
        [endpoint] = body["NetworkingConfig"]["EndpointsConfig"].values()
        return {
            "image": body["Image"],
            "container_name": node["name"],
            "hostname": node["name"],
            "tty": True,
            "volumes": host.get("Binds") or [],
            "tmpfs": list(host.get("Tmpfs") or {}),
            "cgroup_parent": host.get("CgroupParent") or "",
            "healthcheck": {
                "test": ["CMD-SHELL", "systemctl is-system-running --wait | grep -Eq 'running|degraded'"],
                "interval": "1s",
            },
            "networks": {"default": {"ipv4_address": endpoint["IPAMConfig"]["IPv4Address"]}},
        }

    def up(self) -> Sample:
        wait = ["--wait"] if len(self.command) > 1 else []
        return run([*self.command, "up", "-d", *wait], cwd=str(self.directory))

    def down(self) -> Sample:
        return run([*self.command, "down", "-t", "0"], cwd=str(self.directory))

    def clean(self) -> None:
        _remove(f"{self.prefix}-", self.prefix)


def find_compose() -> Optional[list[str]]:
    """`docker compose` (version 2), else `docker-compose` (version 1), where one is installed."""
    for words in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(words[0]):
            probe = subprocess.run([*words, "version"], capture_output=True, check=False)
            if probe.returncode == 0:
                return words
    return None


def recipe_of(ours: Ours) -> dict[str, Any]:
    """How one of our nodes was made, so that the others are compared at the same containers."""
    return docker.from_env().api.inspect_container(ours.node(1))


def _remove(prefix: str, network: str) -> None:
    """The bench's own leftovers, by their names; nobody else uses these."""
    client = docker.from_env()
    for container in client.containers.list(all=True):
        if container.name.startswith(prefix):
            container.remove(force=True, v=True)
    for found in client.networks.list(names=[network]):
        if found.name == network:
            found.remove()


__all__ = ["Compose", "Failed", "Ours", "Plain", "empty_playbook", "find_compose", "recipe_of"]
