# SPDX-License-Identifier: GPL-3.0-or-later
"""Subnets, ports, names and traffic. What is the cluster's own is no finding."""

from __future__ import annotations

import re
from dataclasses import replace
from ipaddress import ip_network
from types import MappingProxyType

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_host import (
    DaemonConfig,
    DockerContainer,
    DockerNetwork,
    Inventory,
    Listener,
    NetworkFacts,
    Route,
)
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.model import Unknown
from ansible_collections.tpaexec.docker.tests.unit.plugins.module_utils._checks.captures import (
    check,
    engine_facts,
    good_facts,
    good_host,
    message,
    network,
    node,
    severity,
    wants,
)

ID = "tpaexec.docker.id"
OWN, FOREIGN, TPA, NONE = {ID: "11111111-aaaa"}, {ID: "22222222-bbbb"}, {"Cluster": "demo"}, MappingProxyType({})
DEMO = wants(node("kaboom"), networks=(network("demo", "10.33.0.0/28"),))


def docker_network(name="demo", subnet="10.33.0.0/28", labels=NONE):
    return DockerNetwork(f"{name}0123456789abcdef", name, "bridge", (subnet,), labels, f"br-{name}01234567")


def box(name="kaboom", labels=NONE, networks=("demo",), ports=(), state="running"):
    return DockerContainer("c" + name, name, state, labels, networks, ports)


@pytest.mark.parametrize(
    ("networks", "containers", "expected"),
    [
        ([], [], ""),
        ([docker_network("other", "10.33.0.0/24")], [], "error"),
        ([docker_network("other", "10.34.0.0/24")], [], ""),
        ([docker_network("demo", labels=OWN)], [], ""),
        ([docker_network("old", "10.33.0.0/28", OWN)], [], ""),
        ([docker_network("demo")], [box(labels=TPA)], ""),
        ([docker_network("v6", "fd00::/64")], [], ""),
    ],
)
def test_subnets(networks, containers, expected):
    inventory = Inventory(tuple(networks), tuple(containers))
    assert severity(good_facts(wants=DEMO, inventory=inventory), "SUBNET_OVERLAP") == expected


@pytest.mark.parametrize(
    ("route", "expected"),
    [
        (Route("10.33.0.0/16", "tun0"), "error"),
        (Route("10.33.0.0/28", "br-demo01234567"), ""),  # the cluster's own bridge
        (Route("10.33.0.0/28", "podman1"), ""),  # Podman does not say that this is the cluster's own
        (Route("10.33.0.0/24", "podman1"), "error"),
        (Route("10.33.0.0/28", "podman-vpn"), "error"),
        (Route("192.0.2.0/24", "eth0"), ""),
        (Route("0.0.0.0/1", "tun0"), ""),  # OpenVPN's default route
    ],
)
def test_routes(route, expected):
    inventory = Inventory((docker_network(labels=OWN),))
    facts = good_facts(wants=DEMO, inventory=inventory, network=NetworkFacts(routes=(route,)))
    assert severity(facts, "SUBNET_OVERLAP") == expected


def test_a_subnet_that_is_free_is_named():
    """Free of networks, of routes, and of what the cluster itself wants besides."""
    taken = Inventory((docker_network("other", "10.33.0.0/17"), docker_network("more", "10.33.128.0/18")))
    facts = good_facts(wants=DEMO, inventory=taken, network=NetworkFacts(routes=(Route("10.33.192.0/19", "tun0"),)))
    [finding] = [item for item in check(facts).findings if item.id == "SUBNET_OVERLAP"]
    free = ip_network(re.search(r"Give the network (\S+) ", finding.remedy).group(1))
    assert free.prefixlen == 28
    assert free.subnet_of(ip_network("10.33.224.0/19"))
    assert "docker network rm other" in finding.remedy
    assert severity(replace(facts, wants=wants(networks=(network("demo", str(free)),))), "SUBNET_OVERLAP") == ""


def test_where_the_usual_network_is_all_taken_another_is_named():
    vpn = NetworkFacts(routes=(Route("10.0.0.0/8", "tun0"),))
    [finding] = [item for item in check(good_facts(wants=DEMO, network=vpn)).findings if item.id == "SUBNET_OVERLAP"]
    assert "Give the network 172." in finding.remedy


