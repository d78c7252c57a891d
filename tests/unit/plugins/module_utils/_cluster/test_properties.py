# SPDX-License-Identifier: GPL-3.0-or-later
"""From any actual state and any valid config: what is wanted is reached, then nothing is left to do; and what is
somebody else's stays as it was."""

from __future__ import annotations

import contextlib
import copy
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError

from .conftest import Site, cluster, node
from .model_engine import IMAGE_ENV, ModelEngine, refused

NAMES = ("uno", "due", "tre")
OWN = ("cpus", "pids_limit")
SETTLE = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

WORDS = st.fixed_dictionaries(
    {},
    optional={
        "image": st.sampled_from(["guest:1", "guest:2"]),
        "memory": st.sampled_from(["64m", "128m"]),
        "memory_reservation": st.sampled_from(["16m", "32m"]),
        "restart_policy": st.sampled_from(["no", "always", "on-failure:2"]),
        "shm_size": st.sampled_from(["64m", "80m"]),
        "env": st.sampled_from([{"A": "1"}, {"A": "2", "B": "x"}, {"PATH": "/bin"}]),
        "docker_cap_add": st.sampled_from([["SYS_ADMIN"], ["CAP_NET_ADMIN", "SYS_TIME"], []]),
        "sysctls": st.sampled_from([{"net.ipv4.ip_forward": "1"}, {}]),
        "ulimits": st.sampled_from([["nofile=1024:2048"], []]),
        "volumes": st.sampled_from([["data:/data"], ["/srv:/srv:ro"], ["/anonymous"]]),
        "privileged": st.booleans(),
        "exposed_ports": st.sampled_from([[5444], [80]]),
        "cpus": st.sampled_from([0.5, 2]),
        "pids_limit": st.sampled_from([100, 200]),
    },
)


@st.composite
def configs(draw):
    """A valid config.yml of one to three nodes on one or two networks."""
    third = draw(st.integers(0, 1))
    networks = [{"name": "net", "ipam_config": [{"subnet": f"10.48.{third}.0/24"}]}]
    if draw(st.booleans()):
        networks.append({"name": "more", "ipam_config": [{"subnet": "10.48.9.0/24"}]})
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True))
    nodes, own = [], {}
    for name in names:
        words = dict(draw(WORDS))
        own[name] = {key: words.pop(key) for key in OWN if key in words}
        fixed = f"10.48.{third}.{NAMES.index(name) * 2 + 2 + draw(st.integers(0, 1))}"
        if len(networks) == 2 and draw(st.booleans()):
            words["networks"] = [{"name": "more", "aliases": ["alias"]}, {"name": "net", "ipv4_address": fixed}]
        elif draw(st.booleans()):
            words["ip_address"] = fixed
        nodes.append({"Name": name, **words})
    return cluster(*nodes, networks=networks, tpaexec_docker={"instances": own})


ACTIONS = (
    "stop", "pause", "remove", "created", "dead", "update", "disconnect", "network", "image", "tpa", "record",
)  # fmt: skip
DISTURBANCES = st.lists(st.tuples(st.sampled_from(ACTIONS), st.integers(0, 2)), max_size=6)


def disturb(site: Site, action: str, pick: int) -> None:
    """Something that users, TPA or a power failure do behind our back; what the engine refuses does not happen."""
    engine = site.engine
    boxes = list(engine.boxes.values())
    if action == "record":
        (site.directory / "record.json").unlink(missing_ok=True)
    if action == "image":
        engine.images["guest:1"] += "x"
    if action == "network" and engine.nets:
        ident = list(engine.nets)[pick % len(engine.nets)]
        if not engine._attached(ident):
            del engine.nets[ident]
    if not boxes:
        return
    box = boxes[pick % len(boxes)]
    if action == "stop":
        engine.do_stop(box["Id"])
    elif action in ("created", "dead"):
        engine.do_stop(box["Id"])
        box["State"]["Status"] = action
    elif action == "pause" and box["State"]["Status"] == "running":
        engine.do_pause(box["Id"])
    elif action == "remove":
        engine.do_remove_container(box["Id"], force=True)
    elif action == "update":
        engine.update_container(box["Id"], {"Memory": 7 * 2**20, "MemorySwap": 14 * 2**20, "PidsLimit": 7})
    elif action == "disconnect" and box["NetworkSettings"]["Networks"]:
        engine.do_disconnect_container_from_network(box["Id"], next(iter(box["NetworkSettings"]["Networks"])))
    elif action == "tpa":
        labels = box["Config"]["Labels"]
        box["Config"]["Labels"] = {key: value for key, value in labels.items() if not key.startswith("tpaexec.docker")}


