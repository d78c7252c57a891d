# SPDX-License-Identifier: GPL-3.0-or-later
"""Atomic writing: what is right stays untouched, what is wrong is replaced at once, nothing leads out."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._directory import paths, write
from ansible_collections.tpaexec.docker.plugins.module_utils._directory.write import Change, File, apply, compare
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import PlatformError

DEAD = 2**22 + 17  # above the greatest pid that Linux gives


def put(root, files, **more):
    changes = compare(str(root), files, **more)
    apply(str(root), changes)
    return changes


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def test_writes_with_directories_and_modes(tmp_path):
    changes = put(tmp_path, [File("a/b/c.yml", "x: 1\n"), File("secret", "s\n", 0o600, secret=True)])
    assert changes.paths("created") == ["a/b/c.yml", "secret"]
    assert (tmp_path / "a/b/c.yml").read_text() == "x: 1\n"
    assert (mode(tmp_path / "a/b/c.yml"), mode(tmp_path / "secret")) == (0o644, 0o600)


def test_the_modes_do_not_depend_on_the_umask(tmp_path):
    old = os.umask(0o077)
    try:
        put(tmp_path, [File("f", "x", 0o644)])
    finally:
        os.umask(old)
    assert mode(tmp_path / "f") == 0o644


def test_second_write_touches_nothing(tmp_path):
    files = [File("a/f", "text\n"), File("g", "é🐘\n")]
    put(tmp_path, files)
    os.utime(tmp_path / "a/f", ns=(1, 1))
    before = os.stat(tmp_path / "a/f")
    changes = put(tmp_path, files)
    after = os.stat(tmp_path / "a/f")
    assert not changes.changed
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)


def test_compare_alone_writes_nothing(tmp_path):
    (tmp_path / "old").write_text("x")
    changes = compare(str(tmp_path), [File("new/f", "y")], ["old"], ["folder"])
    assert changes.changed
    assert sorted(os.listdir(tmp_path)) == ["old"]


@pytest.mark.parametrize(
    ("before", "file", "kind"),
    [
        (None, File("f", "new\n"), "created"),
        ("old\n", File("f", "new\n"), "updated"),
        ("same\n", File("f", "same\n", 0o600), "updated"),
    ],
)
def test_kind_of_change(tmp_path, before, file, kind):
    if before is not None:
        (tmp_path / "f").write_text(before)
    changes = put(tmp_path, [file])
    assert changes.paths(kind) == ["f"]
    assert (tmp_path / "f").read_text() == file.content
    assert mode(tmp_path / "f") == file.mode


def test_diff_shows_the_text(tmp_path):
    (tmp_path / "f").write_text("old\n")
    (tmp_path / "gone").write_text("bye\n")
    diff = compare(str(tmp_path), [File("f", "new\n"), File("n", "é\n")], ["gone"]).diff()
    assert [(item["before_header"], item["before"], item["after"]) for item in diff] == [
        ("f", "old\n", "new\n"),
        ("n", "", "é\n"),
        ("gone", "bye\n", ""),
    ]


def test_no_secret_in_a_diff(tmp_path):
    (tmp_path / "a").write_text("hunter2 old")
    (tmp_path / "b").write_text("hunter2")
    (tmp_path / "c").write_text("hunter2")
    texts = {"a": "hunter2 new", "b": "hunter2", "d": "hunter2"}
    files = [File(name, text, 0o600, secret=True) for name, text in texts.items()]
    diff = compare(str(tmp_path), files, ["c"], secret=lambda path: path == "c").diff()
    assert len(diff) == 4
    assert "hunter2" not in repr(diff)
    assert all(item["before"] != item["after"] for item in diff)


def test_what_is_not_text_survives_a_diff(tmp_path):
    (tmp_path / "f").write_bytes(b"\xff\xfe\n")
    (item,) = compare(str(tmp_path), [File("f", "x\n")]).diff()
    assert item["before"].encode("utf-8")


def test_stale_file_goes_and_its_directory_when_empty(tmp_path):
    for name in ("a", "b"):
        (tmp_path / "host_vars" / name).mkdir(parents=True)
        (tmp_path / "host_vars" / name / "01.yml").write_text("x")
    (tmp_path / "host_vars/b/mine.yml").write_text("y")
    changes = put(tmp_path, [], stale=["host_vars/a/01.yml", "host_vars/b/01.yml", "never/was"])
    assert changes.paths("removed") == ["host_vars/a/01.yml", "host_vars/b/01.yml"]
    assert sorted(os.listdir(tmp_path / "host_vars")) == ["b"]
    assert os.listdir(tmp_path / "host_vars/b") == ["mine.yml"]


@pytest.mark.parametrize("link", ["f", "d"])
def test_a_link_out_of_the_directory_is_refused(tmp_path, link):
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "f").write_text("precious")
    (root / link).symlink_to(outside / "f" if link == "f" else outside)
    with pytest.raises(PlatformError, match="leads out of the cluster directory"):
        put(root, [File("f" if link == "f" else "d/f", "new")])
    assert (outside / "f").read_text() == "precious"


@pytest.mark.parametrize("name", ["../f", "a/../../f", "/etc/tpaexec-never"])
def test_a_path_out_of_the_directory_is_refused(tmp_path, name):
    (tmp_path / "root/a").mkdir(parents=True)
    with pytest.raises(PlatformError, match="leads out"):
        put(tmp_path / "root", [File(name, "x")])


def test_a_link_within_the_directory_is_followed(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "inventory").symlink_to("real")
    put(tmp_path, [File("inventory/f", "x")])
    assert (tmp_path / "real/f").read_text() == "x"
    assert (tmp_path / "inventory").is_symlink()


def test_removing_a_link_leaves_its_target(tmp_path):
    (tmp_path / "target").write_text("x")
    (tmp_path / "link").symlink_to("target")
    put(tmp_path, [], stale=["link"])
    assert os.listdir(tmp_path) == ["target"]


def test_rubbish_of_a_dead_run_is_swept_and_a_living_ones_left(tmp_path):
    (tmp_path / "d").mkdir()
    dead, living = f"{paths.TEMPORARY}{DEAD}-x", f"{paths.TEMPORARY}{os.getpid()}-x"
    for name in (dead, living):
        (tmp_path / "d" / name).write_text("half")
    folder = tmp_path / f"{paths.TEMPORARY}{DEAD}-dir"
    folder.mkdir()
    (folder / "key").write_text("half")
    changes = put(tmp_path, [File("d/f", "x")])
    assert sorted(changes.rubbish) == sorted([f"d/{dead}", folder.name])
    assert sorted(os.listdir(tmp_path / "d")) == sorted([living, "f"])
    assert not folder.exists()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "permission denied"),
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EIO, "error"),
    ],
)
def test_errors_of_the_system_say_what_to_do(tmp_path, monkeypatch, number, words):
    def refuse(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(write.os, "fsync", refuse)
    with pytest.raises(PlatformError, match=words) as caught:
        put(tmp_path, [File("f", "x")])
    assert caught.value.remedy
    assert paths.TEMPORARY not in str(caught.value)
    assert os.listdir(tmp_path) == [], "no temporary file is left"


def test_a_directory_in_the_place_of_a_file(tmp_path):
    (tmp_path / "ssh_config").mkdir()
    with pytest.raises(PlatformError, match="ssh_config"):
        put(tmp_path, [File("ssh_config", "x")])


def test_a_file_in_the_place_of_a_directory(tmp_path):
    (tmp_path / "inventory").write_text("[all]\n")
    with pytest.raises(PlatformError, match=r"file is in the way|not a directory") as caught:
        put(tmp_path, [File("inventory/host_vars/f", "x")])
    assert "Move that file away" in caught.value.remedy


def test_a_change_that_is_only_a_mode_shows_it():
    assert "(mode 0600)" in Change("f", "x\n", "x\n", 0o600).diff()["after"]
