# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster over several engines in memory: the overlay, addresses, moves, and hosts that are silent."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._cluster import converge, fleet, info
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.host import HostFacts, SwarmFacts
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.job import hosts_of, job_of
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.observe import World
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.plan_addresses import choose_range
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.record import read_id, read_record
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import Run
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError, DaemonError

from .conftest import OPTIONS, cluster, node, stranger
from .model_engine import ModelEngine, refused
from .model_swarm import ModelHost, ModelSwarm

HOSTS = {name: {"docker_host": f"ssh://{name}"} for name in ("a", "b", "c")}
SILENT = DaemonError("Host b: it is off.", "Switch it on.", "DAEMON_NOT_RUNNING")


def spread(**places: str) -> dict[str, Any]:
    """uno, due and tre, on hosts a, b and c unless said."""
    where = {"uno": "a", "due": "b", "tre": "c", **places}
    nodes = [{"Name": name, "ip_address": f"10.48.0.{number}"} for number, name in enumerate(("uno", "due", "tre"), 2)]
    instances = {name: {"host": host} for name, host in where.items()}
    return cluster(*nodes, tpaexec_docker={"hosts": dict(HOSTS), "instances": instances})


class Rig:
    def __init__(self, directory: Path) -> None:
        self.swarm = ModelSwarm("a", "b", "c")
        self.directory = directory
        self.silent: dict[str, DaemonError] = {}
        self.warnings: list[str] = []

    def host(self, name: str) -> ModelHost:
        return self.swarm.hosts[name]

    def run(self, config: dict[str, Any], check: bool = False, more: Any = None, **options: Any) -> dict[str, Any]:
        self.warnings = []
        job = job_of({**OPTIONS, **config, **options, "record_dir": str(self.directory)})
        connected = {**(more or {}), **self.swarm.hosts, **self.silent}
        for host in self.swarm.hosts.values():
            host.calls.clear()
        with converge._lock(job, check):
            return converge.converge(connected, job, Run(check, True, self.warnings.append, lambda *a: (0, "", "")))

    def names(self) -> dict[str, set[str]]:
        return {name: host.names() for name, host in self.swarm.hosts.items()}

    def problems(self, config: dict[str, Any], **options: Any) -> str:
        """Refused, and nothing touched."""
        with pytest.raises(ConfigError) as caught:
            self.run(config, **options)
        assert all(host.calls == [] for host in self.swarm.hosts.values())
        return str(caught.value)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return Rig(tmp_path / "kept")


def test_made_everywhere_and_left_alone_after(rig: Rig) -> None:
    result = rig.run(spread())
    assert not result.get("failed")
    assert rig.names() == {"a": {"uno"}, "b": {"due"}, "c": {"tre"}}
    assert [one["host"] for one in result["instances"]] == ["a", "b", "c"]
    (net,) = rig.swarm.nets.values()
    assert (net["Driver"], net["Attachable"], net["Labels"]["Cluster"]) == ("overlay", True, "c")
    assert net["IPAM"]["Config"] == [{"Subnet": "10.48.0.0/24", "IPRange": "10.48.0.128/25", "Gateway": "10.48.0.1"}]
    again = rig.run(spread())
    assert not again["changed"]
    assert all(host.calls == [] for host in rig.swarm.hosts.values())
    assert {name: place.host for name, place in read_record(str(rig.directory)).places.items()} == {
        "uno": "a", "due": "b", "tre": "c",
    }  # fmt: skip


def test_check_mode_touches_no_host(rig: Rig) -> None:
    assert rig.run(spread(), check=True)["changed"]
    assert rig.names() == {"a": set(), "b": set(), "c": set()}
    assert not rig.swarm.nets


def test_absent_leaves_nothing(rig: Rig) -> None:
    rig.run(spread())
    assert not rig.run(spread(), state="absent").get("failed")
    assert rig.names() == {"a": set(), "b": set(), "c": set()}
    assert not rig.swarm.nets
    assert not rig.directory.exists()


def test_moved_only_when_told(rig: Rig) -> None:
    rig.run(spread())
    config = spread(tre="a")
    result = rig.run(config)
    assert (node(result, "tre")["status"], node(result, "tre")["host"]) == ("blocked", "c")
    assert "--recreate tre" in node(result, "tre")["error"]
    assert rig.names()["c"] == {"tre"}
    moved = rig.run(config, recreate=["tre"])
    assert not moved.get("failed")
    assert rig.names() == {"a": {"uno", "tre"}, "b": {"due"}, "c": set()}
    assert not rig.run(config)["changed"]