def test_routes_that_cannot_be_seen_are_said_and_networks_compared_all_the_same():
    away = good_facts(wants=DEMO, network=Unknown("far away"))
    assert severity(away, "SUBNET_OVERLAP") == "not run"
    clash = replace(away, inventory=Inventory((docker_network("other", "10.33.0.0/24"),)))
    assert severity(clash, "SUBNET_OVERLAP") == "error"


PUBLISHES = wants(node("kaboom", ports=(("0.0.0.0", 5432, "tcp"),)))
LOCAL = wants(node("kaboom", ports=(("127.0.0.1", 5432, "tcp"),)))


@pytest.mark.parametrize(
    ("want", "containers", "listeners", "expected", "by"),
    [
        (PUBLISHES, [], [], "", ""),
        (PUBLISHES, [box("web", FOREIGN, ports=(("0.0.0.0", 5432, "tcp"),))], [], "error", "the container web"),
        (
            PUBLISHES,
            [box("kaboom", OWN, ports=(("0.0.0.0", 5432, "tcp"),))],
            [Listener("tcp", "0.0.0.0", 5432, "docker-proxy (pid 7)")],
            "",
            "",
        ),
        (PUBLISHES, [], [Listener("tcp", "127.0.0.1", 5432, "postgres (pid 99)")], "error", "postgres (pid 99)"),
        (PUBLISHES, [], [Listener("tcp", "::", 5432, "")], "error", "another program"),
        (PUBLISHES, [], [Listener("udp", "0.0.0.0", 5432, "")], "", ""),
        (LOCAL, [], [Listener("tcp", "192.0.2.1", 5432, "")], "", ""),
        (LOCAL, [box("web", FOREIGN, ports=(("192.0.2.1", 5432, "tcp"),))], [], "", ""),
    ],
)
def test_ports(want, containers, listeners, expected, by):
    facts = good_facts(
        wants=want, inventory=Inventory((), tuple(containers)), network=NetworkFacts(listeners=tuple(listeners))
    )
    assert severity(facts, "PORT_IN_USE") == expected
    assert by in message(facts, "PORT_IN_USE")


def test_ports_of_programs_far_away_are_not_a_silent_pass():
    assert severity(good_facts(wants=PUBLISHES, network=Unknown("far away")), "PORT_IN_USE") == "not run"
    assert severity(good_facts(wants=DEMO, network=Unknown("far away")), "PORT_IN_USE") == ""


@pytest.mark.parametrize(
    ("networks", "containers", "expected"),
    [
        ([], [], ""),
        ([], [box(labels=OWN)], ""),
        ([], [box(labels=TPA)], ""),  # adoptable
        ([], [box(labels=FOREIGN)], "error"),
        ([], [box(labels={**FOREIGN, **TPA})], "error"),  # another directory with this cluster_name
        ([], [box(labels=NONE)], "error"),
        ([], [box("somebody", labels=NONE)], ""),
        ([docker_network(labels=OWN)], [], ""),
        ([docker_network(labels=FOREIGN)], [], "error"),
        ([docker_network(labels=NONE)], [], ""),  # TPA's: no labels, name and subnet match, nobody else in it
        ([docker_network(labels=NONE)], [box("guest", FOREIGN)], "error"),
        ([docker_network(subnet="10.99.0.0/24", labels=NONE)], [], "error"),
    ],
)
def test_names(networks, containers, expected):
    inventory = Inventory(tuple(networks), tuple(containers))
    assert severity(good_facts(wants=DEMO, inventory=inventory), "NAME_TAKEN") == expected


def test_names_say_whose_it_is():
    inventory = Inventory((), (box(labels={"com.docker.compose.project": "shop"}),))
    assert "com.docker.compose.project=shop" in message(good_facts(wants=DEMO, inventory=inventory), "NAME_TAKEN")


