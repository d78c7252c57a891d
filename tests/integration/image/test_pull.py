# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulling from a real registry on loopback: every cause of failure has its own words, and nothing is left over."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pty
import re
import subprocess
import sys

import docker
import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._address import Address
from ansible_collections.tpaexec.docker.plugins.module_utils._client import connect
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError
from ansible_collections.tpaexec.docker.plugins.module_utils._image import pull
from ansible_collections.tpaexec.docker.tests.integration.engines import engine as harness
from ansible_collections.tpaexec.docker.tests.integration.engines.engine import Engine
from ansible_collections.tpaexec.docker.tests.integration.image.conftest import GUEST, forget, there
from ansible_collections.tpaexec.docker.tests.integration.image.registry import (
    PASSWORD,
    USER,
    BreakingLine,
    PublicRegistry,
    Registry,
    free_port,
)
from ansible_collections.tpaexec.docker.tests.tools import packages


def error_id(reply):
    assert reply.failed
    return reply.result["images"][0]["error_id"]


def test_pulled_once_and_then_present(sdk, push, guest_image_module):
    name = push("site/el9", "3")
    checked = guest_image_module(names=[name], check_mode=True)
    assert checked.result["changed"]
    assert not there(sdk, name)
    first = guest_image_module(names=[name, name])
    assert [(image["source"], image["changed"]) for image in first.result["images"]] == [("pull", True)]
    second = guest_image_module(names=[name])
    assert not second.result["changed"]
    assert second.result["images"][0]["source"] == "present"


def test_by_its_digest(sdk, push, registry, guest_image_module):
    push("pinned/one")
    _status, headers, _body = registry.request(
        "GET", "/v2/pinned/one/manifests/1", Accept="application/vnd.docker.distribution.manifest.v2+json"
    )
    name = f"{registry.host}/pinned/one@{headers['docker-content-digest']}"
    assert guest_image_module(names=[name]).result["changed"]
    assert not guest_image_module(names=[name]).result["changed"]
    forget(sdk, name)
    wrong = guest_image_module(names=[f"{registry.host}/pinned/one@sha256:{'0' * 64}"])
    assert error_id(wrong) == "IMAGE_NO_SUCH_IMAGE"


# what a public registry says to `docker pull REGISTRY/KIND/a:1`
PUBLIC = {
    "limited": "IMAGE_RATE_LIMIT",
    "denied": "IMAGE_NO_ACCESS",
    "forbidden": "IMAGE_NO_ACCESS",
    "broken": "IMAGE_NO_NETWORK",
    "portal": "IMAGE_NO_REGISTRY",
}


@pytest.mark.skipif(bool(harness.why_not()), reason=harness.why_not() or "-")
@pytest.mark.parametrize("suite", ["trixie", "forky"])
def test_what_newer_engines_say(tmp_path, push, registry, guest_image_module, suite):
    """26.1, and 28.5 with containerd's store: other words for the same, and manifests that they read no more."""
    try:
        root = packages.engine(suite)
    except packages.Unavailable as error:
        pytest.skip(str(error))
    with Registry(tmp_path / "real", address="0.0.0.0") as real, PublicRegistry("0.0.0.0") as public:
        local = Registry.__new__(Registry)
        local.__dict__.update(real.__dict__, address="127.0.0.1")
        push("some/image", "1", to=local)
        local.manifest_list("some/image", "1", "foreign", "s390x")
        words = [word for to in (real, public) for word in ("--insecure-registry", f"{{gateway}}:{to.port}")]
        config = {"features": {"containerd-snapshotter": suite == "forky"}}
        with Engine(f"t-img-{suite}", unpacked=root, config=config, extra_args=words, nameserver="127.0.0.1") as engine:
            gateway = engine.gateway
            names = {f"{gateway}:{public.port}/{kind}/a:1": ident for kind, ident in PUBLIC.items()}
            names[f"{gateway}:{public.port}/old/a:1"] = "IMAGE_SCHEMA1"
            names[f"{gateway}:{real.port}/some/image:9"] = "IMAGE_NO_SUCH_IMAGE"
            names[f"{gateway}:{real.port}/some/image:foreign"] = "IMAGE_ARCHITECTURE"
            names[f"{gateway}:1/some/image:1"] = "IMAGE_NO_NETWORK"
            reply = guest_image_module(names=list(names), docker_host=engine.docker_host)
            found = {image["name"]: image.get("error_id") for image in reply.result["images"]}
            assert found == names, reply.result["msg"]
            assert engine.docker("images", "-aq") == ""
            one = f"{gateway}:{real.port}/some/image:1"
            reply = guest_image_module(names=[one], docker_host=engine.docker_host)
            assert not reply.failed, reply.result["msg"]
            pinned = engine.docker("image", "inspect", "-f", "{{index .RepoDigests 0}}", one).strip()
            reply = guest_image_module(names=[pinned], docker_host=engine.docker_host)
            assert reply.result["images"][0]["source"] == "present"


