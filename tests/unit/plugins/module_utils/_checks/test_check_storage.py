# SPDX-License-Identifier: GPL-3.0-or-later
"""The storage checks on recorded replies, and on what df said beside them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._checks.capacity import capacity
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_host import GuestImage
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.model import Unknown
from ansible_collections.tpaexec.docker.tests.unit.plugins.module_utils._checks import captures
from ansible_collections.tpaexec.docker.tests.unit.plugins.module_utils._checks.captures import (
    GIB,
    USUAL,
    engine_facts,
    good_disk,
    good_facts,
    message,
    node,
    severity,
    wants,
)

LOOP, DIRECT, THIN = "dm-loop-20.10.24", "dm-directlvm-device-20.10.24", "dm-thinpooldev-20.10.24"
PODMAN, CONTAINERD = "podman-4.3.1", "engine-26.1.5-containerd-snapshotter"


def rows(slug: str, **changed: str) -> dict:
    """DriverStatus of a capture with rows changed (`Data_Space_Used="1GB"`), or left out (None)."""
    status = dict(captures.raw(slug, "info")["DriverStatus"] or [])
    status.update({key.replace("_", " "): value for key, value in changed.items()})
    return {"DriverStatus": [[key, value] for key, value in status.items() if value is not None]}


RECORDED = [
    ("LOOP_LVM", LOOP, {}, "warning"),
    ("LOOP_LVM", DIRECT, {}, ""),
    ("LOOP_LVM", THIN, {}, ""),
    ("LOOP_LVM", USUAL, {}, ""),
    # CentOS 7's engine 1.13 shows only the devices: the seed page's own words
    ("LOOP_LVM", LOOP, rows(LOOP, Data_loop_file=None, Metadata_loop_file=None), "warning"),
    ("DEVICEMAPPER", LOOP, {}, ""),
    ("DEVICEMAPPER", DIRECT, {}, "warning"),
    ("DEVICEMAPPER", THIN, {}, "warning"),
    ("DEVICEMAPPER", USUAL, {}, ""),
    ("THINPOOL_LOW", DIRECT, {}, ""),
    ("THINPOOL_LOW", DIRECT, rows(DIRECT, Data_Space_Used="6.6GB"), "warning"),
    ("THINPOOL_LOW", DIRECT, rows(DIRECT, Metadata_Space_Used="70MB"), "warning"),
    ("THINPOOL_CRITICAL", DIRECT, {}, ""),
    ("THINPOOL_CRITICAL", DIRECT, rows(DIRECT, Metadata_Space_Used="80MB"), "error"),
    ("THINPOOL_CRITICAL", DIRECT, rows(DIRECT, Data_Space_Available="800MB"), "error"),
    # on loop-lvm this comparison misfires on a healthy engine
    ("THINPOOL_CRITICAL", LOOP, {}, ""),
    ("THINPOOL_LOW", DIRECT, {"DriverStatus": None}, "not run"),
    ("UDEV_SYNC", DIRECT, {}, ""),
    ("UDEV_SYNC", DIRECT, rows(DIRECT, Udev_Sync_Supported="false"), "error"),
    ("AUFS", USUAL, {"Driver": "aufs"}, "error"),
    ("AUFS", USUAL, {}, ""),
    ("OVERLAY_LEGACY", "overlay-ext4-20.10.24", {}, "error"),
    ("OVERLAY_LEGACY", PODMAN, {}, ""),
    ("OVERLAY_LEGACY", USUAL, {}, ""),
    ("VFS", "vfs-20.10.24", {}, "warning"),
    ("VFS", USUAL, {}, ""),
    ("XFS_NO_DTYPE", "overlay2-xfs-ftype0-existing-root-20.10.24", {}, "error"),
    ("XFS_NO_DTYPE", "overlay2-xfs-ftype1-20.10.24", {}, ""),
    ("XFS_NO_DTYPE", USUAL, {}, ""),
    ("XFS_NO_DTYPE", CONTAINERD, {}, "not run"),
    ("XFS_NO_DTYPE", "vfs-20.10.24", {}, ""),
    ("OVERLAY_BACKING", USUAL, {}, ""),
    ("OVERLAY_BACKING", USUAL, rows(USUAL, Backing_Filesystem="nfs"), "warning"),
    ("OVERLAY_BACKING", USUAL, rows(USUAL, Backing_Filesystem="overlayfs"), "warning"),
    ("OVERLAY_BACKING", CONTAINERD, {}, "not run"),
    ("FUSE_OVERLAYFS", "fuse-overlayfs-20.10.24", {}, "warning"),
    ("FUSE_OVERLAYFS", USUAL, {}, ""),
    ("BTRFS", "btrfs-20.10.24", {}, "warning"),
    ("XFS_NO_DTYPE", "btrfs-20.10.24", {}, ""),
    ("BTRFS", USUAL, {}, ""),
    ("ZFS", USUAL, {"Driver": "zfs", "DriverStatus": [["Zpool", "tank"], ["Zpool Health", "ONLINE"]]}, "info"),
    ("ZFS", USUAL, {}, ""),
    ("CONTAINERD_STORE", CONTAINERD, {}, "info"),
    ("CONTAINERD_STORE", "engine-28.5.2-default", {}, ""),
    ("STORAGE_UNKNOWN", USUAL, {"Driver": "quantumfs"}, "warning"),
    ("STORAGE_UNKNOWN", CONTAINERD, {}, ""),
    ("STORAGE_UNKNOWN", PODMAN, {}, ""),
    ("STORAGE_UNKNOWN", USUAL, {"Driver": None}, "not run"),
]


@pytest.mark.parametrize(("identifier", "slug", "info", "expected"), RECORDED)
def test_recorded(identifier, slug, info, expected):
    assert severity(engine_facts(slug, info), identifier) == expected


def test_loop_lvm_can_be_an_error_and_links_to_both_pages():
    facts = engine_facts(LOOP)
    facts = replace(facts, client=replace(facts.client, loop_lvm_severity="error"))
    [finding] = [item for item in captures.check(facts).findings if item.id == "LOOP_LVM"]
    assert finding.severity == "error"
    assert "https://docs.docker.com/storage/storagedriver/" in finding.remedy
    assert "#configure-direct-lvm-mode-for-production" in finding.remedy
    assert "/dev/loop0" in finding.message


def test_sizes_are_the_engines_decimal_text():
    storage = engine_facts(DIRECT).storage
    assert storage.data.total == 8_154_000_000
    assert storage.metadata.used == 8_446_000
    assert storage.pool_least_free == 815_300_000


def disk_of(slug: str):
    """The file system as df measured it beside the capture."""
    text = (captures.FOLDER / slug / "df.txt").read_text(encoding="utf-8")
    blocks = re.search(r"df -B1.*\n.*\n\S+\s+\d+\s+(\d+)\s+(\d+)", text)
    inodes = re.search(r"df -i.*\n.*\n\S+\s+(\d+)\s+\d+\s+(\d+)", text)
    used, free = int(blocks.group(1)), int(blocks.group(2))
    return good_disk(total=used + free, free=free, inodes=int(inodes.group(1)), inodes_free=int(inodes.group(2)))


@pytest.mark.parametrize(
    ("slug", "disk", "inodes"),
    [
        ("data-root-nearly-full-20.10.24", "DISK_CRITICAL", ""),
        ("data-root-inodes-exhausted-20.10.24", "DISK_LOW", "INODES_CRITICAL"),
    ],
)
def test_full_disks_as_df_saw_them(slug, disk, inodes):
    facts = replace(engine_facts(slug), filesystems=(disk_of(slug),))
    found = {finding.id for finding in captures.check(facts).findings}
    assert disk in found
    assert not inodes or inodes in found


DISKS = [
    ("DISK_LOW", dict(), ""),
    ("DISK_LOW", dict(total=100 * GIB, free=14 * GIB), "warning"),
    ("DISK_LOW", dict(total=1000 * GIB, free=100 * GIB), ""),  # 90 % used, and a lot is left
    ("DISK_CRITICAL", dict(total=1000 * GIB, free=30 * GIB), ""),
    ("DISK_CRITICAL", dict(total=100 * GIB, free=4 * GIB), "error"),
    ("DISK_CRITICAL", dict(total=GIB, free=0), "error"),
    ("INODES_LOW", dict(), ""),
    ("INODES_LOW", dict(inodes=100_000, inodes_free=12_000), "warning"),
    ("INODES_CRITICAL", dict(inodes=100_000, inodes_free=4_000), "error"),
    ("INODES_CRITICAL", dict(inodes=0, inodes_free=0), ""),  # btrfs has no fixed number
    ("ROOT_ON_TMPFS", dict(type="tmpfs"), "warning"),
    ("ROOT_ON_TMPFS", dict(), ""),
    ("ROOT_ON_NFS", dict(type="nfs4"), "error"),
    ("ROOT_ON_NFS", dict(type="cifs"), "error"),
    ("ROOT_ON_NFS", dict(), ""),
    ("ROOT_ON_NFS", dict(type=""), "not run"),
    ("ROOT_READONLY", dict(options=("ro", "relatime")), "error"),
    ("ROOT_READONLY", dict(), ""),
]


@pytest.mark.parametrize(("identifier", "parts", "expected"), DISKS)
def test_file_systems(identifier, parts, expected):
    """Numbers are written here: a full terabyte cannot be recorded on this project's machines."""
    assert severity(good_facts(filesystems=(good_disk(**parts),)), identifier) == expected


