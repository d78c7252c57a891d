# SPDX-License-Identifier: GPL-3.0-or-later
"""How the generated inventory and ssh_config lead to nodes on several hosts."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.tpaexec.docker.plugins.module_utils._directory import absent, body, connection, live_hosts
from ansible_collections.tpaexec.docker.plugins.module_utils._directory.render import Context, files
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import Run
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.model import Host

ROOT = "/clusters/demo"
INSIDE = {"tls_ca_cert": f"{ROOT}/tls/ca.pem", "tls_client_cert": f"{ROOT}/tls/c.pem", "tls_client_key": "/abs/k.pem"}
CONFIG = """
cluster_name: demo
cluster_vars: {postgres_version: '15'}
keyring_backend: legacy
docker_networks: [{name: net, ipam_config: [{subnet: 10.45.1.0/24}]}]
locations: [{Name: main}]
instance_defaults: {platform: docker, image: "image:1", location: main}
instances:
- {Name: uno, node: 1, ip_address: 10.45.1.2}
- {Name: due, node: 2, ip_address: 10.45.1.3}
"""
HOSTS = """
tpaexec_docker:
  hosts: {far: {docker_host: "ssh://root@far"}}
  instances: {due: {host: far}}
"""
KEPT = "inventory/host_vars/due/02-docker_host.yml"


@pytest.mark.parametrize(
    ("words", "options"),
    [
        ({"docker_host": "unix:///run/h.sock"}, "--host unix:///run/h.sock"),
        ({"docker_host": "ssh://root@h:2222", "use_ssh_client": True}, "--host ssh://root@h:2222"),
        ({"docker_host": "https://h:2376"}, "--host https://h:2376 --tlsverify"),
        (
            {"docker_host": "tcp://h:2376", **INSIDE},
            "--host tcp://h:2376 --tlsverify --tlscacert {{ inventory_dir }}/../tls/ca.pem "
            "--tlscert {{ inventory_dir }}/../tls/c.pem --tlskey /abs/k.pem",
        ),
    ],
)
def test_the_docker_command_is_led_to_the_host(words: dict[str, Any], options: str) -> None:
    found = connection.connection_vars(Host("h", **words), ROOT)
    said = found.pop("tpaexec_docker_host")
    assert found == {"ansible_connection": "docker", "ansible_docker_extra_args": options}
    assert (said["name"], said["docker_host"]) == ("h", words["docker_host"])
    assert ("use_ssh_client" in said) == bool(words.get("use_ssh_client"))


def test_the_daemon_of_docker_host_needs_nothing() -> None:
    assert connection.connection_vars(Host(), ROOT) == {}


@pytest.mark.parametrize("odd", [{"tls_hostname": "h.example.com"}, {"tls_client_key": "/my keys/k.pem"}])
def test_what_the_docker_command_cannot_say_goes_by_the_sdk(odd: dict[str, str]) -> None:
    host = Host("h", "tcp://h:2376", **{**INSIDE, **odd})
    found = connection.connection_vars(host, ROOT)
    assert found.pop("tpaexec_docker_host")["name"] == "h"
    expected = {
        "ansible_connection": "tpaexec.docker.docker_api",
        "ansible_docker_docker_host": "tcp://h:2376",
        "ansible_docker_validate_certs": True,
        "ansible_docker_ca_cert": "{{ inventory_dir }}/../tls/ca.pem",
        "ansible_docker_client_cert": "{{ inventory_dir }}/../tls/c.pem",
        "ansible_docker_client_key": host.tls_client_key,
    }
    if host.tls_hostname:
        expected["ansible_docker_tls_hostname"] = host.tls_hostname
    assert found == expected


def test_a_directory_with_a_blank_in_its_own_path() -> None:
    """The docker command's options are split at blanks, and inventory_dir will have one."""
    host = Host("h", "tcp://h:2376", tls_ca_cert="/my clusters/demo/ca.pem")
    found = connection.connection_vars(host, "/my clusters/demo")
    assert found["ansible_connection"] == "tpaexec.docker.docker_api"
    assert found["ansible_docker_ca_cert"] == "{{ inventory_dir }}/../ca.pem"


def directory(tmp_path: Path, text: str) -> Any:
    (tmp_path / "config.yml").write_text(text)
    return body.read_cluster(str(tmp_path))[2]


def test_ssh_config_has_a_way_in_where_there_is_no_route(tmp_path: Path) -> None:
    cluster = directory(tmp_path, CONFIG)
    assert [connection.proxy_command(cluster, one, ROOT) for one in cluster.instances] == ["", ""]
    cluster = directory(tmp_path, CONFIG + HOSTS)
    uno, due = (connection.proxy_command(cluster, one, ROOT) for one in cluster.instances)
    assert uno.startswith("docker exec -i uno bash -c ")
    assert due.startswith("docker --host ssh://root@far exec -i due bash -c ")