def without_c() -> dict[str, Any]:
    """config.yml has forgotten host c, and the node on it."""
    config = spread()
    config["instances"] = config["instances"][:2]
    config["tpaexec_docker"] = {
        part: {name: words for name, words in config["tpaexec_docker"][part].items() if name not in ("c", "tre")}
        for part in ("hosts", "instances")
    }
    return config


def test_a_node_that_was_forgotten_with_its_host(rig: Rig) -> None:
    rig.run(spread())
    config = without_c()
    said = "tre was made on host c, and config.yml names neither any more"
    hosts, rig.swarm.hosts = rig.swarm.hosts, {name: one for name, one in rig.swarm.hosts.items() if name != "c"}
    for options in ({}, {}, {"prune": True}):
        assert not rig.run(config, **options).get("failed")
        assert said in " ".join(rig.warnings)
    rig.run(config)  # --prune has forgotten it
    assert not rig.warnings
    assert hosts["c"].at("tre")


def test_the_id_outlives_what_is_out_of_reach(rig: Rig) -> None:
    rig.run(spread())
    hosts, rig.swarm.hosts = rig.swarm.hosts, {name: one for name, one in rig.swarm.hosts.items() if name != "c"}
    for _time in range(2):
        assert not rig.run(without_c(), state="absent").get("failed")
        assert "tre was made on host c, which config.yml no longer names" in " ".join(rig.warnings)
    rig.swarm.hosts = hosts
    hosts["c"].engine_id = "another"
    assert not rig.run(spread(), state="absent").get("failed")
    assert rig.warnings == []  # it is seen there: a new engine's id does not hide it
    assert rig.names() == {"a": set(), "b": set(), "c": set()}
    assert not rig.directory.exists()


def test_an_engine_that_was_replaced_outlives_absent(rig: Rig) -> None:
    rig.run(spread())
    old, new = rig.host("c"), ModelHost(rig.swarm, "c")
    new.engine_id, rig.swarm.hosts["c"] = "another", new
    assert not rig.run(spread(), state="absent").get("failed")
    assert "tre was made on another engine than the one that answers as host c now" in " ".join(rig.warnings)
    assert rig.directory.exists()
    rig.swarm.hosts["c"] = old
    rig.run(spread(), state="absent")
    assert not old.at("tre")
    assert not rig.directory.exists()


def test_all_hosts_were_taken_out_of_config_yml(rig: Rig) -> None:
    """Nodes with data are not made anew, empty, on the only daemon that is left; not the second time either."""
    rig.run(spread())
    config = spread()
    del config["tpaexec_docker"]
    hosts, rig.swarm.hosts = rig.swarm.hosts, {"default": ModelEngine()}  # type: ignore[dict-item]
    for _time in range(2):
        result = rig.run(config)
        assert {one["status"] for one in result["instances"]} == {"blocked"}
        assert "which config.yml no longer names; its data is there" in node(result, "tre")["error"]
        assert rig.names() == {"default": set()}
    assert not rig.run(config, state="absent").get("failed")
    assert len(rig.warnings) == 3
    rig.swarm.hosts = hosts
    assert not rig.run(spread())["changed"]


def test_all_hosts_given_up(rig: Rig) -> None:
    rig.run(spread())
    config = spread()
    del config["tpaexec_docker"]
    rig.swarm.hosts = {"default": ModelEngine()}  # type: ignore[dict-item]
    assert not rig.run(config, recreate=["all"]).get("failed")
    assert rig.names() == {"default": {"uno", "due", "tre"}}
    assert not rig.run(config)["changed"]
    rig.run(config, state="absent")
    assert not rig.directory.exists()


def test_a_manager_that_is_cut_off_counts_as_silent() -> None:
    view = fleet.SwarmView("a", {"n-a": "ready", "n-b": "ready"})
    alone = SwarmFacts("active", "n-b", True, "", "The swarm does not have a leader.")
    apart = World(HostFacts(swarm=alone), {}, {}, {})
    leads = World(HostFacts(swarm=SwarmFacts("active", "n-a", True, "s", "")), {}, {}, {})
    assert fleet.cut_off({"a": leads, "b": apart}, view) == ["b"]
    assert fleet.cut_off({"a": leads, "b": apart}, fleet.SwarmView()) == []
    assert fleet.cut_off({"a": leads, "b": apart}, None) == []
    elsewhere = fleet.SwarmView("a", {"n-a": "ready"})  # another Swarm, and that is said
    assert fleet.cut_off({"a": leads, "b": apart}, elsewhere) == []