@pytest.mark.parametrize("identifier", ["DISK_LOW", "INODES_CRITICAL", "ROOT_READONLY", "PROJECT_QUOTA"])
def test_a_file_system_far_away_is_not_a_silent_pass(identifier):
    assert severity(good_facts(filesystems=Unknown("the daemon is far away")), identifier) == "not run"


def test_the_need_of_many_nodes_counts():
    many = wants(*(node(f"n{number}") for number in range(200)))
    text = message(good_facts(wants=many), "DISK_LOW")
    assert "200 nodes need about 100.0 GiB" in text
    assert "120 fit" in text


def test_vfs_and_images_to_be_pulled_need_more():
    images = (GuestImage("t/sys:1", size=2 * GIB),)
    few = wants(*(node(f"n{number}") for number in range(30)))
    vfs = replace(engine_facts("vfs-20.10.24"), wants=few, images=images, filesystems=(good_disk(),))
    assert severity(vfs, "DISK_LOW") == "warning"
    assert severity(good_facts(wants=few, images=images), "DISK_LOW") == ""


def test_containerds_root_is_measured_and_named():
    roots = (
        good_disk(roles=("data root",)),
        good_disk(path="/var/lib/containerd", roles=("containerd root",), free=GIB),
    )
    facts = replace(engine_facts(CONTAINERD), filesystems=roots)
    assert "/var/lib/containerd (containerd root)" in message(facts, "DISK_CRITICAL")
    assert "/var/lib/containerd (containerd root)" in message(facts, "CONTAINERD_STORE")


