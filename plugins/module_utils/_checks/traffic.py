# SPDX-License-Identifier: GPL-3.0-or-later
"""Does traffic get from the nodes to the world and back: forwarding, NAT, MTU, proxies, names, overlays?"""

from __future__ import annotations

from typing import Any, Iterable

from . import values
from .facts import Facts
from .facts_cluster import NetworkWant, Wants
from .facts_host import DaemonConfig, HostFacts
from .model import WARNING, Check, Finding, NotRun, Rule, Unknown

IP_FORWARD_OFF = Rule(
    "IP_FORWARD_OFF",
    WARNING,
    "IPv4 forwarding is off on the daemon's host.",
    "sudo sysctl -w net.ipv4.ip_forward=1 — and to make it last, the line in /etc/sysctl.d/90-tpaexec-docker.conf",
)
BRIDGE_NF = Rule(
    "BRIDGE_NF",
    WARNING,
    "Bridged traffic does not pass iptables.",
    "sudo modprobe br_netfilter && sudo sysctl -w net.bridge.bridge-nf-call-iptables=1 — and to make it last, the "
    "line in "
    "/etc/sysctl.d/90-tpaexec-docker.conf",
)
IPTABLES_OFF = Rule(
    "IPTABLES_OFF",
    WARNING,
    "The daemon runs with iptables off: no NAT, no published ports but through its proxy.",
    'Take "iptables": false out of /etc/docker/daemon.json (or --iptables=false off dockerd) and restart it.',
)
MTU_MISMATCH = Rule(
    "MTU_MISMATCH",
    WARNING,
    "The host's outgoing interface has a smaller MTU than the network's.",
    'driver_options: {com.docker.network.driver.mtu: "MTU"} for the network in config.yml.',
)
PROXY_NO_PROXY = Rule(
    "PROXY_NO_PROXY",
    WARNING,
    "A proxy is set, and the cluster's subnet is not in NO_PROXY.",
    "Add the subnet to NO_PROXY where the proxy is set (the message says where).",
)
DNS_UNUSABLE = Rule(
    "DNS_UNUSABLE",
    WARNING,
    "The daemon host's resolver is loopback-only, and no `dns` is set.",
    'Set `dns` under tpaexec_docker.instance_defaults in config.yml, or {"dns": ["ADDRESS"]} in '
    "/etc/docker/daemon.json.",
)
IPVS_MISSING = Rule(
    "IPVS_MISSING",
    WARNING,
    "An overlay network is asked for, and the kernel has no ip_vs: service addresses do not answer.",
    "sudo modprobe ip_vs (package linux-modules-extra where it is apart), or use another kernel.",
)
ESP_MISSING = Rule(
    "ESP_MISSING",
    WARNING,
    "An encrypted overlay is asked for, and the kernel has no ESP: no traffic passes, without an error.",
    "sudo modprobe esp4, use another kernel, or leave the overlay unencrypted.",
    also="error where the cluster has several hosts",
)


def find_forwarding(facts: Facts) -> Iterable[Finding]:
    engine: Any = facts.engine
    said = " ".join(engine.warnings)
    if engine.ipv4_forwarding is None and not said:
        raise NotRun("the daemon does not say whether IPv4 forwarding is on")
    if engine.ipv4_forwarding is False or "IPv4 forwarding is disabled" in said:
        yield IP_FORWARD_OFF.finding(
            "IPv4 forwarding is off on the daemon's host: nodes reach nothing outside their network."
        )


def find_bridge_nf(facts: Facts) -> Iterable[Finding]:
    engine: Any = facts.engine
    said = " ".join(engine.warnings)
    if engine.bridge_nf_iptables is None and "bridge-nf-call" not in said:
        raise NotRun("this engine does not say whether bridged traffic passes iptables")
    if engine.bridge_nf_iptables is False or "bridge-nf-call-iptables is disabled" in said:
        yield BRIDGE_NF.finding(
            "Bridged traffic does not pass iptables (bridge-nf-call-iptables is off): published ports may not work "
            "between nodes, "
            "and networks are not kept apart."
        )


def find_iptables(facts: Facts) -> Iterable[Finding]:
    config: DaemonConfig = facts.config  # type: ignore[assignment]
    if not config.iptables:
        yield IPTABLES_OFF.finding(
            f"The daemon runs with iptables off ({config.source}): nodes have no NAT to the outside."
        )


