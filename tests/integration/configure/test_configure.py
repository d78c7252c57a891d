# SPDX-License-Identifier: GPL-3.0-or-later
"""`tpaexec configure` on a machine with a real daemon: what it leaves free, what it refuses, what it writes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, Iterator

import docker
import pytest
import yaml

from ansible_collections.tpaexec.docker.plugins.module_utils._directory.config_file import body
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import Run

TOP = Path(__file__).resolve().parents[3]
NETWORK = "t-spec-configure"
NOBODY = 65534


def tpaexec(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command, with this very Python's Ansible."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [sys.executable, str(TOP / "bin" / "tpaexec"), *words],
        env={**os.environ, "PATH": path, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def configure(directory: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return tpaexec("configure", str(directory), "--platform", "docker", *words, **environment)


def subnet_of(directory: Path) -> str:
    data = yaml.safe_load((directory / "config.yml").read_text(encoding="utf-8"))
    return data["docker_networks"][0]["ipam_config"][0]["subnet"]


@pytest.fixture
def taken(sdk: docker.DockerClient) -> Iterator[str]:
    """A Docker network of somebody else's on the first half of 10.40.8.0/27."""
    pool = docker.types.IPAMPool(subnet="10.40.8.0/28")
    network = sdk.networks.create(NETWORK, ipam=docker.types.IPAMConfig(pool_configs=[pool]))
    yield "10.40.8.0/28"
    network.remove()


def test_a_clusters_subnet_is_apart_from_dockers_networks_and_from_its_siblings(tmp_path: Path, taken: str) -> None:
    first = configure(tmp_path / "first", "--network", "10.40.8.0/27", "--os-image", "x/y:1")
    assert first.returncode == 0, first.stderr
    assert subnet_of(tmp_path / "first") == "10.40.8.16/28"
    second = configure(tmp_path / "second", "--network", "10.40.8.0/27")
    assert second.returncode == 1
    assert "There is no free /28 in 10.40.8.0/27" in second.stderr
    assert f"{taken} (" in second.stderr
    assert f"10.40.8.16/28 ({tmp_path}/first)" in second.stderr
    assert not (tmp_path / "second").exists()


def test_check_and_diff_show_the_file_and_write_nothing(tmp_path: Path) -> None:
    done = configure(
        tmp_path / "demo", "--check", "--diff", "--os-image", "x/y:1", "--location-names", "paris", "berlin"
    )
    assert done.returncode == 0, done.stderr
    assert "- Name: paris" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_config_that_is_there_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text("mine", encoding="utf-8")
    done = configure(tmp_path)
    assert done.returncode == 1
    assert "config.yml exists already" in done.stderr.splitlines()[0]
    assert (tmp_path / "config.yml").read_text(encoding="utf-8") == "mine"


def test_without_a_daemon_it_warns_and_works(tmp_path: Path) -> None:
    done = configure(tmp_path / "demo", DOCKER_HOST="unix:///nowhere/docker.sock")
    assert done.returncode == 0, done.stderr
    assert "Subnets in use by Docker could not be seen" in done.stdout + done.stderr
    text = (tmp_path / "demo" / "config.yml").read_text(encoding="utf-8")
    assert "image: centos/systemd" in text
    assert "cluster_name: demo" in text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--os", "debian"], "only centos is (the image centos/systemd)"),
        (["--os", "centos", "--os-image", "x/y:1"], "--os-image"),
        (["--platform", "aws"], "only docker is"),
    ],
)
def test_systems_that_are_refused(words: list[str], expected: str, tmp_path: Path) -> None:
    done = configure(tmp_path / "demo", *words)
    assert done.returncode == 2
    assert expected in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "demo").exists()


BAD = """\
cluster_name: t-spec-bad
cluster_vars: {a: 1}
docker_networks: [{name: t-spec-bad, ipam_config: [{subnet: 10.40.9.0/28}]}]
instances:
- {Name: t-spec-one, node: 1, image: x, ip_address: 10.40.9.1}
- {Name: t-spec-two, node: 1, image: x, memry: 1g, upstream: nobody}
"""


def test_a_bad_config_is_refused_before_anything_is_touched(tmp_path: Path, sdk: docker.DockerClient) -> None:
    (tmp_path / "config.yml").write_text(BAD, encoding="utf-8")
    done = tpaexec("provision", str(tmp_path))
    assert done.returncode == 1
    for place in ("instances[0].ip_address", "instances[1].node", "instances[1].memry", "instances[1].upstream"):
        assert place in done.stderr
    assert "Mend config.yml: 4 problems" in done.stderr.splitlines()[0]
    assert "Traceback" not in done.stderr + done.stdout
    assert os.listdir(tmp_path) == ["config.yml"]
    assert sdk.networks.list(names=["t-spec-bad"]) == []
    assert sdk.containers.list(all=True, filters={"name": "t-spec-"}) == []


def as_nobody(function: Callable[[], Any]) -> str:
    """What *function* raises when run by a user without rights; in a child, since there is no way back."""
    if os.getuid():
        return _raised(function)
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        os.write(write, _raised(function).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as handle:
        found = handle.read()
    os.waitpid(child, 0)
    return found


def _raised(function: Callable[[], Any]) -> str:
    try:
        return f"returned {function()}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


@pytest.fixture
def locked() -> Iterator[Path]:
    """A directory that others can read and not write, with a config.yml in it."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        (path / "config.yml").write_text(
            "cluster_name: demo\ncluster_vars: {a: 1}\ninstances: [{Name: one, node: 1, image: x}]\n", encoding="utf-8"
        )
        path.chmod(0o555)
        yield path
        path.chmod(0o755)


def test_no_permission_to_write_the_directory(locked: Path) -> None:
    run = Run(False, False, lambda _warning: None, lambda *_args: (1, "", ""))
    found = as_nobody(lambda: body({"cluster_dir": str(locked), "state": "validated"}, run))
    assert found.startswith(f"PlatformError: The cluster directory {locked} cannot be written by this user. Run as")
    new = {"cluster_dir": str(locked / "new"), "state": "present", "exclude_subnets_from": [], "timeout": 1}
    found = as_nobody(lambda: body(new, run))
    assert found.startswith(f"PlatformError: Cannot write {locked}/new: permission denied.")
