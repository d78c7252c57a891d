# SPDX-License-Identifier: GPL-3.0-or-later
"""The module cluster_directory from parameters to files."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._directory import body, keys, vault
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import Run
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import PlatformError

GENERATED = [
    "hostkeys/ssh_host_ecdsa_key",
    "hostkeys/ssh_host_ecdsa_key.pub",
    "hostkeys/ssh_host_rsa_key",
    "hostkeys/ssh_host_rsa_key.pub",
    "id_m1",
    "id_m1.pub",
    "inventory/00-m1",
    "inventory/group_vars/hashes/config.yml",
    "inventory/group_vars/tag_Cluster_m1/00-ansible.yml",
    "inventory/group_vars/tag_Cluster_m1/01-m1.yml",
    "inventory/host_vars/t-dir-due/01-instance_vars.yml",
    "inventory/host_vars/t-dir-tre/01-instance_vars.yml",
    "inventory/host_vars/t-dir-uno/01-instance_vars.yml",
    "ssh_config",
    "tpa_known_hosts",
    "vault/vault_pass.txt",
]

OWN = [
    "commands/mine.yml",
    "deploy.yml",
    "hooks/pre-deploy.yml",
    "inventory/group_vars/all/mine.yml",
    "inventory/group_vars/tag_Cluster_m1/02-mine.yml",
    "inventory/group_vars/tag_Cluster_m1/secrets/mine.yml",
    "inventory/host_vars/t-dir-uno/02-mine.yml",
    "inventory/mine.yml",
    "known_hosts",
    "keys/id_app",
    "certs/server.pem",
]


def run_command(words):
    raise AssertionError(f"no process is to be started: {words}")


def a_run(check=False, diff=False, warnings=None):
    return Run(check, diff, (warnings if warnings is not None else []).append, run_command)


@pytest.fixture(scope="session")
def with_keys(tmp_path_factory):
    root = tmp_path_factory.mktemp("with_keys")
    shutil.copy(Path(__file__).parents[4] / "data/clusters/m1/config.yml", root)
    _text, _top, cluster = body.read_cluster(str(root))
    keys.ensure_keys(str(root), cluster, run_command)
    return root


@pytest.fixture
def root(with_keys, tmp_path):
    shutil.copytree(with_keys, tmp_path / "m1")
    return tmp_path / "m1"


def present(root, recorded, run=None, **more):
    params = dict(
        cluster_dir=str(root), state="present", instances=recorded.instances, config_hash=recorded.config_hash
    )
    return body.body({**params, **more}, run or a_run())


def absent(root, run=None):
    return body.body(dict(cluster_dir=str(root), state="absent"), run or a_run())


def tree(root):
    found = [path for path in root.rglob("*") if path.is_file() and path != root / "config.yml"]
    return sorted(str(path.relative_to(root)) for path in found)


def put_own(root):
    for name in OWN:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"mine: {name}\n")


def state_of(root):
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_mode) for path in sorted(root.rglob("*"))}


def test_present_makes_every_file_of_the_contract(root, m1):
    result = present(root, m1)
    assert result["changed"]
    assert tree(root) == GENERATED
    assert [name for name in GENERATED if not name.startswith(("id_", "hostkeys/"))] == result["created"]
    modes = {name: stat.S_IMODE((root / name).stat().st_mode) for name in GENERATED}
    private = {"hostkeys/ssh_host_ecdsa_key", "hostkeys/ssh_host_rsa_key", "id_m1", "vault/vault_pass.txt"}
    assert {name for name in GENERATED if modes[name] == 0o600} == private
    assert {modes[name] for name in GENERATED if name not in private} == {0o644}
    assert (root / "inventory/group_vars/tag_Cluster_m1/secrets").is_dir()


def test_the_second_time_nothing_changes(root, m1):
    present(root, m1)
    before = state_of(root)
    result = present(root, m1, a_run(diff=True))
    assert not result["changed"]
    assert result["diff"] == []
    assert state_of(root) == before


def test_check_mode_touches_nothing_and_says_what_it_would(root, m1):
    for name in ("id_m1", "id_m1.pub"):
        (root / name).unlink()
    before = state_of(root)
    result = present(root, m1, a_run(check=True, diff=True))
    assert state_of(root) == before
    assert result["changed"]
    assert {"id_m1", "ssh_config", "vault/vault_pass.txt"} <= set(result["created"])
    assert {item["before_header"] for item in result["diff"]} == set(result["created"])


def test_no_secret_leaves_in_a_diff(root, m1):
    present(root, m1)
    secrets = [(root / name).read_text().strip() for name in ("id_m1", "vault/vault_pass.txt")]
    shown = repr(absent(root, a_run(check=True, diff=True)))
    assert all(secret not in shown and repr(secret)[1:-1] not in shown for secret in secrets)


def test_a_directory_that_tpa_provisioned_stays_as_it_is(root, m1):
    """But for the mode of the passphrase's file, which git (TPA commits its files) does not see."""
    for name, text in m1.expected.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (root / "vault").mkdir()
    (root / "vault/vault_pass.txt").write_text("of TPA\n")
    result = present(root, m1)
    assert (result["created"], result["removed"]) == ([], [])
    assert result["updated"] == ["vault/vault_pass.txt"]
    assert (root / "vault/vault_pass.txt").read_text() == "of TPA\n"