def test_a_silent_host_fails_its_nodes_alone(rig: Rig) -> None:
    rig.silent = {"b": SILENT}
    result = rig.run(spread())
    assert {one["name"]: one["status"] for one in result["instances"]} == {
        "uno": "running", "due": "failed", "tre": "running",
    }  # fmt: skip
    assert "Host b: it is off. Switch it on." in result["msg"]
    rig.silent = {}
    assert not rig.run(spread()).get("failed")


def test_what_a_silent_host_holds_is_in_nobody_s_way(rig: Rig) -> None:
    rig.run(spread())
    rig.silent = {"b": SILENT}
    result = rig.run(spread())
    assert [one["name"] for one in result["instances"] if one["error"]] == ["due"]
    moved = rig.run(spread(due="a"), recreate=["due"])
    assert "still held by its old container on host b" in node(moved, "due")["error"]
    gone = rig.run(spread(due="a"), state="absent")
    assert gone["failed"]
    assert "Network net is left" in " ".join(rig.warnings)
    rig.silent = {}
    assert not rig.run(spread(), state="absent").get("failed")
    assert not rig.swarm.nets


def test_looking_says_why_nodes_are_unknown(rig: Rig) -> None:
    rig.run(spread())
    job, record = job_of({**OPTIONS, **spread(), "record_dir": str(rig.directory)}), read_record(str(rig.directory))
    connected = {**rig.swarm.hosts, "b": SILENT}
    found = fleet.observe_all(connected, job.cluster, read_id(str(rig.directory)), 2, record.places)
    seen = info.report(job.cluster, found, record, datetime.now(timezone.utc))
    assert node(seen, "due")["status"] == "unknown"
    assert "The state of the nodes of b is not known. Host b: it is off. Switch it on." in seen["warnings_seen"]


def test_without_a_manager_nothing_new_is_attached(rig: Rig) -> None:
    rig.run(spread())
    rig.silent = {"a": DaemonError("Host a: it is off.", "Switch it on.", "DAEMON_NOT_RUNNING")}
    box = rig.host("b").at("due")
    assert box is not None
    rig.host("b").do_stop(box["Id"])
    result = rig.run(spread())
    assert {one["name"]: one["status"] for one in result["instances"]} == {
        "uno": "failed", "due": "blocked", "tre": "running",
    }  # fmt: skip
    assert "no manager of the Swarm answers" in node(result, "due")["error"]


def test_no_network_without_a_manager(rig: Rig) -> None:
    rig.silent = {"a": DaemonError("Host a: it is off.", "Switch it on.", "DAEMON_NOT_RUNNING")}
    assert "only a manager of the Swarm can make it" in rig.problems(spread())


def test_an_engine_that_took_another_s_place(rig: Rig) -> None:
    rig.run(spread())
    rig.host("c").engine_id = "engine-new"
    rig.host("c").boxes.clear()
    result = rig.run(spread())
    assert "another engine than the one that answers as host c" in node(result, "tre")["error"]
    assert not rig.run(spread(), recreate=["tre"]).get("failed")
    assert rig.names()["c"] == {"tre"}


def test_a_host_that_was_replaced_while_its_old_engine_runs_on(rig: Rig) -> None:
    """The old container has the node's address: it is the node's own, not a stranger's."""
    rig.run(spread(tre="b"))
    config = spread(tre="b")
    config["tpaexec_docker"]["hosts"] = {"a": HOSTS["a"], "b": HOSTS["c"]}
    moved = {"b": rig.swarm.hosts["c"]}
    kept = dict(rig.swarm.hosts)

    def run(**options: Any) -> dict[str, Any]:
        job = converge.job_of({**OPTIONS, **config, **options, "record_dir": str(rig.directory)})
        return converge.converge({"a": kept["a"], **moved}, job, Run(False, True, print, lambda *a: (0, "", "")))

    result = run()
    assert "another engine than the one that answers as host b" in node(result, "tre")["error"]
    assert "--recreate tre" in node(result, "tre")["error"]
    held = run(recreate=["tre"])
    assert "still held by its old container on the Swarm's node b" in node(held, "tre")["error"]
    assert rig.names()["c"] == set()
    kept["b"].boxes.clear()
    assert not run(recreate=["tre", "due"]).get("failed")
    assert rig.names()["c"] == {"due", "tre"}


