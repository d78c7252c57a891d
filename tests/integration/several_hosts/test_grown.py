# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster of one machine gets more hosts, and goes back: by `tpaexec` on real engines, its subnet as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tpaexec.docker.tests.integration.directory.conftest import tpaexec
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.clusters import write_config
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.rig import Rig

NODES = ("t-gro-1", "t-gro-2")


@pytest.fixture
def grown(apart: Rig, tmp_path: Path) -> Any:
    """Writes config.yml and returns its directory: nodes on *places*, else where DOCKER_HOST says; *more* hosts."""
    home = tmp_path / "t-gro"

    def configured(*places: str, more: tuple[str, ...] = ()) -> Path:
        hosts = {host: apart.words(host) for host in dict.fromkeys((*places, *more))}
        instances = {node: {"host": host} for node, host in zip(NODES, places)}
        words = {
            "name": "t-gro",
            "networks": [{"name": "t-gro", "ipam_config": [{"subnet": "10.97.15.0/24"}]}],
            "instance_defaults": {"image": apart.image},
            "instances": [
                {"Name": node, "node": number, "ip_address": f"10.97.15.{number + 1}"}
                for number, node in enumerate(NODES, 1)
            ],
            "tpaexec_docker": {"hosts": hosts, "instances": instances},
        }
        return write_config(home, words)

    yield configured
    configured("h1", "h2")
    tpaexec("deprovision", home, DOCKER_HOST=apart.socket("h1"))


def test_from_one_machine_to_two_and_back(apart: Rig, grown: Any) -> None:
    """The machine of DOCKER_HOST is one of the hosts: what is on it stays, and its bridge makes way for the overlay."""
    rig, here = apart, {"DOCKER_HOST": apart.socket("h1")}
    home = grown()
    tpaexec("provision", home, **here)
    first = rig.sdk("h1").containers.get(NODES[0])
    assert first.exec_run("touch /root/kept").exit_code == 0
    grown("h1", "h2")
    blocked = tpaexec("provision", home, check=False, **here)
    assert f"--recreate {NODES[1]}" in blocked.stdout + blocked.stderr
    tpaexec("provision", home, "--recreate", NODES[1], **here)
    assert first.exec_run("cat /root/kept").exit_code == 0
    network = rig.sdk("h1").networks.get("t-gro").attrs
    assert (network["Driver"], network["IPAM"]["Config"][0]["Subnet"]) == ("overlay", "10.97.15.0/24")
    second = rig.sdk("h2").containers.get(NODES[1])
    assert second.exec_run(["bash", "-c", f"exec 3<>/dev/tcp/{NODES[0]}/22 && head -c4 <&3"]).output == b"SSH-"
    assert "Nothing to change" in tpaexec("provision", home, **here).stdout
    grown("h1", "h1", more=("h2",))
    tpaexec("provision", home, "--recreate", NODES[1], **here)
    before = started(rig)
    grown("h1", "h1")
    tpaexec("provision", home, **here)
    assert started(rig) == before
    assert first.exec_run("cat /root/kept").exit_code == 0
    assert "Nothing to change" in tpaexec("provision", home, **here).stdout


def started(rig: Rig) -> dict[str, tuple[str, str]]:
    """Both nodes are on h1: container and start."""
    found = {node: rig.sdk("h1").containers.get(node).attrs for node in NODES}
    return {node: (attrs["Id"], attrs["State"]["StartedAt"]) for node, attrs in found.items()}
