# SPDX-License-Identifier: GPL-3.0-or-later
"""Bootstrapping for real: the same twice, by an ordinary user, killed half-way, and what a booted guest is like."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.body import create_body
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.host import HostFacts
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.recipe import cook
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.model import Instance, Settings
from ansible_collections.tpaexec.docker.tests.integration.engines.runner import MODULES, run
from ansible_collections.tpaexec.docker.tests.integration.image.conftest import PREFIX, forget, there

DEBIAN = {"distribution": "debian", "release": "12"}


def booted(sdk, image):
    """A container of the image as docker_cluster makes it, once systemd says what it thinks."""
    name = f"{PREFIX}-{uuid.uuid4().hex[:8]}"
    instance = Instance(name, 1, Settings(image))
    cooked = cook(instance, HostFacts.from_api(sdk.version(), sdk.info()), uuid.uuid4().hex)
    container = sdk.containers.get(sdk.api.create_container_from_config(create_body(instance, cooked, {}), name)["Id"])
    container.start()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        state = container.exec_run("systemctl is-system-running --wait").output.decode().strip()
        if state in ("running", "degraded"):
            break
        time.sleep(0.1)
    return container, state


def test_two_nodes_of_one_image(sdk, guest_image):
    """They run, and share neither machine-id nor host keys."""
    nodes = [booted(sdk, guest_image) for _number in range(2)]
    try:
        assert [state for _container, state in nodes] == ["running", "running"]
        seen = [
            container.exec_run("cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub").output
            for container, _ident in nodes
        ]
        ids, keys = zip(*(text.split(b"\n")[:2] for text in seen))
        assert len(set(ids)) == 2
        assert all(len(ident) == 32 for ident in ids)
        assert len(set(keys)) == 2
        assert nodes[0][0].exec_run("systemctl --failed --no-legend").output == b""
        assert nodes[0][0].exec_run("systemctl is-active ssh").output.strip() == b"active"
        assert nodes[0][0].exec_run("sh -c 'ls /var/lib/apt/lists /var/cache/apt/archives/*.deb'").exit_code != 0
    finally:
        for container, _state in nodes:
            container.remove(force=True, v=True)


def test_an_image_that_is_there_needs_no_tools(sdk, guest_image, guest_image_module):
    """No mmdebstrap, no root: what was made once is used."""
    reply = guest_image_module({"PATH": "/nowhere"}, names=[guest_image])
    assert not reply.failed
    assert not reply.result["changed"]


@pytest.mark.long
def test_the_same_twice(sdk, guest_image_module):
    """Same inputs, same archive: the same root file system, and even the same image."""
    names = [f"{PREFIX}/first:12", f"{PREFIX}/second:12"]
    try:
        reply = guest_image_module(names=names[:1], source="bootstrap", bootstrap=DEBIAN)
        assert not reply.failed, reply.result["msg"]
        reply = guest_image_module(names=names[1:], source="bootstrap", bootstrap=DEBIAN)
        first, second = (sdk.images.get(name) for name in names)
        assert first.attrs["RootFS"]["Layers"] == second.attrs["RootFS"]["Layers"]
        assert first.id == second.id
        inputs = json.loads(first.labels["tpaexec.docker.image.inputs"])
        assert inputs["release"] == "bookworm"
        assert "systemd" in inputs["packages"]
    finally:
        for name in names:
            forget(sdk, name)


@pytest.mark.long
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_killed_half_way(sdk, tmp_path, how):
    """Nothing has the name; SIGTERM leaves nothing at all; after SIGKILL, the next run clears up."""
    name = f"{PREFIX}/killed:12"
    work = tmp_path / "work"
    work.mkdir(mode=0o755)
    arguments = {"names": [name], "source": "bootstrap", "bootstrap": {**DEBIAN, "work_dir": str(work)}}
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-W", "ignore", "-m", f"{MODULES}.guest_image"]
    order = json.dumps({"ANSIBLE_MODULE_ARGS": arguments})
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env, cwd="/"
    ) as process:
        assert process.stdin
        process.stdin.write(order)
        process.stdin.close()
        deadline = time.monotonic() + 60
        while not list(work.glob("*/*/mmdebstrap.*")) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(3)
        process.send_signal(how)
        process.wait(timeout=60)
    assert there(sdk, name) is None
    if how == signal.SIGTERM:
        assert [path.name for path in work.glob("*/*") if path.is_dir()] == []
    mounts = Path("/proc/mounts").read_text(encoding="utf-8")
    assert str(work) not in mounts


@pytest.mark.long
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become an ordinary user")
def test_by_an_ordinary_user(sdk):
    """In a user namespace: the user needs the socket's group and a range of ids, not root."""
    name, user = f"{PREFIX}/user:12", "t-img-user"
    folder = Path(tempfile.mkdtemp(prefix="t-img-", dir="/var/tmp"))  # pytest's own folders are for one user
    folder.chmod(0o755)
    (folder / "work").mkdir()
    group = os.stat("/var/run/docker.sock").st_gid
    subprocess.run(["useradd", "--no-create-home", "--add-subids-for-system", user], check=True)
    try:
        shutil.chown(folder / "work", user)
        arguments = {"names": [name], "source": "bootstrap", "bootstrap": {**DEBIAN, "work_dir": str(folder / "work")}}
        words = ["setpriv", "--reuid", user, "--regid", user, "--groups", str(group)]
        reply = run("guest_image", arguments, prefix=words, environ={"HOME": str(folder / "work")}, limit=300)
        assert not reply.failed, reply.result["msg"]
        assert reply.result["changed"]
    finally:
        subprocess.run(["userdel", user], check=False)
        shutil.rmtree(folder, ignore_errors=True)
        forget(sdk, name)
