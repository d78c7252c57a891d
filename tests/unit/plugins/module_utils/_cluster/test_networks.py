# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks and volumes: made, replaced, shared with strangers, left and removed. On an engine in memory."""

from __future__ import annotations

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError

from .conftest import NETWORK, ONE, TWO, cluster, made, node, stranger


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


def test_what_podman_calls_otherwise_is_no_difference(site):
    """It gives the mtu back under a name of its own, and a network's name where Docker has its id."""
    mtu = {**NETWORK, "driver_options": {"com.docker.network.driver.mtu": "1400"}}
    config = {**TWO, "networks": [mtu]}
    engine = made(site, config)
    engine.net("net")["Options"] = {"mtu": "1400"}
    for name in ("uno", "due"):
        engine.by_name(name)["NetworkSettings"]["Networks"]["net"]["NetworkID"] = "net"
    assert not site.run(config)["changed"]
    engine.net("net")["Options"] = {"mtu": "1500"}
    assert site.run(config, check=True)["networks"][0]["action"] == "replace"


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
