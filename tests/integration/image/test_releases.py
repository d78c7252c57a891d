# SPDX-License-Identifier: GPL-3.0-or-later
"""Other releases than that of the tests' guest image: bootstrapped from their real archives, and booted."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from ansible_collections.tpaexec.docker.tests.integration.engines.runner import run
from ansible_collections.tpaexec.docker.tests.integration.image.conftest import PREFIX, forget, there
from ansible_collections.tpaexec.docker.tests.tools import packages

pytestmark = pytest.mark.long
NODE = f"{PREFIX}-release"
UBUNTU = os.environ.get("TPAEXEC_TEST_UBUNTU_MIRROR", "")


def keyring_of_ubuntu():
    """From Debian's own archive, whose signatures vouch for it."""
    try:
        root = packages.unpack("trixie", ["ubuntu-keyring"])
    except packages.Unavailable as error:
        pytest.skip(str(error))
    return str(root / "usr/share/keyrings/ubuntu-archive-keyring.gpg")


@pytest.mark.parametrize(
    ("distribution", "release", "codename"), [("debian", "13", "trixie"), ("ubuntu", "24.04", "noble")]
)
def test_a_release_is_bootstrapped_and_boots(sdk, guest_image_module, tmp_path, distribution, release, codename):
    assert shutil.which("mmdebstrap"), "`make image` installs it"
    name = f"{PREFIX}/{distribution}:{release}"
    wish = {"distribution": distribution, "release": release}
    if distribution == "ubuntu":
        if not UBUNTU:
            pytest.skip("apt on a Debian machine has no archive of Ubuntu; TPAEXEC_TEST_UBUNTU_MIRROR names none")
        wish.update(keyring=keyring_of_ubuntu(), mirror=UBUNTU)
    cluster = {"name": NODE, "record_dir": str(tmp_path), "instances": [{"Name": NODE, "node": 1, "image": name}]}
    cluster["networks"] = [{"name": NODE}]
    try:
        reply = guest_image_module(names=[name], source="bootstrap", bootstrap=wish, limit=560)
        assert not reply.failed, reply.result["msg"]
        facts = reply.result["facts"][0]
        assert (facts["os_id"], facts["os_version"]) == (distribution, release)
        assert [one for one in reply.findings.values() if one["severity"] == "error"] == []
        inputs = json.loads(there(sdk, name).labels["tpaexec.docker.image.inputs"])
        assert inputs["date"] > 1_700_000_000  # of an archive that answered
        assert f" {codename} main" in inputs["sources"][0]
        made = run("docker_cluster", cluster, limit=180)
        assert not made.failed, made.result.get("msg")
        node = sdk.containers.get(NODE)
        assert node.exec_run("systemctl is-system-running --wait").output.decode().strip() == "running"
        assert node.exec_run("systemctl --failed --no-legend").output == b""
        version = node.exec_run(["sh", "-c", ". /etc/os-release && echo $VERSION_CODENAME"]).output.decode().strip()
        assert version == codename
    finally:
        run("docker_cluster", {**cluster, "state": "absent"}, limit=120)
        forget(sdk, name)
