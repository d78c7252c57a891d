# SPDX-License-Identifier: GPL-3.0-or-later
"""Every key of an instance on a real container; a second run of the very same config finds nothing to do; and a
change of each key is seen as drift with the right verdict."""

from __future__ import annotations

import copy
import socket
from pathlib import Path
from typing import Any, Callable

import pytest

from .conftest import Cluster, a_cluster, node

NAME, SUBNET = "t-clu-key", "10.48.2"
ONE = f"{NAME}-1"
PORT = 24801
MIB = 2**20

KEYS: dict[str, Any] = {
    "restart_policy": "on-failure:5",
    "memory": "512m",
    "memory_reservation": "64m",
    "shm_size": "96m",
    "env_file": "node.env",
    "env": {"GREETING": "good day = {{ 1 }}", "EMPTY": ""},
    "log_driver": "json-file",
    "log_options": {"max-size": "5m", "max-file": "2"},
    "exposed_ports": ["5432", "9000-9001/udp"],
    "published_ports": [f"127.0.0.1:{PORT}:5432", "6432"],
    "devices": ["/dev/fuse:/dev/fuse:rw"],
    "networks": [
        {"name": NAME, "ipv4_address": f"{SUBNET}.5", "aliases": ["db", "db.example.com"]},
        {"name": f"{NAME}-b"},
    ],
    "sysctls": {"net.core.somaxconn": 1234, "kernel.shmmax": "68719476736"},
    "ulimits": ["core=0:0", "nproc=4000:5000"],
    "volumes": ["t-clu-data:/var/lib/data", "./made:/srv/made:ro", "/anonymous"],
    "local_source_directories": ["./source:/opt/source"],
    "docker_security_opts": ["no-new-privileges", "seccomp=unconfined"],
    "docker_cap_add": ["SYS_PTRACE", "cap_sys_nice"],
    "docker_cap_drop": ["MKNOD"],
    "privileged": False,
    "tags": {"colour": "blue"},
    "vars": {"ansible_user": "root", "deep": [1, {"a": None}]},
    "role": ["primary"],
    "location": "main",
    "region": "eu-1",
    "ansible_host": "one.example.com",
}
OWN: dict[str, Any] = {
    "cpus": 1.25,
    "pids_limit": 700,
    "dns": ["10.48.2.1"],
    "dns_search": ["example.com"],
    "extra_hosts": ["elsewhere:10.1.2.3"],
    "cgroup_parent": "/t-clu-parent",
}


@pytest.fixture(scope="module")
def cluster(sdk, guest_image, tmp_path_factory):
    with a_cluster(sdk, tmp_path_factory, NAME, SUBNET, guest_image, count=1) as made:
        made.config["networks"][0].update(
            labels={"mine": "yes"}, driver_options={"com.docker.network.driver.mtu": "1450"},
        )  # fmt: skip
        made.config["networks"][0]["ipam_config"][0].update(gateway=f"{SUBNET}.14", iprange=f"{SUBNET}.8/30")
        made.config["networks"].append({"name": f"{NAME}-b", "enable_ipv6": True, "ipam_config": [
            {"subnet": f"{SUBNET}.64/28"}, {"subnet": "fd00:48:2::/64"}]})  # fmt: skip
        made.config["instances"][0] = {"Name": ONE, "node": 7, **KEYS}
        made.config["tags"] = {"Owner": "tester"}
        made.config["tpaexec_docker"] = {"instance_defaults": {"cpus": 9}, "instances": {ONE: OWN}}
        (made.directory / "node.env").write_text("# a comment\nFROM_FILE=yes\nGREETING=overridden\n")
        (made.directory / "source").mkdir()
        (made.directory / "source" / "file").write_text("of the host\n")
        made.converged()
        yield made
        made.converged(state="absent", remove_volumes=True)


def host(cluster: Cluster) -> dict[str, Any]:
    return cluster.attrs()["HostConfig"]


Look = Callable[[dict[str, Any], dict[str, Any]], Any]

