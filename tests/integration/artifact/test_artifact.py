# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-galaxy makes of the checkout: no tests, no caches; installed from the tarball alone, it works.

It is installed and used by the lines of README.md, "Without make".
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from ansible_collections.tpaexec.docker.tests.integration.examples.pages import blocks_of

TOP = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent
FOREIGN = (".git", ".venv", ".cache", ".ci", "tests", "demo", "Makefile")


def run(*words, cwd=TOP, **environment) -> str:
    done = subprocess.run(
        words, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def tarball(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("built")
    run(BIN / "ansible-galaxy", "collection", "build", "--output-path", place, TOP)
    return next(place.glob("tpaexec-docker-*.tar.gz"))


def line_of_readme(program: str, **other: str) -> list[str]:
    """The line of "Without make" that begins with *program*, with *other* names of places."""
    block = blocks_of((TOP / "README.md").read_text(encoding="utf-8"))[-1]
    lines = [shlex.split(line, comments=True) for line in block.text.splitlines()]
    assert [words[0] for words in lines] == ["ansible-galaxy", "pip", "ansible-playbook"], "all of them are run here"
    (words,) = [words for words in lines if words[0] == program]
    for old, new in other.items():
        assert old in " ".join(words)
        words = [word.replace(old, new) for word in words]
    return [str(BIN / words[0]), *words[1:]]


@pytest.fixture(scope="module")
def installed(tarball, tmp_path_factory) -> Path:
    """The collections path into which the tarball was installed, with no server to be asked."""
    place = tmp_path_factory.mktemp("installed")
    words = line_of_readme("ansible-galaxy", **{tarball.name: str(tarball)})
    # What the collection needs is there already, and may not be asked for.
    words += ["--force", "--offline", "--no-deps", "-p", str(place)]
    run(*words, ANSIBLE_GALAXY_SERVER="http://127.0.0.1:9/")
    return place


def test_the_sdk_that_the_readme_asks_for_is_what_the_tests_have():
    """Nothing is fetched: pip is content with what is there."""
    said = run(*line_of_readme("pip"), PIP_NO_INDEX="1")
    assert "Requirement already satisfied: docker>=7.1.0" in said


def test_only_what_users_need(tarball):
    with tarfile.open(tarball) as archive:
        names = archive.getnames()
    assert {name.split("/")[0] for name in names}.isdisjoint(FOREIGN)
    assert not [name for name in names if "__pycache__" in name or name.endswith((".pyc", ".tar.gz"))]
    assert {"README.md", "bin/tpaexec", "plugins/modules/docker_cluster.py", "meta/runtime.yml"} <= set(names)
    assert tarball.stat().st_size < 2_000_000


def test_documentation_and_playbooks_are_found(installed, tmp_path):
    found = {"ANSIBLE_COLLECTIONS_PATH": str(installed)}
    listed = run(BIN / "ansible-doc", "-l", "tpaexec.docker", cwd=tmp_path, **found)
    assert "tpaexec.docker.docker_cluster" in listed
    for kind, name in (("role", "engine"), ("inventory", "docker_cluster"), ("module", "docker_preflight")):
        assert str(installed) in run(BIN / "ansible-doc", "-t", kind, f"tpaexec.docker.{name}", cwd=tmp_path, **found)


def test_its_command_works(installed, tmp_path):
    command = installed / "ansible_collections" / "tpaexec" / "docker" / "bin" / "tpaexec"
    path = f"{BIN}:{os.environ['PATH']}"
    run(sys.executable, command, "configure", tmp_path / "site", "--platform", "docker", cwd=tmp_path, PATH=path)
    assert (tmp_path / "site" / "config.yml").exists()


CONFIG = """\
architecture: M1
cluster_name: t-art
cluster_vars: {{postgres_version: '15'}}
keyring_backend: legacy
docker_networks: [{{name: t-art, ipam_config: [{{subnet: 10.50.60.0/28}}]}}]
instance_defaults: {{platform: docker, image: {image}}}
instances: [{{Name: t-art-1, node: 1, role: [primary]}}]
"""


def test_a_cluster_by_it_alone(installed, tmp_path, guest_image, sdk):
    """Nothing but the tarball's files: what the Python environment has, this checkout among it, is not looked for."""
    alone = {"ANSIBLE_COLLECTIONS_PATH": str(installed), "ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false"}
    alone["ANSIBLE_GALAXY_SERVER"] = "http://127.0.0.1:9/"
    site = tmp_path / "t-art"
    site.mkdir()
    (site / "config.yml").write_text(CONFIG.format(image=guest_image))
    try:
        for playbook in ("provision", "deprovision"):
            words = line_of_readme("ansible-playbook", **{"/home/me/clusters/demo": str(site)})
            words = [word.replace("docker.provision", f"docker.{playbook}") for word in words]
            said = run(*words, cwd=tmp_path, **alone)
            assert "failed=0" in said
            running = [one.name for one in sdk.containers.list(filters={"label": "Cluster=t-art"})]
            assert running == ([] if playbook == "deprovision" else ["t-art-1"])
    finally:
        for container in sdk.containers.list(all=True, filters={"label": "Cluster=t-art"}):
            container.remove(force=True, v=True)