def test_adopting_takes_what_carries_the_name():
    """A copied directory: another id, the same cluster_name."""
    theirs = Inventory((docker_network(labels={**FOREIGN, **TPA}),), (box(labels={**FOREIGN, **TPA}),))
    assert severity(good_facts(wants=DEMO, inventory=theirs), "NAME_TAKEN") == "error"
    assert severity(good_facts(wants=replace(DEMO, adopt=True), inventory=theirs), "NAME_TAKEN") == ""
    somebody = Inventory((), (box(labels=FOREIGN),))
    assert severity(good_facts(wants=replace(DEMO, adopt=True), inventory=somebody), "NAME_TAKEN") == "error"


def test_before_the_first_provision_nothing_of_ours_is_there():
    """Without an id of its own, a cluster owns no container that has one."""
    new = replace(DEMO, id="")
    assert severity(good_facts(wants=new, inventory=Inventory((), (box(labels=OWN),))), "NAME_TAKEN") == "error"


@pytest.mark.parametrize(
    "identifier", ["SUBNET_OVERLAP", "PORT_IN_USE", "NAME_TAKEN", "PROXY_NO_PROXY", "IPVS_MISSING"]
)
def test_without_a_cluster_they_do_not_run(identifier):
    assert severity(good_facts(wants=Unknown("no cluster was given")), identifier) == "not run"


@pytest.mark.parametrize(
    ("uplink", "mtu", "daemon", "expected"),
    [
        (1500, None, 1500, ""),
        (1400, None, 1500, "warning"),
        (1400, 1400, 1500, ""),
        (1400, None, 1400, ""),
        (1400, 1450, 1400, "warning"),
        (9000, None, 1500, ""),
    ],
)
def test_mtu(uplink, mtu, daemon, expected):
    want = wants(networks=(network(mtu=mtu),))
    facts = good_facts(host=good_host(uplink_mtu=uplink), wants=want, config=DaemonConfig("x", mtu=daemon))
    assert severity(facts, "MTU_MISMATCH") == expected


@pytest.mark.parametrize(
    ("proxies", "no_proxy", "expected"),
    [
        ((), "", ""),
        (("http://proxy:3128",), "localhost", "warning"),
        (("http://proxy:3128",), "localhost,10.33.0.0/16", ""),
        (("http://proxy:3128",), "*", ""),
        (("http://proxy:3128",), "10.33.0.8/29", "warning"),
    ],
)
@pytest.mark.parametrize("place", ["client", "daemon"])
def test_proxies(proxies, no_proxy, expected, place):
    facts = good_facts(wants=DEMO)
    if place == "client":
        facts = replace(facts, client=replace(facts.client, proxies=proxies, no_proxy=no_proxy))
    else:
        told = engine_facts(info={"HttpProxy": "".join(proxies), "NoProxy": no_proxy})
        facts = replace(facts, engine=told.engine)
    assert severity(facts, "PROXY_NO_PROXY") == expected


def test_dns_of_its_own_is_enough():
    stub = good_host(nameservers=("127.0.0.1",))
    assert severity(good_facts(host=stub, config=DaemonConfig("x", dns=("192.0.2.53",))), "DNS_UNUSABLE") == ""
    assert severity(good_facts(host=stub, wants=wants(node(dns=True))), "DNS_UNUSABLE") == ""
    assert severity(good_facts(host=stub, wants=wants(node(dns=True), node("b"))), "DNS_UNUSABLE") == "warning"


@pytest.mark.parametrize(
    ("driver", "encrypted", "features", "ipvs", "esp"),
    [
        ("bridge", False, {}, "", ""),
        ("overlay", False, {"ip_vs": True, "esp4": False}, "", ""),
        ("overlay", False, {"ip_vs": False, "esp4": False}, "warning", ""),
        ("overlay", True, {"ip_vs": False, "esp4": False}, "warning", "warning"),  # this project's own test machine
        ("overlay", True, {"ip_vs": None, "esp4": None}, "not run", "not run"),
        ("overlay", True, {"ip_vs": True, "esp4": None}, "", "not run"),
        ("overlay", True, {"ip_vs": None, "esp4": False}, "not run", "warning"),
    ],
)
def test_overlays(driver, encrypted, features, ipvs, esp):
    want = wants(networks=(network(driver=driver, encrypted=encrypted),))
    facts = good_facts(host=good_host(kernel_features=features), wants=want)
    assert severity(facts, "IPVS_MISSING") == ipvs
    assert severity(facts, "ESP_MISSING") == esp
