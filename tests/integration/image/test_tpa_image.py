# SPDX-License-Identifier: GPL-3.0-or-later
"""An image that TPA names, which no registry has, built on its distribution's image - here a stand-in that boots."""

from __future__ import annotations

import io
import tarfile

import pytest

from ansible_collections.tpaexec.docker.tests.integration.engines.runner import run
from ansible_collections.tpaexec.docker.tests.integration.image.conftest import forget, there

NAME, BASE = "tpa/almalinux:8", "almalinux:8"
NODE = "t-img-alma"
# Debian that says it is AlmaLinux, with a dnf that writes down what it was told.
STAND_IN = """\
FROM {image}
RUN rm -f /usr/bin/apt-get /etc/machine-id && ln -sf /bin/true /usr/bin/apt && \\
    printf 'ID="almalinux"\\nVERSION_ID="8.10"\\n' > /usr/lib/os-release && \\
    printf '#!/bin/sh\\necho "$@" >> /dnf-was-told\\n' > /usr/bin/dnf && chmod 0755 /usr/bin/dnf
"""


@pytest.fixture
def base(sdk, guest_image):
    if there(sdk, BASE) or there(sdk, NAME):
        pytest.skip(f"{BASE} or {NAME} is here already, and not this test's")
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        text = STAND_IN.format(image=guest_image).encode()
        member = tarfile.TarInfo("Dockerfile")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    buffer.seek(0)
    sdk.images.build(fileobj=buffer, custom_context=True, tag=BASE, rm=True)
    yield BASE
    for name in (NAME, BASE):
        forget(sdk, name)


def test_it_is_built_on_the_distributions_image_and_boots(sdk, base, guest_image_module, tmp_path):
    asked = {"names": [NAME], "cache_dir": str(tmp_path / "cache")}
    reply = guest_image_module(**asked)
    assert not reply.failed, reply.result.get("msg")
    assert [(one["name"], one["source"]) for one in reply.result["images"]] == [(NAME, "build")]
    assert [one for one in reply.result["findings"] if one["severity"] == "error"] == []
    assert not guest_image_module(**asked).result["changed"]
    cluster = {"name": NODE, "record_dir": str(tmp_path), "instances": [{"Name": NODE, "node": 1, "image": NAME}]}
    cluster["networks"] = [{"name": NODE}]
    try:
        made = run("docker_cluster", cluster, limit=120)
        assert not made.failed, made.result.get("msg")
        assert made.result["instances"][0]["status"] == "running"
        told = sdk.containers.get(NODE).exec_run(["cat", "/dnf-was-told"]).output.decode()
        assert "openssh-server" in told.splitlines()[0]
        assert there(sdk, NAME).attrs["Config"]["StopSignal"] == "RTMIN+3"
    finally:
        run("docker_cluster", {**cluster, "state": "absent"}, limit=120)


def test_a_name_that_tpa_does_not_know_is_never_pulled(guest_image_module):
    reply = guest_image_module(names=["tpa/gentoo:1"])
    assert reply.failed
    assert "docker_images" in reply.result["msg"]
