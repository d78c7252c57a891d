# SPDX-License-Identifier: GPL-3.0-or-later
"""One small provisioned cluster, shared by all that only looks at it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import docker
import pytest

TOP = Path(__file__).resolve().parents[3]
NETWORK = "t-dir-net"
NODES = ("t-dir-one", "t-dir-two")

CONFIG = """\
architecture: M1
cluster_name: t-dir
cluster_tags: {{Owner: tester}}
keyring_backend: legacy
ssh_key_file: my_key
cluster_vars: {{postgres_version: '15', preferred_python_version: python3}}
docker_networks:
- name: t-dir-net
  ipam_config: [{{subnet: 10.45.6.0/28}}]
locations:
- Name: main
instance_defaults:
  platform: docker
  image: {image}
  vars: {{ansible_user: root}}
instances:
- {{Name: t-dir-one, node: 1, role: [primary], location: main, ip_address: 10.45.6.2, vars: {{note: '{{{{ 1 }}}}'}}}}
- {{Name: t-dir-two, node: 2, role: [replica], location: main, ip_address: 10.45.6.3, upstream: t-dir-one}}
"""


def tpaexec(*words, check=True, **environ):
    """bin/tpaexec with the Ansible of the Python that runs the tests."""
    path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    command = [sys.executable, "-IS", str(TOP / "bin" / "tpaexec"), *map(str, words)]
    environment = {**os.environ, "PATH": path, **environ}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)
    assert not check or done.returncode == 0, f"{words}: {done.stdout}\n{done.stderr}"
    return done


def remove_all(sdk):
    for name in NODES:
        with contextlib.suppress(docker.errors.NotFound):
            sdk.containers.get(name).remove(force=True, v=True)
    with contextlib.suppress(docker.errors.NotFound):
        sdk.networks.get(NETWORK).remove()


@pytest.fixture(scope="module")
def config(guest_image):
    return CONFIG.format(image=guest_image)


@pytest.fixture(scope="module")
def clean(sdk):
    remove_all(sdk)
    yield
    remove_all(sdk)


@pytest.fixture(scope="module")
def cluster_dir(tmp_path_factory, config, clean):
    """A provisioned directory. Its last part is the cluster's name, as TPA wants it."""
    path = tmp_path_factory.mktemp("clusters") / "t-dir"
    path.mkdir()
    (path / "config.yml").write_text(config)
    tpaexec("provision", path)
    return path
