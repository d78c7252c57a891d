# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts from recorded replies of real engines (tests/data/engine-info).

Where no engine at hand shows a case (aufs, an engine of 2016, Windows containers …), a test takes a recorded reply and
changes the fields that make the case: `engine_facts(slug, info={...})`. The fields' form is that of moby's source.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Mapping

from ansible_collections.tpaexec.docker.plugins.module_utils._checks import registry
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts import Facts
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_cluster import NetworkWant, NodeWant, Wants
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_engine import EngineFacts
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_host import (
    ClientFacts,
    CliFacts,
    DaemonConfig,
    HostFacts,
    Inventory,
    NetworkFacts,
)
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_storage import FileSystem, StorageFacts
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.model import Outcome, run_checks

FOLDER = Path(__file__).resolve().parents[4] / "data" / "engine-info"
SLUGS = sorted(path.parent.name for path in FOLDER.glob("*/info.json"))
USUAL = "overlay2-ext4-20.10.24"
GIB = 2**30
NOTHING: Mapping[str, Any] = MappingProxyType({})


def raw(slug: str, name: str) -> dict[str, Any]:
    return json.loads((FOLDER / slug / f"{name}.json").read_text(encoding="utf-8"))


def engine_facts(slug: str = USUAL, info: Mapping[str, Any] = NOTHING, version: Mapping[str, Any] = NOTHING) -> Facts:
    """Facts of a recorded engine, and nothing known of its host."""
    shown, told = {**raw(slug, "version"), **version}, {**raw(slug, "info"), **info}
    client = ClientFacts(docker_host="unix:///var/run/docker.sock", scheme="unix", sdk_api=(1, 44))
    return Facts(
        client=client,
        engine=EngineFacts.from_api(shown, told),
        storage=StorageFacts.from_api(told),
        inventory=Inventory(),
    )


def good_facts(**parts: Any) -> Facts:
    """A host on which all is well, as this project's own machines are; *parts* replace some of it."""
    facts = engine_facts()
    assert isinstance(facts.engine, EngineFacts)
    usual = dict(
        client=replace(facts.client, clock=facts.engine.system_time),
        host=good_host(),
        config=DaemonConfig(source="dockerd's command line"),
        network=NetworkFacts(),
        filesystems=(good_disk(),),
        cli=CliFacts("/usr/bin/docker", "20.10.24", (1, 41)),
        wants=wants(),
        images=(),
    )
    return replace(facts, **{**usual, **parts})


def good_host(**parts: Any) -> HostFacts:
    usual = dict(
        inotify_instances=512,
        inotify_watches=524288,
        pid_max=4194304,
        threads_max=192000,
        threads=600,
        file_max=9223372036854775807,
        files=2000,
        memory_available=16 * GIB,
        nofile=1048576,
        nofile_source="containerd's own limit, which containers inherit",
        nameservers=("10.0.0.53",),
        uplink="eth0",
        uplink_mtu=1500,
    )
    return HostFacts(**{**usual, **parts})


def good_disk(**parts: Any) -> FileSystem:
    usual = dict(
        path="/var/lib/docker",
        roles=("data root", "containerd root"),
        device="/dev/vda1",
        type="ext4",
        options=("rw", "relatime"),
        total=100 * GIB,
        free=60 * GIB,
        inodes=6_000_000,
        inodes_free=5_000_000,
    )
    return FileSystem(**{**usual, **parts})


def node(name: str = "kaboom", **parts: Any) -> NodeWant:
    usual: dict[str, Any] = dict(
        image="t/sys:1", memory=None, memory_reservation=None, shm=None, dns=False, ports=(), limits_memory=False
    )
    return NodeWant(name=name, **{**usual, **parts})


def wants(*nodes: NodeWant, networks: tuple[NetworkWant, ...] = (), **parts: Any) -> Wants:
    return Wants(name="demo", id="11111111-aaaa", nodes=nodes or (node(),), networks=networks, **parts)


def network(name: str = "demo", subnet: str = "10.33.0.0/28", **parts: Any) -> NetworkWant:
    return NetworkWant(name, (subnet,), **{"mtu": None, **parts})


def check(facts: Facts) -> Outcome:
    """Every check of the registry. One that breaks is a defect, though a user would only see it as not run."""
    outcome = run_checks(registry.CHECKS, facts)
    broken = {item: reason for item, reason in outcome.not_run.items() if "check itself failed" in reason}
    assert not broken
    return outcome


def severity(facts: Facts, identifier: str) -> str:
    """The worst severity found for an id: "" when it ran and found nothing, `not run` when it could not."""
    outcome = check(facts)
    found = {finding.severity for finding in outcome.findings if finding.id == identifier}
    worst = next((word for word in ("error", "warning", "info") if word in found), "")
    if worst:
        return worst
    return "not run" if identifier in outcome.not_run else "" if identifier in outcome.ran else "unknown id"


def message(facts: Facts, identifier: str) -> str:
    return " ".join(finding.message for finding in check(facts).findings if finding.id == identifier)