def test_an_older_container_elsewhere_is_told_of_and_pruned(rig: Rig) -> None:
    rig.run(spread())
    old = rig.host("c").at("tre")
    rig.run(spread(tre="a"), recreate=["tre"])
    assert old is not None
    rig.host("c").boxes[old["Id"]] = {**old, "State": {"Status": "exited", "ExitCode": 0, "Error": ""}}
    result = rig.run(spread(tre="a"))
    assert not result.get("failed")
    assert "older container of it on host c" in " ".join(rig.warnings)
    assert rig.run(spread(tre="a"), prune=True)["changed"]
    assert rig.names() == {"a": {"uno", "tre"}, "b": {"due"}, "c": set()}


def test_a_cluster_grows_from_one_machine(rig: Rig) -> None:
    """A bridge of ours makes way for the overlay; nodes stay what they are, with their addresses."""
    one = spread(due="a", tre="a")
    assert not rig.run(one).get("failed")
    before = rig.host("a").at("uno")
    assert not rig.swarm.nets
    result = rig.run({**one, "tpaexec_docker": spread(due="a", tre="a")["tpaexec_docker"]})
    assert not result["changed"]
    grown = spread(due="a")
    result = rig.run(grown)
    assert node(result, "tre")["status"] == "blocked"
    assert len(rig.swarm.nets) == 1
    after = rig.host("a").at("uno")
    assert before is not None
    assert after is not None
    assert after["Id"] == before["Id"]
    assert not rig.run(grown, recreate=["tre"]).get("failed")
    assert not rig.run(grown)["changed"]


def test_a_cluster_made_before_it_had_hosts(rig: Rig) -> None:
    engine = ModelEngine()
    plain = {**spread(), "tpaexec_docker": {}}
    job = job_of({**OPTIONS, **plain, "record_dir": str(rig.directory)})
    converge.converge({"default": engine}, job, Run(False, True, print, lambda *a: (0, "", "")))
    assert [host.name for host in hosts_of(job_of({**OPTIONS, **spread()}).cluster, "")] == [
        "a", "b", "c",
    ]  # fmt: skip
    job = job_of({**OPTIONS, **spread(), "record_dir": str(rig.directory)})
    assert [host.name for host in hosts_of(job.cluster, job.directory)] == ["a", "b", "c", "default"]
    result = rig.run(spread(), more={"default": engine})
    assert {one["status"] for one in result["instances"]} == {"blocked"}
    assert "it is on host default, config.yml says a" in node(result, "uno")["error"]


def test_refused_before_anything_is_touched(rig: Rig) -> None:
    rig.host("b").state = "inactive"
    assert "tpaexec_docker.hosts.b: it is in no Swarm that works (its state is inactive)" in rig.problems(spread())
    rig.host("b").state = "locked"
    assert "docker swarm unlock" in rig.problems(spread())
    rig.host("b").state = "active"
    rig.host("b").engine_id = rig.host("c").engine_id
    assert "the same engine as host b" in rig.problems(spread())