def test_a_changed_address_changes_only_its_files(root, m1):
    present(root, m1)
    m1.instances[0]["ip_address"] = "10.45.1.9"
    result = present(root, m1)
    assert result["updated"] == ["inventory/host_vars/t-dir-uno/01-instance_vars.yml", "ssh_config", "tpa_known_hosts"]


def test_a_dropped_node_loses_our_file_and_keeps_the_users(root, m1):
    for node in ("old-a", "old-b"):
        (root / f"inventory/host_vars/{node}").mkdir(parents=True)
        (root / f"inventory/host_vars/{node}/01-instance_vars.yml").write_text("location: main\n")
    (root / "inventory/host_vars/old-b/mine.yml").write_text("x: 1\n")
    result = present(root, m1)
    assert result["removed"] == [f"inventory/host_vars/{node}/01-instance_vars.yml" for node in ("old-a", "old-b")]
    assert not (root / "inventory/host_vars/old-a").exists()
    assert os.listdir(root / "inventory/host_vars/old-b") == ["mine.yml"]


def test_config_that_changed_meanwhile_is_refused(root, m1):
    (root / "config.yml").write_text(m1.text + "\n# changed\n")
    before = state_of(root)
    with pytest.raises(PlatformError, match="changed while it was being provisioned"):
        present(root, m1)
    assert state_of(root) == before


def test_blanks_at_the_end_are_no_change(root, m1):
    (root / "config.yml").write_text(m1.text + "\n\n")
    assert present(root, m1)["changed"]


def test_a_node_without_a_result_is_refused(root, m1):
    with pytest.raises(PlatformError, match="t-dir-due"):
        present(root, m1, instances=[m1.instances[0], m1.instances[2]])


def test_loose_keys_are_tightened(root, m1):
    present(root, m1)
    (root / "id_m1").chmod(0o644)
    result = present(root, m1)
    assert result["updated"] == ["id_m1"]
    assert stat.S_IMODE((root / "id_m1").stat().st_mode) == 0o600


def test_the_passphrase_stays(root, m1):
    present(root, m1)
    first = (root / "vault/vault_pass.txt").read_text()
    present(root, m1)
    assert (root / "vault/vault_pass.txt").read_text() == first
    assert len(first) == vault.LENGTH + 1


def test_an_empty_passphrase_of_a_killed_run_is_replaced(root, m1):
    (root / "vault").mkdir()
    (root / "vault/vault_pass.txt").write_text("")
    present(root, m1)
    assert (root / "vault/vault_pass.txt").read_text().strip()


