# SPDX-License-Identifier: GPL-3.0-or-later
"""The command against the real daemon, in the order of a cluster's life: each test goes on from the one before."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from xml.etree import ElementTree

import pytest

from .conftest import EVIL, NODES, PLANTED, TOP, archive_of

pytestmark = pytest.mark.usefixtures("guest_image")
UNO, DUE = NODES


def test_a_check_on_an_empty_host_says_what_would_be_made_and_touches_nothing(tpaexec, cluster, snapshot):
    before = snapshot()
    done = tpaexec("provision", cluster, "--check", "--diff")
    assert done.returncode == 0, done.stderr
    assert "+network t-cmd" in done.stdout
    assert f"+node {UNO}" in done.stdout
    assert "nothing was touched" in done.stdout
    assert snapshot() == before


def test_commands_that_need_a_provisioned_cluster_say_so(tpaexec, cluster):
    for argv in (["ping"], ["cmd", "-a", "id"], ["playbook", "x.yml"], ["ssh", UNO]):
        done = tpaexec(argv[0], cluster, *argv[1:])
        assert done.returncode == 1
        assert "tpaexec provision" in done.stderr.splitlines()[0]


def test_provision_ends_with_a_table_of_booted_nodes(tpaexec, cluster, sdk):
    done = tpaexec("provision", cluster)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith(NODES)]
    assert [(row[0], row[2], row[3]) for row in rows] == [
        (UNO, "primary", "10.46.1.2"),
        (DUE, "replica", "10.46.1.3"),
    ]
    assert {row[-1] for row in rows} <= {"running", "degraded"}
    assert {sdk.containers.get(name).status for name in NODES} == {"running"}


def test_nothing_of_the_users_was_evaluated(cluster, marker, sdk):
    assert f"EVIL={EVIL % marker}" in sdk.containers.get(UNO).attrs["Config"]["Env"]
    assert not marker.exists()
    assert not list(cluster.parent.rglob("pwned"))
    assert not (Path.cwd() / "pwned").exists()


def test_provisioning_again_changes_nothing_and_says_so(tpaexec, cluster, snapshot):
    before = snapshot()
    done = tpaexec("provision", cluster)
    assert done.returncode == 0, done.stderr
    assert "Nothing to change" in done.stdout
    assert "changed" not in done.stdout
    assert snapshot() == before


def test_list_as_table_and_as_json(tpaexec, cluster):
    done = tpaexec("list-containers", cluster)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[0] == "NAME"
    assert all(name in done.stdout for name in NODES)
    done = tpaexec("list-containers", cluster, "--format", "json")
    document = json.loads(done.stdout)
    assert [(one["name"], one["ip_address"]) for one in document["instances"]] == [
        (UNO, "10.46.1.2"),
        (DUE, "10.46.1.3"),
    ]


def test_images_and_ping_as_json(tpaexec, cluster, guest_image):
    answers = json.loads(tpaexec("ping", cluster, "--format", "json").stdout)["nodes"]
    assert [(one["name"], one["answers"]) for one in answers] == [(UNO, True), (DUE, True)]
    images = json.loads(tpaexec("images", "--format", "json").stdout)["images"]
    made_here = {name for one in images for name in one["names"]}
    assert guest_image in made_here or os.environ.get("TPAEXEC_TEST_IMAGE")


def test_the_picture_shows_the_nodes_as_they_are(tpaexec, cluster, sdk, snapshot, tmp_path):
    """Drawn by the real Graphviz: SVG in the directory by default, PNG where it is asked for."""
    sdk.containers.get(DUE).pause()
    try:
        done = tpaexec("diagram", cluster)
    finally:
        sdk.containers.get(DUE).unpause()
    assert (done.returncode, done.stderr) == (0, "")
    texts = [text.text for text in ElementTree.parse(cluster / "diagram.svg").iter() if text.text and text.text.strip()]
    assert {UNO, DUE, "10.46.1.2", "10.46.1.3", "primary", "● running", "● paused", "network t-cmd"} <= set(texts)
    done = tpaexec("diagram", cluster, "--output", tmp_path / "x.png", "-q")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "x.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    before = snapshot()
    assert tpaexec("diagram", cluster, "--check").returncode == 0
    assert snapshot() == before


def test_without_a_daemon_the_picture_is_config_ymls(tpaexec, cluster, tmp_path):
    done = tpaexec("diagram", cluster, "--output", tmp_path / "x.dot", DOCKER_HOST="unix:///nowhere.sock")
    assert done.returncode == 0
    assert done.stderr.startswith("warning: Only what config.yml says is drawn")
    assert "as config.yml says" in (tmp_path / "x.dot").read_text()
    assert "Traceback" not in done.stderr


@pytest.fixture
def a_node_that_tells_all(sdk, cluster):
    """A unit of a node writes every secret, and markup, into the journal, and fails."""
    node = sdk.containers.get(UNO)
    passphrase = (cluster / "vault" / "vault_pass.txt").read_text().strip()
    words = [*PLANTED.values(), passphrase, "password=plantedPattern-77", "<script>alert(1)</script>"]
    script = "".join(f"echo '{word}'\n" for word in words) + "exit 3\n"
    node.put_archive("/", archive_of("say.sh", script))
    node.exec_run(["systemd-run", "--unit=t-cmd-tells", "--wait", "/bin/sh", "/say.sh"])
    yield [*PLANTED.values(), passphrase, "plantedPattern-77", EVIL % "x"]
    node.exec_run(["systemctl", "reset-failed"])


def test_the_report_is_one_page_and_no_secret_is_in_it(tpaexec, cluster, tmp_path, a_node_that_tells_all):
    output = tmp_path / "x.html"
    done = tpaexec("report", cluster, "--output", output, "--archive")
    assert (done.returncode, done.stderr) == (0, "")
    with tarfile.open(tmp_path / "x.tar.gz") as tar:
        files = {name: tar.extractfile(name).read().decode() for name in tar.getnames()}
    assert files["report/report.html"] == output.read_text()
    assert {"report/report.json", "report/diagram.svg", f"report/journals/01-{UNO}.txt"} <= set(files)
    private = (cluster / "id_t-cmd").read_text().splitlines()[1]
    for name, text in files.items():
        for secret in (*a_node_that_tells_all, private):
            assert secret not in text, (name, secret)
        assert name.endswith((".txt", ".json")) or "<script" not in text
    page = output.read_text()
    for said in (UNO, "10.46.1.3", "systemd degraded", "t-cmd-tells.service", "(hidden)", "&lt;script&gt;", "no drift",
                 'class="boot"', "ROOT_EQUIVALENT", "Docker Engine", "ansible-core", 'role="img"'):  # fmt: skip
        assert said in page, said
    data = json.loads(files["report/report.json"])
    assert [(one["name"], one["health"]) for one in data["nodes"]] == [(UNO, "degraded"), (DUE, "running")]
    assert {step["step"] for step in data["steps"] if step["target"] == UNO} == {"create", "start", "boot"}
    tpaexec("report", cluster, "--output", output, "--no-journals", "-q")
    assert "t-cmd-tells" not in output.read_text()


def test_a_node_without_a_python_answers_to_raw(tpaexec, cluster, sdk):
    done = tpaexec("ping", cluster)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [[UNO, "answers,"], [DUE, "answers,"]]
    node = sdk.containers.get(DUE)
    assert node.exec_run(["chmod", "a-x", "/usr/bin/python3.11"]).exit_code == 0
    try:
        done = tpaexec("ping", cluster)
    finally:
        node.exec_run(["chmod", "a+x", "/usr/bin/python3.11"])
    assert done.returncode == 0, done.stderr
    assert "answers to raw only" in done.stdout.splitlines()[1]


@pytest.mark.skipif(not shutil.which("docker"), reason="Ansible's docker connection needs the docker command")
def test_cmd_and_playbook_run_in_the_directory(tpaexec, cluster, tmp_path):
    done = tpaexec("cmd", cluster, UNO, "-m", "ansible.builtin.command", "-a", "hostname")
    assert done.returncode == 0, done.stdout + done.stderr
    assert UNO in done.stdout.splitlines()[-1]
    (tmp_path / "mine.yml").write_text(
        "- hosts: all\n  gather_facts: false\n  tasks:\n"
        "    - ansible.builtin.assert:\n        that: cluster_dir.endswith('}}') and node is defined\n"
        "    - ansible.builtin.command: hostname\n      changed_when: false\n"
    )
    done = tpaexec("playbook", cluster, "mine.yml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "ok=2" in done.stdout
    assert tpaexec("cmd", cluster, "-a", "false").returncode == 1


@pytest.mark.skipif(not shutil.which("ssh"), reason="needs the OpenSSH client")
def test_ssh_ends_as_the_remote_command_ends(tpaexec, cluster):
    done = tpaexec("ssh", cluster, UNO, "hostname; exit 7")
    assert (done.returncode, done.stdout) == (7, f"{UNO}\n"), done.stderr


def test_one_node_stops_and_starts_and_keeps_its_address(tpaexec, cluster, sdk, snapshot):
    before = snapshot()
    assert tpaexec("stop-containers", cluster, DUE, "--check").returncode == 0
    assert snapshot() == before
    done = tpaexec("stop-containers", cluster, DUE)
    assert done.returncode == 0, done.stderr
    assert [sdk.containers.get(name).status for name in NODES] == ["running", "exited"]
    done = tpaexec("ping", cluster)
    assert done.returncode == 1
    assert DUE in done.stderr
    assert "start-containers" in done.stderr
    assert UNO in done.stdout
    done = tpaexec("start-containers", cluster)
    assert done.returncode == 0, done.stderr
    addresses = sdk.containers.get(DUE).attrs["NetworkSettings"]["Networks"]["t-cmd"]["IPAddress"]
    assert addresses == "10.46.1.3"


def test_an_unknown_node_is_refused(tpaexec, cluster):
    done = tpaexec("stop-containers", cluster, "nobody")
    assert done.returncode == 1
    assert "nobody" in done.stderr


def test_a_bad_config_is_refused_with_all_that_is_wrong(tpaexec, cluster, snapshot):
    config = cluster / "config.yml"
    text = config.read_text()
    config.write_text(text.replace("10.46.1.3", "10.99.1.3").replace("upstream: t-cmd-uno", "upstream: noone"))
    before = snapshot()
    try:
        done = tpaexec("provision", cluster)
    finally:
        config.write_text(text)
    assert done.returncode == 1
    assert "2 problems" in done.stderr.splitlines()[0]
    assert "instances[1].ip_address" in done.stderr
    assert {**snapshot()[3], str(config): None} == {**before[3], str(config): None}
    assert snapshot()[:3] == before[:3]


def test_plain_ansible_keeps_its_own_output(cluster):
    environ = {**os.environ, "ANSIBLE_NOCOLOR": "1"}
    environ["ANSIBLE_COLLECTIONS_PATH"] = str(TOP / ".cache" / "collections")
    argv = [sys.executable, "-m", "ansible", "playbook", "tpaexec.docker.list_containers", "-e"]
    argv.append(json.dumps({"cluster_dir": "."}))
    done = subprocess.run(argv, cwd=cluster, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PLAY RECAP" in done.stdout


def test_a_daemon_that_is_not_there_is_one_clear_sentence(tpaexec, cluster):
    done = tpaexec("list-containers", cluster, DOCKER_HOST="unix:///nowhere.sock")
    assert (done.returncode, done.stdout) == (1, "")
    assert "/nowhere.sock" in done.stderr
    assert len(done.stderr.splitlines()) <= 2


def test_somebody_elses_ansible_cfg_changes_nothing(tpaexec, cluster, tmp_path):
    (tmp_path / "ansible.cfg").write_text(
        "[defaults]\nstdout_callback = nonsense\ninventory = /nowhere\nstrategy = nonsense\n"
    )
    done = tpaexec("list-containers", cluster, "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_deprovision_leaves_config_and_the_users_files(tpaexec, cluster, sdk, snapshot):
    before = snapshot()
    assert tpaexec("deprovision", cluster, "--check", "--diff").returncode == 0
    assert snapshot() == before
    done = tpaexec("deprovision", cluster)
    assert done.returncode == 0, done.stderr
    assert not sdk.containers.list(all=True, filters={"name": "t-cmd-"})
    assert not sdk.networks.list(names=["t-cmd"])
    assert {path.name for path in cluster.iterdir()} - {".tpaexec-docker"} == {
        "config.yml",
        "notes of mine.txt",
        "diagram.svg",
        "secrets.env",
    }
    done = tpaexec("deprovision", cluster)
    assert done.returncode == 0, done.stderr
    assert "Nothing to change" in done.stdout