def test_another_swarm(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    known = rig.host("a").do_nodes()
    monkeypatch.setattr(rig.host("a"), "do_nodes", lambda: known[:2])
    text = rig.problems(spread())
    assert "tpaexec_docker.hosts.c: it is in another Swarm than host a" in text
    assert "never taken out of its Swarm" in text


def test_a_stranger_on_another_host_has_the_address(rig: Rig) -> None:
    rig.run(spread())
    rig.run(spread(), state="stopped")
    host = rig.host("b")
    stranger(host, "theirs", address="10.48.0.4")
    text = rig.problems(spread())
    assert "tre: its address 10.48.0.4 in network net is held by the container" in text


@pytest.mark.parametrize(
    ("pool", "address", "word"),
    [
        ({}, "10.48.0.1", "gateway"),
        ({"iprange": "10.48.0.0/26"}, "10.48.0.4", "from which Swarm takes addresses"),
        ({"subnet": "10.48.0.0/30"}, "", "do not fit"),
    ],
)
def test_addresses_that_cannot_be(rig: Rig, pool: dict[str, str], address: str, word: str) -> None:
    config = spread()
    config["networks"] = [{"name": "net", "ipam_config": [{"subnet": "10.48.0.0/24", **pool}]}]
    if address:
        config["instances"][2]["ip_address"] = address
    assert word in rig.problems(config)


def test_a_subnet_that_another_host_uses(rig: Rig) -> None:
    rig.host("c").do_create_network("office", "bridge", {}, {"Config": [{"Subnet": "10.48.0.0/16"}]}, {})
    text = rig.problems(spread())
    assert "its subnet 10.48.0.0/24 overlaps 10.48.0.0/16 of the network office on host c" in text


def test_somebody_s_bridge_of_that_name(rig: Rig) -> None:
    rig.host("c").do_create_network("net", "bridge", {}, {"Config": [{"Subnet": "10.99.0.0/24"}]}, {})
    assert "on host c it reaches that host only" in rig.problems(spread())


def test_an_image_that_one_host_lacks(rig: Rig) -> None:
    rig.host("b").images = {}
    assert "the image guest:1 is not on host b" in rig.problems(spread())


def test_a_foreign_container_matters_on_the_node_s_own_host(rig: Rig) -> None:
    rig.host("c").do_create_network("x", "bridge", {}, {"Config": [{"Subnet": "10.99.0.0/24"}]}, {})
    stranger(rig.host("c"), "uno", net="x")
    assert not rig.run(spread()).get("failed")
    stranger(rig.host("c"), "due", net="x")
    assert not rig.run(spread())["changed"]
    assert "a container of this name on host c belongs to someone else" in rig.problems(spread(due="c", tre="b"))


@pytest.mark.parametrize(
    ("subnet", "taken", "needed", "chosen"),
    [
        ("10.0.0.0/16", ["10.0.0.1", "10.0.0.2"], 3, "10.0.255.0/24"),
        ("10.0.0.0/28", ["10.0.0.1", "10.0.0.2", "10.0.0.3"], 3, "10.0.0.8/29"),
        ("10.0.0.0/28", ["10.0.0.1", "10.0.0.9"], 3, "10.0.0.12/30"),
        ("10.0.0.0/28", ["10.0.0.1", "10.0.0.14"], 3, "10.0.0.8/30"),
        ("10.0.0.0/29", ["10.0.0.1", "10.0.0.6"], 3, ""),
        ("10.0.0.0/24", [f"10.0.0.{host}" for host in range(1, 255)], 2, ""),
    ],
)
def test_swarm_s_own_addresses(subnet: str, taken: list[str], needed: int, chosen: str) -> None:
    found = choose_range(ipaddress.ip_network(subnet), taken, needed)
    assert found == chosen
    if found:
        block = ipaddress.ip_network(found)
        assert block.subnet_of(ipaddress.ip_network(subnet))
        assert not any(ipaddress.ip_address(item) in block for item in taken)
        assert block.num_addresses > needed


LATE = "attaching to network failed, make sure …: context deadline exceeded"
DENIED = "network p16h8958yft5 not found"


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ((LATE,), ""),
        ((LATE, DENIED, DENIED), ""),  # as an engine does that has booted: see apply.ATTACHING
        ((DENIED,), ""),  # left by the engine's own start of the node
        ((LATE, DENIED, LATE, LATE, LATE), "docker node ls"),
        ((DENIED,) * 6, "Its network was removed meanwhile"),
        ((f"failed to set up container networking: {DENIED}",), ""),  # as newer engines say it
        (("Could not attach to network x: rpc error: network x not found",), "Its network was removed meanwhile"),
    ],
)
@pytest.mark.parametrize("step", ["start", "connect"])
def test_an_overlay_heard_of_late_is_asked_for_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, step: str, answers: tuple[str, ...], said: str
) -> None:
    host, left, now = rig.host("b"), list(answers), [0.0]
    method = "do_start"
    if step == "connect":
        rig.run(spread())
        host.do_disconnect_container_from_network(host.by_name("due")["Id"], "net")
        method = "do_connect_container_to_network"
    real, tools = getattr(host, method), converge._tools

    def late(*args: Any, **kwargs: Any) -> None:
        if left:
            now[0] += 20 if left[0] == LATE else 0
            raise refused(500, left.pop(0))
        real(*args, **kwargs)

    def sleep(seconds: float) -> None:
        now[0] += seconds

    monkeypatch.setattr(host, method, late)
    monkeypatch.setattr(converge, "_tools", lambda *args: replace(tools(*args), sleep=sleep, clock=lambda: now[0]))
    result = rig.run(spread())
    due = next(one for one in result["instances"] if one["name"] == "due")
    assert not left
    assert due["status"] == ("failed" if said else "running")
    assert said in due["error"]