def test_causes_are_told_apart(push, registry, guest_image_module):
    push("some/image", "1")
    registry.manifest_list("some/image", "1", "foreign", "s390x")
    dead = free_port("127.0.0.1")
    names = {
        f"{registry.host}/some/image:9": "IMAGE_NO_SUCH_IMAGE",
        f"{registry.host}/no/such:1": "IMAGE_NO_SUCH_IMAGE",
        f"{registry.host}/some/image:foreign": "IMAGE_ARCHITECTURE",
        f"127.0.0.1:{dead}/some/image:1": "IMAGE_NO_NETWORK",
        f"{registry.host}/some/image@sha256:12": "IMAGE_NAME_INVALID",
    }
    with PublicRegistry("127.0.0.1") as public:
        names.update({f"{public.host}/{kind}/a:1": ident for kind, ident in PUBLIC.items()})
        reply = guest_image_module(names=list(names))
    assert {image["name"]: image["error_id"] for image in reply.result["images"]} == names
    assert reply.result["msg"].startswith(f"{len(names)} images could not be obtained.")
    for image in reply.result["images"]:
        assert image["name"] in image["error"]
        assert "bootstrap" in image["error"] or image["error_id"] == "IMAGE_NAME_INVALID"
    assert not reply.result["changed"]


def test_progress_on_a_terminal(tmp_path, sdk, push, registry):
    """Layers and bytes, while they come; the name, long by its digest, gives way to them. In a log, one line."""
    push("slow/one", files={**GUEST, "opt/big": os.urandom(1_000_000)})
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    _status, headers, _body = registry.request("GET", "/v2/slow/one/manifests/1", Accept=kind)
    with BreakingLine(registry, "127.0.0.1") as line:
        line.broken, line.slow = False, 1.5
        name = f"{line.host}/slow/one@{headers['docker-content-digest']}"
        (tmp_path / "play.yml").write_text(PLAY % name, encoding="utf-8")
        command = [sys.executable, "-m", "ansible", "playbook", str(tmp_path / "play.yml")]
        environ = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "tpaexec.docker.tpaexec", "COLUMNS": "80", "LINES": "24"}
        environ["DOCKER_CONFIG"] = str(tmp_path)
        ours, theirs = pty.openpty()
        try:
            with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ) as process:
                os.close(theirs)
                said = read_all(ours)
            assert process.returncode == 0, said
            steps = re.findall(r"image 127\S*… +pull: (\d) of 1 layers, (\d) of 1 MB", said)
            assert len(steps) > 2, said
            assert f"sha256:{headers['docker-content-digest'][7:19]}…  pulled" in said
        finally:
            os.close(ours)
            forget(sdk, name)


