# SPDX-License-Identifier: GPL-3.0-or-later
"""What helpers report becomes addresses and findings; what they cannot see is said, not passed over."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_cluster import NetworkWant
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_host import Route
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_hosts import Interface, Seen, Way
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.model import Unknown
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError
from ansible_collections.tpaexec.docker.plugins.module_utils._swarm.helper import choose_address, read_look
from ansible_collections.tpaexec.docker.plugins.module_utils._swarm.survey import Place, survey

OVERLAY = NetworkWant("ov", ("10.188.0.0/24",), None, "overlay")
ETH0, ETH1 = Interface("eth0", "192.0.2.1/24", 1500), Interface("eth1", "198.51.100.1/24", 1500)
DOCKER0 = Interface("docker0", "172.17.0.1/16", 1500)
ROUTE = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\n"


def seen(*interfaces: Interface, uplink: str = "", **words: Any) -> Seen:
    return Seen(interfaces, uplink=uplink, **words)


@pytest.mark.parametrize(
    ("said", "reached_by", "found", "peers", "expected"),
    [
        ("203.0.113.9", "192.0.2.1", seen(ETH0), [], "203.0.113.9"),
        ("", "192.0.2.1", None, [], "192.0.2.1"),
        ("", "", None, [], ""),
        ("", "198.51.100.1", seen(ETH0, ETH1), [], "198.51.100.1"),
        ("", "203.0.113.1", seen(ETH0, DOCKER0), [], "192.0.2.1"),  # reached through somebody else's address
        ("", "", seen(ETH0, ETH1, uplink="eth0"), ["198.51.100.7"], "198.51.100.1"),
        ("", "", seen(ETH0, ETH1, uplink="eth0"), ["203.0.113.7"], "192.0.2.1"),
        ("", "", seen(ETH0, ETH1), [], ""),
        ("", "", seen(), [], ""),
    ],
)
def test_by_which_address_others_reach_a_host(said, reached_by, found, peers, expected):
    assert choose_address(said, reached_by, found, peers) == expected


def test_what_a_helper_prints():
    reply = {
        "interfaces": [
            ["lo", "127.0.0.1", "255.0.0.0", 65536],
            ["eth0", "192.0.2.1", "255.255.255.0", 1450],
            ["x", "", None],
        ],
        "taken": ["2377/tcp"],
        "release": "6.1",
        "files": {"/proc/modules": "ip_vs 1 0 - Live 0\n", "/boot/config-6.1": "#\nCONFIG_IP_VS=m\n"},
        "net": {"route": ROUTE + "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\n"},
    }  # fmt: skip
    found = read_look(reply)
    assert found.interfaces == (Interface("eth0", "192.0.2.1/24", 1450),)
    assert [route.subnet for route in found.routes] == ["192.0.2.0/24"]
    assert found.features == {"ip_vs": True, "esp4": False}
    assert found.taken == ("2377/tcp",)


@pytest.mark.parametrize("reply", [{}, {"interfaces": 3, "net": [], "files": 1, "taken": {}, "release": None}])
def test_whatever_a_helper_prints(reply):
    assert read_look(reply).interfaces == ()


class FakeHelper:
    """One host's helper; `log` is shared by all."""

    log: ClassVar[list[str]] = []

    def __init__(self, daemon: Any, image: str) -> None:
        self.daemon, self.image = daemon, image

    def start(self) -> None:
        self.log.append(f"start {self.daemon}")
        if self.daemon == "broken":
            raise DaemonError("no room")

    def look(self, ports: Any) -> Any:
        return seen(ETH0, taken=("4789/udp",) if self.daemon == "busy" else ())

    def measure(self, source: str, targets: Any) -> Any:
        self.log += [f"{source}>{aim['host']} {' '.join(aim['ports'])}" for aim in targets]
        return [Way(source, aim["host"], aim["address"], dict.fromkeys(aim["ports"], ""), 1500) for aim in targets]

    def remove(self) -> None:
        self.log.append(f"remove {self.daemon}")


def test_every_direction_once_and_everything_removed():
    FakeHelper.log = []
    places = {
        "a": Place("daemon-a", "i", reached_by="192.0.2.1"),  # type: ignore[arg-type]
        "b": Place("busy", "i", address="192.0.2.2"),  # type: ignore[arg-type]
        "c": Place("broken", "i", reached_by="192.0.2.3"),  # type: ignore[arg-type]
        "d": Place("no-image", "", reached_by="192.0.2.4"),  # type: ignore[arg-type]
        "e": Place("daemon-e", "i", address="192.0.2.5", inside=True),  # type: ignore[arg-type]
    }
    done = survey(places, FakeHelper)  # type: ignore[arg-type]
    free = "2377/tcp 7946/tcp 7946/udp"
    assert sorted(line for line in FakeHelper.log if ">" in line) == sorted(
        [f"a>b {free}", "a>e 7946/tcp", f"b>a {free} 4789/udp", "b>e 7946/tcp", f"e>a {free} 4789/udp", f"e>b {free}"]
    )
    assert sorted(line for line in FakeHelper.log if line.startswith("remove")) == [
        "remove broken", "remove busy", "remove daemon-a", "remove daemon-e",
    ]  # fmt: skip
    assert set(done.unknown) == {"c", "d"}
    assert [(item.id, item.data["host"]) for item in done.findings([OVERLAY])] == [("SWARM_PORT_TAKEN", "b")]


def test_a_bridge_that_makes_way_is_no_route(monkeypatch):
    ours, theirs = Route("10.188.0.0/16", "br-0a1b2c3d4e5f"), Route("10.188.0.0/16", "eth9")
    monkeypatch.setattr(FakeHelper, "look", lambda *_a: Seen(interfaces=(ETH0,), routes=(ours, theirs)))
    place = Place("daemon-a", "i", reached_by="192.0.2.1", bridges=frozenset({ours.device}))  # type: ignore[arg-type]
    assert survey({"a": place}, FakeHelper).seen["a"].routes == (theirs,)  # type: ignore[arg-type,union-attr]


def test_what_does_not_get_through():
    from ansible_collections.tpaexec.docker.plugins.module_utils._checks import hosts  # noqa: PLC0415

    blocked = Way("a", "b", "192.0.2.2", {"2377/tcp": "", "4789/udp": "no answer"}, 1400)
    found = {item.id: item for item in hosts.ways([blocked], [OVERLAY])}
    assert found["SWARM_PORT_BLOCKED"].data["ports"] == ["4789/udp"]
    assert "'1400'" in found["OVERLAY_MTU"].remedy
    assert not list(hosts.ways([Way("a", "b", "x", {}, 1400)], [NetworkWant("ov", (), 1400, "overlay")]))
    assert not list(hosts.ways([Way("a", "b", "x", {}, 0)], [OVERLAY]))


def test_kernels_and_routes():
    from ansible_collections.tpaexec.docker.plugins.module_utils._checks import hosts  # noqa: PLC0415

    bare = Seen(features={"ip_vs": False, "esp4": False}, routes=(Route("10.188.0.0/16", "eth9"),))
    secret = NetworkWant("ov", ("10.188.0.0/24",), None, "overlay", encrypted=True)
    found = {item.id: item for item in hosts.look({"a": bare, "b": bare, "c": Unknown("-")}, [secret])}
    assert found["ESP_MISSING"].severity == "error"
    assert found["ESP_MISSING"].data["hosts"] == found["IPVS_MISSING"].data["hosts"] == ["a", "b"]
    assert "eth9" in found["SUBNET_OVERLAP"].message
    assert "ESP_MISSING" not in {item.id for item in hosts.look({"a": bare}, [OVERLAY])}