# key · what `docker inspect` shows (Config, HostConfig) · what it must be
INSPECTED: list[tuple[str, Look, Any]] = [
    ("restart_policy", lambda c, h: h["RestartPolicy"], {"Name": "on-failure", "MaximumRetryCount": 5}),
    ("memory", lambda c, h: h["Memory"], 512 * MIB),
    ("memory_reservation", lambda c, h: h["MemoryReservation"], 64 * MIB),
    ("shm_size", lambda c, h: h["ShmSize"], 96 * MIB),
    ("env_file", lambda c, h: "FROM_FILE=yes" in c["Env"], True),
    ("env", lambda c, h: {"GREETING=good day = {{ 1 }}", "EMPTY="} <= set(c["Env"]), True),
    ("env over env_file", lambda c, h: "GREETING=overridden" in c["Env"], False),
    ("log_driver, log_options", lambda c, h: h["LogConfig"],
     {"Type": "json-file", "Config": {"max-size": "5m", "max-file": "2"}}),
    ("exposed_ports", lambda c, h: {"5432/tcp", "9000/udp", "9001/udp", "6432/tcp"} <= set(c["ExposedPorts"]), True),
    ("published_ports", lambda c, h: h["PortBindings"]["5432/tcp"],
     [{"HostIp": "127.0.0.1", "HostPort": str(PORT)}]),
    ("published_ports, any", lambda c, h: h["PortBindings"]["6432/tcp"][0]["HostPort"] in ("", "0"), True),
    ("devices", lambda c, h: h["Devices"],
     [{"PathOnHost": "/dev/fuse", "PathInContainer": "/dev/fuse", "CgroupPermissions": "rw"}]),
    ("sysctls", lambda c, h: h["Sysctls"], {"net.core.somaxconn": "1234", "kernel.shmmax": "68719476736"}),
    ("ulimits", lambda c, h: {u["Name"]: (u["Soft"], u["Hard"]) for u in h["Ulimits"] if u["Name"] != "nofile"},
     {"core": (0, 0), "nproc": (4000, 5000)}),
    ("docker_security_opts", lambda c, h: sorted(h["SecurityOpt"]), ["no-new-privileges", "seccomp=unconfined"]),
    ("docker_cap_add", lambda c, h: sorted(cap.replace("CAP_", "") for cap in h["CapAdd"]), ["SYS_NICE", "SYS_PTRACE"]),
    ("docker_cap_drop", lambda c, h: [cap.replace("CAP_", "") for cap in h["CapDrop"]], ["MKNOD"]),
    ("privileged", lambda c, h: h["Privileged"], False),
    ("tags", lambda c, h: c["Labels"]["colour"], "blue"),
    ("cluster_tags", lambda c, h: [c["Labels"][key] for key in ("Cluster", "Name", "Owner")], [NAME, NAME, "tester"]),
    ("node, role, location",
     lambda c, h: [c["Labels"][f"tpaexec.docker.{key}"] for key in ("node", "role", "location")],
     ["7", '["primary"]', "main"]),
    ("Name", lambda c, h: c["Hostname"], ONE),
    ("stop signal, tty, stdin", lambda c, h: [c["StopSignal"], c["Tty"], c["OpenStdin"]], ["SIGRTMIN+3", True, True]),
    ("tmpfs", lambda c, h: sorted(h["Tmpfs"]), ["/run", "/run/lock", "/tmp"]),
    ("cpus", lambda c, h: h["NanoCpus"], 1_250_000_000),
    ("pids_limit", lambda c, h: h["PidsLimit"], 700),
    ("dns", lambda c, h: h["Dns"], ["10.48.2.1"]),
    ("dns_search", lambda c, h: h["DnsSearch"], ["example.com"]),
    ("extra_hosts", lambda c, h: h["ExtraHosts"], ["elsewhere:10.1.2.3"]),
    ("cgroup_parent", lambda c, h: h["CgroupParent"], "/t-clu-parent"),
]  # fmt: skip


@pytest.mark.parametrize(("look", "wanted"), [row[1:] for row in INSPECTED], ids=[row[0] for row in INSPECTED])
def test_inspected(cluster, look, wanted):
    attrs = cluster.attrs()
    assert look(attrs["Config"], attrs["HostConfig"]) == wanted


def test_every_key_of_an_instance_is_among_them():
    """A key that the parser learns must come here too."""
    from ansible_collections.tpaexec.docker.plugins.module_utils._spec import keys  # noqa: PLC0415

    elsewhere = {"Name", "node", "platform", "upstream", "backup", "provision_only", "image", "ip_address", "host"}
    assert {*keys.INSTANCE_KEYS, *keys.OWN_INSTANCE_KEYS} <= {*KEYS, *OWN, *elsewhere}


def test_mounts(cluster):
    mounts = {mount["Destination"]: mount for mount in cluster.attrs()["Mounts"]}
    assert (mounts["/var/lib/data"]["Name"], mounts["/var/lib/data"]["RW"]) == ("t-clu-data", True)
    assert mounts["/anonymous"]["Type"] == "volume"
    assert (mounts["/srv/made"]["Source"], mounts["/srv/made"]["RW"]) == (str(cluster.directory / "made"), False)
    assert (mounts["/opt/source"]["Source"], mounts["/opt/source"]["RW"]) == (str(cluster.directory / "source"), False)
    assert cluster.sh("cat /opt/source/file") == "of the host"
    assert cluster.sdk.volumes.get("t-clu-data").attrs["Labels"]["Cluster"] == NAME