def is_as_wanted(engine: ModelEngine, config: dict) -> None:
    """Judged from config.yml's words, not with the collection's own parser."""
    wanted_nets = {net["name"]: net["ipam_config"][0]["subnet"] for net in config["networks"]}
    for name, subnet in wanted_nets.items():
        assert engine.net(name)["IPAM"]["Config"][0]["Subnet"] == subnet
    for item in config["instances"]:
        box = engine.by_name(item["Name"])
        own = config["tpaexec_docker"]["instances"][item["Name"]]
        host, networks = box["HostConfig"], box["NetworkSettings"]["Networks"]
        assert box["State"]["Status"] == "running"
        assert box["Config"]["Image"] == item["image"]
        for key, field in (("memory", "Memory"), ("memory_reservation", "MemoryReservation"), ("shm_size", "ShmSize")):
            if key in item:
                assert host[field] == int(item[key][:-1]) * 2**20
        if "restart_policy" in item:
            policy = host["RestartPolicy"]
            retries = policy["MaximumRetryCount"]
            assert item["restart_policy"] == policy["Name"] + (f":{retries}" if retries else "")
        if "cpus" in own:
            assert host["NanoCpus"] == own["cpus"] * 10**9
        if "pids_limit" in own:
            assert host["PidsLimit"] == own["pids_limit"]
        assert {f"{key}={value}" for key, value in item.get("env", {}).items()} <= {*box["Config"]["Env"], *IMAGE_ENV}
        wanted = {name.replace("CAP_", "") for name in item.get("docker_cap_add", [])}
        assert {name.replace("CAP_", "") for name in host["CapAdd"] or []} == wanted
        if "privileged" in item:
            assert host["Privileged"] == item["privileged"]
        attached = [net if isinstance(net, dict) else {"name": net} for net in item.get("networks", [])]
        attached = attached or [{"name": "net", "ipv4_address": item.get("ip_address")}]
        assert {net["name"] for net in attached} <= set(networks)
        for net in attached:
            assert networks[net["name"]]["NetworkID"] == engine.net(net["name"])["Id"]
            assert net.get("ipv4_address") in (None, networks[net["name"]]["IPAddress"])


@SETTLE
@given(configs(), DISTURBANCES, configs())
def test_with_the_right_to_recreate_every_state_ends_as_wanted(first, disturbances, second):
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder) / "kept")
        site.run(first)
        for action, pick in disturbances:
            disturb(site, action, pick)
        try:
            result = site.run(second, recreate=["all"], prune=True)
        except ConfigError:
            assert stands_in_the_way(site, disturbances)
            return
        assert not result.get("failed"), result["msg"]
        is_as_wanted(site.engine, second)
        again = site.run(second)
        assert (again["changed"], again.get("msg"), site.engine.calls) == (False, None, [])


