# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a machine's files. The trees are written here, in the form that proc(5) and real hosts show."""

from __future__ import annotations

import gzip
import os
import socket

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._checks import gather_disks, gather_host, machine
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_host import DaemonConfig, Listener, Route
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.machine import Machine
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.model import Unknown
from ansible_collections.tpaexec.docker.tests.unit.plugins.module_utils._checks.captures import engine_facts

PID = 4242


@pytest.fixture
def tree(tmp_path):
    """A function that writes files of a machine, and the Machine on them."""

    def write(files: dict[str, str], pid: int = 0) -> Machine:
        for name, content in files.items():
            path = tmp_path / name.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return Machine(pid=pid, top=str(tmp_path))

    return write


def dockerd(*words: str, **files: str) -> dict[str, str]:
    return {
        f"/proc/{PID}/cmdline": "\0".join(["/usr/sbin/dockerd", *words, ""]),
        f"/proc/{PID}/comm": "dockerd\n",
        **files,
    }


@pytest.mark.parametrize(
    ("words", "file", "expected"),
    [
        ([], None, DaemonConfig("dockerd's command line")),
        (
            ["--iptables=false", "--init", "--mtu", "1400", "--dns=192.0.2.53"],
            None,
            dict(iptables=False, init=True, mtu=1400, dns=("192.0.2.53",)),
        ),
        (["--init=false"], None, dict(init=False)),
        (
            [],
            '{"iptables": false, "mtu": 1450, "dns": ["192.0.2.1"], "init": true}',
            dict(iptables=False, mtu=1450, dns=("192.0.2.1",), init=True),
        ),
        ([], '{"iptables": "no", "mtu": "big", "dns": 7}', dict(iptables=True, mtu=1500, dns=())),
        ([], "[]", dict(iptables=True)),
        ([], "{", Unknown),
    ],
)
def test_config(tree, words, file, expected):
    files = dockerd(*words)
    if file is not None:
        files["/etc/docker/daemon.json"] = file
    seen = machine.read_config(tree(files, PID))
    if expected is Unknown:
        assert isinstance(seen, Unknown)
        assert "/etc/docker/daemon.json cannot be read" in seen.reason
    else:
        expected = vars(expected) if isinstance(expected, DaemonConfig) else expected
        assert {key: getattr(seen, key) for key in expected} == expected


def test_config_of_no_daemon_or_another_program(tree):
    assert isinstance(machine.read_config(tree({})), Unknown)
    assert isinstance(machine.read_config(tree({f"/proc/{PID}/cmdline": "podman\0system\0service\0"}, PID)), Unknown)


LIMITS = """\
Limit                     Soft Limit           Hard Limit           Units
Max open files            {soft}              1073741816           files
"""


@pytest.mark.parametrize(
    ("words", "file", "soft", "expected"),
    [
        ([], None, "1048576", 1048576),
        ([], None, "unlimited", 2**63 - 1),
        (["--default-ulimit=nofile=65536:524288"], None, "1048576", 65536),
        ([], '{"default-ulimits": {"nofile": {"Name": "nofile", "Soft": 64000, "Hard": 64000}}}', "1048576", 64000),
    ],
)
def test_nofile(tree, words, file, soft, expected):
    files = {
        **dockerd(*words),
        f"/proc/{PID}/task/{PID}/children": "",  # a Go program's first thread starts none
        f"/proc/{PID}/task/{PID + 1}/children": "77 78",
        "/proc/77/comm": "docker-proxy\n",
        "/proc/78/comm": "containerd\n",
    }
    files["/proc/78/limits"] = LIMITS.format(soft=soft)
    if file:
        files["/etc/docker/daemon.json"] = file
    assert machine.default_nofile(tree(files, PID))[0] == expected


def test_nofile_of_a_containerd_that_systemd_started(tree):
    group = "/sys/fs/cgroup/system.slice/containerd.service/cgroup.procs"
    here = tree({group: "99\n", "/proc/99/comm": "containerd\n", "/proc/99/limits": LIMITS.format(soft="1073741816")})
    assert machine.default_nofile(here)[0] == 1073741816


