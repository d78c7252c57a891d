# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that is killed at any moment leaves every generated file whole, and the next one finishes."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._directory import body, keys, paths
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import Run

KILLS = int(os.environ.get("TPAEXEC_TEST_KILLS", "15"))
NODES = 40

# Writes the directory for one address range after the other, until it is killed. argv: directory, import paths
PROGRAM = """
import json, subprocess, sys
sys.path[:0] = json.loads(sys.argv[2])
import ansible_collections
ansible_collections.__path__ = [*ansible_collections.__path__, *json.loads(sys.argv[3])]
from ansible_collections.tpaexec.docker.plugins.module_utils._directory import body
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import Run

text, _top, cluster = body.read_cluster(sys.argv[1])
def run_command(words):
    done = subprocess.run(words, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr

run = Run(False, False, print, run_command)
print("ready", flush=True)
for turn in range(10**6):
    nodes = [dict(name=node.name, ip_address=f"10.{turn % 200}.0.{node.node}") for node in cluster.instances]
    params = dict(cluster_dir=sys.argv[1], state="present", instances=nodes, config_hash=body.config_hash(text))
    body.body(params, run)
    print("written", flush=True)
"""


def run_command(words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("killed")
    nodes = "".join(f"- {{node: {number}, Name: n{number}}}\n" for number in range(1, NODES + 1))
    (path / "config.yml").write_text(
        "cluster_name: killed\ncluster_vars: {a: 1}\n"
        "instance_defaults: {platform: docker, image: 'example/systemd:1', vars: {ansible_user: root}}\n"
        f"instances:\n{nodes}"
    )
    return path


def finish(root, octet=201):
    text, _top, cluster = body.read_cluster(str(root))
    nodes = [dict(name=node.name, ip_address=f"10.{octet}.0.{node.node}") for node in cluster.instances]
    params = dict(cluster_dir=str(root), state="present", instances=nodes, config_hash=body.config_hash(text))
    return body.body(params, Run(False, False, print, run_command))


def generated(root):
    return [path for path in root.rglob("*") if path.is_file() and paths.TEMPORARY not in str(path)]


def is_whole(path: Path) -> bool:
    """Every generated text ends with a line break; those with a known last line have it."""
    text = path.read_text()
    if path.name == "01-instance_vars.yml":
        return text.endswith("volumes: []\n") and text.startswith("ansible_user: root\n")
    if path.name == "ssh_config":
        return text.count("HostName ") == NODES and text.endswith(f".{NODES}\n")
    if path.name == "tpa_known_hosts":
        return text.count("\n") == 2 * NODES
    if path.name.startswith("ssh_host_") or path.name.startswith("id_"):
        return text.endswith("-----END OPENSSH PRIVATE KEY-----\n") if not path.suffix else text.endswith("killed\n")
    return text.endswith("\n")


def start(root):
    extra = [path for path in sys.path if path]
    import ansible_collections  # noqa: PLC0415

    arguments = [str(root), json.dumps(extra), json.dumps(list(ansible_collections.__path__))]
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    return process


def await_writers(root):
    """Until what a killed process had started has ended by itself: an ssh-keygen outlives its parent."""
    deadline = time.monotonic() + 120
    while writers(root):
        assert time.monotonic() < deadline, writers(root)
        time.sleep(0.05)


def writers(root):
    """Command lines of other processes that name the directory."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):
                words = (entry / "cmdline").read_bytes()
                found += [words] if os.fsencode(root) + b"/" in words else []
    return found


def test_killed_while_writing(root):
    finish(root)
    chance = random.Random(7)
    for _dummy in range(KILLS):
        process = start(root)
        time.sleep(chance.uniform(0.0, 0.15))
        process.send_signal(signal.SIGKILL)
        process.wait()
        broken = [str(path) for path in generated(root) if not is_whole(path)]
        assert broken == []
    process = start(root)
    assert process.stdout.readline() == b"written\n"  # so that the last run has something to change back
    process.kill()
    process.wait()
    result = finish(root)
    assert result["changed"]
    assert [str(path) for path in root.rglob(f"*{paths.TEMPORARY}*")] == []
    assert not finish(root)["changed"]


def test_killed_while_making_keys(root):
    chance = random.Random(8)
    _text, _top, cluster = body.read_cluster(str(root))
    for _dummy in range(max(5, KILLS // 2)):
        for pair in keys.key_pairs(str(root), cluster):
            for path in (pair.private, pair.public):
                if chance.random() < 0.7 and os.path.exists(path):
                    os.unlink(path)
        process = start(root)
        time.sleep(chance.uniform(0.0, 0.8))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert [str(path) for path in generated(root) if not is_whole(path)] == []
    await_writers(root)
    finish(root)
    assert [str(path) for path in root.rglob(f"*{paths.TEMPORARY}*")] == []
    for pair in keys.key_pairs(str(root), cluster):
        derived = run_command(["ssh-keygen", "-y", "-P", "", "-f", pair.private])[1]
        assert derived.split()[:2] == Path(pair.public).read_text().split()[:2]
