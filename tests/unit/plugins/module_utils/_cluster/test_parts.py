# SPDX-License-Identifier: GPL-3.0-or-later
"""The small parts: recipe, body, labels, hosts file, probe, explanations, keys' archive."""

from __future__ import annotations

import io
import json
import re
import tarfile
from dataclasses import replace

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._cluster import body, cgroups, explain, labels
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.host import HostFacts
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.hosts_file import added_lines
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.ready import parse_probe
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.recipe import (
    NOFILE,
    RECIPES,
    choose,
    cook,
    group_of,
)
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.ssh import KeyMaterial, build_archive
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError, DaemonError
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.model import (
    Attachment,
    Cluster,
    Instance,
    Network,
    Port,
    PublishedPort,
    Settings,
    Ulimit,
    Volume,
)

IDENT = "12345678-0000-4000-8000-000000000000"
V1, V2 = HostFacts(cgroup_version=1), HostFacts(cgroup_version=2)


def instance(**words) -> Instance:
    return Instance(name="uno", node=1, settings=Settings(image="guest:1", **words))


# -- recipe


@pytest.mark.parametrize(
    ("host", "row"),
    [
        (V1, "cgroup1-own-subtree"),
        (replace(V1, cgroup_driver="systemd"), "cgroup1-own-slice"),
        (replace(V1, rootless=True), "cgroup1-systemd-hierarchy"),
        (V2, "cgroup2-own-subtree"),
        (replace(V2, cgroup_driver="systemd"), "cgroup2-own-slice"),
        (replace(V2, rootless=True), "cgroup2-host-tree"),
    ],
)
def test_each_host_has_its_recipe(host, row):
    assert choose(host).id == row


def test_every_recipe_says_why_and_no_recipe_is_privileged():
    assert len({recipe.id for recipe in RECIPES}) == len(RECIPES)
    for recipe in RECIPES:
        assert len(recipe.why) > 20
        host = body.host_config(Settings(image="a"), cook(instance(), V1, IDENT, recipe))
        assert not host["Privileged"]
        assert "CapAdd" not in host


def test_the_own_subtree_is_the_only_writable_bind():
    cooked = cook(instance(), V1, IDENT)
    assert cooked.cgroup_parent == "/tpaexec.docker/12345678/uno"
    assert [bind for bind in cooked.binds if bind.endswith(":rw")] == [
        "/sys/fs/cgroup/systemd/tpaexec.docker/12345678/uno:/sys/fs/cgroup/systemd/tpaexec.docker/12345678/uno:rw"
    ]


@pytest.mark.parametrize("host", [replace(V1, cgroup_driver="systemd"), replace(V2, cgroup_driver="systemd")])
def test_with_systemds_driver_the_own_slice_is_the_only_writable_bind(host):
    cooked = cook(instance(), host, IDENT)
    assert re.fullmatch(r"tpaexec\.docker-[0-9a-f]{16}\.slice", cooked.cgroup_parent)
    assert cooked.cgroup_parent != cook(instance(), host, "another").cgroup_parent
    writable = [bind for bind in cooked.binds if bind.endswith(":rw")]
    assert len(writable) == 1
    assert writable[0].endswith(f"/tpaexec.docker.slice/{cooked.cgroup_parent}:rw")


@pytest.mark.parametrize(
    ("parent", "group"),
    [("", ""), ("/a/b-c", "/a/b-c"), ("a.slice", "/a.slice"), ("a-b-c.slice", "/a.slice/a-b.slice/a-b-c.slice")],
)
def test_where_a_cgroup_parent_lies(parent, group):
    assert group_of(parent) == group


def test_the_users_own_words_come_first():
    mine = Volume("bind", "/cg", "/sys/fs/cgroup/", ("rw",))
    assert cook(instance(volumes=(mine,)), V1, IDENT).binds == ()
    assert cook(instance(cgroup_parent="/mine"), V1, IDENT).cgroup_parent == "/mine"
    sliced = cook(instance(cgroup_parent="a-b.slice"), replace(V2, cgroup_driver="systemd"), IDENT)
    assert sliced.cgroup_parent == "a-b.slice"
    assert sliced.binds[1].startswith("/sys/fs/cgroup/a.slice/a-b.slice:/")
    assert "/tmp" not in cook(instance(volumes=(Volume("volume", "t", "/tmp"),)), V1, IDENT).tmpfs