def find_mtu(facts: Facts) -> Iterable[Finding]:
    host: HostFacts = facts.host  # type: ignore[assignment]
    if host.uplink_mtu is None:
        raise NotRun("the MTU of the host's outgoing interface cannot be seen from here")
    usual = facts.config.mtu if isinstance(facts.config, DaemonConfig) else 1500
    wants = facts.wants
    networks = wants.networks if isinstance(wants, Wants) else (NetworkWant("of new clusters", (), None),)
    for network in networks:
        mtu = network.mtu or usual
        if host.uplink_mtu < mtu:
            yield MTU_MISMATCH.finding(
                f"The host's outgoing interface {host.uplink} has MTU {host.uplink_mtu}, network {network.name} has "
                f"{mtu}: large packets to "
                "the outside get lost, and downloads hang.",
                f'driver_options: {{com.docker.network.driver.mtu: "{host.uplink_mtu}"}} for the network in '
                f"config.yml.",
                network=network.name,
                mtu=mtu,
                uplink_mtu=host.uplink_mtu,
            )


def find_proxy(facts: Facts) -> Iterable[Finding]:
    client, wants = facts.client, _wants(facts)
    places = [("the environment", client.proxies, client.no_proxy)]
    if not isinstance(facts.engine, Unknown):
        places.append(("the daemon", facts.engine.proxies, facts.engine.no_proxy))
    for where, proxies, no_proxy in places:
        missing = [subnet for network in wants.networks for subnet in network.subnets if not _covered(subnet, no_proxy)]
        if proxies and missing:
            yield PROXY_NO_PROXY.finding(
                f"A proxy is set in {where} ({proxies[0]}), and {', '.join(missing)} is not in its NO_PROXY: what "
                f"follows the proxy does not "
                "reach the nodes.",
                f"Add {','.join(missing)} to NO_PROXY of {where}.",
                where=where,
                missing=missing,
            )


def _covered(subnet: str, no_proxy: str) -> bool:
    """By `*`, or by a subnet that holds it."""
    wanted = values.subnet(subnet)
    for word in no_proxy.replace(" ", ",").split(","):
        other = values.subnet(word) if word else None
        if word == "*" or (wanted and other and other.version == wanted.version and wanted.subnet_of(other)):  # type: ignore[arg-type]
            return True
    return False


def find_dns(facts: Facts) -> Iterable[Finding]:
    host: HostFacts = facts.host  # type: ignore[assignment]
    if not host.nameservers:
        raise NotRun("the resolver of the daemon's host cannot be seen from here")
    if isinstance(facts.config, DaemonConfig) and facts.config.dns:
        return
    nodes = facts.wants.nodes if isinstance(facts.wants, Wants) else ()
    if nodes and all(node.dns for node in nodes):
        return
    if all(server.startswith("127.") or server == "::1" for server in host.nameservers):
        yield DNS_UNUSABLE.finding(
            f"The daemon host's only name servers are its own ({', '.join(host.nameservers)}), which containers do "
            f"not reach on every "
            "engine: names outside the cluster may not resolve."
        )


def find_ipvs(facts: Facts) -> Iterable[Finding]:
    overlays = [network.name for network in _wants(facts).networks if network.driver == "overlay"]
    if overlays and not _kernel_has(facts, "ip_vs"):
        yield IPVS_MISSING.finding(f"The overlay {overlays[0]} is asked for, and the kernel has no ip_vs.")


def find_esp(facts: Facts) -> Iterable[Finding]:
    networks = _wants(facts).networks
    encrypted = [network.name for network in networks if network.driver == "overlay" and network.encrypted]
    if encrypted and not _kernel_has(facts, "esp4"):
        yield ESP_MISSING.finding(
            f"The encrypted overlay {encrypted[0]} is asked for, and the kernel has no ESP: it passes no traffic."
        )


def _kernel_has(facts: Facts, feature: str) -> bool:
    if isinstance(facts.host, Unknown):
        raise NotRun(facts.host.reason)
    have = facts.host.kernel_features.get(feature)
    if have is None:
        raise NotRun(f"whether the kernel of the daemon's host has {feature} cannot be seen from here")
    return have


def _wants(facts: Facts) -> Wants:
    """For checks whose `needs` name the wants."""
    return facts.wants  # type: ignore[return-value]


def _check(rule: Rule, find: object, *needs: str) -> Check:
    return Check((rule,), find, needs, theme="network")  # type: ignore[arg-type]


CHECKS = (
    _check(IP_FORWARD_OFF, find_forwarding, "engine"),
    _check(BRIDGE_NF, find_bridge_nf, "engine"),
    _check(IPTABLES_OFF, find_iptables, "config"),
    _check(MTU_MISMATCH, find_mtu, "host"),
    _check(PROXY_NO_PROXY, find_proxy, "wants"),
    _check(DNS_UNUSABLE, find_dns, "host"),
    _check(IPVS_MISSING, find_ipvs, "wants"),
    _check(ESP_MISSING, find_esp, "wants"),
)
