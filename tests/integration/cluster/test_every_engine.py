# SPDX-License-Identifier: GPL-3.0-or-later
"""Every key of an instance on each engine that can be had here: made, and then nothing to do for the very same config.

What an engine fills in or spells otherwise differs from version to version; none of it may be taken for drift.
"""

from __future__ import annotations

import subprocess

import docker
import pytest

from ansible_collections.tpaexec.docker.tests.integration.engines import engine as harness
from ansible_collections.tpaexec.docker.tests.integration.engines.test_clusters import STORE, further_engine

from .conftest import Cluster
from .test_every_key import KEYS, NAME, ONE, OWN, SUBNET

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(bool(harness.why_not()), reason=harness.why_not() or "-"),
]


@pytest.mark.parametrize(("suite", "config"), [("trixie", {}), ("forky", {}), ("forky", STORE)])
def test_nothing_that_an_engine_fills_in_is_drift(suite, config, guest_image, tmp_path):
    archive = tmp_path / "guest.tar"
    subprocess.run(["docker", "save", "-o", str(archive), guest_image], check=True)
    with further_engine(archive, suite, config=config) as docker_host:
        sdk = docker.DockerClient(base_url=docker_host)
        cluster = Cluster(sdk, tmp_path, NAME, SUBNET, guest_image, count=1)
        cluster.config["networks"].append({"name": f"{NAME}-b", "ipam_config": [{"subnet": f"{SUBNET}.64/28"}]})
        cluster.config["instances"][0] = {"Name": ONE, "node": 1, **KEYS}
        cluster.config["tpaexec_docker"] = {"instances": {ONE: OWN}}
        (tmp_path / "node.env").write_text("FROM_FILE=yes\n")
        (tmp_path / "source").mkdir()
        assert cluster.converged(docker_host=docker_host)["changed"]
        again = cluster.converged(docker_host=docker_host)
        assert (again["changed"], again["instances"][0]["reasons"]) == (False, []), sdk.version()["Version"]
        # a record that is lost makes it a judgement of two, not of three
        (tmp_path / ".tpaexec-docker" / "record.json").unlink(missing_ok=True)
        assert not cluster.converged(docker_host=docker_host)["changed"]
        sdk.close()
