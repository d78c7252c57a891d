# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be done with a provisioned directory: SSH, Ansible, moving it, asking the daemon instead of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from .conftest import NODES, TOP, tpaexec

ADDRESSES = {"t-dir-one": "10.45.6.2", "t-dir-two": "10.45.6.3"}


def ssh(directory, *words):
    command = ["ssh", "-o", "BatchMode=yes", "-F", "ssh_config", *words]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False, timeout=30)


def ansible(program, *words, cwd, collections):
    command = [os.path.join(os.path.dirname(sys.executable), program), *words]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": collections, "ANSIBLE_DEPRECATION_WARNINGS": "false"}
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, env=environment, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def collections(tmp_path_factory):
    """A path below which this checkout is the collection, wherever it stands."""
    base = tmp_path_factory.mktemp("collections")
    (base / "ansible_collections/tpaexec").mkdir(parents=True)
    (base / "ansible_collections/tpaexec/docker").symlink_to(TOP)
    return str(base)


def snapshot(root):
    return {str(path): path.stat().st_mtime_ns for path in sorted(root.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("node", NODES)
def test_ssh_from_within_the_directory(cluster_dir, node):
    done = ssh(cluster_dir, node, "hostname")
    assert (done.returncode, done.stdout.strip()) == (0, node), done.stderr


def test_the_directory_can_be_moved(cluster_dir, tmp_path, collections):
    moved = tmp_path / "elsewhere" / "t-dir"
    shutil.copytree(cluster_dir, moved)
    assert ssh(moved, "t-dir-two", "true").returncode == 0
    words = [
        "-i",
        "inventory",
        "all",
        "-m",
        "ping",
        "-e",
        "ansible_connection=ssh",
        "-e",
        "{ansible_host: '{{ ip_address }}'}",
    ]
    assert ansible("ansible", *words, cwd=moved, collections=collections).count('"pong"') == len(NODES)


def test_ansible_over_the_generated_inventory(cluster_dir, collections):
    out = ansible("ansible", "-i", "inventory", "all", "-m", "ping", cwd=cluster_dir, collections=collections)
    assert out.count('"pong"') == len(NODES)


def test_the_second_provision_touches_no_file(cluster_dir):
    before = snapshot(cluster_dir)
    tpaexec("provision", cluster_dir)
    generated = {path for path in before if "/.tpaexec-docker/" not in path}
    after = snapshot(cluster_dir)
    assert {path: after[path] for path in generated} == {path: before[path] for path in generated}


def test_the_live_inventory_says_what_the_generated_one_says(cluster_dir, tmp_path, collections):
    (tmp_path / "docker_cluster.yml").write_text("plugin: tpaexec.docker.docker_cluster\nclusters: [t-dir]\n")
    words = ["ansible-inventory", "--list", "-i"]
    generated = json.loads(ansible(*words, "inventory", cwd=cluster_dir, collections=collections))
    live = json.loads(ansible(*words, "docker_cluster.yml", cwd=tmp_path, collections=collections))
    assert live["tag_Cluster_t-dir"]["hosts"] == generated["tag_Cluster_t-dir"]["hosts"] == list(NODES)
    cluster = {"ansible_port", "ansible_connection", "ansible_python_interpreter", "ansible_shell_executable"}
    for node in NODES:
        written = cluster_dir / "inventory/host_vars" / node / "01-instance_vars.yml"
        names = {line.split(":")[0] for line in written.read_text().splitlines() if line[0] not in " -"}
        names |= {"node", "platform", "cluster_name", "cluster_tag"}
        expected = {name: generated["_meta"]["hostvars"][node][name] for name in names - cluster}
        found = {name: plain(live["_meta"]["hostvars"][node].get(name)) for name in names - cluster}
        assert found == {name: plain(value) for name, value in expected.items()}
    assert live["role_primary"]["hosts"] == ["t-dir-one"]
    assert sorted(live["state_running"]["hosts"]) == list(NODES)


def plain(value):
    """Without the marks of text that is not to be templated."""
    if isinstance(value, dict):
        return (
            plain(value["__ansible_unsafe"])
            if set(value) == {"__ansible_unsafe"}
            else {k: plain(v) for k, v in value.items()}
        )
    return [plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("connection", ["docker_api", "docker", "ssh"])
def test_every_connection_of_the_live_inventory(cluster_dir, tmp_path, collections, connection):
    key = cluster_dir / "my_key"
    options = f"-o UserKnownHostsFile={cluster_dir / 'tpa_known_hosts'}"
    (tmp_path / "docker_cluster.yml").write_text(
        f"plugin: tpaexec.docker.docker_cluster\nclusters: [t-dir]\nconnection: {connection}\n"
        f"compose:\n  ansible_ssh_private_key_file: \"'{key}'\"\n  ansible_ssh_common_args: \"'{options}'\"\n"
    )
    out = ansible("ansible", "-i", "docker_cluster.yml", "all", "-m", "ping", cwd=tmp_path, collections=collections)
    assert out.count('"pong"') == len(NODES)


def test_tpas_list_containers_would_find_the_nodes(cluster_dir, sdk):
    """Its filter: label Name = the last part of the directory's path."""
    found = sdk.containers.list(filters={"label": f"Name={cluster_dir.name}"})
    assert sorted(container.name for container in found) == list(NODES)
