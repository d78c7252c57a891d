# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody else's things: whatever is asked for, they are the same afterwards, and what is in the way is named."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

from .conftest import Cluster, a_cluster, fixed_network, foreign, node

NAME, SUBNET = "t-clu-own", "10.48.3"
ONE, TWO = f"{NAME}-1", f"{NAME}-2"
COMMANDS: tuple[dict[str, Any], ...] = (
    {}, {"recreate": ["all"], "prune": True}, {"state": "stopped"}, {"state": "started"},
    {"state": "absent", "remove_volumes": True},
)  # fmt: skip


@pytest.fixture
def cluster(sdk, guest_image, tmp_path_factory):
    with a_cluster(sdk, tmp_path_factory, NAME, SUBNET, guest_image, count=1) as made:
        made.config["instances"][0].pop("ip_address")
        yield made


def same(thing: Any, before: dict[str, Any]) -> bool:
    """The same settings and state; what the engine counts up itself is left out."""
    thing.reload()
    return all(thing.attrs.get(key) == before.get(key) for key in ("Id", "State", "HostConfig", "Config", "Labels"))


def test_under_the_names_that_the_cluster_wants(sdk, cluster, guest_image):
    """A network and a container, with the very label that TPA would give, but another id."""
    labels = {"Cluster": NAME, "tpaexec.docker.id": "0b8bd3c6-aaaa-4c1d-9e0e-000000000000"}
    with ExitStack() as stack:
        network = fixed_network(sdk, NAME, f"{SUBNET}.0/28")
        stack.callback(network.remove)
        theirs = stack.enter_context(foreign(sdk, guest_image, ONE, NAME, labels=labels))
        before, net_before = theirs.attrs, sdk.networks.get(NAME).attrs
        for words in COMMANDS:
            reply = cluster.run(**words)
            if "state" not in words:
                assert reply.failed
                assert f"{ONE}: a container of this name belongs to someone else" in reply.result["msg"]
                assert f"docker_networks.{NAME}: a network of this name" in reply.result["msg"]
                assert {item["place"] for item in reply.result["problems"]} == {ONE, f"docker_networks.{NAME}"}
            assert same(theirs, before)
            assert sdk.networks.get(NAME).attrs == net_before


def test_a_foreign_container_on_the_clusters_network(sdk, cluster, guest_image):
    cluster.converged()
    with foreign(sdk, guest_image, f"{NAME}-guest", NAME) as theirs:
        before, address = theirs.attrs, theirs.attrs["NetworkSettings"]["Networks"][NAME]["IPAddress"]
        changed = {"networks": [{"name": NAME, "ipam_config": [{"subnet": f"{SUBNET}.64/28"}]}]}
        reply = cluster.run(**changed)
        assert reply.failed
        assert f"docker network disconnect {NAME}" in reply.result["msg"]
        assert f"{NAME}-guest" in reply.result["msg"]
        more = [*cluster.config["instances"], {"Name": TWO, "node": 2, "ip_address": address}]
        reply = cluster.run(instances=more)
        assert f"its address {address} in network {NAME} is held by the container {NAME}-guest" in reply.result["msg"]
        for words in COMMANDS:
            reply = cluster.run(**words)
            assert not reply.failed, reply.result["msg"]
            assert same(theirs, before)
            theirs_now = theirs.attrs["NetworkSettings"]["Networks"][NAME]
            assert theirs_now["IPAddress"] == address
        assert "other containers are attached" in str(reply.result["warnings"])
    assert not cluster.converged()["networks"][0]["changed"]
    cluster.converged(state="absent")
    assert not sdk.networks.list(names=[NAME])


def test_two_directories_of_one_name_and_a_lost_id(sdk, cluster, guest_image, tmp_path_factory):
    cluster.converged()
    ident = cluster.get().id
    other = Cluster(sdk, tmp_path_factory.mktemp("other"), NAME, SUBNET, guest_image, count=1)
    other.config = cluster.config
    before = cluster.attrs()
    assert other.run().failed
    assert not other.run(state="absent").failed
    assert (cluster.attrs()["State"], cluster.get().id) == (before["State"], ident)
    # the id is lost: taken over by name, when asked, and said aloud
    (cluster.directory / ".tpaexec-docker" / "id").unlink()
    reply = cluster.run()
    assert reply.failed
    assert "--adopt" in reply.result["msg"]
    reply = cluster.run(adopt=True)
    assert "Taking over cluster" in str(reply.result["warnings"])
    assert (node(reply, ONE)["status"] in ("running", "degraded"), cluster.get().id) == (True, ident)
    assert not cluster.converged()["changed"]


def test_a_node_and_network_that_tpa_made_are_adopted_as_they_are(sdk, cluster, guest_image):
    """As TPA's platform makes them: labels without an id, a network without labels, the host's cgroup tree."""
    network = fixed_network(sdk, NAME, f"{SUBNET}.0/28")
    sdk.containers.run(
        guest_image, name=ONE, hostname=ONE, network=NAME, detach=True, tty=True, stdin_open=True,
        labels={"Cluster": NAME, "Name": NAME, "Owner": "somebody"}, stop_signal="SIGRTMIN+3",
        restart_policy={"Name": "unless-stopped"}, tmpfs={"/tmp": "", "/run": "", "/run/lock": ""},
        cgroupns="host", volumes=["/sys/fs/cgroup:/sys/fs/cgroup:ro"], ports={"22": None, "5432": None, "6432": None},
    )  # fmt: skip
    ident = cluster.get().id
    assert cluster.run(check=True).result["changed"] is False
    reply = cluster.run()
    assert not reply.failed, reply.result["msg"]
    assert "made by TPA" in str(reply.result["warnings"])
    assert (cluster.get().id, sdk.networks.get(NAME).id) == (ident, network.id)
    assert not cluster.converged()["changed"]
    cluster.instance()["memory"] = "300m"
    assert node(cluster.run(), ONE)["steps"] == ["update"]
    assert not cluster.converged()["changed"]
    cluster.converged(state="absent")
    assert cluster.picture()[:2] == ([], [])
