# SPDX-License-Identifier: GPL-3.0-or-later
"""`tpaexec images` and `--prune` on an engine of their own: what is ours goes when nothing uses it, all else stays."""

from __future__ import annotations

import io
import os
import subprocess
from pathlib import Path

import docker
import pytest

from ansible_collections.tpaexec.docker.tests.integration.engines import engine as harness
from ansible_collections.tpaexec.docker.tests.integration.engines.engine import Engine
from ansible_collections.tpaexec.docker.tests.integration.engines.runner import run
from ansible_collections.tpaexec.docker.tests.integration.image.conftest import GUEST, rootfs, there
from ansible_collections.tpaexec.docker.tests.integration.image.registry import Registry
from ansible_collections.tpaexec.docker.tests.tools import packages

pytestmark = pytest.mark.skipif(bool(harness.why_not()), reason=harness.why_not() or "-")
COMMAND = str(Path(__file__).resolve().parents[3] / "bin" / "tpaexec")


@pytest.fixture(scope="module", params=["", "forky"], ids=["this machine's", "28.5 containerd"])
def shop(request, tmp_path_factory):
    """An engine, its client, and a registry that it may push to."""
    root, config = None, {}
    if request.param:
        try:
            root, config = packages.engine(request.param), {"features": {"containerd-snapshotter": True}}
        except packages.Unavailable as error:
            pytest.skip(str(error))
    with Registry(tmp_path_factory.mktemp("registry"), address="0.0.0.0") as registry:
        words = ["--insecure-registry", f"{{gateway}}:{registry.port}"]
        name = f"t-img-life{request.param}"
        with Engine(name, config=config, unpacked=root, extra_args=words, nameserver="127.0.0.1") as engine:
            client = docker.DockerClient(base_url=engine.docker_host)
            yield engine, client, f"{engine.gateway}:{registry.port}"
            client.close()


def tpaexec(engine, *words):
    environ = {**os.environ, "DOCKER_HOST": engine.docker_host}
    done = subprocess.run([COMMAND, *words], env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    return done.stdout


def build(engine, folder, names):
    """Images of ours, as config.yml's docker_images makes them: each with a file of its own."""
    builds = {}
    for name in names:
        context = folder / name.replace("/", "_").replace(":", "_")
        context.mkdir()
        (context / "Dockerfile").write_text("FROM t-img/base:1\nCOPY Dockerfile /etc/mine\n# " + name, encoding="utf-8")
        builds[name] = {"context_path": str(context)}
    arguments = {"names": list(names), "builds": builds, "docker_host": engine.docker_host, "log_dir": str(folder)}
    reply = run("guest_image", arguments)
    assert not reply.failed, reply.result["msg"]


def test_only_ours_and_only_what_nothing_uses(shop, tmp_path):
    engine, client, registry = shop
    client.api.import_image_from_data(rootfs(GUEST), repository="t-img/base", tag="1", changes=['CMD ["/sbin/init"]'])
    build(engine, tmp_path, ["t-img/used:1", "t-img/unused:1", "t-img/parent:1"])
    # somebody builds on an image of ours: it inherits our labels, and is theirs
    text = io.BytesIO(b'FROM t-img/parent:1\nLABEL theirs=yes\nCMD ["/sbin/init"]\nWORKDIR /srv/theirs\n')
    client.images.build(fileobj=text, tag="t-img/theirs:1", rm=True)
    theirs = ["t-img/theirs:1", "t-img/base:1"]
    if "Descriptor" not in there(client, "t-img/base:1").attrs:  # containerd's store does not tell what was pulled
        build(engine, tmp_path, ["t-img/pushed:1"])
        theirs.append(f"{registry}/t-img/pushed:1")
        there(client, "t-img/pushed:1").tag(theirs[-1])
        assert "errorDetail" not in client.images.push(theirs[-1])
    client.containers.create("t-img/used:1", ["x"], labels={"Cluster": "t-img-demo"})

    lines = {line.split()[0]: line for line in tpaexec(engine, "images").splitlines()}
    assert "t-img-demo" in lines["t-img/used:1"]
    assert lines["t-img/unused:1"].endswith(" -")
    assert "base of t-img/theirs:1" in lines["t-img/parent:1"]
    assert not set(theirs) & set(lines)

    said = tpaexec(engine, "images", "--prune", "--check")
    assert "To remove: 1 unused image (" in said
    assert there(client, "t-img/unused:1")
    said = tpaexec(engine, "images", "--prune", "--diff")
    assert "-image t-img/unused:1" in said
    assert "Removed: 1 unused image (" in said
    assert not there(client, "t-img/unused:1")
    for name in ("t-img/used:1", "t-img/parent:1", *theirs):
        assert there(client, name), name
    assert "Removed: 0 unused images (" in tpaexec(engine, "images", "--prune")