@pytest.mark.parametrize(("limit", "wanted"), [(None, None), (1024, None), (1_073_741_816, NOFILE)])
def test_open_files_are_lowered_only_where_the_default_is_huge(limit, wanted):
    cooked = cook(instance(), replace(V1, nofile=limit), IDENT)
    assert cooked.nofile == wanted
    said = Settings(image="a", ulimits=(Ulimit("nofile", 1, 2),))
    assert body.ulimits(said, cooked) == [{"Name": "nofile", "Soft": 1, "Hard": 2}]


@pytest.mark.parametrize(
    ("version", "info", "wanted"),
    [
        ({"Version": "20.10.24+dfsg1", "ApiVersion": "1.41"}, {"CgroupVersion": "2", "CgroupDriver": "systemd"},
         ((20, 10, 24), (1, 41), 2, "systemd", False)),
        ({}, {}, ((0,), (0,), 1, "cgroupfs", False)),
        ({"Version": None}, {"SecurityOptions": ["name=seccomp", "name=rootless"], "CgroupVersion": None},
         ((0,), (0,), 1, "cgroupfs", True)),
    ],
)  # fmt: skip
def test_facts_of_a_host(version, info, wanted):
    facts = HostFacts.from_api(version, info)
    found = (facts.engine, facts.api, facts.cgroup_version, facts.cgroup_driver, facts.rootless)
    assert found == wanted


# -- body and labels


def test_the_body_of_a_plain_node():
    made = body.create_body(
        instance(networks=(Attachment("net", "10.0.0.2"),)), cook(instance(), V1, IDENT), {"a": "b"}
    )
    assert (made["Hostname"], made["Image"], made["StopSignal"], made["Tty"]) == ("uno", "guest:1", "SIGRTMIN+3", True)
    assert made["NetworkingConfig"] == {
        "EndpointsConfig": {"net": {"IPAMConfig": {"IPv4Address": "10.0.0.2"}}},
    }
    assert made["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert {"Memory", "NanoCpus", "Dns", "LogConfig", "CapDrop"}.isdisjoint(made["HostConfig"])


def test_only_the_first_network_is_in_the_body():
    both = (Attachment("one", aliases=("a",)), Attachment("two"))
    made = body.create_body(instance(networks=both), cook(instance(), V1, IDENT), {})
    assert made["NetworkingConfig"]["EndpointsConfig"] == {"one": {"Aliases": ["a"]}}
    assert made["HostConfig"]["NetworkMode"] == "one"


def test_ports():
    settings = Settings(
        image="a", exposed_ports=(Port(22),), published_ports=(PublishedPort(Port(53, "udp"), 5353, "127.0.0.1"),
                                                               PublishedPort(Port(80)))
    )  # fmt: skip
    assert body.port_bindings(settings) == {
        "53/udp": [{"HostIp": "127.0.0.1", "HostPort": "5353"}],
        "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": ""}],
    }
    assert body._exposed(settings) == ["22/tcp", "53/udp", "80/tcp"]


def test_labels_are_tpas_then_ours():
    node = replace(
        instance(env={"PASSWORD": "hunter2"}, declared=frozenset({"env"})), role=("primary",), tags={"a": "b"}
    )
    cluster = Cluster(name="c", instances=(node,), tags={"Owner": "me", "Name": "not taken"})
    found = labels.node_labels(cluster, node, cook(node, V1, IDENT), IDENT)
    assert {key: value for key, value in found.items() if not key.startswith("tpaexec.docker.")} == {
        "Owner": "me", "Name": "c", "Cluster": "c", "a": "b",
    }  # fmt: skip
    assert found["tpaexec.docker.id"] == IDENT
    assert "hunter2" not in json.dumps(found)
    assert labels.network_labels(cluster, Network("net", labels={"mine": "yes"}), IDENT) == {
        "mine": "yes", "Cluster": "c", "tpaexec.docker.id": IDENT,
    }  # fmt: skip


def test_cgroup_folders_are_ours_by_their_place():
    raws = [{"HostConfig": {"CgroupParent": parent}} for parent in (
        "/tpaexec.docker/1/uno", "/mine", "", "/tpaexec.docker/../etc", "/tpaexec.docker", "/tpaexec.docker/1/uno",
    )]  # fmt: skip
    assert cgroups.our_groups(raws) == ("/tpaexec.docker/1/uno",)


# -- hosts file

