# SPDX-License-Identifier: GPL-3.0-or-later
"""Several hosts of one cluster, held against each other: pure. Each finding names its host."""

from __future__ import annotations

from typing import Iterable, Iterator, Mapping, Optional, Sequence, Union

from . import values
from .facts import Facts
from .facts_cluster import NetworkWant
from .facts_engine import EngineFacts
from .facts_hosts import Seen, Way
from .model import ERROR, WARNING, Finding, Rule, Unknown
from .network import SUBNET_OVERLAP
from .traffic import ESP_MISSING, IPVS_MISSING

INGRESS = "10.0.0.0/24"
SKEW = 5.0  # seconds
ENCAPSULATION = 1500  # what an overlay's packets need, unless its driver's mtu says otherwise

ENGINE_TWICE = Rule(
    "ENGINE_TWICE",
    ERROR,
    "Two hosts of config.yml are the same engine.",
    "Name each engine once under tpaexec_docker.hosts. If it is a copy of a machine: stop docker there, remove "
    "/var/lib/docker/engine-id (/etc/docker/key.json before engine 23) and start it.",
)
HOST_CLOCKS = Rule(
    "HOST_CLOCKS",
    WARNING,
    "The clocks of two hosts differ by more than 5 seconds.",
    "Synchronise them: systemctl enable --now systemd-timesyncd (or chrony) on each.",
)
HOST_VERSIONS = Rule(
    "HOST_VERSIONS",
    WARNING,
    "The hosts have different engine versions.",
    "Upgrade the older ones: Swarm is made for one version on all its nodes, but for the time of an upgrade.",
)
HOST_ARCHITECTURES = Rule(
    "HOST_ARCHITECTURES",
    WARNING,
    "The hosts have different architectures.",
    "Use hosts of one architecture, or images that exist for each under the same name in a registry.",
)
PORT_BLOCKED = Rule(
    "SWARM_PORT_BLOCKED",
    ERROR,
    "A port that Swarm needs does not reach from one host to another.",
    "Open 2377/tcp, 7946/tcp, 7946/udp and 4789/udp between the hosts, in their firewalls and those between them.",
)
PORT_TAKEN = Rule(
    "SWARM_PORT_TAKEN",
    ERROR,
    "Something else listens on a port that Swarm needs.",
    "Stop what has it: ss -lptun on that host. Where it is dockerd itself, left over from another Swarm: restart it.",
)
OVERLAY_MTU = Rule(
    "OVERLAY_MTU",
    ERROR,
    "The way between two hosts carries smaller packets than the overlay sends: large ones get lost, without an error.",
    "Say it in config.yml: driver_options: {com.docker.network.driver.mtu: 'BYTES'} of the network, or raise the "
    "MTU between the hosts.",
)
NO_ADDRESS = Rule(
    "SWARM_NO_ADDRESS",
    ERROR,
    "By which address a host is reached by the others cannot be told.",
    "Say it: advertise_addr of the host under tpaexec_docker.hosts.",
)
LIVE_RESTORE = Rule(
    "SWARM_LIVE_RESTORE",
    ERROR,
    "The engine has live-restore on, with which it joins no Swarm.",
    'Take "live-restore" out of /etc/docker/daemon.json there, and restart the engine.',
)
DIFFERENT = Rule(
    "SWARM_DIFFERENT",
    ERROR,
    "Hosts are in different Swarms.",
    "Take one of them out of its Swarm yourself, when nothing there needs it (docker swarm leave), or name hosts of "
    "one Swarm under tpaexec_docker.hosts.",
)
LOCKED = Rule(
    "SWARM_LOCKED",
    ERROR,
    "A host's Swarm is locked.",
    "Unlock it there: docker swarm unlock (the key: docker swarm unlock-key, on another manager).",
)
NO_QUORUM = Rule(
    "SWARM_NO_QUORUM",
    ERROR,
    "The Swarm has no leader: too few of its managers are up.",
    "Start the missing managers again, or mend the way to them: it has a leader again by itself then. Only if they are "
    "gone for good, on one that is left: docker swarm init "
    "--force-new-cluster (https://docs.docker.com/engine/swarm/admin_guide/#recover-from-losing-the-quorum).",
)
CUT_OFF = Rule(
    "SWARM_CUT_OFF",
    WARNING,
    "A manager does not reach the others, which lead its Swarm without it.",
    "Look at its cable, and at the firewalls on the way (2377/tcp, 7946/tcp, 7946/udp). It comes back by itself within "
    "a minute once it reaches them; form no new Swarm there.",
)
NO_MANAGER = Rule(
    "SWARM_NO_MANAGER",
    ERROR,
    "The hosts are workers of a Swarm whose managers are elsewhere.",
    "Name a manager's host under tpaexec_docker.hosts, or make one of these one (docker node promote NODE, on a "
    "manager).",
)
BROKEN = Rule(
    "SWARM_BROKEN",
    ERROR,
    "A host's Swarm does not work, or a host is still joining one.",
    "Look at its log (journalctl -u docker). If that Swarm is gone for good: docker swarm leave --force there.",
)
UNKNOWN = Rule(
    "SWARM_UNKNOWN",
    ERROR,
    "A host does not answer: whether it is in a Swarm cannot be seen, so none is formed.",
    "Bring it back, or take it out of tpaexec_docker.hosts.",
)
FEW_MANAGERS = Rule(
    "SWARM_FEW_MANAGERS",
    WARNING,
    "A Swarm of three hosts or more has fewer than three managers: it does not outlive the loss of one.",
    "Make it three: docker node promote NODE, on a manager.",
)
IMAGE_DIFFERS = Rule(
    "IMAGE_DIFFERS",
    WARNING,
    "An image's name stands for different images on the hosts.",
    "Remove it where it is old (docker rmi NAME, on that host) and run provision again, which brings the other there.",
)
SWARM_RULES = (DIFFERENT, LOCKED, NO_QUORUM, CUT_OFF, NO_MANAGER, BROKEN, UNKNOWN, LIVE_RESTORE, FEW_MANAGERS)
RULES = (
    ENGINE_TWICE, HOST_CLOCKS, HOST_VERSIONS, HOST_ARCHITECTURES, *SWARM_RULES,
    NO_ADDRESS, PORT_TAKEN, PORT_BLOCKED, OVERLAY_MTU, IMAGE_DIFFERS,
)  # fmt: skip
ENGINE_RULES = (ENGINE_TWICE, HOST_CLOCKS, HOST_VERSIONS, HOST_ARCHITECTURES)
MEASURED_RULES = (PORT_TAKEN, PORT_BLOCKED, OVERLAY_MTU)


