# SPDX-License-Identifier: GPL-3.0-or-later
"""The connection plugin docker_api on a real node, by every way to a Docker host at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml

from ansible_collections.tpaexec.docker.tests.integration.several_hosts.rig import Rig

BIN = Path(sys.executable).parent
NODE = "t-con-1"
PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - name: Long
      ansible.builtin.shell: {cmd: seq 50000; echo oops >&2; pwd; echo "$MORE"}
      vars: {ansible_docker_working_dir: /srv, ansible_docker_extra_env: {MORE: "a 'b'"}}
    - name: Piped
      ansible.builtin.command: {cmd: "wc -c", stdin: "{{ 'x' * 300000 }}"}
    - {name: Put, ansible.builtin.copy: {src: "{{ big }}", dest: "/tmp/{{ inventory_hostname }} a", mode: "0640"}}
    - name: Empty
      ansible.builtin.copy: {content: "", dest: /tmp/empty}
      when: inventory_hostname == "tls"
    - {name: Got, ansible.builtin.fetch: {src: "/tmp/{{ inventory_hostname }} a", dest: "{{ home }}/got/", flat: true}}
    - name: Another user, by a password
      ansible.builtin.command: {cmd: id -un}
      become: true
      become_method: su
      vars: {ansible_user: joe, ansible_become_password: right}
    - name: Another user, by a wrong one
      ansible.builtin.command: {cmd: id -un}
      become: true
      become_method: su
      vars: {ansible_user: joe, ansible_become_password: wrong}
      ignore_errors: true
    - name: Another user's input has an end
      ansible.builtin.raw: cat; id -un
      become: true
      become_method: su
      vars: {ansible_user: joe, ansible_become_password: right}
    - name: No room
      ansible.builtin.copy: {src: "{{ big }}", dest: /root/never}
      vars: {ansible_remote_tmp: /small}
      ignore_errors: true
    - {name: A code, ansible.builtin.command: {cmd: "sh -c 'exit 7'"}, ignore_errors: true}
"""


