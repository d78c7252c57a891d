# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose a thing is decides, on an engine in memory: foreign is left, TPA's adopted, a lost id taken over on request."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError, PlatformError

from .conftest import ONE, TWO, Site, cluster, made, stranger
from .model_engine import ModelEngine


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
    with pytest.raises(PlatformError, match=r"come from more than one cluster directory: .*id "):
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