def test_both_roots_count_for_capacity():
    """With the containerd store the layers are in the one, logs and settings in the other."""
    layers = good_disk(path="/var/lib/containerd", roles=("containerd root",))
    roots = (good_disk(roles=("data root",), total=GIB, free=GIB // 4), layers)
    facts = replace(
        engine_facts(CONTAINERD), filesystems=roots, wants=wants(*(node(f"n{number}") for number in range(8)))
    )
    first = capacity(facts).first
    assert (first.resource, first.where, first.nodes) == ("disk space", "/var/lib/docker", 4)
    assert "8 nodes need about 512.0 MiB, 4 fit" in message(facts, "DISK_LOW")
    assert severity(replace(facts, filesystems=(good_disk(roles=("data root",)), layers)), "DISK_LOW") == ""


@pytest.mark.parametrize(
    ("slug", "kind", "ftype", "expected"),
    [
        (CONTAINERD, "xfs", False, "error"),
        (CONTAINERD, "xfs", True, ""),
        (CONTAINERD, "xfs", None, "not run"),
        (CONTAINERD, "ext4", None, ""),
    ],
)
def test_a_missing_d_type_row_is_asked_of_the_file_system(slug, kind, ftype, expected):
    facts = replace(engine_facts(slug), filesystems=(good_disk(type=kind, ftype=ftype),))
    assert severity(facts, "XFS_NO_DTYPE") == expected


@pytest.mark.parametrize(("data_root", "containerd", "expected"), [("xfs", "ext4", ""), ("ext4", "xfs", "error")])
def test_the_containerd_store_stands_on_containerds_root(data_root, containerd, expected):
    roots = (
        good_disk(roles=("data root",), type=data_root, ftype=False),
        good_disk(path="/var/lib/containerd", roles=("containerd root",), type=containerd, ftype=False),
    )
    assert severity(replace(engine_facts(CONTAINERD), filesystems=roots), "XFS_NO_DTYPE") == expected


@pytest.mark.parametrize(("kind", "expected"), [("ext4", ""), ("nfs4", "warning"), ("overlay", "warning")])
def test_what_the_engine_does_not_say_of_its_backing_the_mount_table_does(kind, expected):
    facts = replace(engine_facts(CONTAINERD), filesystems=(good_disk(type=kind),))
    assert severity(facts, "OVERLAY_BACKING") == expected


def test_fuse_overlayfs_chosen_silently_is_said():
    facts = replace(engine_facts("fuse-overlayfs-20.10.24"), filesystems=(good_disk(type="xfs", ftype=False),))
    assert "by itself, because the XFS below has ftype=0" in message(facts, "FUSE_OVERLAYFS")


@pytest.mark.parametrize(
    ("kind", "options", "word"),
    [("xfs", ("rw", "prjquota"), "can be"), ("xfs", ("rw",), "cannot be"), ("ext4", ("rw", "prjquota"), "cannot be")],
)
def test_project_quota(kind, options, word):
    assert word in message(good_facts(filesystems=(good_disk(type=kind, options=options),)), "PROJECT_QUOTA")
    assert severity(engine_facts("vfs-20.10.24"), "PROJECT_QUOTA") == "not run"