@pytest.fixture(scope="module")
def ways(rig: Rig, guest_image: str, tmp_path_factory: Any) -> Iterator[dict[str, Any]]:
    """An inventory whose hosts are one container, each reached in a way of its own; and what the environment needs."""
    home = tmp_path_factory.mktemp("ways")
    key = rig.sshd("h1")
    (home / ".ssh").mkdir(mode=0o700)
    (home / ".ssh" / "known_hosts").write_text(rig.host_key("h1"))
    (home / ".ssh" / "config").write_text(
        f"Host *\n  IdentityFile {key}\n  UserKnownHostsFile {home}/.ssh/known_hosts\n"
    )
    (home / "ssh").write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {home}/.ssh/config "$@"\n')
    (home / "ssh").chmod(0o755)
    words = rig.words("h1")
    tls = {
        "docker_host": words["docker_host"],
        "validate_certs": True,
        "tls_hostname": "h1",
        "ca_cert": words["tls_ca_cert"],
        "client_cert": words["tls_client_cert"],
        "client_key": words["tls_client_key"],
    }
    url = f"ssh://root@{rig.address('h1')}"
    said = {
        "tls": tls,
        "socket": {"docker_host": rig.socket("h1")},
        "paramiko": {"docker_host": url},
        "client": {"docker_host": url, "use_ssh_client": True},
        "stranger": {**tls, "ca_cert": "/etc/ssl/certs/ca-certificates.crt"},
        "named": {**tls, "tls_hostname": "elsewhere.example.com"},
        "absent": tls,
        "paused": tls,
        "ended": tls,
    }
    names = {"absent": "t-con-nobody", "paused": "t-con-2", "ended": "t-con-3"}
    hosts = {
        way: {"ansible_host": names.get(way, NODE), **{f"ansible_docker_{name}": value for name, value in one.items()}}
        for way, one in said.items()
    }
    common = {"ansible_connection": "tpaexec.docker.docker_api", "ansible_python_interpreter": "/usr/bin/python3"}
    (home / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": hosts, "vars": common}}))
    environ = {
        **os.environ,
        "HOME": str(home),
        "PATH": f"{home}:{BIN}:{rig.path}",
        "ANSIBLE_FORKS": "10",
        # none of this is meant for the daemons above
        "REQUESTS_CA_BUNDLE": "/nowhere/ca.pem",
        "CURL_CA_BUNDLE": "/nowhere/ca.pem",
        "DOCKER_TLS_HOSTNAME": "elsewhere.example.com",
        "DOCKER_TLS_VERIFY": "1",
        "DOCKER_CERT_PATH": "/nowhere",
        "SSH_AUTH_SOCK": "",
    }
    sdk = rig.sdk("h1")
    made = []
    for name in (NODE, "t-con-2", "t-con-3"):
        places = {"/tmp": "", "/small": "size=1m"}
        made.append(sdk.containers.run(guest_image, ["sleep", "900"], name=name, detach=True, tmpfs=places))
    for command in ("useradd -m joe", "sh -c 'echo root:right | chpasswd'"):
        assert made[0].exec_run(command).exit_code == 0
    made[1].pause()
    made[2].kill()
    yield {"home": home, "environ": environ}
    for container in made:
        container.remove(force=True)


def ansible(ways: dict[str, Any], program: str, *words: str) -> Any:
    return subprocess.run(
        [BIN / program, "-i", "hosts.yml", *words], cwd=ways["home"], env=ways["environ"], capture_output=True,
        text=True, check=False, timeout=180,
    )  # fmt: skip


def test_all_that_a_task_needs(ways: dict[str, Any]) -> None:
    home = ways["home"]
    big = home / "big"
    big.write_bytes(os.urandom(3 << 20))
    (home / "play.yml").write_text(PLAY)
    ways = {**ways, "environ": {**ways["environ"], "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}}
    words = ("--limit", "tls,socket,paramiko,client", "-e", f"big={big}", "-e", f"home={home}")
    done = ansible(ways, "ansible-playbook", "play.yml", *words)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    tasks = {task["task"]["name"]: task["hosts"] for play in json.loads(done.stdout)["plays"] for task in play["tasks"]}
    assert {len(hosts) for hosts in tasks.values()} == {4}
    assert tasks["Empty"]["tls"]["size"] == 0
    numbers = [str(number) for number in range(1, 50001)]
    for way in tasks["Put"]:
        found = {name: hosts[way] for name, hosts in tasks.items()}
        assert found["Long"]["stdout_lines"] == [*numbers, "/srv", "a 'b'"], way
        assert found["Long"]["stderr"] == "oops", way
        assert found["Piped"]["stdout"] == "300001", way  # its own line break
        assert (found["Put"]["changed"], found["Put"]["mode"], found["Put"]["size"]) == (True, "0640", 3 << 20), way
        assert (home / "got" / f"{way} a").read_bytes() == big.read_bytes(), way
        assert found["Another user, by a password"]["stdout"] == "root", way
        assert "The password of su is wrong" in found["Another user, by a wrong one"]["msg"], way
        piped = found["Another user's input has an end"]
        assert (piped["stdout_lines"], piped["stderr"]) == (["root"], ""), way
        assert "cannot be written in the container: cat: write error: No space left" in found["No room"]["msg"], way
        assert found["A code"]["rc"] == 7, way


@pytest.mark.parametrize(
    ("way", "said"),
    [
        ("stranger", "comes from an authority that is not trusted here"),
        ("named", "the daemon's certificate has another name"),
        ("absent", "There is no container t-con-nobody on this Docker host. If it is a node"),
        ("paused", "docker unpause t-con-2"),
        ("ended", "Start it: docker start t-con-3"),
    ],
)
def test_what_is_in_the_way(ways: dict[str, Any], way: str, said: str) -> None:
    done = ansible(ways, "ansible", way, "-m", "ping")
    assert done.returncode == 4, done.stdout + done.stderr  # unreachable
    assert f"{way} | UNREACHABLE!" in done.stdout
    assert said in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.long  # that a host is gone is noticed within a minute, not at once
def test_a_host_that_dies_under_a_command(ways: dict[str, Any], rig: Rig) -> None:
    command = [BIN / "ansible", "-i", "hosts.yml", "tls:client:paramiko", "-m", "command", "-a", "sleep 300"]
    with subprocess.Popen(command, cwd=ways["home"], env=ways["environ"], stdout=subprocess.PIPE, text=True) as run:
        until = time.monotonic() + 60
        while (begun := rig.docker("h1", "top", NODE).count("sleep 300")) < 3 and time.monotonic() < until:
            time.sleep(0.2)
        rig.call("cut", "h1")
        try:
            said = run.communicate(timeout=100)[0]
        finally:
            rig.call("heal", "h1")
    assert begun >= 3
    assert said.count("UNREACHABLE!") == 3, said
    broken = ("broke while a command ran in t-con-1", "not known how the command in t-con-1 ended")
    assert sum(map(said.count, broken)) >= 3, said