def test_networks(cluster):
    networks = cluster.attrs()["NetworkSettings"]["Networks"]
    assert networks[NAME]["IPAddress"] == f"{SUBNET}.5"
    assert {"db", "db.example.com"} <= set(networks[NAME]["Aliases"])
    assert networks[f"{NAME}-b"]["IPAddress"].startswith(f"{SUBNET}.")
    assert networks[f"{NAME}-b"]["GlobalIPv6Address"].startswith("fd00:48:2:")
    made = cluster.sdk.networks.get(NAME).attrs
    assert made["IPAM"]["Config"] == [
        {"Subnet": f"{SUBNET}.0/28", "Gateway": f"{SUBNET}.14", "IPRange": f"{SUBNET}.8/30"}
    ]
    assert made["Labels"]["mine"] == "yes"
    assert made["Options"] == {"com.docker.network.driver.mtu": "1450"}


def test_inside_the_node(cluster):
    """Not only asked for: systemd's own process has it."""
    limits = cluster.sh("cat /proc/1/limits")
    assert next(line.split()[2:4] for line in limits.splitlines() if "Max processes" in line) == ["4000", "5000"]
    assert cluster.sh("cat /proc/sys/net/core/somaxconn") == "1234"
    assert cluster.sh("df -m --output=size /dev/shm | tail -1") == "96"
    assert "NoNewPrivs:\t1" in cluster.sh("cat /proc/1/status")
    assert cluster.sh("stat -c %F /dev/fuse") == "character special file"
    assert "10.1.2.3\telsewhere" in cluster.sh("cat /etc/hosts")
    with socket.create_connection(("127.0.0.1", PORT), timeout=5):
        pass


def test_the_very_same_config_again_is_no_change(cluster):
    ident = cluster.get().id
    result = cluster.converged()
    assert (result["changed"], result["instances"][0]["reasons"], cluster.get().id) == (False, [], ident)


def test_a_limit_is_in_force_after_a_mend_too(cluster):
    """A smaller limit than before, then back: swap goes with the memory."""
    words = cluster.instance()
    words["memory"] = "256m"
    assert cluster.converged()["instances"][0]["steps"] == ["update"]
    assert (host(cluster)["Memory"], host(cluster)["MemorySwap"]) == (256 * MIB, 512 * MIB)
    words["memory"] = "512m"
    assert cluster.converged()["instances"][0]["steps"] == ["update"]
    assert not cluster.converged()["changed"]


CHANGES = {
    "shm_size": "80m",
    "env": {"GREETING": "other"},
    "log_options": {"max-size": "6m"},
    "exposed_ports": ["5432", "9000-9002/udp"],
    "published_ports": [f"127.0.0.1:{PORT + 1}:5432"],
    "devices": ["/dev/fuse:/dev/fuse:rwm"],
    "sysctls": {"net.core.somaxconn": 1235},
    "ulimits": ["nproc=4000:6000"],
    "volumes": ["t-clu-data:/var/lib/other"],
    "local_source_directories": [],
    "docker_security_opts": ["no-new-privileges"],
    "docker_cap_add": ["SYS_PTRACE"],
    "docker_cap_drop": ["MKNOD", "SETPCAP"],
    "privileged": True,
}


def test_a_change_of_every_key_that_needs_recreation_is_named(cluster):
    """All at once, and then each word that is taken out again: in check mode, one run each way."""
    changed = copy.deepcopy(cluster.config)
    changed["instances"][0].update(CHANGES)
    changed["tpaexec_docker"]["instances"][ONE].update(
        dns=["10.48.2.2"], dns_search=[], extra_hosts=[], cgroup_parent="/t-clu-other"
    )
    reply = cluster.run(check=True, **changed)
    named = {reason.partition(":")[0] for reason in node(reply, ONE)["reasons"]}
    moved = {"local_source_directories": "volumes"}
    own = {"dns", "dns_search", "extra_hosts", "cgroup_parent"}
    assert {moved.get(key, key) for key in CHANGES} | own <= named
    bare = copy.deepcopy(cluster.config)
    for key in CHANGES:
        bare["instances"][0].pop(key)
    named = {reason.partition(":")[0] for reason in node(cluster.run(check=True, **bare), ONE)["reasons"]}
    kept = {"privileged", "local_source_directories", "exposed_ports"}
    assert {key for key in CHANGES if key not in kept} <= named


def test_absent_keeps_volumes_unless_told(cluster, sdk):
    assert sdk.volumes.list(filters={"name": "t-clu-data"})
    parent = Path("/sys/fs/cgroup/systemd/tpaexec.docker")
    cluster.converged(state="absent")
    assert sdk.volumes.list(filters={"name": "t-clu-data"})
    cluster.converged(state="absent", remove_volumes=True)
    assert not sdk.volumes.list(filters={"name": "t-clu-data"})
    assert not list(parent.glob(f"*/{ONE}"))