def test_absent_leaves_config_and_the_users_own_files(root, m1):
    put_own(root)
    present(root, m1)
    (root / "inventory/group_vars/tag_Cluster_m1/secrets/postgres_password.yml").write_text(
        "postgres_password: !vault |\n          $ANSIBLE_VAULT;1.1;AES256\n          6231\n"
    )
    result = absent(root)
    assert result["changed"]
    assert tree(root) == sorted(OWN)
    assert (root / "config.yml").is_file()
    assert not (root / "inventory/host_vars/t-dir-due").exists()
    again = absent(root)
    assert not again["changed"]


def test_absent_without_files_of_the_user_leaves_config_alone(root, m1):
    present(root, m1)
    absent(root)
    assert os.listdir(root) == ["config.yml"]


def test_absent_in_check_mode_touches_nothing(root, m1):
    present(root, m1)
    before = state_of(root)
    result = absent(root, a_run(check=True))
    assert state_of(root) == before
    assert result["removed"] == GENERATED


def test_absent_keeps_a_key_that_config_names(root, m1):
    text = m1.text.replace("cluster_name: m1\n", "cluster_name: m1\nssh_key_file: my_key\n")
    (root / "config.yml").write_text(text)
    present(root, m1, config_hash=body.config_hash(text))
    absent(root)
    assert (root / "my_key").is_file()


def test_without_config_the_error_says_what_to_do(tmp_path):
    with pytest.raises(PlatformError, match="There is no") as caught:
        absent(tmp_path)
    assert "configure" in caught.value.remedy


class Keyring:
    """What vault.py uses of the Python package keyring."""

    def __init__(self, error=None, **entries):
        self.error = error
        self.entries = dict(entries)

    def get_password(self, service, user):
        if self.error:
            raise self.error
        return self.entries.get(f"{service}/{user}")

    def set_password(self, service, user, password):
        self.entries[f"{service}/{user}"] = password


@pytest.mark.parametrize(
    ("code", "check", "changed", "words"),
    [
        (0, False, True, ""),
        (2, False, False, ""),
        (1, False, False, "Could not find compatible keyring backend"),
        (0, True, False, ""),
    ],
)
def test_the_keyring_by_tpas_own_program(tmp_path, code, check, changed, words):
    program = tmp_path / "tpa/architectures/lib/generate-vault"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    seen = []

    def answer(arguments, environ_update):
        seen.append((arguments, environ_update))
        return code, "" if code == 0 else f"some lines\n{words}\n", ""

    cluster = body.Cluster("c", (), keyring_backend="system", vault_name="v-1")
    environ = {"TPA_DIR": str(tmp_path / "tpa"), "TPA_VENV": "/venv", "PATH": "/bin"}
    done, warning = vault.see_to_keyring("/clusters/c", cluster, check, answer, environ)
    assert (done, words in warning) == (changed, True)
    assert bool(warning) == bool(words)
    expected = {"PATH": "/venv/bin:/bin", "PYTHONPATH": str(tmp_path / "tpa/lib")}
    assert seen == ([] if check else [([str(program), "/clusters/c", "system", "v-1"], expected)])


@pytest.mark.parametrize(
    ("ring", "check", "changed", "warns"),
    [
        (Keyring(), False, True, False),
        (Keyring(), True, True, False),
        (Keyring(**{"TPA_clusters/v-1": "there"}), False, False, False),
        (Keyring(RuntimeError("No recommended backend was available.")), False, False, True),
        (None, False, False, True),
    ],
)
def test_the_systems_keyring(tmp_path, ring, check, changed, warns):
    cluster = body.Cluster("c", (), keyring_backend="system", vault_name="v-1")
    done, warning = vault.store_in_keyring(str(tmp_path / "clusters"), cluster, ring, check)
    assert done == changed
    assert bool(warning) == warns
    if warns:
        assert "keyring set TPA_clusters v-1" in warning
    if changed:
        assert bool(ring.entries) != check
