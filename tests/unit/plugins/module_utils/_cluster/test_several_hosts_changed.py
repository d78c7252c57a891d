# SPDX-License-Identifier: GPL-3.0-or-later
"""config.yml changes under a cluster over several engines: nothing is made anew, detached or forgotten unasked.

The daemons that are asked are those that the module asks: it is there that some of this went wrong.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._cluster import converge
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.job import hosts_of, job_of
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.record import read_record
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import Run
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError, DaemonError

from .conftest import OPTIONS, node, stranger
from .model_engine import ModelEngine, refused
from .model_swarm import ModelSwarm
from .test_several_hosts import spread

OFF = DaemonError("Host x: it is off.", "Switch it on.", "DAEMON_NOT_RUNNING")


class Site:
    """`daemons` by the names that config.yml has, and `default`."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.swarm = ModelSwarm("a", "b", "c")
        self.daemons: dict[str, Any] = {**self.swarm.hosts, "default": ModelEngine()}
        self.warnings: list[str] = []

    def run(self, config: dict[str, Any], check: bool = False, **options: Any) -> dict[str, Any]:
        self.warnings = []
        job = job_of({**OPTIONS, **config, **options, "record_dir": str(self.directory)}, check)
        asked = {host.name: self.daemons[host.name] for host in hosts_of(job.cluster, job.directory)}
        with converge._lock(job, check):
            return converge.converge(asked, job, Run(check, True, self.warnings.append, lambda *a: (0, "", "")))

    def refused(self, config: dict[str, Any], **options: Any) -> str:
        """By check mode and by the run itself."""
        said = []
        for check in (True, False):
            with pytest.raises(ConfigError) as caught:
                self.run(config, check, **options)
            said.append(str(caught.value))
        assert said[0] == said[1]
        return said[0]

    def names(self) -> dict[str, set[str]]:
        return {name: host.names() for name, host in self.daemons.items() if not isinstance(host, DaemonError)}

    @property
    def places(self) -> dict[str, str]:
        return {name: place.host for name, place in read_record(str(self.directory)).places.items()}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "kept")


def alone() -> dict[str, Any]:
    return {**spread(), "tpaexec_docker": {}}


def statuses(result: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["status"] for one in result["instances"]}


def test_grown_while_the_old_daemon_is_silent(site: Site) -> None:
    site.run(alone())
    old, site.daemons["default"] = site.daemons["default"], OFF
    for check in (True, False, False):
        result = site.run(spread(), check)
        assert set(statuses(result).values()) == {"blocked"}
        assert "on the daemon of DOCKER_HOST, which does not answer; its data is there" in node(result, "tre")["error"]
    assert site.run(spread(), state="absent")["failed"]
    assert site.directory.exists()
    assert site.names() == {"a": set(), "b": set(), "c": set()}
    site.daemons["default"] = old
    assert "it is on host default, config.yml says c" in node(site.run(spread()), "tre")["error"]
    assert old.names() == {"uno", "due", "tre"}
    assert not site.run(spread(), recreate=["all"]).get("failed")
    assert site.names() == {"a": {"uno"}, "b": {"due"}, "c": {"tre"}, "default": set()}


def test_grown_where_the_old_daemon_is_one_of_the_hosts(site: Site) -> None:
    site.daemons["default"] = site.daemons["a"]
    site.run(alone())
    assert not site.run(spread(due="a", tre="a"))["changed"]
    result = site.run(spread())
    assert statuses(result) == {"uno": "running", "due": "blocked", "tre": "blocked"}
    assert not site.run(spread(), state="absent").get("failed")
    assert not site.directory.exists()


@pytest.mark.parametrize("broken", ["create_network", "create_container_from_config"])
def test_a_first_run_that_ended_early_was_not_before_there_were_hosts(site: Site, broken: str) -> None:
    """The daemon of DOCKER_HOST need not even be there."""
    site.daemons["default"] = OFF

    def killed(*_args: Any, **_words: Any) -> None:
        raise KeyboardInterrupt

    setattr(site.daemons["a"], f"do_{broken}", killed)
    with pytest.raises(KeyboardInterrupt):
        site.run(spread())
    delattr(site.daemons["a"], f"do_{broken}")
    assert set(statuses(site.run(spread())).values()) == {"running"}


def test_a_network_that_a_silent_node_holds_is_not_replaced(site: Site) -> None:
    site.run(spread())
    config = spread()
    config["networks"] = [{"name": "net", "ipam_config": [{"subnet": "10.49.0.0/24"}]}]
    for one in config["instances"]:
        one["ip_address"] = one["ip_address"].replace("10.48", "10.49")
    away, site.daemons["b"] = site.daemons["b"], OFF
    assert "it cannot be made anew now (subnet: wanted 10.49.0.0/24" in site.refused(config)
    assert "due is attached and cannot be reached" in site.refused(config)
    assert site.daemons["a"].at("uno")["NetworkSettings"]["Networks"]["net"]["IPAddress"] == "10.48.0.2"
    site.daemons["b"] = away
    assert not site.run(config).get("failed")