PLAY = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - tpaexec.docker.guest_image: {names: ["%s"]}
"""


def read_all(terminal):
    """What comes until nobody has the other end open."""
    said = b""
    with contextlib.suppress(OSError):  # how Linux says that
        while chunk := os.read(terminal, 65536):
            said += chunk
    return said.decode()


@pytest.fixture
def closed(tmp_path, sdk, push):
    """A registry that wants a login, and an image in it."""
    with Registry(tmp_path / "closed", login=True) as found:
        yield found, push("site/closed", to=found, auth_config={"username": USER, "password": PASSWORD})


def docker_config(folder, content):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")
    return str(folder)


def test_a_login_from_dockers_own_configuration(tmp_path, sdk, closed, guest_image_module):
    registry, name = closed
    assert error_id(guest_image_module(names=[name])) == "IMAGE_NO_ACCESS"
    wrong = base64.b64encode(f"{USER}:wrong".encode()).decode()
    config = docker_config(tmp_path / "wrong", {"auths": {registry.host: {"auth": wrong}}})
    assert error_id(guest_image_module({"DOCKER_CONFIG": config}, names=[name])) == "IMAGE_NO_ACCESS"
    right = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    config = docker_config(tmp_path / "right", {"auths": {registry.host: {"auth": right}}})
    reply = guest_image_module({"DOCKER_CONFIG": config}, names=[name])
    assert reply.result["changed"]
    assert PASSWORD not in json.dumps(reply.result)


def test_a_login_from_a_credential_helper(tmp_path, closed, guest_image_module):
    registry, name = closed
    helper = tmp_path / "bin" / "docker-credential-t-img"
    helper.parent.mkdir()
    answer = json.dumps({"ServerURL": registry.host, "Username": USER, "Secret": PASSWORD})
    helper.write_text(f"#!/bin/sh\ncat >/dev/null\necho '{answer}'\n", encoding="utf-8")
    helper.chmod(0o755)
    config = docker_config(tmp_path / "helper", {"credHelpers": {registry.host: "t-img"}})
    environ = {"DOCKER_CONFIG": config, "PATH": f"{helper.parent}:{os.environ['PATH']}"}
    assert guest_image_module(environ, names=[name]).result["changed"]
    broken = {"DOCKER_CONFIG": config, "PATH": os.environ["PATH"]}
    reply = guest_image_module(broken, names=[name], force=True)
    assert reply.failed
    assert "docker-credential-t-img" in reply.result["msg"]


@pytest.mark.skipif(bool(harness.why_not()), reason=harness.why_not() or "-")
def test_a_mirror_and_a_line_that_breaks(tmp_path, push, guest_image_module):
    """One further engine: its mirror serves centos/systemd, and a layer that stops half-way is fetched again."""
    with Registry(tmp_path / "mirror", address="0.0.0.0") as mirror:
        local = Registry.__new__(Registry)
        local.__dict__.update(mirror.__dict__, address="127.0.0.1")
        push("centos/systemd", "latest", to=local)
        push("big/layer", "1", files={**GUEST, "opt/big": os.urandom(3_000_000)}, to=local)
        with BreakingLine(local, "0.0.0.0") as line:
            words = ["--insecure-registry", "{gateway}/32", "--registry-mirror", f"http://{{gateway}}:{mirror.port}"]
            config = {"max-download-attempts": 1}
            with Engine("t-img-pull", config=config, extra_args=words, nameserver="127.0.0.1") as engine:
                client = docker.DockerClient(base_url=engine.docker_host)
                reply = guest_image_module(names=["centos/systemd"], docker_host=engine.docker_host)
                assert reply.result["images"][0]["source"] == "pull", reply.result
                name = f"{engine.gateway}:{line.server_address[1]}/big/layer:1"
                reply = guest_image_module(names=[name], docker_host=engine.docker_host)
                assert error_id(reply) == "IMAGE_NO_NETWORK", reply.result["msg"]
                assert line.cuts
                assert there(client, name) is None
                assert len(client.images.list(all=True)) == 1
                # it sends no more, and the line stands
                line.mended.clear()
                silent = pytest.raises(DaemonError, match="has sent nothing for 2 s")
                with connect(Address(docker_host=engine.docker_host)) as daemon, silent as caught:
                    pull.pull(daemon, name, silence=2)
                assert caught.value.id == "IMAGE_NO_NETWORK"
                line.mended.set()
                assert there(client, name) is None
                line.broken = False
                reply = guest_image_module(names=[name], docker_host=engine.docker_host)
                assert reply.result["changed"]
                assert not reply.failed, reply.result
                client.close()
