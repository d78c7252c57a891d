# SPDX-License-Identifier: GPL-3.0-or-later
"""On the real daemon: what is the cluster's own is no finding, what is somebody else's is one that names it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import tarfile
from typing import Any, Iterator

import docker
import pytest

from ansible_collections.tpaexec.docker.tests.integration.engines.odd import Server, forwarding
from ansible_collections.tpaexec.docker.tests.integration.engines.runner import Reply, run

HOST = "unix:///var/run/docker.sock"
ID = "0c0ffee0-4100-4000-8000-000000000041"
NODE, NET, SUBNET, PORT = "t-chk-node", "t-chk-net", "10.41.7.0/28", 24107
OWN = {"tpaexec.docker.id": ID, "Cluster": "t-chk"}
FOREIGN = {"tpaexec.docker.id": "somebody-else", "Cluster": "t-chk"}
TPA: dict[str, str] = {"Cluster": "t-chk"}


def cluster(image: str, subnet: str = SUBNET) -> dict[str, Any]:
    return {
        "name": "t-chk",
        "networks": [{"name": NET, "ipam_config": [{"subnet": subnet}]}],
        "instance_defaults": {"image": image, "platform": "docker"},
        "instances": [{"Name": NODE, "node": 1, "published_ports": [f"{PORT}:5432"]}],
    }


def preflight(image: str, cluster_id: str = ID, **options: Any) -> Reply:
    words = {"docker_host": HOST, "cluster": cluster(image), "cluster_id": cluster_id, "images": False, **options}
    return run("docker_preflight", words)


@pytest.fixture
def made(sdk, guest_image) -> Iterator[Any]:
    """Makes the network and a node in it that publishes the port, with labels that say whose they are."""

    def make(labels: dict[str, str], network_labels: dict[str, str]) -> None:
        pool = docker.types.IPAMPool(subnet=SUBNET)
        sdk.networks.create(NET, labels=network_labels, ipam=docker.types.IPAMConfig(pool_configs=[pool]))
        sdk.containers.run(
            guest_image, ["sleep", "600"], name=NODE, labels=labels, network=NET, ports={"5432/tcp": PORT}, detach=True
        )

    yield make
    for find, name, how in ((sdk.containers.get, NODE, {"force": True}), (sdk.networks.get, NET, {})):
        try:
            find(name).remove(**how)
        except docker.errors.NotFound:
            continue


CLASHES = ("SUBNET_OVERLAP", "PORT_IN_USE", "NAME_TAKEN")


def clashes(reply: Reply) -> dict[str, str]:
    return {identifier: reply.severity(identifier) for identifier in CLASHES}


def test_an_empty_host_has_room(guest_image):
    reply = preflight(guest_image, cluster_id="", images=True, storage=True)
    assert set(clashes(reply).values()) == {"no finding"}
    assert reply.severity("CGROUP_GUEST_MISMATCH") == "no finding"
    assert reply.severity("ARCH_MISMATCH") == "no finding"
    assert reply.result["facts"]["images"][0]["systemd"] > 200
    assert not reply.failed
    assert reply.result["changed"] is False


@pytest.mark.parametrize(("labels", "network_labels"), [(OWN, OWN), (TPA, {})])
def test_its_own_is_no_finding(made, guest_image, labels, network_labels):
    made(labels, network_labels)
    assert set(clashes(preflight(guest_image)).values()) == {"no finding"}


def test_a_host_far_away_is_measured_through_a_node_of_its_own(made, guest_image):
    """Over tcp; a node of somebody else's is not entered."""
    with Server(forwarding("/var/run/docker.sock")) as front:
        made(FOREIGN, FOREIGN)
        words = {"docker_host": front.docker_host, "storage": True, "ignore": ["PORT_IN_USE", "NAME_TAKEN"]}
        without = preflight(guest_image, **words)
        own = preflight(guest_image, cluster_id="somebody-else", **words)
    assert "a running node of the cluster, or the canary, shows it" in without.severity("DISK_CRITICAL")
    assert not own.severity("DISK_CRITICAL").startswith("not run")
    assert own.severity("INOTIFY_LOW") in ("no finding", "warning")
    [disk] = own.result["facts"]["filesystems"]
    assert disk["total"] == os.statvfs(disk["path"]).f_frsize * df_total(disk["path"])
    assert own.result["facts"]["capacity"]["first"]["nodes"] > 0


def df_total(path: str) -> int:
    figures = os.statvfs(path)
    return figures.f_blocks - figures.f_bfree + figures.f_bavail


def test_somebody_elses_is(made, guest_image):
    made(FOREIGN, FOREIGN)
    reply = preflight(guest_image)
    assert clashes(reply) == {"SUBNET_OVERLAP": "no finding", "PORT_IN_USE": "error", "NAME_TAKEN": "error"}
    assert reply.failed
    assert f"the container {NODE}" in reply.findings["PORT_IN_USE"]["message"]
    assert "Mend " in reply.result["msg"].splitlines()[0]
    assert "--ignore" in reply.result["msg"]
    overlap = run("docker_preflight", {"docker_host": HOST, "cluster": {**cluster(guest_image), "networks": other()}})
    assert overlap.severity("SUBNET_OVERLAP") == "error"
    assert NET in overlap.findings["SUBNET_OVERLAP"]["message"]


def other() -> list[dict[str, Any]]:
    return [{"name": "t-chk-other", "ipam_config": [{"subnet": "10.41.7.0/24"}]}]