@SETTLE
@given(configs(), DISTURBANCES, configs())
def test_without_it_nodes_are_mended_or_blocked_and_none_is_lost(first, disturbances, second):
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder) / "kept")
        site.run(first)
        for action, pick in disturbances:
            disturb(site, action, pick)
        # One that was never started holds nothing, one whose removal began is lost: those may go.
        gone = ("created", "dead")
        before = {ident: box for ident, box in site.engine.boxes.items() if box["State"]["Status"] not in gone}
        before = copy.deepcopy(before)
        try:
            result = site.run(second)
        except ConfigError:
            assert stands_in_the_way(site, disturbances)
            return
        assert set(before) <= set(site.engine.boxes)
        blocked = {item["name"] for item in result["instances"] if item["status"] == "blocked"}
        for ident, box in before.items():
            if str(box["Name"]).lstrip("/") in blocked:
                assert site.engine.boxes[ident]["HostConfig"] == box["HostConfig"]
                assert site.engine.boxes[ident]["State"] == box["State"]
        # Nodes that are left running may hold an address that a new one is to have: said, and nobody is moved for it.
        failed = [item for item in result["instances"] if item["status"] == "failed"]
        assert all("Address already in use" in item["error"] for item in failed), result["msg"]
        if failed:
            return
        again = site.run(second)
        assert site.engine.calls == []
        assert {item["name"] for item in again["instances"] if item["status"] == "blocked"} == blocked
        assert not blocked or "--recreate" in again["msg"]


def stands_in_the_way(site: Site, disturbances: list) -> bool:
    """TPA's node that config.yml does not name keeps a network that would have to be replaced; nothing was touched."""
    return site.engine.calls == [] and any(action == "tpa" for action, _pick in disturbances)


FOREIGN_LABELS = st.sampled_from([{}, {"Cluster": "d"}, {"Cluster": "c", "tpaexec.docker.id": "another"}])


@SETTLE
@given(
    configs(),
    st.lists(st.tuples(st.sampled_from((*NAMES, "x", "y")), FOREIGN_LABELS, st.sampled_from(["net", "more", "bridge"]),
                       st.sampled_from(["", "10.48.0.2", "10.48.0.4"])), max_size=3),
    st.booleans(),
    st.sampled_from(["present", "started", "stopped", "absent"]),
)  # fmt: skip
def test_what_is_somebody_elses_stays_as_it_was(config, theirs, provisioned, state):
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder) / "kept")
        if provisioned:
            site.run(config)
        mine = set(site.engine.boxes), set(site.engine.nets)
        for name, labels, net, address in theirs:
            foreign(site.engine, name, labels, net, address)
        before = {
            ident: copy.deepcopy(thing)
            for things, ours in ((site.engine.boxes, mine[0]), (site.engine.nets, mine[1]))
            for ident, thing in things.items()
            if ident not in ours
        }
        for run in ({}, {"prune": True, "recreate": ["all"]}, {"remove_volumes": True}):
            with contextlib.suppress(ConfigError):
                site.run(config, state=state, **run)
                continue
            assert site.engine.calls == []
        now = {**site.engine.boxes, **site.engine.nets}
        assert {ident: now.get(ident) for ident in before} == before


def foreign(engine: ModelEngine, name: str, labels: dict, net: str, address: str) -> None:
    """A running container of somebody else's on *net*; what the engine refuses is not there."""
    body = {"Image": "guest:1", "Hostname": name, "Labels": labels, "Env": [], "ExposedPorts": {}, "HostConfig": {}}
    try:
        if not engine.net(net):
            number = len(engine.nets) + 40
            engine.do_create_network(net, "bridge", None, {"Config": [{"Subnet": f"10.48.{number}.0/24"}]}, {})
        ident = engine.do_create_container_from_config(body, name)["Id"]
        engine.do_connect_container_to_network(ident, net, ipv4_address=address or None)
        engine.do_start(ident)
    except type(refused(0, "")):
        return


def test_the_properties_cover_every_verdict():
    """A run of the generator that met no blocked node would prove nothing."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder) / "kept")
        words = {"instances": {"uno": {}}}
        site.run(cluster({"Name": "uno"}, tpaexec_docker=words))
        result = site.run(cluster({"Name": "uno", "privileged": True}, tpaexec_docker=words))
        assert node(result, "uno")["status"] == "blocked"
