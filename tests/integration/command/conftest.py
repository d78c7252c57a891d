# SPDX-License-Identifier: GPL-3.0-or-later
"""One small cluster in a directory with an evil name, shared by the tests of the command in the order of its life."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TOP = Path(__file__).resolve().parents[3]
COMMAND = str(TOP / "bin" / "tpaexec")
NODES = ("t-cmd-uno", "t-cmd-due")
EVIL = "{{ lookup('pipe', 'touch %s') }}"

# Secrets, and where they stand. None may be in a report.
PLANTED = {
    "env": "plantedInEnv-11", "env_file": "plantedInFile-22", "args": "plantedInArgs-33", "vars": "plantedInVars-44",
    "node_vars": "plantedInNode-55", "other": "plantedElsewhere-66",
}  # fmt: skip

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


@pytest.fixture(scope="session")
def tpaexec() -> Run:
    """Call the command; it must never show a traceback."""

    def run(*argv: str | Path, cwd: Path | None = None, **env: str) -> Done:
        environ = {key: value for key, value in os.environ.items() if key not in ("TPA_DIR", "NO_COLOR")}
        command = [COMMAND, *map(str, argv)]
        done = subprocess.run(
            command, cwd=cwd, env={**environ, **env}, capture_output=True, text=True, check=False, timeout=180
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        return done

    return run


def archive_of(name: str, text: str) -> bytes:
    """A tar archive with one file, as Docker takes it."""
    buffer, content = io.BytesIO(), text.encode()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def config(cluster: str, image: str, subnet: str, marker: Path) -> str:
    """Two nodes; one has an environment variable that would make *marker* if anybody evaluated it."""
    evil = EVIL % marker
    return f"""\
cluster_name: {cluster}
cluster_vars: {{preferred_python_version: python3, nested: [{{some_password: {PLANTED["vars"]}}}]}}
docker_images: {{"t-cmd/never:1": {{base_image: x, base_build_args: {{MIRROR: {PLANTED["args"]}}}}}}}
ansible_tower: {{api_token: {PLANTED["other"]}}}
docker_networks: [{{name: {cluster}, ipam_config: [{{subnet: {subnet}.0/28}}]}}]
instance_defaults:
  platform: docker
  image: {image}
  vars: {{ansible_user: root}}
instances:
  - Name: {NODES[0]}
    node: 1
    role: [primary]
    ip_address: {subnet}.2
    env: {{EVIL: "{evil}", PLAIN: {PLANTED["env"]}}}
    env_file: secrets.env
    vars: {{evil: "{evil}", node_secret: {PLANTED["node_vars"]}}}
  - {{Name: {NODES[1]}, node: 2, role: [replica], ip_address: {subnet}.3, upstream: {NODES[0]}}}
"""


@pytest.fixture(scope="module")
def marker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What exists only if something of the user's was evaluated."""
    return tmp_path_factory.mktemp("marker") / "pwned"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, tpaexec: Run, guest_image: str, marker: Path, sdk: Any):
    directory = tmp_path_factory.mktemp("my clusters") / (EVIL % "pwned").replace("/", "")
    directory.mkdir()
    (directory / "config.yml").write_text(config("t-cmd", guest_image, "10.46.1", marker))
    (directory / "notes of mine.txt").write_text("keep me")
    (directory / "secrets.env").write_text(f"FROM_FILE={PLANTED['env_file']}\n")
    yield directory
    tpaexec("deprovision", directory, "--remove-volumes")
    for name in NODES:
        for container in sdk.containers.list(all=True, filters={"name": f"^{name}$"}):
            container.remove(force=True)
    for network in sdk.networks.list(names=["t-cmd"]):
        network.remove()


@pytest.fixture
def snapshot(sdk: Any, cluster: Path, guest_image: str) -> Callable[[], tuple[Any, ...]]:
    """All that a command could have touched: our containers and networks, the image, the directory's files."""

    def files() -> dict[str, tuple[int, int]]:
        paths = [path for path in cluster.rglob("*") if path.is_file() and path.name != "lock"]
        return {str(path): (path.stat().st_mtime_ns, path.stat().st_mode) for path in paths}

    def take() -> tuple[Any, ...]:
        containers = {
            one.name: (one.id, one.status, one.attrs["State"]["StartedAt"])
            for one in sdk.containers.list(all=True, filters={"name": "t-cmd-"})
        }
        networks = sorted(str(one.id) for one in sdk.networks.list(names=["t-cmd"]))
        images = sdk.images.get(guest_image).attrs
        return containers, networks, images, files()

    return take
