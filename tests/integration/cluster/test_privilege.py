# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node may do to its host: nothing beyond its own part of the cgroup tree."""

from __future__ import annotations

import json
import os

import pytest

from .conftest import a_cluster

NAME, SUBNET = "t-clu-pri", "10.48.5"

# Tries to make a folder in every cgroup folder that can be seen, and looks at every file; prints those that let it.
# Between the hierarchies of cgroup v1 lies a tmpfs, which is the node's own.
WRITABLE = """
import json, os
mounts = [line.split() for line in open("/proc/mounts")]
cgroups = {os.stat(mount[1]).st_dev for mount in mounts if mount[2] in ("cgroup", "cgroup2")}
found = []
for top, folders, files in os.walk("/sys/fs/cgroup"):
    if os.stat(top).st_dev not in cgroups:
        continue
    try:
        os.mkdir(top + "/t-clu-probe")
        os.rmdir(top + "/t-clu-probe")
        found.append(top)
    except OSError:
        pass
    found += [top + "/" + name for name in files if os.access(top + "/" + name, os.W_OK)]
print(json.dumps(found))
"""
SYS_ADMIN, SYS_MODULE, NET_ADMIN, SYS_PTRACE = 21, 16, 12, 19


@pytest.fixture(scope="module")
def cluster(sdk, guest_image, tmp_path_factory):
    """Two nodes: one as it comes, one with no-new-privileges."""
    with a_cluster(sdk, tmp_path_factory, NAME, SUBNET, guest_image) as made:
        made.instance(2)["docker_security_opts"] = ["no-new-privileges"]
        made.converged()
        yield made


@pytest.mark.parametrize("number", [1, 2])
def test_only_its_own_subtree_is_writable(cluster, number):
    done = cluster.get(number).exec_run(["python3", "-c", WRITABLE])
    writable = json.loads(done.output)
    ident = (cluster.directory / ".tpaexec-docker" / "id").read_text()[:8]
    own = f"/tpaexec.docker/{ident}/{cluster.nodes[number - 1]}"
    assert writable
    assert [path for path in writable if f"{own}/" not in f"{path}/"] == []


def test_what_lies_between_the_hierarchies_is_not_the_hosts(cluster):
    cluster.get().exec_run(["mkdir", "/sys/fs/cgroup/t-clu-between"])
    assert not os.path.exists("/sys/fs/cgroup/t-clu-between")


def test_no_capability_over_the_host(cluster):
    status = dict(line.split(":\t") for line in cluster.sh("cat /proc/1/status").splitlines() if ":\t" in line)
    bounding = int(status["CapBnd"], 16)
    assert [bit for bit in (SYS_ADMIN, SYS_MODULE, NET_ADMIN, SYS_PTRACE) if bounding >> bit & 1] == []
    assert not cluster.attrs()["HostConfig"]["Privileged"]


def test_tmpfs_where_systemd_wants_it(cluster):
    mounts = [line.split() for line in cluster.sh("cat /proc/mounts").splitlines()]
    assert {"/tmp", "/run", "/run/lock"} <= {mount[1] for mount in mounts if mount[2] == "tmpfs"}


def test_no_new_privileges_boots_and_holds(cluster):
    assert "NoNewPrivs:\t1" in cluster.sh("cat /proc/1/status", number=2)
    assert "NoNewPrivs:\t0" in cluster.sh("cat /proc/1/status", number=1)
    assert cluster.sh("systemctl is-system-running || true", number=2) in ("running", "degraded")
    # a set-uid program gains nothing
    script = "import os; os.setuid(65534); os.execvp('su', ['su', '-c', 'id -u', 'root'])"
    assert cluster.get(2).exec_run(["python3", "-c", script]).output.strip() != b"0"


@pytest.mark.skipif(bool(os.geteuid()), reason="only root sees the whole cgroup tree")
def test_no_folder_of_a_node_is_left_in_the_cgroup_tree(cluster):
    cluster.converged(state="absent")
    left = [top for top, folders, _files in os.walk("/sys/fs/cgroup") if any(node in folders for node in cluster.nodes)]
    assert left == []