HOSTS = """\
127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
# a comment

10.0.0.2\tuno
10.9.9.9 repository.example.com repo
10.0.0.3\tuno
"""


def test_lines_that_were_added_to_a_hosts_file():
    assert added_lines(HOSTS, "uno", {"10.0.0.2"}) == ["10.9.9.9 repository.example.com repo", "10.0.0.3\tuno"]
    assert added_lines("", "uno", set()) == []


# -- probe

PROBES = [
    ("state=running\nsshd=yes\nkey=yes\nhostkey=yes\n", ("running", (), True, True, True, True)),
    ("state=running\r\n", ("running", (), False, False, False, True)),
    ("state=degraded\nfailed=a.service loaded failed failed A thing = broken\nfailed=b.service x\n",
     ("degraded", ("a.service", "b.service"), False, False, False, True)),
    ("state=starting\n", ("starting", (), False, False, False, False)),
    ("state=\n", ("unknown", (), False, False, False, False)),
    ("", ("unknown", (), False, False, False, False)),
    ("garbage\x00=\nfailed=\n", ("unknown", (), False, False, False, False)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), PROBES)
def test_what_a_probe_prints(text, wanted):
    boot = parse_probe(text)
    assert (boot.state, boot.failed_units, boot.sshd, boot.key, boot.host_key, boot.ready) == wanted


# -- explanations

WORDS = [
    ("Bind for 0.0.0.0:5432 failed: port is already allocated", "published_ports"),
    ("listen tcp4 0.0.0.0:80: bind: address already in use", "published_ports"),
    ("Pool overlaps with other one on this address space", "subnet"),
    ("Address already in use", "ip_address"),
    ('Conflict. The container name "/uno" is already in use by container "abc"', "docker ps -a"),
    ("No such image: a:1", "docker pull"),
    ("network 0123abc not found", "tpaexec provision"),
    ("error while removing network: network n id 0123abc has active endpoints", "restart the daemon"),
    ("network mutdjr is in use by task k2voye", "docker node ls"),
    ("error setting rlimit type 8: operation not permitted", "ulimits"),
    ("write /var/lib/docker/x: no space left on device", "docker system df"),
    ("Failed to create inotify object: Too many open files: too many open files", "max_user_instances"),
    ("Minimum memory limit allowed is 6MB", "memory"),
    ("invalid mount config: bind source path does not exist: /x", "volumes"),
    ("could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network",
     "subnet"),
    ("something that nobody has heard of", "daemon's log"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "remedy"), WORDS)
def test_the_engines_words_get_a_remedy(words, remedy):
    found = explain.explained(DaemonError(words, id="X", status=500), "uno")
    assert remedy in found.remedy
    assert (found.message, found.id, found.status) == (words, "X", 500)


def test_an_error_with_a_remedy_keeps_it():
    error = DaemonError("port is already allocated", "Do this.")
    assert explain.explained(error, "uno") is error
    other = ConfigError([])
    assert explain.explained(other, "uno") is other


# -- the keys' archive

KEYS = KeyMaterial("ssh-rsa AAAA mine", {"ssh_host_rsa_key": b"secret", "ssh_host_rsa_key.pub": b"ssh-rsa HOST\n"})


def test_modes_and_owners_of_what_goes_into_a_node():
    with tarfile.open(fileobj=io.BytesIO(build_archive(KEYS))) as archive:
        found = {member.name: (oct(member.mode), member.uid, member.gid) for member in archive}
    assert found == {
        "root/.ssh": ("0o700", 0, 0),
        "root/.ssh/authorized_keys": ("0o600", 0, 0),
        "etc/ssh/ssh_host_rsa_key": ("0o600", 0, 0),
        "etc/ssh/ssh_host_rsa_key.pub": ("0o644", 0, 0),
    }
    assert KEYS.host_public == "ssh-rsa HOST"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"", "ssh-rsa AAAA mine\n"),
        (b"ssh-rsa BBBB theirs", "ssh-rsa BBBB theirs\nssh-rsa AAAA mine\n"),
        (b"ssh-rsa AAAA mine\n", "ssh-rsa AAAA mine\n"),
    ],
)
def test_keys_that_the_image_trusts_are_kept(old, new):
    with tarfile.open(fileobj=io.BytesIO(build_archive(KEYS, old))) as archive:
        assert archive.extractfile("root/.ssh/authorized_keys").read().decode() == new