def test_a_percent_sign_is_none_of_ssh_s_tokens() -> None:
    host = Host("h", "tcp://h:2376", tls_ca_cert="/100%/ca.pem")
    words = shlex.split(connection.proxy_through(host, "uno"))
    assert words[4:6] == ["--tlscacert", "/100%%/ca.pem"]
    assert "/127.0.0.1/%p;" in words[-1]  # but for the port, which ssh puts in


@pytest.mark.skipif(not shutil.which("ssh"), reason="OpenSSH's client is not installed on this machine")
def test_ssh_reads_the_whole_command_from_ssh_config(tmp_path: Path) -> None:
    cluster = directory(tmp_path, CONFIG + HOSTS)
    made = files(cluster, [{"name": name, "ip_address": "10.45.1.3"} for name in ("uno", "due")], Context("0"))
    text = next(one.content for one in made if one.path == "ssh_config")
    (tmp_path / "ssh_config").write_text(text)
    done = subprocess.run(
        ["ssh", "-G", "-F", tmp_path / "ssh_config", "due"], capture_output=True, text=True, check=True
    )
    command = next(line for line in done.stdout.splitlines() if line.startswith("proxycommand "))
    assert command == f"proxycommand {connection.proxy_command(cluster, cluster.instances[1], '')}"


def test_the_file_of_a_host_goes_with_the_host(tmp_path: Path) -> None:
    """A node that config.yml has back on the daemon of DOCKER_HOST must not be looked for elsewhere."""
    cluster = directory(tmp_path, CONFIG + HOSTS)
    addresses = [{"name": name, "ip_address": ""} for name in ("uno", "due")]
    made = {one.path: one.content for one in files(cluster, addresses, Context("0", root=str(tmp_path)))}
    assert [path for path in made if "02-docker_host" in path] == [KEPT]
    assert yaml.safe_load(made[KEPT])["ansible_docker_extra_args"] == "--host ssh://root@far"
    for path, text in made.items():
        os.makedirs(os.path.dirname(tmp_path / path), exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "inventory/host_vars/uno/02-mine.yml").write_text("mine: true\n")
    assert absent.dropped(str(tmp_path), cluster) == []
    assert absent.dropped(str(tmp_path), directory(tmp_path, CONFIG)) == [KEPT]
    without_due = "".join(line for line in CONFIG.splitlines(True) if "due" not in line)
    vars_file = KEPT.replace("02-docker_host", "01-instance_vars")
    assert sorted(absent.dropped(str(tmp_path), directory(tmp_path, without_due))) == [vars_file, KEPT]


def ssh_keygen(words: Any) -> tuple[int, str, str]:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_all_of_it_by_the_module(tmp_path: Path) -> None:
    """Written, left alone, taken away with the host, and by deprovision."""
    run = Run(False, False, print, ssh_keygen)

    def provision(text: str) -> dict[str, Any]:
        (tmp_path / "config.yml").write_text(text)
        instances = [{"name": name, "ip_address": "10.45.1.3"} for name in ("uno", "due")]
        words = {"cluster_dir": str(tmp_path), "state": "present", "instances": instances}
        return body.body({**words, "config_hash": body.config_hash(text)}, run)

    assert KEPT in provision(CONFIG + HOSTS)["created"]
    assert not provision(CONFIG + HOSTS)["changed"]
    assert provision(CONFIG)["removed"] == [KEPT]
    provision(CONFIG + HOSTS)
    assert KEPT in body.body({"cluster_dir": str(tmp_path), "state": "absent"}, run)["removed"]
    assert not (tmp_path / "inventory").exists()


def test_the_live_inventory_reads_the_directory(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(CONFIG + HOSTS)
    site = live_hosts.Site.read(str(tmp_path))
    assert (site.root, site.cluster_id, dict(site.places)) == (os.path.realpath(tmp_path), "", {})
    assert [site.away(name, "far") for name in ("uno", "due", "stranger")] == [True, False, False]
    assert "ProxyCommand=docker exec -i uno" in site.ssh_vars("uno", "default")["ansible_ssh_common_args"]
    (tmp_path / "config.yml").write_text(CONFIG)
    alone = live_hosts.Site.read(str(tmp_path)).ssh_vars("uno", "default")["ansible_ssh_common_args"]
    assert "ProxyCommand" not in alone