def compare(hosts: Mapping[str, Facts]) -> Iterator[Finding]:
    """The engines of those hosts that answered."""
    engines = {name: facts.engine for name, facts in hosts.items() if isinstance(facts.engine, EngineFacts)}
    yield from _twice(engines)
    yield from _clocks({name: _offset(hosts[name]) for name in engines})
    versions = {name: ".".join(str(part) for part in engine.version_numbers[:2]) for name, engine in engines.items()}
    if len(set(versions.values())) > 1:
        shown = _by_value({name: engine.version for name, engine in engines.items()})
        yield HOST_VERSIONS.finding(f"The engines differ: {shown}.", versions=versions)
    kinds = {name: engine.architecture for name, engine in engines.items() if engine.architecture}
    if len(set(kinds.values())) > 1:
        yield HOST_ARCHITECTURES.finding(
            f"The hosts' architectures differ: {_by_value(kinds)}. An image that is shipped from host to host runs on "
            "one of them only.",
            architectures=kinds,
        )


def _twice(engines: Mapping[str, EngineFacts]) -> Iterator[Finding]:
    first: dict[str, str] = {}
    for name, engine in engines.items():
        other = first.setdefault(engine.id, name) if engine.id else name
        if other != name:
            yield ENGINE_TWICE.finding(f"{name} and {other} are the same engine ({engine.id}).", host=name, other=other)


def _offset(facts: Facts) -> Optional[float]:
    engine = facts.engine
    if isinstance(engine, Unknown) or engine.system_time is None or facts.client.clock is None:
        return None
    return engine.system_time - facts.client.clock


def _clocks(offsets: Mapping[str, Optional[float]]) -> Iterator[Finding]:
    known = {name: value for name, value in offsets.items() if value is not None}
    if len(known) < 2:
        return
    ahead, behind = max(known, key=lambda name: known[name]), min(known, key=lambda name: known[name])
    skew = known[ahead] - known[behind]
    if skew > SKEW:
        yield HOST_CLOCKS.finding(
            f"The clock of {ahead} is {skew:.0f} s ahead of that of {behind}: logs and replication lag cannot be "
            "compared, and certificates may not be valid yet.",
            host=ahead, other=behind, seconds=round(skew, 1),
        )  # fmt: skip


