# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs on an engine in memory: states × wishes, networks, ownership, faults."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError, DaemonError, PlatformError

from .conftest import NETWORK, Site, cluster, node
from .model_engine import ModelEngine

TWO = cluster({"Name": "uno", "ip_address": "10.48.0.2"}, {"Name": "due", "ip_address": "10.48.0.3"})
ONE = cluster({"Name": "uno", "ip_address": "10.48.0.2"})


def put(engine: ModelEngine, name: str, status: str) -> None:
    """Bring a node's container into a state by hand."""
    box = engine.by_name(name)
    if status in ("created", "exited", "dead", "restarting"):
        engine.do_stop(box["Id"])
    box["State"]["Status"] = status


def made(site: Site, config=TWO) -> ModelEngine:
    assert not site.run(config).get("failed")
    return site.engine


@pytest.mark.parametrize(
    ("status", "state", "steps", "after", "said"),
    [
        ("absent", "present", ["create", "start"], "running", "running"),
        ("created", "present", ["start"], "running", "running"),
        ("running", "present", [], "running", "running"),
        ("paused", "present", ["unpause"], "running", "running"),
        ("exited", "present", ["start"], "running", "running"),
        ("restarting", "present", [], "restarting", "failed"),
        ("dead", "present", [], "dead", "blocked"),
        ("absent", "started", [], None, "blocked"),
        ("created", "started", ["start"], "running", "running"),
        ("running", "started", [], "running", "running"),
        ("paused", "started", ["unpause"], "running", "running"),
        ("exited", "started", ["start"], "running", "running"),
        ("restarting", "started", [], "restarting", "failed"),
        ("dead", "started", [], "dead", "blocked"),
        ("absent", "stopped", [], None, "absent"),
        ("created", "stopped", [], "created", "stopped"),
        ("running", "stopped", ["stop"], "exited", "stopped"),
        ("paused", "stopped", ["stop"], "exited", "stopped"),
        ("exited", "stopped", [], "exited", "stopped"),
        ("restarting", "stopped", ["stop"], "exited", "stopped"),
        ("absent", "absent", [], None, "absent"),
        ("created", "absent", ["remove"], None, "absent"),
        ("running", "absent", ["remove"], None, "absent"),
        ("paused", "absent", ["remove"], None, "absent"),
        ("exited", "absent", ["remove"], None, "absent"),
        ("restarting", "absent", ["remove"], None, "absent"),
        ("dead", "absent", ["remove"], None, "absent"),
    ],
)  # fmt: skip
def test_each_state_to_each_wish(site, status, state, steps, after, said):
    engine = made(site)
    if status == "absent":
        engine.do_remove_container(engine.by_name("uno")["Id"], force=True)
    else:
        put(engine, "uno", status)
    foreseen = site.run(TWO, check=True, state=state)
    assert engine.calls == []
    result = site.run(TWO, state=state)
    uno = node(result, "uno")
    assert (uno["steps"], uno["status"]) == (steps, said)
    assert node(foreseen, "uno")["steps"] == steps
    assert bool(result.get("failed")) is (said in ("blocked", "failed"))
    assert (engine.by_name("uno")["State"]["Status"] if "uno" in engine.names() else None) == after
    if state in ("present", "started"):
        assert node(result, "due")["status"] == "running"


def test_a_second_run_changes_nothing_and_writes_nothing(site):
    engine = made(site)
    before = {path: path.stat().st_mtime_ns for path in site.directory.iterdir() if path.name != "lock"}
    again = site.run(TWO)
    assert (again["changed"], engine.calls, again["diff"]) == (False, [], {"before": "", "after": ""})
    assert {path: path.stat().st_mtime_ns for path in site.directory.iterdir() if path.name != "lock"} == before


