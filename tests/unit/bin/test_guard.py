# SPDX-License-Identifier: GPL-3.0-or-later
"""TPA is not let at a directory of ours whose nodes it would recreate."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._directory.connection import connection_vars
from ansible_collections.tpaexec.docker.plugins.module_utils._directory.nice_yaml import nice_yaml
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.model import Host

TEXT = "cluster_name: d\n"


@pytest.mark.parametrize(
    ("word", "ours", "recorded", "stopped"),
    [
        ("deploy", True, "another text", True),
        ("upgrade", True, "another text", True),
        ("deploy", True, TEXT.rstrip(), False),
        ("deploy", True, None, False),  # nothing of ours is provisioned now
        ("deploy", False, "another text", False),  # TPA's own
        ("test", True, "another text", False),
    ],
)
def test_before_tpa(command, word, ours, recorded, stopped):
    tpa = command.base / "tpa" / "bin" / "tpaexec"
    tpa.parent.mkdir(parents=True)
    tpa.write_text("#!/bin/sh\necho handed over\n")
    tpa.chmod(0o755)
    root = command.base / "clusters" / "d"
    (root / "inventory/group_vars/hashes").mkdir(parents=True)
    (root / "config.yml").write_text(TEXT)
    if ours:
        (root / ".tpaexec-docker").mkdir()
        (root / ".tpaexec-docker/id").write_text("an id\n")
    if recorded is not None:
        digest = hashlib.sha256(recorded.encode()).hexdigest()
        text = f"config_hashes:\n    last_provisioned: {digest}\n"
        (root / "inventory/group_vars/hashes/config.yml").write_text(text)
    done = command.run(word, str(root), TPA_DIR=str(command.base / "tpa"))
    if stopped:
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: Run 'tpaexec provision {root}' first: config.yml changed")
        assert done.stdout == ""
    else:
        assert (done.returncode, done.stdout) == (0, "handed over\n"), done.stderr


MINE, THEIRS = "11111111-mine", "22222222-theirs"


@pytest.mark.parametrize(
    ("listed", "others"),
    [
        (["uno\t{MINE}\td", "due\t\td"], []),  # due: TPA's
        (["uno\t{MINE}\td", "elsewhere\t{THEIRS}\td"], []),
        (["uno\t{MINE}\td", "far\t{THEIRS}\td"], []),  # far is on a host of its own, which has no such container
        (["uno\t{MINE}\td", "far:\tuno\t{THEIRS}\td", "far:\tfar\t{MINE}\td"], []),
        (["uno\t{MINE}\td", "far:\tfar\t{THEIRS}\td"], ["far"]),
        (["due\t{THEIRS}\td", "far:\tfar\t{THEIRS}\td"], ["due", "far"]),
        (["uno\t{MINE}\td", "due\t{THEIRS}\td"], ["due"]),
        (["uno\t\t", "due\t\tanother"], ["due", "uno"]),
        (["Cannot connect to the Docker daemon"], []),  # Ansible says that itself
    ],
)
@pytest.mark.parametrize("word", [("cmd", "-a", "id"), ("playbook", "x.yml")])
def test_before_ansible(command, word, listed, others):
    root = command.cluster(
        "d", "config.yml", "inventory/00-d", "inventory/host_vars/uno/v.yml", "inventory/host_vars/due/v.yml",
        "inventory/host_vars/far/02-docker_host.yml", ".tpaexec-docker/id",
    )  # fmt: skip
    (root / ".tpaexec-docker/id").write_text(MINE + "\n")
    authority = f"{root}/keys of my own, in a folder whose name is long and has blanks, isn't it/ca.pem"
    words = connection_vars(Host("h", "tcp://far:2376", tls_ca_cert=authority), str(root))
    (root / "inventory/host_vars/far/02-docker_host.yml").write_text(nice_yaml(words))
    docker = command.base / "programs" / "docker"
    docker.parent.mkdir()
    text = "".join(line.format(MINE=MINE, THEIRS=THEIRS) + "\n" for line in listed)
    far = "".join(line.removeprefix("far:\t") for line in text.splitlines(True) if line.startswith("far:"))
    near = "".join(line for line in text.splitlines(True) if not line.startswith("far:"))
    words = f"--host tcp://far:2376 --tlsverify --tlscacert {root}/inventory/../{authority[len(str(root)) + 1 :]} ps *"
    words = words.replace("'", "'\\''")
    docker.write_text(
        f"#!/bin/sh\ncase \"$*\" in '{words[:-1]}'*) cat <<'.'\n{far}.\n;; 'ps '*) cat <<'.'\n{near}.\n;; esac\n"
    )
    docker.chmod(0o755)
    done = command.run(word[0], str(root), *word[1:], PATH=f"{docker.parent}:{command.env['PATH']}")
    assert command.started is not bool(others), done.stderr
    assert done.returncode == bool(others)
    if others:
        assert done.stderr.startswith("error: Rename or remove what has a node's name yourself")
        assert ", ".join(others) in done.stderr
        assert "Nothing was run" in done.stderr


@pytest.mark.parametrize("files", [False, True])
def test_a_silent_host_with_another_name_is_passed_over(command, files):
    """Ansible says it itself, by the words of the connection. What is really listed: integration/several_hosts."""
    root = command.cluster("d", "config.yml", "inventory/00-d", "inventory/host_vars/far/02-docker_host.yml")
    (root / ".tpaexec-docker").mkdir()
    (root / ".tpaexec-docker/id").write_text(MINE + "\n")
    more = {"tls_ca_cert": f"{root}/ca.pem", "tls_client_cert": f"{root}/c.pem"} if files else {}
    words = connection_vars(Host("h", "tcp://127.0.0.1:9", tls_hostname="other", **more), str(root))
    (root / "inventory/host_vars/far/02-docker_host.yml").write_text(nice_yaml(words))
    done = command.run("cmd", str(root), "-a", "id")
    assert command.started, done.stderr
    assert done.returncode == 0


UNIGNORED = "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"


def test_nobody_waits_for_a_daemon_that_is_silent(command):
    """Ctrl-C is heard at once, and what was started is gone."""
    root = command.cluster(
        "d", "config.yml", "inventory/00-d", "inventory/host_vars/uno/v.yml",
        "inventory/host_vars/far/02-docker_host.yml",
    )  # fmt: skip
    (root / ".tpaexec-docker").mkdir()
    (root / ".tpaexec-docker/id").write_text(MINE + "\n")
    words = connection_vars(Host("h", "ssh://far"), str(root))
    (root / "inventory/host_vars/far/02-docker_host.yml").write_text(nice_yaml(words))
    docker = command.base / "programs" / "docker"
    docker.parent.mkdir()
    docker.write_text(f"#!/bin/sh\necho $$ >>{command.base}/pids\nexec sleep 60\n")
    docker.chmod(0o755)
    words = [sys.executable, "-IS", str(command.top / "bin" / "tpaexec"), "cmd", str(root), "-a", "id"]
    env = {**command.env, "PATH": f"{docker.parent}:{command.env['PATH']}"}
    with subprocess.Popen([sys.executable, "-c", UNIGNORED, *words], env=env, stderr=subprocess.PIPE, text=True) as run:
        pids = command.base / "pids"
        until = time.monotonic() + 20
        while not (pids.exists() and len(pids.read_text().split()) == 2) and time.monotonic() < until:
            time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        said = run.communicate(timeout=5)[1]
    assert run.returncode == 130
    assert "Traceback" not in said
    assert not command.started
    while any(map(runs, pids.read_text().split())) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(runs, pids.read_text().split()))


def runs(pid: str) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
