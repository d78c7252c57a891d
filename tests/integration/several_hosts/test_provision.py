# SPDX-License-Identifier: GPL-3.0-or-later
"""`tpaexec provision` over three engines: a check touches nothing; then image, Swarm, overlay and nodes in one go."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import docker
import pytest

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
    drawn, page = picture_and_page(home, tmp_path)
    assert [drawn.count(f'"host {host}"') for host in rig.hosts] == [1, 1, 1]
    assert drawn.count("running") == 3
    assert [f">{host}<" in page for host in rig.hosts] == [True] * 3
    assert "SWMTKN" not in page
    tpaexec("deprovision", home)
    assert containers(rig) == []
    assert states(rig) == ["active"] * 3  # the Swarm is left as it was


def picture_and_page(home: Path, folder: Path) -> tuple[str, str]:
    """What `tpaexec diagram` draws of the live state, and what `tpaexec report` writes."""
    tpaexec("diagram", home, "--output", folder / "drawn.mmd")
    tpaexec("report", home, "--output", folder / "page.html")
    return (folder / "drawn.mmd").read_text(encoding="utf-8"), (folder / "page.html").read_text(encoding="utf-8")


def test_an_overlay_over_a_route_of_one_host_is_refused(swarm, tmp_path):
    """In a Swarm that is there already; nothing has been made when it is said."""
    rig, home = swarm, write_config(tmp_path / "t-swm", cluster(swarm))
    rig.inside("h2", "ip", "route", "add", "10.97.1.0/25", "via", rig.address("h3"))
    try:
        refused = tpaexec("provision", home, check=False)
    finally:
        rig.inside("h2", "ip", "route", "del", "10.97.1.0/25")
    assert refused.returncode == 1
    assert "SUBNET_OVERLAP" in refused.stderr
    assert "10.97.1.0/25" in refused.stderr
    assert containers(rig) == []
    assert not [network for host in rig.hosts for network in rig.sdk(host).networks.list(names=["t-swm"])]
    tpaexec("provision", home)
    tpaexec("deprovision", home)


@pytest.mark.long
@pytest.mark.parametrize(
    ("moment", "shipped"),
    [(0.8, True), (1.6, True), (3.0, True), (1.2, False), (1.8, False), (2.4, False), (3.0, False)],
)
def test_a_host_loses_its_power_at_any_step(apart, tmp_path, moment, shipped):
    """While it is checked, gets its image or joins the Swarm: it is named; after its boot the next run finishes."""
    rig, home = apart, write_config(tmp_path / "t-swm", cluster(apart))
    if shipped:
        with contextlib.suppress(docker.errors.ImageNotFound):
            rig.sdk("h3").images.remove(rig.image, force=True)
    timer = threading.Timer(moment, rig.kill, ("h3",))
    timer.start()
    try:
        done = tpaexec("provision", home, check=False)
        timer.join()
        said = done.stdout + done.stderr
        print(f"-- power gone after {moment} s: exit code {done.returncode}\n{said}")
        assert done.returncode == 1
        assert "h3" in said
        assert "Traceback" not in said
        assert "client_cert" not in said  # nothing is wrong with a certificate
        assert "SWMTKN" not in said
    finally:
        timer.join()
        rig.boot("h3")
    try:
        if rig.swarm_state("h3") != "inactive":
            rig.await_managers()
        tpaexec("provision", home)
        assert [box.status for box in containers(rig)] == ["running"] * 3
        assert "Nothing to change" in tpaexec("provision", home).stdout
    finally:
        tpaexec("deprovision", home, check=False)
        rig.leave_swarm()
