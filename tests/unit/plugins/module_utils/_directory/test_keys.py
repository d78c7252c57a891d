# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH keys: made once, whole or not at all, the user's own left alone."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._directory import keys, paths
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import PlatformError
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.model import Cluster

ALL = [
    "hostkeys/ssh_host_ecdsa_key",
    "hostkeys/ssh_host_ecdsa_key.pub",
    "hostkeys/ssh_host_rsa_key",
    "hostkeys/ssh_host_rsa_key.pub",
    "id_demo_x",
    "id_demo_x.pub",
]


def run_command(words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def never(words):
    raise AssertionError(f"no process is to be started: {words}")


def cluster(ssh_key_file=""):
    return Cluster("Demo_X", (), ssh_key_file=ssh_key_file)


def tree(root):
    return sorted(
        os.path.relpath(os.path.join(folder, name), root) for folder, _dirs, names in os.walk(root) for name in names
    )


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A directory with all keys, made once: an RSA key takes a second."""
    root = tmp_path_factory.mktemp("keys")
    return root, keys.ensure_keys(str(root), cluster(), never)


@pytest.fixture
def root(made, tmp_path):
    shutil.copytree(made[0], tmp_path / "root")
    return tmp_path / "root"


def test_all_are_made(made):
    root, found = made
    assert tree(root) == ALL
    assert sorted(os.path.relpath(path, root) for path in found.created) == ALL
    assert [mode(root / name) for name in ALL] == [0o600, 0o644, 0o600, 0o644, 0o600, 0o644]
    assert found.private_key == str(root / "id_demo_x")
    assert found.public_key == (root / "id_demo_x.pub").read_text().strip()
    assert sorted(found.host_keys) == ["ecdsa", "rsa"]
    path, text = found.host_keys["rsa"]
    assert path == str(root / "hostkeys/ssh_host_rsa_key")
    assert text.startswith("ssh-rsa ")
    assert text.endswith(" Demo_X")


def test_the_halves_belong_together(made):
    root, _found = made
    for name in ALL[::2]:
        derived = run_command(["ssh-keygen", "-y", "-P", "", "-f", str(root / name)])[1]
        assert derived.split()[:2] == (root / f"{name}.pub").read_text().split()[:2]


def test_the_second_time_nothing_is_started(root):
    before = {name: os.stat(root / name).st_mtime_ns for name in ALL}
    found = keys.ensure_keys(str(root), cluster(), never)
    assert found.created == []
    assert found == keys.read_keys(str(root), cluster())
    assert {name: os.stat(root / name).st_mtime_ns for name in ALL} == before


def test_read_keys_of_an_incomplete_directory(root, tmp_path):
    assert keys.read_keys(str(tmp_path), cluster()) is None
    (root / "hostkeys/ssh_host_ecdsa_key").unlink()
    assert keys.read_keys(str(root), cluster()) is None
    assert keys.missing_keys(str(root), cluster()) == [str(root / "hostkeys/ssh_host_ecdsa_key")]


@pytest.mark.parametrize("text", [None, "", "\n"])
def test_a_lost_public_half_is_derived(root, text):
    before = (root / "id_demo_x.pub").read_text()
    (root / "id_demo_x.pub").unlink()
    if text is not None:
        (root / "id_demo_x.pub").write_text(text)
    found = keys.ensure_keys(str(root), cluster(), run_command)
    assert [os.path.basename(path) for path in found.created] == ["id_demo_x.pub"]
    assert (root / "id_demo_x.pub").read_text() == before
    assert mode(root / "id_demo_x.pub") == 0o644


def test_a_lost_pair_is_made_anew_and_the_others_stay(root):
    before = {name: (root / name).read_text() for name in ALL}
    (root / "hostkeys/ssh_host_ecdsa_key").unlink()
    keys.ensure_keys(str(root), cluster(), never)
    changed = [name for name in ALL if (root / name).read_text() != before[name]]
    assert changed == ALL[:2]


def test_rubbish_of_a_killed_run_is_swept(root):
    (root / "id_demo_x").unlink()
    (root / "id_demo_x.pub").unlink()
    rubbish = root / f"{paths.TEMPORARY}{2**22 + 17}-abc"
    rubbish.mkdir(mode=0o700)
    (rubbish / "0").write_text("half a key")
    keys.ensure_keys(str(root), cluster(), never)
    assert tree(root) == ALL


def test_the_users_own_key_elsewhere_is_used_and_left_alone(root, tmp_path):
    own = tmp_path / "own"
    shutil.copy(root / "id_demo_x", own)
    found = keys.ensure_keys(str(root), cluster(str(own)), run_command)
    assert found.private_key == str(own)
    assert found.public_key.split()[:2] == (root / "id_demo_x.pub").read_text().split()[:2]
    assert found.created == []
    assert not os.path.exists(f"{own}.pub"), "nothing is written beside the user's key"


def test_a_home_directory_is_understood(root, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copy(root / "id_demo_x", tmp_path / "mine")
    shutil.copy(root / "id_demo_x.pub", tmp_path / "mine.pub")
    assert keys.read_keys(str(root), cluster("~/mine")).private_key == str(tmp_path / "mine")


def test_a_relative_key_of_the_users_name_is_made(root):
    found = keys.ensure_keys(str(root), cluster("ssh/my_key"), never)
    assert found.private_key == str(root / "ssh/my_key")
    assert tree(root) == sorted([*ALL, "ssh/my_key", "ssh/my_key.pub"])


def test_a_missing_key_elsewhere_is_an_error(root, tmp_path):
    for name in (str(tmp_path / "none"), "../none", "~/none-of-tpaexec"):
        with pytest.raises(PlatformError, match="which is not there") as caught:
            keys.ensure_keys(str(root), cluster(name), never)
        assert "ssh-keygen" in caught.value.remedy


def test_a_public_half_alone_under_the_users_name_is_kept(root):
    (root / "mine.pub").write_text("ssh-ed25519 AAAA me\n")
    with pytest.raises(PlatformError, match="without its private key"):
        keys.ensure_keys(str(root), cluster("mine"), never)
    assert (root / "mine.pub").read_text() == "ssh-ed25519 AAAA me\n"


def test_a_public_half_alone_under_our_own_name_is_replaced(root):
    (root / "id_demo_x").unlink()
    before = (root / "id_demo_x.pub").read_text()
    keys.ensure_keys(str(root), cluster("id_demo_x"), never)
    assert (root / "id_demo_x.pub").read_text() != before


def test_a_key_with_a_passphrase_is_refused_and_not_asked_for(root):
    run_command(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "secret", "-f", str(root / "locked")])
    (root / "locked.pub").unlink()
    with pytest.raises(PlatformError, match="cannot be derived") as caught:
        keys.ensure_keys(str(root), cluster("locked"), run_command)
    assert "passphrase" in caught.value.remedy


def test_a_directory_in_the_place_of_a_key(root):
    (root / "id_demo_x").unlink()
    (root / "id_demo_x").mkdir()
    with pytest.raises(PlatformError, match="is not a file"):
        keys.ensure_keys(str(root), cluster(), never)


def test_hostkeys_that_lead_out_of_the_directory_are_refused(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "root/hostkeys").symlink_to(tmp_path / "outside")
    with pytest.raises(PlatformError, match="leads out"):
        keys.ensure_keys(str(tmp_path / "root"), cluster(), never)
    assert os.listdir(tmp_path / "outside") == []


def test_without_ssh_keygen_the_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PlatformError, match="ssh-keygen is not installed") as caught:
        keys.ensure_keys(str(tmp_path), cluster(), never)
    assert "openssh-client" in caught.value.remedy


def test_a_failing_ssh_keygen_leaves_nothing(tmp_path, monkeypatch):
    program = tmp_path / "ssh-keygen"
    program.write_text("#!/bin/sh\necho 'no entropy today'\nexit 3\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    (tmp_path / "root").mkdir()
    with pytest.raises(PlatformError, match="no entropy today"):
        keys.ensure_keys(str(tmp_path / "root"), cluster(), never)
    assert tree(tmp_path / "root") == []