def tar_of(files: dict[str, bytes]) -> bytes:
    with io.BytesIO() as memory:
        with tarfile.open(fileobj=memory, mode="w") as tar:
            for name, content in files.items():
                head = tarfile.TarInfo(name)
                head.size = len(content)
                tar.addfile(head, io.BytesIO(content))
        return memory.getvalue()


@pytest.fixture
def foreign_image(sdk) -> Iterator[str]:
    """An image for another processor, with one empty file in it."""
    name, layer = "t-chk/other-cpu:1", tar_of({"empty": b""})
    other = "arm64" if sdk.version()["Arch"] == "amd64" else "amd64"
    root = {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]}
    config = json.dumps({"architecture": other, "os": "linux", "config": {}, "rootfs": root}).encode()
    manifest = json.dumps([{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode()
    sdk.images.load(tar_of({"manifest.json": manifest, "config.json": config, "layer.tar": layer}))
    yield name
    sdk.images.remove(name)


def test_a_cluster_that_does_not_fit_and_an_environment_that_is_in_the_way(guest_image, foreign_image, tmp_path):
    """On the real daemon; the same cluster and environment without these is the other side."""
    ids = ("MTU_MISMATCH", "PROXY_NO_PROXY", "CLI_MISSING", "ARCH_MISMATCH")
    wanted = cluster(foreign_image)
    wanted["networks"][0]["driver_options"] = {"com.docker.network.driver.mtu": "9000"}
    environ = {"PATH": str(tmp_path), "HTTP_PROXY": "http://me:secret@192.0.2.1:3128", "NO_PROXY": "localhost"}
    odd = run("docker_preflight", {"docker_host": HOST, "cluster": wanted, "timeout": 20}, environ=environ)
    assert {identifier: odd.severity(identifier) for identifier in ids} == {
        "MTU_MISMATCH": "warning",
        "PROXY_NO_PROXY": "warning",
        "CLI_MISSING": "warning",
        "ARCH_MISMATCH": "error",
    }
    assert "secret" not in str(odd.result)
    wanted = cluster(guest_image)
    wanted["networks"][0]["driver_options"] = {"com.docker.network.driver.mtu": "1280"}
    environ = {"HTTP_PROXY": "http://192.0.2.1:3128", "NO_PROXY": "10.41.0.0/16"}
    usual = run("docker_preflight", {"docker_host": HOST, "cluster": wanted, "timeout": 20}, environ=environ)
    assert {usual.severity(identifier) for identifier in ids} == {"no finding"}


def test_a_program_on_the_port_is_named(guest_image):
    with socket.socket() as server:
        server.bind(("127.0.0.1", PORT))
        server.listen()
        reply = preflight(guest_image)
    assert reply.severity("PORT_IN_USE") == "error"
    assert "python" in reply.findings["PORT_IN_USE"]["message"] or "pytest" in reply.findings["PORT_IN_USE"]["message"]


def test_a_host_route_is_seen(guest_image):
    with open("/proc/net/route", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    own = next(
        row
        for row in rows
        if row[0] not in ("lo",) and not row[0].startswith(("br-", "docker")) and row[1] != "00000000"
    )
    subnet = ".".join(str(byte) for byte in bytes.fromhex(own[1])[::-1]) + f"/{bin(int(own[7], 16)).count('1')}"
    reply = run("docker_preflight", {"docker_host": HOST, "cluster": cluster(guest_image, subnet)})
    assert reply.severity("SUBNET_OVERLAP") == "error"
    assert own[0] in reply.findings["SUBNET_OVERLAP"]["message"]


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"ignore": ["NAME_TAKE"]}, "Did you mean NAME_TAKEN?"),
        ({"waivers": [{"id": "NAME_TAKEN", "reason": "x", "expires": "2020-01-01"}]}, "expired on 2020-01-01"),
        ({"waivers": ["NAME_TAKEN"]}, "is no map"),
    ],
)
def test_a_bad_policy_is_an_error_of_its_own(guest_image, options, word):
    reply = preflight(guest_image, **options)
    assert reply.failed
    assert word in reply.result["msg"]
    assert "LIVE_RESTORE_OFF" in reply.findings or reply.severity("LIVE_RESTORE_OFF") == "no finding"


def test_policies_of_task_and_config_yml_both_count(made, guest_image):
    made(FOREIGN, FOREIGN)
    waiver = {"id": "NAME_TAKEN", "reason": "it moves out", "expires": "2999-12-31"}
    wanted = {**cluster(guest_image), "tpaexec_docker": {"preflight": {"waivers": [waiver]}}}
    reply = preflight(guest_image, cluster=wanted, ignore=["PORT_IN_USE"])
    assert reply.severity("NAME_TAKEN") == reply.severity("PORT_IN_USE") == "info"
    assert "it moves out" in reply.findings["NAME_TAKEN"]["message"]
    assert not reply.failed


def test_nothing_is_left_behind_and_check_mode_makes_nothing(sdk, guest_image):
    before = {box.id for box in sdk.containers.list(all=True)}
    reply = run("docker_preflight", {"docker_host": HOST, "cluster": cluster(guest_image)}, check_mode=True)
    assert "check mode" in reply.severity("CGROUP_GUEST_MISMATCH")
    probes = [
        box for box in sdk.containers.list(all=True) if box.id not in before and "tpaexec.docker.probe" in box.labels
    ]
    assert not probes