def test_check_mode_on_an_empty_host_makes_no_file(site):
    result = site.run(TWO, check=True)
    assert result["changed"]
    assert (site.engine.calls, site.directory.exists()) == ([], False)
    assert result["diff"]["after"].splitlines() == [
        "network net: present  # not there",
        "node uno: running, image guest:1, address 10.48.0.2  # not there",
        "node due: running, image guest:1, address 10.48.0.3  # not there",
    ]
    assert set(result["diff"]["before"].split()) == {"network", "net:", "absent", "node", "uno:", "due:"}


MENDS = [
    ({"memory": "64m"}, {"memory": "128m"}, {"Memory": 128 * 2**20, "MemorySwap": 256 * 2**20}),
    ({}, {"memory": "128m"}, {"Memory": 128 * 2**20}),
    ({}, {"memory_reservation": "32m"}, {"MemoryReservation": 32 * 2**20}),
    ({"restart_policy": "no"}, {"restart_policy": "on-failure:3"},
     {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}),
    ({"restart_policy": "always"}, {}, {"RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0}}),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "host"), MENDS)
def test_mended_in_place(site, before, after, host):
    engine = made(site, cluster({"Name": "uno", **before}))
    ident = engine.by_name("uno")["Id"]
    result = site.run(cluster({"Name": "uno", **after}))
    assert (node(result, "uno")["steps"], engine.by_name("uno")["Id"]) == (["update"], ident)
    assert {key: engine.by_name("uno")["HostConfig"][key] for key in host} == host
    assert not site.run(cluster({"Name": "uno", **after}))["changed"]


@pytest.mark.parametrize(("before", "after"), [({"cpus": 1}, {"cpus": 1.5}), ({}, {"pids_limit": 400}),
                                               ({"pids_limit": 400}, {})])  # fmt: skip
def test_own_words_are_mended_in_place(site, before, after):
    def config(words):
        return cluster({"Name": "uno"}, tpaexec_docker={"instance_defaults": words})

    engine = made(site, config(before))
    ident = engine.by_name("uno")["Id"]
    assert node(site.run(config(after)), "uno")["steps"] == ["update"]
    assert engine.by_name("uno")["Id"] == ident
    assert not site.run(config(after))["changed"]


def test_a_mend_that_config_forgets_again_is_drift_by_the_record(site):
    """The label says nothing of memory; only the record knows that the limit was ours."""
    made(site, cluster({"Name": "uno"}))
    site.run(cluster({"Name": "uno", "memory": "64m"}))
    result = site.run(cluster({"Name": "uno"}))
    assert node(result, "uno")["status"] == "blocked"
    assert "memory: wanted nothing, found 64m" in result["msg"]
    (site.directory / "record.json").write_text("{not json")
    assert not site.run(cluster({"Name": "uno"}))["changed"]


def test_blocked_drift_fails_that_node_alone_and_changes_nothing_of_it(site):
    engine = made(site)
    engine.do_stop(engine.by_name("due")["Id"])
    config = copy.deepcopy(TWO)
    config["instances"][0]["env"] = {"SECRET": "hunter2"}
    before = copy.deepcopy(engine.by_name("uno"))
    foreseen = site.run(config, check=True)
    result = site.run(config)
    for said in (foreseen, result):
        assert said["failed"]
        assert "1 of 2 nodes failed" in said["msg"]
        assert "--recreate uno" in said["msg"]
        assert "hunter2" not in str(said)
    assert engine.by_name("uno") == before
    assert engine.by_name("due")["State"]["Status"] == "running"
    assert "BLOCKED" in foreseen["diff"]["after"]


@pytest.mark.parametrize("wish", [["uno"], ["all"]])
def test_recreate_replaces_the_named_ones(site, wish):
    engine = made(site)
    ids = {name: engine.by_name(name)["Id"] for name in ("uno", "due")}
    config = copy.deepcopy(TWO)
    config["instances"][0]["env"] = {"A": "1"}
    result = site.run(config, recreate=wish)
    assert node(result, "uno")["steps"] == ["remove", "create", "start"]
    assert engine.by_name("uno")["Id"] != ids["uno"]
    assert (engine.by_name("due")["Id"] == ids["due"]) is (wish == ["uno"])
    assert not site.run(config)["changed"]


@pytest.mark.parametrize("option", ["recreate", "nodes"])
def test_a_name_of_no_node_is_refused_before_anything(site, option):
    engine = made(site)
    with pytest.raises(ConfigError, match="there is no node tre"):
        site.run(TWO, **{option: ["tre"]})
    assert engine.calls == []


def test_dropped_nodes_are_reported_and_pruned_on_request(site):
    engine = made(site)
    result = site.run(ONE)
    assert not result["changed"]
    assert any("due is no longer in config.yml" in word and "--prune" in word for word in site.warnings)
    result = site.run(ONE, prune=True)
    assert node(result, "due")["status"] == "absent"
    assert engine.names() == {"uno"}


def test_absent_takes_dropped_nodes_too_and_forgets(site):
    engine = made(site)
    site.run(ONE, state="absent")
    assert (engine.boxes, engine.nets) == ({}, {})
    assert not site.directory.exists()


# -- networks


def test_network_removed_by_hand_while_nodes_are_stopped(site):
    engine = made(site)
    for name in ("uno", "due"):
        engine.do_stop(engine.by_name(name)["Id"])
    engine.do_remove_network("net")
    result = site.run(TWO)
    assert not result.get("failed")
    assert result["networks"][0]["action"] == "create"
    assert [item["ip_address"] for item in result["instances"]] == ["10.48.0.2", "10.48.0.3"]
    assert not site.run(TWO)["changed"]


def test_network_replaced_when_config_changes_it(site):
    engine = made(site)
    old = engine.net("net")["Id"]
    moved = cluster(
        {"Name": "uno", "ip_address": "10.48.7.2"}, {"Name": "due", "ip_address": "10.48.7.3"},
        networks=[{"name": "net", "ipam_config": [{"subnet": "10.48.7.0/24", "gateway": "10.48.7.1"}]}],
    )  # fmt: skip
    result = site.run(moved)
    assert result["networks"][0]["reasons"][0] == "subnet: wanted 10.48.7.0/24, found 10.48.0.0/24"
    assert engine.net("net")["Id"] != old
    assert [item["ip_address"] for item in result["instances"]] == ["10.48.7.2", "10.48.7.3"]
    # the model's engine fills in no gateway: that it does is known from the real one
    assert node(result, "uno")["steps"] == ["disconnect net", "connect net"]


@pytest.mark.parametrize("more", [{"driver_options": {"com.docker.network.driver.mtu": "1400"}}, {"enable_ipv6": True}])
def test_network_settings_that_differ(site, more):
    made(site)
    result = site.run({**TWO, "networks": [{**NETWORK, **more}]}, check=True)
    assert result["networks"][0]["action"] == "replace"


def test_membership_and_addresses_are_mended(site):
    nets = [NETWORK, {"name": "more", "ipam_config": [{"subnet": "10.48.1.0/24"}]}]
    both = [{"name": "net", "ipv4_address": "10.48.0.9"}, {"name": "more", "aliases": ["db"]}]
    engine = made(site, cluster({"Name": "uno", "ip_address": "10.48.0.2"}, networks=nets))
    wide = cluster({"Name": "uno", "networks": both}, networks=nets)
    result = site.run(wide)
    assert node(result, "uno")["steps"] == ["disconnect net", "connect net", "connect more"]
    assert engine.by_name("uno")["NetworkSettings"]["Networks"]["net"]["IPAddress"] == "10.48.0.9"
    assert not site.run(wide)["changed"]
    narrow = cluster({"Name": "uno", "networks": both[:1]}, networks=nets)
    assert node(site.run(narrow), "uno")["steps"] == ["disconnect more"]
    assert not site.run(narrow)["changed"]


def test_a_network_that_a_user_attached_by_hand_is_left(site):
    engine = made(site)
    engine.do_create_network("theirs", "bridge", None, {"Config": [{"Subnet": "10.48.5.0/24"}]}, {})
    engine.do_connect_container_to_network(engine.by_name("uno")["Id"], "theirs")
    assert not site.run(TWO)["changed"]


def stranger(engine: ModelEngine, name: str = "stranger", net: str = "net", address: str = "", **labels: str) -> dict:
    """A container of somebody else's, running, attached to *net*."""
    ident = engine.do_create_container_from_config(
        {"Image": "guest:1", "Hostname": name, "Labels": labels, "Env": [], "ExposedPorts": {}, "HostConfig": {}}, name
    )["Id"]
    engine.do_connect_container_to_network(ident, net, ipv4_address=address or None)
    engine.do_start(ident)
    return copy.deepcopy(engine.boxes[ident])


def test_a_stranger_on_our_network_is_left_and_keeps_the_network(site):
    engine = made(site)
    before = stranger(engine)
    assert not site.run(TWO)["changed"]
    with pytest.raises(ConfigError, match="stranger"):
        site.run({**ONE, "networks": [{**NETWORK, "driver_options": {"a": "b"}}]})
    result = site.run(TWO, state="absent")
    assert not result.get("failed")
    assert any("stranger" in word for word in site.warnings)
    assert engine.names() == {"stranger"}
    assert engine.by_name("stranger") == before


def test_after_absent_left_a_network_the_next_run_still_knows_it(site):
    engine = made(site)
    stranger(engine)
    site.run(TWO, state="absent")
    engine.do_remove_container(engine.by_name("stranger")["Id"], force=True)
    assert not site.run(TWO).get("failed")


def test_volumes_that_absent_left_are_still_ours_afterwards(site):
    config = cluster({"Name": "uno", "volumes": ["data:/var/lib/data"]})
    engine = made(site, config)
    site.run(config, state="absent")
    assert set(engine.volumes) == {"data"}
    made(site, config)
    site.run(config, state="absent", remove_volumes=True)
    assert engine.volumes == {}
    assert not site.directory.exists()


def test_a_volume_of_somebody_else_is_never_removed(site):
    site.engine.do_create_volume("data")
    config = cluster({"Name": "uno", "volumes": ["data:/var/lib/data"]})
    made(site, config)
    site.run(config, state="absent", remove_volumes=True)
    assert set(site.engine.volumes) == {"data"}
    assert any("not made by this cluster" in word for word in site.warnings)


def test_an_address_that_a_stranger_holds_is_named(site):
    engine = made(site, ONE)
    stranger(engine, address="10.48.0.3")
    with pytest.raises(ConfigError, match=r"due: its address 10\.48\.0\.3 in network net is held by .* stranger"):
        site.run(TWO)
    assert engine.calls == []


# -- ownership


@pytest.mark.parametrize("labels", [{}, {"Cluster": "other"}, {"Cluster": "c", "tpaexec.docker.id": "someone"}])
@pytest.mark.parametrize("state", ["present", "started", "stopped", "absent"])
def test_a_foreign_container_under_our_name_is_never_touched(site, labels, state):
    engine = site.engine
    engine.do_create_network("theirs", "bridge", None, None, {})
    before = stranger(engine, "uno", "theirs", **labels)
    if state == "present":
        with pytest.raises(ConfigError, match=r"(?s)uno: .*belongs to someone else.*--adopt"):
            site.run(TWO)
        assert engine.calls == []
    else:
        site.run(TWO, state=state)
        assert any("someone else" in word for word in site.warnings)
    assert engine.by_name("uno") == before


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_foreign_network_under_our_name_is_never_touched(site, state):
    engine = site.engine
    engine.do_create_network("net", "bridge", None, {"Config": [{"Subnet": "10.48.0.0/24"}]}, {})
    before = copy.deepcopy(engine.net("net"))
    if state == "present":
        with pytest.raises(ConfigError, match="belongs to someone else"):
            site.run(TWO)
    else:
        site.run(TWO, state=state)
    assert (engine.net("net"), engine.calls) == (before, [])


def test_two_directories_with_one_name_never_take_each_others_nodes(site, tmp_path):
    engine = made(site)
    other = Site(tmp_path / "other", engine)
    before = copy.deepcopy((engine.boxes, engine.nets))
    with pytest.raises(ConfigError) as caught:
        other.run(TWO)
    assert {problem.place for problem in caught.value.problems} == {"uno", "due", "docker_networks.net"}
    other.run(TWO, state="absent")
    elsewhere = cluster({"Name": "tre"}, networks=[{"name": "n2", "ipam_config": [{"subnet": "10.48.9.0/24"}]}])
    assert not other.run(elsewhere, prune=True).get("failed")
    other.run(elsewhere, state="absent")
    assert (engine.boxes, engine.nets) == before


def test_a_lost_id_is_taken_over_only_with_adopt(site):
    engine = made(site)
    ids = set(engine.boxes)
    (site.directory / "id").unlink()
    with pytest.raises(ConfigError):
        site.run(TWO)
    result = site.run(TWO, adopt=True)
    assert (result["changed"], set(engine.boxes)) == (False, ids)
    assert any("Taking over cluster c by name" in word for word in site.warnings)
    assert not site.run(TWO)["changed"]


def test_adopt_does_not_choose_between_two_clusters(site, tmp_path):
    engine = made(site, ONE)
    other = Site(tmp_path / "other", engine)
    made(other, cluster({"Name": "due"}, networks=[{"name": "n2", "ipam_config": [{"subnet": "10.48.9.0/24"}]}]))
    third = Site(tmp_path / "third", engine)
    with pytest.raises(PlatformError, match="carry several ids"):
        third.run(TWO, adopt=True)
    assert engine.calls == []


def as_tpa(engine: ModelEngine) -> None:
    """The same containers and networks as TPA makes them: no id, networks without labels."""
    for box in engine.boxes.values():
        labels = box["Config"]["Labels"]
        box["Config"]["Labels"] = {key: value for key, value in labels.items() if not key.startswith("tpaexec.docker")}
    for net in engine.nets.values():
        net["Labels"] = {}


def test_tpas_nodes_and_network_are_adopted_as_they_are(site, tmp_path):
    engine = made(site)
    as_tpa(engine)
    ids = set(engine.boxes), set(engine.nets)
    fresh = Site(tmp_path / "fresh", engine)
    result = fresh.run(TWO)
    assert (result["changed"], engine.calls) == (False, [])
    assert (set(engine.boxes), set(engine.nets)) == ids
    assert any("made by TPA" in word for word in fresh.warnings)
    fresh.run(TWO, state="absent")
    assert (engine.boxes, engine.nets) == ({}, {})


def test_tpas_network_with_a_stranger_in_it_is_not_taken(site, tmp_path):
    engine = made(site)
    as_tpa(engine)
    stranger(engine)
    fresh = Site(tmp_path / "fresh", engine)
    with pytest.raises(ConfigError, match="belongs to someone else"):
        fresh.run(TWO)


def test_tpas_nodes_that_config_does_not_name_are_left(site, tmp_path):
    engine = made(site)
    as_tpa(engine)
    fresh = Site(tmp_path / "fresh", engine)
    fresh.run(ONE, state="absent")
    assert engine.names() == {"due"}


# -- faults


def test_a_node_that_never_boots_fails_alone_with_its_words(site):
    site.engine.boots["uno"] = "maintenance"
    result = site.run(TWO)
    assert [node(result, name)["status"] for name in ("uno", "due")] == ["failed", "running"]
    assert "1 of 2 nodes failed" in result["msg"]
    assert "systemd says maintenance" in node(result, "uno")["error"]


def test_an_init_that_ends_is_told_with_the_last_lines(site, monkeypatch):
    def ends(ident):
        site.engine.boxes[ident]["State"].update(Status="exited", ExitCode=1)

    monkeypatch.setattr(site.engine, "do_start", ends)
    result = site.run(ONE)
    assert "its init ended" in result["msg"]
    assert "its last words" in result["msg"]


@pytest.mark.parametrize("method", [
    "create_network", "create_container_from_config", "start", "inspect_container", "connect_container_to_network",
])  # fmt: skip
@pytest.mark.parametrize("when", [1, 2])
def test_a_run_that_ends_anywhere_is_finished_by_the_next(site, monkeypatch, method, when):
    """As after a kill: nothing of the run's end happens."""
    config = cluster(
        {"Name": "uno", "networks": [{"name": "net", "ipv4_address": "10.48.0.2"}, "more"]},
        {"Name": "due", "networks": ["net", "more"]},
        networks=[NETWORK, {"name": "more", "ipam_config": [{"subnet": "10.48.1.0/24"}]}],
        parallel=1,
    )
    whole, left = site.engine.call, [when]

    def call(called, *args, **kwargs):
        if called == method:
            left[0] -= 1
        if left[0] <= 0:
            raise KeyboardInterrupt
        return whole(called, *args, **kwargs)

    monkeypatch.setattr(site.engine, "call", call)
    with pytest.raises(KeyboardInterrupt):
        site.run(config)
    monkeypatch.setattr(site.engine, "call", whole)
    assert not site.run(config).get("failed")
    assert not site.run(config)["changed"]
    assert site.engine.names() == {"uno", "due"}
    assert len(site.engine.nets) == 2


def test_the_daemons_refusal_of_one_node_is_that_nodes(site, monkeypatch):
    whole = site.engine.do_start

    def start(ident):
        if site.engine.boxes[ident]["Name"] == "/uno":
            raise DaemonError("Bind for 0.0.0.0:80 failed: port is already allocated.", status=500)
        whole(ident)

    monkeypatch.setattr(site.engine, "do_start", start)
    result = site.run(TWO)
    assert "ss -ltnp" in node(result, "uno")["error"]
    assert node(result, "due")["status"] == "running"
    monkeypatch.setattr(site.engine, "do_start", whole)
    assert node(site.run(TWO), "uno")["steps"] == ["start"]


def test_a_missing_image_is_told_before_anything(site):
    with pytest.raises(ConfigError, match=r"the image none:1 is not on the Docker host.*docker pull none:1"):
        site.run(cluster({"Name": "uno", "image": "none:1"}))
    assert site.engine.calls == []


def test_a_network_that_nobody_declares_must_be_there(site):
    with pytest.raises(ConfigError, match="there is no network elsewhere"):
        site.run(cluster({"Name": "uno", "networks": ["elsewhere"]}))
    assert site.engine.calls == []


def test_what_is_stale_is_a_warning(site):
    engine = made(site, ONE)
    engine.images["guest:1"] = "sha256:new"
    result = site.run(ONE)
    assert not result["changed"]
    assert any("newer image" in word and "--recreate uno" in word for word in site.warnings)
    engine.by_name("uno")["Config"]["Labels"]["tpaexec.docker.recipe"] = "older"
    site.run(ONE)
    assert any("made by recipe older" in word for word in site.warnings)


def test_what_was_never_started_is_made_again_without_asking(site):
    engine = made(site, ONE)
    put(engine, "uno", "created")
    result = site.run(cluster({"Name": "uno", "ip_address": "10.48.0.2", "env": {"A": "1"}}))
    assert node(result, "uno")["steps"] == ["remove", "create", "start"]
    assert "never started" in node(result, "uno")["reasons"][-1]
