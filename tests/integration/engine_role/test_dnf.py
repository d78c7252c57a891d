# SPDX-License-Identifier: GPL-3.0-or-later
"""Role engine where packages are RPMs: real dnf and rpm in Debian guests that say they are something else, with a local
repository whose Docker answers on the socket and does nothing more. What real Fedora, SUSE or Amazon hosts add is not
tested.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import uuid
from pathlib import Path

import pytest

FILES = Path(__file__).parent / "files"
OS_RELEASE = {
    "fedora": ("ID=fedora\nNAME=Fedora\nVERSION_ID=41\n", "Fedora release 41 (Forty One)\n"),
    "rocky": (
        'ID=rocky\nID_LIKE="rhel centos fedora"\nNAME="Rocky Linux"\nVERSION_ID="9.4"\n',
        "Rocky Linux release 9.4 (Blue Onyx)\n",
    ),
    "centos": ('ID=centos\nNAME="CentOS Linux"\nVERSION_ID="7"\n', "CentOS Linux release 7.9.2009 (Core)\n"),
    "amazon": ('ID=amzn\nNAME="Amazon Linux"\nVERSION_ID="2023"\n', "Amazon Linux release 2023 (Amazon Linux)\n"),
}
LABELS = {"tpaexec.docker.test": "engine_role"}
REPOSITORY = "sed -i s/enabled=0/enabled=1/ /etc/yum.repos.d/local.repo"
# host: what it says it is, what is done to it before, the role's variables
HOSTS = {
    "fedora": ("fedora", REPOSITORY, {"engine_users": ["nobody"]}),
    "amazon": ("amazon", REPOSITORY, {"engine_start": False}),
    "el7": ("centos", REPOSITORY, {"engine_start_without_systemd": False}),
    "el7-no-extras": ("centos", "true", {}),
    "el9": ("rocky", REPOSITORY, {}),
    "cli-only": ("fedora", f"{REPOSITORY}; dnf -q -y install docker-ce-cli", {}),
    "program-only": ("fedora", f"{REPOSITORY}; install -Dm755 /srv/dockerd /usr/local/bin/dockerd", {}),
    "no-such-user": ("fedora", "install -Dm755 /srv/dockerd /usr/bin/dockerd", {"engine_users": ["no-such-name"]}),
}


def put(container, names: dict[str, Path | str]) -> None:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in names.items():
            data = content.read_bytes() if isinstance(content, Path) else content.encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    container.put_archive("/", archive.getvalue())


def sh(container, command: str) -> str:
    status, output = container.exec_run(["sh", "-c", command])
    assert status == 0, f"{command}: {output.decode()}"
    return output.decode()


@pytest.fixture(scope="module")
def image(sdk, guest_image):
    """The guest image with dnf, rpm and the repository."""
    container = sdk.containers.run(guest_image, ["sleep", "infinity"], detach=True, labels=LABELS)
    try:
        put(container, {"srv/dockerd.py": FILES / "dockerd.py", "srv/prepare.sh": FILES / "prepare.sh"})
        sh(container, "sh /srv/prepare.sh")
        made = container.commit(repository="tpaexec-test-engine-role", tag=uuid.uuid4().hex[:8])
    finally:
        container.remove(force=True)
    yield made
    sdk.images.remove(made.id, force=True)


@pytest.fixture(scope="module")
def hosts(sdk, image):
    containers = {}
    try:
        for host, (system, before, _variables) in HOSTS.items():
            containers[host] = sdk.containers.run(image, ["sleep", "infinity"], detach=True, init=True, labels=LABELS)
            release, redhat_release = OS_RELEASE[system]
            put(containers[host], {"etc/os-release": release, "etc/redhat-release": redhat_release})
            sh(containers[host], before)
        yield containers
    finally:
        for container in containers.values():
            container.remove(force=True)


@pytest.fixture(scope="module")
def play(hosts, tmp_path_factory):
    """Runs the playbook on all hosts at once; returns each host's counts and messages."""
    inventory = {
        host: {
            "ansible_connection": "community.docker.docker_api",
            "ansible_host": container.id,
            "ansible_python_interpreter": "/usr/bin/python3",
            "engine_start_without_systemd": True,
            **HOSTS[host][2],
        }
        for host, container in hosts.items()
    }
    source = tmp_path_factory.mktemp("engine") / "inventory.json"
    source.write_text(json.dumps({"all": {"hosts": inventory}}))

    def run(*words: str) -> dict[str, dict]:
        environment = {
            **os.environ,
            "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json",
            "ANSIBLE_FORKS": "8",
            "ANSIBLE_DEPRECATION_WARNINGS": "0",
        }
        program = Path(sys.executable).with_name("ansible-playbook")
        ran = subprocess.run(
            [program, "-i", source, "tpaexec.docker.install_docker", "-e", "engine_hosts=all", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert ran.stdout.lstrip().startswith("{"), ran.stdout + ran.stderr
        said = json.loads(ran.stdout[ran.stdout.index("{") :])
        result = {host: {**counts, "messages": ""} for host, counts in said["stats"].items()}
        for task in said["plays"][0]["tasks"]:
            for host, outcome in task["hosts"].items():
                for one in (outcome, *outcome.get("results", [])):
                    # dnf's own results are plain lines.
                    if isinstance(one, dict) and not one.get("skipped"):
                        result[host]["messages"] += f"{one.get('msg', '')}\n"
        return result

    return run


@pytest.fixture(scope="module")
def checked(play):
    return play("--check")


@pytest.fixture(scope="module")
def first(checked, play):
    return play()


@pytest.fixture(scope="module")
def second(first, play):
    return play()


INSTALLS = ["fedora", "amazon"]
REFUSES = {
    "el7": ["PID 1 is", "dockerd &"],
    "el7-no-extras": ["docker could not be installed with dnf", "extras"],
    "el9": ["Rocky 9.4", "podman-docker is not a Docker daemon", "https://docs.docker.com/engine/install/"],
    "cli-only": ["docker-ce-cli from docker.com is here", "moby-engine would replace it"],
    "no-such-user": ["engine_users names no-such-name", "no such user"],
}


def test_check_mode_installs_nothing(checked, hosts, request):
    for host in INSTALLS:
        assert checked[host]["changed"], checked[host]["messages"]
        assert not checked[host]["failures"], checked[host]["messages"]


@pytest.mark.parametrize(("host", "package"), [("fedora", "moby-engine"), ("amazon", "docker"), ("el7", "docker")])
def test_the_distributions_own_package(first, hosts, host, package):
    assert package in sh(hosts[host], f"rpm -q {package}")


def test_started_in_the_background_and_user_let_in(first, hosts):
    assert not first["fedora"]["failures"], first["fedora"]["messages"]
    assert "listening" in sh(hosts["fedora"], "cat /var/log/dockerd.log")
    assert "docker" in sh(hosts["fedora"], "id -nG nobody").split()
    assert "become root on this host" in first["fedora"]["messages"]


@pytest.mark.parametrize("host", REFUSES)
def test_refused_with_the_way_to_go_on(first, host):
    assert first[host]["failures"] == 1
    for words in REFUSES[host]:
        assert words in first[host]["messages"]


def test_nothing_is_replaced(first, hosts):
    assert "docker-ce-cli" in sh(hosts["cli-only"], "rpm -q docker-ce-cli")
    for host in ("cli-only", "program-only", "no-such-user", "el9"):
        status, _output = hosts[host].exec_run(["rpm", "-q", "moby-engine"])
        assert status != 0, host
    assert "it is left as it is" in first["program-only"]["messages"]


@pytest.mark.parametrize("host", [*INSTALLS, "program-only"])
def test_second_run_changes_nothing(second, host):
    assert not second[host]["changed"], second[host]["messages"]
    assert not second[host]["failures"]
