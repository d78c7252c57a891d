# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cgroup folders are ours to remove, and that what is in use stays."""

from __future__ import annotations

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.cgroups import our_groups, remove_here


@pytest.mark.parametrize(
    ("parents", "expected"),
    [
        (
            ["/tpaexec.docker/abc/one", "/tpaexec.docker/abc/two"],
            ("/tpaexec.docker/abc/one", "/tpaexec.docker/abc/two"),
        ),
        (["/tpaexec.docker/abc/one", "/tpaexec.docker/abc/one"], ("/tpaexec.docker/abc/one",)),
        (["", None, "/docker", "user.slice", "/tpaexec.docker", "/other/tpaexec.docker/x"], ()),
        (["/tpaexec.docker/../docker"], ()),
    ],
)
def test_only_what_a_recipe_gave_is_ours(parents, expected):
    assert our_groups([{"HostConfig": {"CgroupParent": parent}} for parent in parents]) == expected


@pytest.mark.parametrize("raw", [{}, {"HostConfig": None}])
def test_a_container_without_a_group(raw):
    assert our_groups([raw]) == ()


def test_empty_folders_go_in_every_hierarchy_and_what_is_in_use_stays(tmp_path):
    for hierarchy in ("pids", "systemd"):
        (tmp_path / hierarchy / "tpaexec.docker/abc/gone/init.scope").mkdir(parents=True)
        (tmp_path / hierarchy / "docker/gone").mkdir(parents=True)
    (tmp_path / "systemd/tpaexec.docker/abc/used").mkdir()
    (tmp_path / "systemd/tpaexec.docker/abc/used/a-process").touch()
    remove_here(["/tpaexec.docker/abc/gone", "/tpaexec.docker/abc/used", "/tpaexec.docker/abc/absent"], tmp_path)
    assert not (tmp_path / "pids/tpaexec.docker/abc").exists()
    assert (tmp_path / "systemd/tpaexec.docker/abc/used/a-process").exists()
    assert not (tmp_path / "systemd/tpaexec.docker/abc/gone").exists()
    assert (tmp_path / "pids/docker/gone").is_dir()


def test_no_cgroups_at_all(tmp_path):
    remove_here(["/tpaexec.docker/abc/gone"], tmp_path / "absent")