def test_a_strangers_namesake_does_not_hide_a_node(site: Site) -> None:
    site.run(spread(tre="b"))
    site.daemons["a"].do_create_network("x", "bridge", {}, {"Config": [{"Subnet": "10.99.0.0/24"}]}, {})
    stranger(site.daemons["a"], "tre", net="x")
    result = site.run(spread(tre="c"), prune=True)
    assert node(result, "tre")["status"] == "blocked"
    assert site.names()["b"] == {"due", "tre"}
    assert site.names()["c"] == set()


def test_a_strangers_namesake_on_our_network_is_one(site: Site) -> None:
    site.run(spread())
    stranger(site.daemons["c"], "uno", address="10.48.0.9")
    config = spread()
    config["networks"] = [{"name": "net", "ipam_config": [{"subnet": "10.48.0.0/23"}]}]
    assert "other containers are attached to it: uno on host c" in site.refused(config)


def test_a_move_waits_for_a_manager(site: Site) -> None:
    """Else the old container would be gone, and the new one could not be started."""
    site.run(spread())
    site.daemons["a"] = OFF
    result = site.run(spread(tre="b"), recreate=["tre"])
    assert "no manager of the Swarm answers" in node(result, "tre")["error"]
    assert site.names()["c"] == {"tre"}


def test_a_node_that_is_dropped_before_its_host(site: Site) -> None:
    site.run(spread())
    config = spread()
    config["instances"] = config["instances"][:2]
    del config["tpaexec_docker"]["instances"]["tre"]
    site.run(config)
    assert site.places == {"uno": "a", "due": "b", "tre": "c"}
    config["tpaexec_docker"]["hosts"] = {name: config["tpaexec_docker"]["hosts"][name] for name in ("a", "b")}
    site.run(config)
    assert "tre was made on host c, and config.yml names neither any more" in " ".join(site.warnings)
    site.run(config, state="absent")
    assert site.directory.exists()
    assert not site.run(spread(), state="absent").get("failed")
    assert site.names()["c"] == set()
    assert not site.directory.exists()


def test_shrunk_to_one_host(site: Site) -> None:
    """An overlay has an endpoint of its own on a host, which is nobody's container."""
    site.run(spread())
    site.run(spread(due="a", tre="a"), recreate=["due", "tre"])
    inspect = site.daemons["a"].do_inspect_network

    def with_its_own(ident: str) -> dict[str, Any]:
        raw: dict[str, Any] = inspect(ident)
        own = {"Name": "net-endpoint", "IPv4Address": "10.48.0.129/24"}
        return {**raw, "Containers": {**(raw.get("Containers") or {}), "lb-net": own}}

    site.daemons["a"].do_inspect_network = with_its_own
    config = spread(due="a", tre="a")
    config["tpaexec_docker"]["hosts"] = {"a": config["tpaexec_docker"]["hosts"]["a"]}
    assert not site.run(config).get("failed")
    assert site.warnings == []
    assert not site.run(config, state="absent").get("failed")
    assert not site.swarm.nets
    assert not site.directory.exists()


def with_volumes(**places: str) -> dict[str, Any]:
    config = copy.deepcopy(spread(**places))
    for one in config["instances"]:
        one["volumes"] = [f"vol_{one['Name']}:/data"]
    return config


def volumes(site: Site) -> dict[str, list[str]]:
    return {name: list(site.daemons[name].volumes) for name in ("a", "b", "c")}


def test_volumes_stay_where_their_nodes_were(site: Site) -> None:
    site.run(with_volumes())
    site.run(with_volumes(tre="a"))
    assert volumes(site) == {"a": ["vol_uno"], "b": ["vol_due"], "c": ["vol_tre"]}  # it was not moved
    site.run(with_volumes(tre="a"), recreate=["tre"])
    assert volumes(site)["c"] == ["vol_tre"]
    site.run(with_volumes(tre="a"), state="absent")
    assert site.directory.exists()
    site.run(with_volumes(tre="a"), state="absent", remove_volumes=True)
    assert volumes(site) == {"a": [], "b": [], "c": []}
    assert not site.directory.exists()


@pytest.mark.parametrize("state", ["present", "absent"])
def test_volumes_that_cannot_be_had_on_one_host(site: Site, state: str) -> None:
    if state == "absent":
        site.run(with_volumes())

    def dead(*_args: Any, **_words: Any) -> None:
        raise DaemonError("No answer within 60 s.", "Look at that host.", "DAEMON_HUNG")

    site.daemons["b"].do_inspect_volume = site.daemons["b"].do_volumes = dead
    result = site.run(with_volumes(), state=state, remove_volumes=state == "absent")
    if state == "present":
        assert statuses(result) == {"uno": "running", "due": "failed", "tre": "running"}
        assert "Host b: No answer within 60 s. Look at that host." in node(result, "due")["error"]
    else:
        assert "Host b: No answer" in " ".join(site.warnings)
        assert volumes(site) == {"a": [], "b": ["vol_due"], "c": []}
    assert site.directory.exists()


