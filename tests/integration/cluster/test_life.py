# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster of two nodes through its life, in order: each test goes on from the one before.

What happens behind our back happens to both nodes or both tests at once where it can: every run costs seconds.
"""

from __future__ import annotations

import json

import pytest

from ansible_collections.tpaexec.docker.tests.integration.engines.runner import run

from .conftest import DOCKER_HOST, a_cluster, node

NAME, SUBNET = "t-clu-life", "10.48.1"
ONE, TWO = f"{NAME}-1", f"{NAME}-2"


@pytest.fixture(scope="module")
def cluster(sdk, guest_image, tmp_path_factory):
    with a_cluster(sdk, tmp_path_factory, NAME, SUBNET, guest_image) as made:
        yield made


def info(cluster):
    """docker_cluster_info on the same cluster; JSON is YAML."""
    config = {
        "cluster_name": NAME,
        "cluster_vars": {"a": 1},
        "docker_networks": cluster.config["networks"],
        "instance_defaults": {**cluster.config["instance_defaults"], "platform": "docker"},
        "instances": cluster.config["instances"],
        "tpaexec_docker": cluster.config.get("tpaexec_docker") or {},
    }
    (cluster.directory / "config.yml").write_text(json.dumps(config))
    before = cluster.picture()
    reply = run("docker_cluster_info", {"cluster_dir": str(cluster.directory), "docker_host": DOCKER_HOST})
    assert not reply.failed, reply.result
    assert cluster.picture() == before
    return {item["name"]: item for item in reply.result["instances"]}


def test_check_mode_on_an_empty_host_touches_nothing_and_says_what_would_be(cluster):
    before = cluster.picture()
    result = cluster.run(check=True).result
    assert result["changed"]
    assert cluster.picture() == before
    assert f"network {NAME}: present" in result["diff"]["after"]
    assert f"node {ONE}: running" in result["diff"]["after"]
    assert f"node {TWO}: absent" in result["diff"]["before"]
    assert node(cluster.run(check=True), ONE)["ip_address"] == f"{SUBNET}.2"


def test_nodes_boot_at_their_addresses(cluster):
    result = cluster.converged()
    assert result["changed"]
    assert [(item["name"], item["ip_address"]) for item in result["instances"]] == [
        (ONE, f"{SUBNET}.2"),
        (TWO, f"{SUBNET}.3"),
    ]
    assert {item["status"] for item in result["instances"]} <= {"running", "degraded"}
    assert cluster.sh("systemctl is-system-running || true") in ("running", "degraded")
    assert {step["step"] for step in result["steps"]} == {"create", "start", "boot"}
    assert all(item["ssh"] for item in result["instances"])


def test_names_resolve_in_both_directions(cluster):
    assert cluster.sh(f"getent hosts {TWO}").split()[0] == f"{SUBNET}.3"
    assert cluster.sh(f"getent hosts {ONE}", number=2).split()[0] == f"{SUBNET}.2"
    assert cluster.sh("hostname") == ONE


def test_a_second_run_changes_nothing(cluster):
    before = cluster.picture()
    result = cluster.converged()
    assert not result["changed"]
    assert result["diff"] == {"before": "", "after": ""}
    assert cluster.picture() == before


def test_info_sees_the_same_without_touching(cluster):
    seen = info(cluster)
    assert [(item["status"], item["owner"], item["drift"]) for item in seen.values()] == [("running", "ours", [])] * 2
    assert seen[ONE]["ip_address"] == f"{SUBNET}.2"
    assert seen[ONE]["uptime"] >= 0


def test_stopped_and_paused_go_on_with_their_data(cluster):
    cluster.sh("echo precious > /root/data; echo '10.9.8.7 added' >> /etc/hosts")
    cluster.get(2).pause()
    stopped = cluster.converged(state="stopped", nodes=[ONE])
    assert [item["status"] for item in stopped["instances"]] == ["stopped"]
    assert info(cluster)[TWO]["status"] == "paused"
    foreseen = cluster.run(check=True)
    assert (node(foreseen, ONE)["steps"], node(foreseen, TWO)["steps"]) == (["start"], ["unpause"])
    result = cluster.converged()
    assert [item["steps"] for item in result["instances"]] == [["start"], ["unpause"]]
    assert cluster.sh("cat /root/data") == "precious"
    assert "10.9.8.7 added" in cluster.sh("cat /etc/hosts")
    assert cluster.sh("ip -4 addr show eth0").count(f"{SUBNET}.2/") == 1


def test_removed_by_hand_is_made_again_and_the_other_is_left(cluster):
    untouched = cluster.attrs(1)["State"]["StartedAt"]
    cluster.get(2).remove(force=True)
    assert info(cluster)[TWO]["status"] == "absent"
    result = cluster.converged()
    assert [item["steps"] for item in result["instances"]] == [[], ["create", "start"]]
    assert cluster.attrs(1)["State"]["StartedAt"] == untouched


def test_mends_in_place(cluster):
    """Resources, restart policy, an address, another network: all of one run, the container stays."""
    ident = cluster.get(1).id
    second = {"name": f"{NAME}-b", "ipam_config": [{"subnet": f"{SUBNET}.64/28"}]}
    cluster.config["networks"].append(second)
    cluster.instance(1).update(memory="256m", memory_reservation="64m", restart_policy="on-failure:3")
    cluster.instance(1)["networks"] = [
        {"name": NAME, "ipv4_address": f"{SUBNET}.9"},
        {"name": f"{NAME}-b", "ipv4_address": f"{SUBNET}.70", "aliases": ["db"]},
    ]
    del cluster.instance(1)["ip_address"]
    cluster.config["tpaexec_docker"] = {"instances": {ONE: {"cpus": 1.5, "pids_limit": 500}}}
    foreseen = cluster.run(check=True).result["diff"]["after"]
    assert "memory" in foreseen
    assert f"not attached to network {NAME}-b" in foreseen
    result = cluster.converged()
    after = cluster.attrs(1)
    host = after["HostConfig"]
    assert after["Id"] == ident
    assert (host["Memory"], host["MemoryReservation"], host["NanoCpus"], host["PidsLimit"]) == (
        256 * 2**20, 64 * 2**20, 1_500_000_000, 500,
    )  # fmt: skip
    assert host["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    addresses = {name: item["IPAddress"] for name, item in after["NetworkSettings"]["Networks"].items()}
    assert addresses == {NAME: f"{SUBNET}.9", f"{NAME}-b": f"{SUBNET}.70"} == result["instances"][0]["addresses"]
    assert cluster.sh(f"getent hosts {ONE}", number=2).split()[0] == f"{SUBNET}.9"
    assert cluster.sh("cat /root/data") == "precious"
    assert not cluster.converged()["changed"]


def test_two_nodes_change_places(cluster):
    """Each is given the address that the other has now."""
    cluster.config["networks"].pop()
    cluster.instance(1)["networks"] = [{"name": NAME, "ipv4_address": f"{SUBNET}.3"}]
    cluster.instance(2)["ip_address"] = f"{SUBNET}.9"
    result = cluster.converged()
    assert [item["ip_address"] for item in result["instances"]] == [f"{SUBNET}.3", f"{SUBNET}.9"]
    assert f"disconnect {NAME}-b" in result["instances"][0]["steps"]
    assert not cluster.converged()["changed"]


def test_network_removed_by_hand_while_nodes_are_stopped(cluster):
    cluster.converged(state="stopped")
    cluster.sdk.networks.get(NAME).remove()
    started = cluster.run(state="started")
    assert started.failed
    assert "tpaexec provision" in started.result["msg"]
    result = cluster.converged()
    assert [item["action"] for item in result["networks"]] == ["create"]
    assert [item["ip_address"] for item in result["instances"]] == [f"{SUBNET}.3", f"{SUBNET}.9"]
    assert cluster.sh("cat /root/data") == "precious"
    assert not cluster.converged()["changed"]


def test_network_changed_in_config(cluster):
    cluster.config["networks"][0]["ipam_config"] = [{"subnet": f"{SUBNET}.128/28", "gateway": f"{SUBNET}.142"}]
    cluster.config["networks"][0]["driver_options"] = {"com.docker.network.driver.mtu": "1400"}
    cluster.instance(1)["networks"] = [{"name": NAME, "ipv4_address": f"{SUBNET}.130"}]
    cluster.instance(2)["ip_address"] = f"{SUBNET}.131"
    assert cluster.run(check=True).result["networks"][0]["action"] == "replace"
    result = cluster.converged()
    assert [item["ip_address"] for item in result["instances"]] == [f"{SUBNET}.130", f"{SUBNET}.131"]
    assert "mtu 1400" in cluster.sh("ip link show | grep -m1 'mtu 1400'")
    assert cluster.sh("cat /root/data") == "precious"
    assert not cluster.converged()["changed"]


def test_what_needs_recreation_is_blocked_for_that_node_alone(cluster):
    cluster.get(2).stop(timeout=1)
    cluster.instance(1)["env"] = {"PASSWORD": "hunter2"}
    before = cluster.attrs(1)
    for check in (True, False):
        reply = cluster.run(check=check)
        assert reply.failed
        assert node(reply, ONE)["status"] == "blocked"
        assert f"--recreate {ONE}" in reply.result["msg"]
        said = {key: value for key, value in reply.result.items() if key != "invocation"}
        assert "hunter2" not in json.dumps(said)
    assert cluster.attrs(1)["State"] == before["State"]
    assert cluster.get(2).status == "running"
    assert "env" in info(cluster)[ONE]["drift"][0]


def test_recreate_takes_the_named_node_alone(cluster):
    other = cluster.get(2).id
    result = cluster.converged(recreate=[ONE])
    assert [item["steps"] for item in result["instances"]] == [["remove", "create", "start"], []]
    assert cluster.get(2).id == other
    assert cluster.sh("test -e /root/data || echo gone") == "gone"
    assert cluster.sh("tr '\\0' '\\n' < /proc/1/environ | grep PASSWORD") == "PASSWORD=hunter2"
    assert not cluster.converged()["changed"]


def test_a_dropped_node_is_reported_and_pruned_when_asked(cluster):
    cluster.config["instances"].pop()
    reply = cluster.run()
    assert not reply.result["changed"]
    assert f"{TWO} is no longer in config.yml" in str(reply.result["warnings"])
    assert cluster.get(2).status == "running"
    assert not info(cluster)[TWO]["in_config"]
    result = cluster.converged(prune=True)
    assert [item["status"] for item in result["instances"]] == ["running", "absent"]
    assert not cluster.sdk.containers.list(all=True, filters={"name": f"^{TWO}$"})


def test_absent_leaves_nothing(cluster):
    foreseen = cluster.run(check=True, state="absent")
    assert cluster.get(1).status == "running"
    assert f"node {ONE}: absent" in foreseen.result["diff"]["after"]
    cluster.converged(state="absent")
    assert cluster.picture()[:2] == ([], [])
    assert not (cluster.directory / ".tpaexec-docker").exists()
    assert not cluster.converged(state="absent")["changed"]