def _by_value(words: Mapping[str, str]) -> str:
    """`20.10.24 on h1, h2; 28.1 on h3`."""
    grouped: dict[str, list[str]] = {}
    for name, value in words.items():
        grouped.setdefault(value, []).append(name)
    return "; ".join(f"{value} on {', '.join(names)}" for value, names in grouped.items())


def look(seen: Mapping[str, Union[Seen, Unknown]], networks: Sequence[NetworkWant]) -> Iterator[Finding]:
    """What stands in the way on each host: taken ports, routes under the subnets, a kernel that lacks something."""
    for name, found in seen.items():
        if isinstance(found, Unknown):
            continue
        for port in found.taken:
            yield PORT_TAKEN.finding(f"{name}: {port} is taken, and Swarm needs it.", host=name, port=port)
        yield from _routes(name, found, networks)
    yield from _kernel(seen, [network for network in networks if network.driver == "overlay"])


def _routes(name: str, found: Seen, networks: Iterable[NetworkWant]) -> Iterator[Finding]:
    for network in networks:
        for subnet in network.subnets:
            for route in found.routes:
                if _overlap(subnet, route.subnet):
                    yield SUBNET_OVERLAP.finding(
                        f"{name}: subnet {subnet} of network {network.name} overlaps the route {route.subnet} by "
                        f"{route.device} there.",
                        host=name, subnet=subnet, route=route.subnet, device=route.device,
                    )  # fmt: skip


def ingress(networks: Sequence[NetworkWant]) -> Iterator[Finding]:
    """A Swarm that is to be formed takes the first subnet of its pool for itself (docker swarm init
    --default-addr-pool), whatever the cluster wants."""
    for network in networks:
        for subnet in network.subnets:
            if _overlap(subnet, INGRESS):
                yield SUBNET_OVERLAP.finding(
                    f"Subnet {subnet} of network {network.name} overlaps {INGRESS}, which the Swarm takes for itself "
                    "when it is formed.",
                    "Choose another subnet for the network in config.yml.",
                    subnet=subnet,
                )  # fmt: skip


def _overlap(one: str, other: str) -> bool:
    left, right = values.subnet(one), values.subnet(other)
    return left is not None and right is not None and left.version == right.version and left.overlaps(right)  # type: ignore[arg-type]


def _kernel(seen: Mapping[str, Union[Seen, Unknown]], overlays: Sequence[NetworkWant]) -> Iterator[Finding]:
    """One finding for all hosts that lack the same."""
    encrypted = [network for network in overlays if network.encrypted]
    without = {
        feature: [name for name, one in seen.items() if isinstance(one, Seen) and one.features.get(feature) is False]
        for feature in ("ip_vs", "esp4")
    }
    if overlays and without["ip_vs"]:
        names = ", ".join(without["ip_vs"])
        yield IPVS_MISSING.finding(f"{names}: no ip_vs in the kernel.", host=names, hosts=without["ip_vs"])
    if encrypted and without["esp4"]:
        names = ", ".join(without["esp4"])
        yield ESP_MISSING.finding(
            f"{names}: the encrypted overlay {encrypted[0].name} is asked for, and the kernel has no ESP: no traffic "
            "would pass.",
            severity=ERROR, host=names, hosts=without["esp4"],
        )  # fmt: skip


def ways(measured: Iterable[Way], networks: Sequence[NetworkWant]) -> Iterator[Finding]:
    """What does not get from one host to another."""
    overlays = [network for network in networks if network.driver == "overlay"]
    needed = max((network.mtu or ENCAPSULATION for network in overlays), default=ENCAPSULATION)
    for way in measured:
        if way.blocked:
            said = ", ".join(f"{port} ({word})" for port, word in way.blocked.items())
            yield PORT_BLOCKED.finding(
                f"{way.source}: does not reach {way.target} ({way.address}) on {said}.",
                host=way.source, other=way.target, ports=list(way.blocked),
            )  # fmt: skip
        if way.mtu and way.mtu < needed:
            yield OVERLAY_MTU.finding(
                f"{way.source}: packets of {way.mtu} bytes reach {way.target}, larger ones do not; the overlay's have "
                f"up to {needed}.",
                OVERLAY_MTU.remedy.replace("BYTES", str(way.mtu)),
                host=way.source, other=way.target, mtu=way.mtu,
            )  # fmt: skip
