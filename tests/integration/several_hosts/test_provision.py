# SPDX-License-Identifier: GPL-3.0-or-later
"""`tpaexec provision` over three engines: a check touches nothing; then image, Swarm, overlay and nodes in one go."""

from __future__ import annotations

from ansible_collections.tpaexec.docker.tests.integration.directory.conftest import tpaexec
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.clusters import write_config
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.test_swarm import cluster, containers, states


def test_from_nothing_to_nodes_and_back(apart, tmp_path):
    rig, home = apart, write_config(tmp_path / "t-swm", cluster(apart))
    rig.sdk("h2").images.remove(rig.image, force=True)
    would = tpaexec("provision", home, "--check", "--diff")
    assert f"image {rig.image} on h2 (ship)" in would.stdout
    assert "form a Swarm on h1" in would.stdout
    assert (states(rig), containers(rig)) == (["inactive"] * 3, [])
    done = tpaexec("provision", home)
    assert "was brought to h2" in done.stdout
    assert "SWMTKN" not in done.stdout + done.stderr
    for host, other in (("h1", 2), ("h2", 3), ("h3", 1)):
        (node,) = rig.sdk(host).containers.list()
        found = node.exec_run(["bash", "-c", f"exec 3<>/dev/tcp/t-swm-{other}/22 && head -c4 <&3"])
        assert found.output == b"SSH-"  # by its name, on another host
    assert "Nothing to change" in tpaexec("provision", home).stdout
    tpaexec("deprovision", home)
    assert containers(rig) == []
    assert states(rig) == ["active"] * 3  # the Swarm is left as it was
