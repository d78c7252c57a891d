# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulling from a real registry on loopback: every cause of failure has its own words, and nothing is left over."""

from __future__ import annotations

import base64
import json
import os

import docker
import pytest

from ansible_collections.tpaexec.docker.tests.integration.engines import engine as harness
from ansible_collections.tpaexec.docker.tests.integration.engines.engine import LINK, Engine
from ansible_collections.tpaexec.docker.tests.integration.image.conftest import GUEST, forget, there
from ansible_collections.tpaexec.docker.tests.integration.image.registry import (
    PASSWORD,
    USER,
    BreakingLine,
    Registry,
    free_port,
)


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


def test_causes_are_told_apart(push, registry, guest_image_module):
    push("some/image", "1")
    registry.manifest_list("some/image", "1", "foreign", "s390x")
    dead = free_port("127.0.0.1")
    names = {
        f"{registry.host}/some/image:9": "IMAGE_NO_SUCH_IMAGE",
        f"{registry.host}/no/such:1": "IMAGE_NO_SUCH_IMAGE",
        f"{registry.host}/some/image:foreign": "IMAGE_ARCHITECTURE",
        f"127.0.0.1:{dead}/some/image:1": "IMAGE_NO_NETWORK",
    }
    reply = guest_image_module(names=list(names))
    assert {image["name"]: image["error_id"] for image in reply.result["images"]} == names
    assert reply.result["msg"].startswith("4 images could not be obtained.")
    for image in reply.result["images"]:
        assert image["name"] in image["error"]
        assert "bootstrap" in image["error"]
    assert not reply.result["changed"]


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
        # 10.42.255.0/24 is where engines of the harness live; each one's gateway is this machine
        with BreakingLine(local, "0.0.0.0") as line:
            gateways = [f"{LINK}.0/24"]
            config = {"insecure-registries": gateways, "max-download-attempts": 1}
            with Engine("t-img-pull", config=config, extra_args=mirror_arguments(mirror)) as engine:
                gateway = f"{LINK}.{int(engine.address.rpartition('.')[2]) - 1}"
                client = docker.DockerClient(base_url=engine.docker_host)
                reply = guest_image_module(names=["centos/systemd"], docker_host=engine.docker_host)
                assert reply.result["images"][0]["source"] == "pull", reply.result
                name = f"{gateway}:{line.server_address[1]}/big/layer:1"
                reply = guest_image_module(names=[name], docker_host=engine.docker_host)
                assert error_id(reply) == "IMAGE_NO_NETWORK", reply.result["msg"]
                assert line.cuts
                assert there(client, name) is None
                assert len(client.images.list(all=True)) == 1
                line.broken = False
                reply = guest_image_module(names=[name], docker_host=engine.docker_host)
                assert reply.result["changed"]
                assert not reply.failed, reply.result
                client.close()


def mirror_arguments(mirror):
    """The mirror by every address that the engine may know this machine by: the right one answers."""
    found = []
    for number in range(0, 16):
        found += ["--registry-mirror", f"http://{LINK}.{4 * number + 1}:{mirror.port}"]
    return found