def test_what_is_kept_of_a_node_outlives_its_hosts_absence(site: Site) -> None:
    config = spread()
    site.run(config)
    config["instances"][2]["memory"] = "256m"
    site.run(config)
    ident = site.daemons["c"].at("tre")["Id"]
    kept = read_record(str(site.directory)).applied
    assert ident in kept
    without = copy.deepcopy(config)
    del without["tpaexec_docker"]["hosts"]["c"]
    without["tpaexec_docker"]["instances"]["tre"]["host"] = "b"
    assert node(site.run(without), "tre")["status"] == "blocked"
    assert read_record(str(site.directory)).applied == kept
    assert not site.run(config)["changed"]


def test_one_refusal_of_the_engine_is_no_silence(site: Site) -> None:
    """On one host alone it is said as it is."""
    config = {**with_volumes(), "tpaexec_docker": {}}

    def full(*_args: Any, **_words: Any) -> None:
        raise refused(500, "no space left on device")

    site.daemons["default"].do_create_volume = full
    with pytest.raises(DaemonError, match="no space left on device"):
        site.run(config)


def test_no_daemon_of_docker_host_is_needed(site: Site) -> None:
    """Not for a cluster that was made over hosts, whatever deprovision has left of it."""
    site.daemons["default"] = OFF
    site.run(with_volumes())
    assert not site.run(with_volumes(), state="absent").get("failed")
    assert site.places == {}
    assert set(statuses(site.run(with_volumes())).values()) == {"running"}
    assert not site.run(with_volumes(), state="absent", remove_volumes=True).get("failed")
    assert not site.directory.exists()


def test_a_node_that_was_never_made_is_nowhere(site: Site) -> None:
    def full(*_args: Any, **_words: Any) -> None:
        raise refused(500, "no space left on device")

    site.daemons["c"].do_create_container_from_config = full
    assert statuses(site.run(spread())) == {"uno": "running", "due": "running", "tre": "failed"}
    config = spread(tre="b")
    del config["tpaexec_docker"]["hosts"]["c"]
    assert set(statuses(site.run(config)).values()) == {"running"}
    site.run(config, state="absent")
    assert (site.warnings, site.directory.exists()) == ([], False)


@pytest.mark.parametrize("gone", [False, True])
def test_a_host_that_got_another_name(site: Site, gone: bool) -> None:
    """The engine's id decides: what is on it is seen there, and what is not is nowhere."""
    site.run(spread())
    site.daemons["z"] = site.daemons.pop("c")
    if gone:
        site.daemons["z"].do_remove_container(site.daemons["z"].at("tre")["Id"], force=True)
    config = spread(tre="z")
    config["tpaexec_docker"]["hosts"]["z"] = config["tpaexec_docker"]["hosts"].pop("c")
    result = site.run(config)
    assert (node(result, "tre")["status"], node(result, "tre")["changed"]) == ("running", gone)
    assert site.places["tre"] == "z"
    config["instances"] = config["instances"][:2]
    del config["tpaexec_docker"]["instances"]["tre"]
    site.run(config, state="absent")
    assert site.names()["z"] == set()
    assert not site.directory.exists()


def test_no_move_to_where_nothing_can_be_done(site: Site) -> None:
    site.run(with_volumes())

    def dead(*_args: Any, **_words: Any) -> None:
        raise DaemonError("No answer within 60 s.", "Look at that host.", "DAEMON_HUNG")

    site.daemons["b"].do_inspect_volume = dead
    result = site.run(with_volumes(tre="b"), recreate=["tre"])
    assert node(result, "tre")["status"] == "failed"
    assert site.names() == {"a": {"uno"}, "b": {"due"}, "c": {"tre"}, "default": set()}


@pytest.mark.parametrize(
    ("state", "holds"), [("starting", True), ("running", True), ("failed", False), ("rejected", False)]
)
def test_what_swarm_still_counts_of_a_container_that_is_gone(site: Site, state: str, holds: bool) -> None:
    """As engine 20.10 leaves it after a power failure; when it starts, it tells the Swarm that there is nothing."""
    site.run(spread())
    (ident,) = site.swarm.nets
    tasks = site.daemons["a"].do_tasks
    left = {
        "NodeID": site.daemons["c"].node_id, "DesiredState": "running", "Status": {"State": state},
        "Spec": {"NetworkAttachmentSpec": {"ContainerID": "gone00000000"}},
        "NetworksAttachments": [{"Network": {"ID": ident}, "Addresses": ["10.48.0.4/24"]}],
    }  # fmt: skip
    site.daemons["a"].do_tasks = lambda filters=None: [*tasks(filters), left] if filters else tasks()
    if holds:
        said = site.refused(spread())
        assert "held by the container gone00000000 on the Swarm's node c" in said
        assert "network disconnect net gone00000000. If there is no such container, restart Docker there" in said
        site.run(spread(), state="absent")
        assert "restart Docker there (systemctl restart docker), then run the same again." in " ".join(site.warnings)
    else:
        assert not site.run(spread())["changed"]
        assert not site.run(spread(), state="absent").get("failed")
        assert not site.directory.exists()