def test_the_listener_of_a_socket_is_told_by_the_kernel(tmp_path):
    path = str(tmp_path / "docker.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        assert machine.listening_pid(path) == os.getpid()
    assert machine.listening_pid(path) == 0


def test_host_facts(tree):
    files = {
        "/proc/sys/fs/inotify/max_user_instances": "128\n",
        "/proc/sys/fs/inotify/max_user_watches": "many\n",
        "/proc/sys/kernel/pid_max": "32768\n",
        "/proc/sys/fs/file-nr": "1056\t0\t2466183\n",
        "/proc/loadavg": "0.10 0.05 0.01 1/612 4242\n",
        "/proc/meminfo": "MemTotal:       24684096 kB\nMemAvailable:   23456000 kB\n",
        "/proc/sys/fs/binfmt_misc/qemu-aarch64": "enabled\n",
        "/proc/sys/fs/binfmt_misc/status": "enabled\n",
        "/proc/net/route": ROUTE,
        "/sys/class/net/eth0/mtu": "1400\n",
        "/etc/resolv.conf": "# stub\nnameserver 127.0.0.53\noptions edns0\n",
        "/run/systemd/resolve/resolv.conf": "nameserver 192.0.2.53\n",
        "/run/firewalld.pid": "300",
        "/proc/300/comm": "firewalld\n",
        "/etc/firewalld/firewalld.conf": "# FirewallBackend=iptables\nFirewallBackend=nftables\n",
    }
    facts = gather_host.host_facts(tree(files), engine_facts().engine, overlay=False)
    assert (facts.inotify_instances, facts.inotify_watches, facts.pid_max) == (128, None, 32768)
    assert (facts.files, facts.threads, facts.memory_available) == (1056, 612, 23456000 * 1024)
    assert facts.emulated == ("arm64",)
    assert (facts.uplink, facts.uplink_mtu) == ("eth0", 1400)
    assert facts.nameservers == ("192.0.2.53",)
    assert (facts.firewalld, facts.firewalld_backend) == ("running", "nftables")
    assert not facts.systemd


def test_an_empty_machine_is_unknown_and_no_error(tree):
    facts = gather_host.host_facts(tree({}), engine_facts().engine, overlay=True)
    assert facts.inotify_instances is facts.memory_available is facts.uplink_mtu is None
    assert set(facts.kernel_features.values()) == {None}
    assert gather_host.network_facts(tree({}), [5432]).routes == ()


ROUTE = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
docker0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
tun0\t0000210A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
bad\tZZ\t00000000\t0001
"""
NOWHERE = "00000000000000000000000000000000"
ROUTE6 = f"""\
fd000000000000000000000000000000 40 {NOWHERE} 00 {NOWHERE} 00000100 00000001 00000000 00000001     eth0
fe800000000000000000000000000000 40 {NOWHERE} 00 {NOWHERE} 00000100 00000001 00000000 00000001     eth0
{NOWHERE} 00 {NOWHERE} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0
"""
TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1001 1
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1002 1
   2: 0100007F:1538 0100007F:D431 01 00000000:00000000 00:00000000 00000000     0        0 1003 1
"""
TCP6 = f"""  sl  local_address   remote_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: {NOWHERE}:1538 {NOWHERE}:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1004 1
"""


def test_network_tables(tree):
    here = tree(
        {
            "/proc/net/route": ROUTE,
            "/proc/net/ipv6_route": ROUTE6,
            "/proc/net/tcp": TCP,
            "/proc/net/tcp6": TCP6,
            "/proc/77/comm": "postgres\n",
        }
    )
    os.mkdir(f"{here.top}/proc/77/fd")
    os.symlink("socket:[1001]", f"{here.top}/proc/77/fd/5")
    seen = gather_host.network_facts(here, [5432])
    assert seen.routes == (Route("172.17.0.0/16", "docker0"), Route("10.33.0.0/16", "tun0"), Route("fd00::/64", "eth0"))
    assert seen.listeners == (Listener("tcp", "127.0.0.1", 5432, "postgres (pid 77)"), Listener("tcp", "::", 5432, ""))
    assert gather_host.network_facts(here, []).listeners == ()


def test_the_daemons_own_network_namespace_counts(tree):
    here = tree({"/proc/net/route": ROUTE, f"/proc/{PID}/net/route": ROUTE.splitlines()[0] + "\n"}, PID)
    assert gather_host.network_facts(here, []).routes == ()


def kernel(options: str) -> bytes:
    return gzip.compress(options.encode())


@pytest.mark.parametrize(
    ("files", "config", "expected"),
    [
        ({"/proc/modules": "ip_vs 196608 0 - Live 0x0\n"}, "", True),
        ({"/lib/modules/{release}/modules.dep": "kernel/net/netfilter/ipvs/ip_vs.ko.xz:\n"}, "", True),
        ({"/lib/modules/{release}/modules.builtin": "kernel/net/netfilter/ipvs/ip_vs.ko\n"}, "", True),
        ({"/lib/modules/{release}/modules.dep": "kernel/net/dummy.ko:\n"}, "", False),
        ({}, "CONFIG_IP_VS=y\n", True),
        ({}, "# CONFIG_IP_VS is not set\n", False),
        ({}, "", None),
    ],
)
def test_kernel_features(tree, files, config, expected):
    here = tree(
        {name.format(release=os.uname().release): content for name, content in files.items()} or {"/proc/x": ""}
    )
    if config:
        with open(f"{here.top}/proc/config.gz", "wb") as handle:
            handle.write(kernel(config))
    assert gather_host.kernel_feature(here, "ip_vs") is expected


MOUNTS = """22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw,errors=remount-ro
23 22 0:21 / /proc rw,nosuid - proc proc rw
40 22 254:16 / /var/lib/docker rw,noatime - xfs /dev/vdb rw,prjquota
41 22 254:32 / /srv/with\\040space rw - ext4 /dev/vdc ro
"""


@pytest.mark.parametrize(
    ("path", "device", "kind", "option", "absent"),
    [
        ("/var/lib/docker", "/dev/vdb", "xfs", "prjquota", "ro"),
        ("/var/lib/docker/overlay2", "/dev/vdb", "xfs", "noatime", "ro"),
        ("/var/lib/docker2", "/dev/root", "ext4", "relatime", "ro"),
        ("/srv/with space/docker", "/dev/vdc", "ext4", "ro", "rw"),
    ],
)
def test_mounts(tree, path, device, kind, option, absent):
    seen = gather_disks.mount_of(tree({"/proc/self/mountinfo": MOUNTS}), path)
    assert seen[:2] == (device, kind)
    assert option in seen[2]
    assert absent not in seen[2]


@pytest.mark.parametrize(
    ("slug", "files", "expected"),
    [
        ("engine-28.5.2-default", {}, "/var/lib/docker-engine-28.5.2-default/containerd/daemon"),
        ("overlay2-ext4-20.10.24", {}, "/srv/docker-overlay2-ext4/containerd/daemon"),
        ("overlay2-ext4-20.10.24", {"/run/containerd/containerd.sock": ""}, "/var/lib/containerd"),
        (
            "overlay2-ext4-20.10.24",
            {
                "/run/containerd/containerd.sock": "",
                "/etc/containerd/config.toml": 'version = 2\nroot = "/data/containerd"\n',
            },
            "/data/containerd",
        ),
    ],
)
def test_containerds_root(tree, slug, files, expected):
    facts = engine_facts(slug)
    assert gather_disks.containerd_root(tree({"/x": "", **files}), facts.engine, facts.storage) == expected


@pytest.mark.parametrize(
    ("info", "unix", "word"),
    [
        ({}, False, "not reached by a unix socket"),
        ({"OperatingSystem": "Docker Desktop"}, True, "virtual machine"),
        ({"KernelVersion": "3.10.0-1160.el7"}, True, "another kernel"),
        ({"KernelVersion": os.uname().release, "MemTotal": 1}, True, "another amount of memory"),
        ({"KernelVersion": os.uname().release, "MemTotal": 1024000}, True, ""),
    ],
)
def test_is_this_machine(tree, info, unix, word):
    here = tree({"/proc/meminfo": "MemTotal:       1000 kB\n"})
    reason = gather_host.is_this_machine(engine_facts(info=info).engine, here, unix)
    assert (word in reason) if word else reason == ""
