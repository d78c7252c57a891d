# SPDX-License-Identifier: GPL-3.0-or-later
"""The command as it is called: exit codes, what goes where, and what Ansible is given."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._directory.connection import (
    connection_vars,
    host_vars_path,
)
from ansible_collections.tpaexec.docker.plugins.module_utils._directory.nice_yaml import nice_yaml
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.model import Host

from .conftest import Command, write_teller


def test_version(command: Command):
    done = command.run("--version")
    assert done.returncode == 0
    assert done.stdout.startswith("tpaexec.docker 0.")


def test_no_word_shows_the_words_and_is_wrong_usage(command: Command):
    done = command.run()
    assert (done.returncode, done.stdout) == (2, "")
    assert "provision" in done.stderr
    assert command.run("--help").returncode == 0


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["provison", "d"], 2, "Did you mean 'provision'"),
        (["--hlep"], 2, "Did you mean '--help'"),
        (["provision", "nowhere"], 1, "tpaexec configure nowhere --platform docker"),
        (["provision", "a file"], 1, "cluster directory"),
        (["provision", "empty"], 1, "no config.yml"),
        (["provision", ""], 2, "DIR is empty"),
        (["provision", "d", "--frobnicate"], 2, "--frobnicate"),
        (["ping", "empty"], 1, "no config.yml"),
        (["ping", "configured"], 1, "tpaexec provision configured"),
        (["ssh", "configured", "n"], 1, "tpaexec provision configured"),
        (["cmd", "configured", "-a", "id"], 1, "tpaexec provision configured"),
        (["deprovision", "nowhere"], 1, "nowhere"),
        (["provision", b"caf\xe9".decode("utf-8", "surrogateescape")], 1, "cluster directory"),
    ],
    ids=lambda value: str(value)[:30].encode("ascii", "replace").decode(),
)
def test_errors_are_one_sentence_on_stderr_before_anything_starts(command: Command, argv, code, said):
    command.cluster("empty")
    command.cluster("configured", "config.yml")
    (command.base / "a file").write_text("")
    done = command.run(*argv)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not command.started


def test_a_playbook_of_ours_gets_all_it_needs(command: Command):
    cluster = command.cluster("my cluster", "config.yml")
    done = command.run("provision", "my cluster", "--check", "-v", "--recreate", "a", "--", "--flush-cache")
    assert done.returncode == 0, done.stderr
    argv, env = command.told["argv"], command.told["env"]
    assert argv[0] == str(command.bin / "ansible-playbook")
    assert argv[1] == "tpaexec.docker.provision"
    assert argv[-3:] == ["--check", "-v", "--flush-cache"]
    assert f'"cluster_dir": !unsafe "{cluster}"' in argv[argv.index("-e") + 1]
    assert '"cluster_recreate": [!unsafe "a"]' in argv[argv.index("-e") + 1]
    assert env["ANSIBLE_STDOUT_CALLBACK"] == "tpaexec.docker.tpaexec"
    assert Path(env["ANSIBLE_CONFIG"]).is_file()
    first = Path(env["ANSIBLE_COLLECTIONS_PATH"].split(":")[0])
    assert (first / "ansible_collections" / "tpaexec" / "docker").resolve() == command.top


def test_an_inventory_that_is_not_there(command: Command):
    done = command.run("preflight", "-i", "hosts.ini")
    assert done.returncode == 1
    assert done.stderr.startswith("error: Name an inventory that exists: there is no /")
    assert not command.started
    (command.base / "hosts.ini").touch()
    assert command.run("preflight", "-i", "hosts.ini").returncode == 0
    assert command.run("preflight", "-i", "one,two,").returncode == 0


def test_an_installed_collection_is_its_own_path(command: Command):
    place = command.base / "ansible_collections" / "tpaexec"
    place.mkdir(parents=True)
    command.top = command.top.rename(place / "docker")
    command.cluster("d", "config.yml")
    assert command.run("provision", "d").returncode == 0
    assert command.told["env"]["ANSIBLE_COLLECTIONS_PATH"].split(":")[0] == str(command.base)
    assert not (command.top / ".cache").exists()


def test_ansible_on_the_path_when_the_checkout_has_none(command: Command):
    command.cluster("d", "config.yml")
    (command.bin / "ansible-playbook").unlink()
    write_teller(command.base / "other" / "ansible-playbook")
    path = f"{command.base / 'other'}:/usr/bin:/bin"
    assert command.run("provision", "d", PATH=path).returncode == 0
    assert command.told["argv"][0] == str(command.base / "other" / "ansible-playbook")


def test_no_ansible_at_all(command: Command):
    command.cluster("d", "config.yml")
    (command.bin / "ansible-playbook").unlink()
    done = command.run("provision", "d", PATH=str(command.base / "nothing"))
    assert done.returncode == 1
    assert "make venv" in done.stderr


def test_started_through_a_symbolic_link(command: Command):
    command.cluster("d", "config.yml")
    link = command.base / "tpaexec"
    link.symlink_to(command.top / "bin" / "tpaexec")
    done = subprocess.run(
        [sys.executable, str(link), "provision", "d"], cwd=command.base, env=command.env, check=False, timeout=60
    )
    assert done.returncode == 0
    assert command.told["argv"][0] == str(command.bin / "ansible-playbook")


@pytest.mark.parametrize(("ansible", "ours"), [(0, 0), (1, 1), (2, 1), (4, 1), (99, 130), (250, 1)])
def test_exit_codes(command: Command, ansible, ours):
    command.cluster("d", "config.yml")
    done = command.run("provision", "d", TELL_EXIT=str(ansible))
    assert done.returncode == ours
    assert ("tpaexec provision" in done.stderr) is (ours == 130)


def test_a_signal_reaches_ansible_and_is_waited_for(command: Command):
    command.cluster("d", "config.yml")
    slow = command.bin / "ansible-playbook"
    slow.write_text("#!/bin/sh\ntrap 'echo cleaned; exit 99' INT TERM\n: > started\nwhile :; do sleep 0.1; done\n")
    argv = [sys.executable, str(command.top / "bin" / "tpaexec"), "provision", "d"]
    process = subprocess.Popen(
        argv, cwd=command.base, env=command.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 20
    while not (command.base / "started").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, "Ansible was not started"
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == "cleaned\n"
    assert err.count("\n") == 1
    assert "Traceback" not in err


@pytest.mark.parametrize("argv", [["ping", "d"], ["cmd", "d", "-a", "id"]], ids=lambda argv: argv[0])
@pytest.mark.parametrize("value", ["x", "yes"])
def test_a_setting_that_ansible_cannot_read_is_one_sentence(command: Command, argv, value):
    """From the environment, or from the directory's own ansible.cfg where that counts."""
    home = command.cluster("d", "config.yml", "inventory/00-d")
    done = command.run(*argv, ANSIBLE_FORKS=value, ANSIBLE_BECOME_PASS="secret")
    assert (done.returncode, done.stdout, command.started) == (1, "", False)
    assert done.stderr.startswith("error: Mend Ansible's settings: ")
    assert "ANSIBLE_FORKS" in done.stderr
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr
    assert command.run(*argv, ANSIBLE_FORKS="20", ANSIBLE_PIPELINING="yes").returncode == 0
    (home / "ansible.cfg").write_text(f"[defaults]\nforks = {value}\n")
    done = command.run(*argv)
    if argv[0] == "cmd":
        assert f"{home}/ansible.cfg" in done.stderr
        assert done.stderr.count("\n") == 1
    assert done.returncode == (1 if argv[0] == "cmd" else 0)


def test_other_words_go_to_tpa_untouched(command: Command):
    tpa = command.base / "tpa"
    write_teller(tpa / "bin" / "tpaexec")
    argv = ["deploy", "my dir", "--", "-e", "x={{ 1 }}", ""]
    done = command.run(*argv, TPA_DIR=str(tpa), TELL_EXIT="7")
    assert done.returncode == 7
    assert command.told["argv"][1:] == argv
    env = {key: value for key, value in command.told["env"].items() if key not in ("LC_CTYPE", "TELL_EXIT", "TPA_DIR")}
    assert env == command.env


def test_tpa_does_not_see_what_a_run_of_ours_added(command: Command):
    """A playbook of ours that starts `tpaexec deploy` gives TPA the environment that the user had."""
    tpa = command.base / "tpa"
    write_teller(tpa / "bin" / "tpaexec")
    command.cluster("d", "config.yml")
    command.run("provision", "d", ANSIBLE_CONFIG="mine.cfg")
    inside = command.told["env"]
    assert inside["ANSIBLE_CONFIG"] != "mine.cfg"
    command.run("deploy", "d", **{**inside, "TPA_DIR": str(tpa)})
    env = command.told["env"]
    assert env["ANSIBLE_CONFIG"] == "mine.cfg"
    assert not [name for name in env if name.startswith(("TPAEXEC_DOCKER", "ANSIBLE_STDOUT", "ANSIBLE_COLL"))]


def test_tpa_dir_that_is_this_checkout_is_no_tpa(command: Command):
    done = command.run("deploy", "d", TPA_DIR=str(command.top))
    assert done.returncode == 2
    assert "TPA_DIR" in done.stderr


def test_tpa_dir_without_a_tpa(command: Command):
    done = command.run("deploy", "d", TPA_DIR=str(command.base / "none"))
    assert done.returncode == 1
    assert "TPA_DIR" in done.stderr


def test_cmd_runs_in_the_directory_over_its_inventory(command: Command):
    cluster = command.cluster("c", "config.yml", "inventory/00-c", "vault/vault_pass.txt")
    assert command.run("cmd", "c", "-m", "ping", "-o").returncode == 0
    told = command.told
    assert told["cwd"] == str(cluster)
    assert told["argv"][1:3] == ["-i", "inventory"]
    assert told["argv"][-6:] == ["--vault-password-file", "vault/vault_pass.txt", "all", "-m", "ping", "-o"]
    assert "ANSIBLE_CONFIG" not in told["env"]
    assert command.run("cmd", "c", "n1", "-a", "id").returncode == 0
    assert command.told["argv"][-3:] == ["n1", "-a", "id"]


def test_playbook_takes_a_file_of_the_directory_else_of_here(command: Command):
    command.cluster("c", "config.yml", "inventory/00-c", "deploy.yml")
    (command.base / "mine.yml").write_text("")
    (command.base / "deploy.yml").write_text("")
    assert command.run("playbook", "c", "deploy.yml", TPA_DIR="/opt/tpa").returncode == 0
    assert command.told["argv"][-1] == "deploy.yml"
    assert '{"tpa_dir": !unsafe "/opt/tpa"}' in command.told["argv"]
    assert command.run("playbook", "c", "mine.yml", "--check").returncode == 0
    assert command.told["argv"][-2:] == [str(command.base / "mine.yml"), "--check"]
    assert command.run("playbook", "c").returncode == 2


def test_ssh_takes_our_place(command: Command):
    cluster = command.cluster("c", "config.yml", "ssh_config")
    write_teller(command.base / "path" / "ssh")
    path = f"{command.base / 'path'}:{os.environ['PATH']}"
    done = command.run("ssh", "c", "n1", "--", "echo", "a  b", PATH=path, TELL_EXIT="42")
    assert done.returncode == 42
    assert command.told["argv"][1:] == ["-F", "ssh_config", "--", "n1", "echo", "a  b"]
    assert command.told["cwd"] == str(cluster)


def test_ssh_cannot_go_by_another_name_of_the_host(command: Command):
    """By bin/tpaexec itself: sh, and a Python that has the standard library alone."""
    cluster = command.cluster("c", "config.yml", "ssh_config")
    for node, name in (("n1", "one.example.com"), ("n2", "")):
        path = cluster / host_vars_path(node)
        path.parent.mkdir(parents=True)
        path.write_text(nice_yaml(connection_vars(Host("h1", "tcp://10.0.0.1:2376", "/ca", tls_hostname=name), "")))
    write_teller(command.base / "path" / "ssh")
    environ = {**command.env, "PATH": f"{command.base / 'path'}:{os.environ['PATH']}"}

    def ssh(login: str) -> subprocess.CompletedProcess[str]:
        words = [str(command.top / "bin" / "tpaexec"), "ssh", "c", login]
        return subprocess.run(words, cwd=command.base, env=environ, capture_output=True, text=True, check=False)

    for login in ("n1", "root@n1"):
        done = ssh(login)
        assert (done.returncode, command.started) == (1, False)
        assert done.stderr.startswith(f"error: Use 'tpaexec cmd {cluster} n1 -a COMMAND', or reach the node")
        assert "one.example.com" in done.stderr
    assert ssh("n2").returncode == 0
    assert command.told["argv"][-1] == "n2"


def test_a_read_only_checkout_keeps_its_link_in_the_users_cache(command: Command):
    command.cluster("d", "config.yml")
    (command.top / ".cache").write_text("in the way, as a file system that cannot be written would be")
    done = command.run("provision", "d")
    assert done.returncode == 0, done.stderr
    assert command.told["env"]["ANSIBLE_COLLECTIONS_PATH"].startswith(str(command.base / ".cache"))
    done = command.run("provision", "d", XDG_CACHE_HOME="/dev/null/x")
    assert done.returncode == 1
    assert "XDG_CACHE_HOME" in done.stderr


def test_json_is_told_to_the_callback(command: Command):
    command.cluster("d", "config.yml")
    command.run("list-containers", "d", "--format", "json", "-q")
    env = command.told["env"]
    assert (env["TPAEXEC_DOCKER_FORMAT"], env["TPAEXEC_DOCKER_QUIET"]) == ("json", "True")
    assert json.loads(env["TPAEXEC_DOCKER_ENVIRONMENT"])["TPAEXEC_DOCKER_FORMAT"] is None


def test_help_of_a_word_goes_to_stdout(command: Command):
    for argv in (["provision", "--help"], ["cmd", "--help"], ["ssh", "-h"]):
        done = command.run(*argv)
        assert (done.returncode, done.stderr) == (0, "")
        assert "Example:" in done.stdout


# The last name is a stranger's, who hopes that somebody presses TAB.
SSH_CONFIG = "Host *\n    Port 22\n\nHost uno\n    User root\nHost due\nHost $(touch${IFS}pwned)\nHost `touch\tpwned`\n"
COMPLETED = [
    (["pro"], "provision"),
    (["provision", "d", "--re"], "--recreate"),
    (["list-containers", "d", "--format", "j"], "json"),
    (["preflight", "--format", "j"], "json junit"),
    (["ssh", "d", "u"], "uno"),
    (["stop-containers", "d", ""], "uno due"),
    (["comp"], "completion"),
    (["completion", ""], "bash zsh"),
    (["completion", "z"], "zsh"),
    (["diagram", "d", "--output", "d/ssh"], "d/ssh_config"),
    (["provision", "d", "--bundle", "galaxy"], "galaxy.yml"),
    (["rep"], "report"),
    (["report", "~/d", "--no"], "--no-journals"),
    (["ssh", "~/d", "d"], "due"),
]


@pytest.mark.parametrize(("words", "expected"), COMPLETED, ids=lambda value: str(value)[:40])
def test_completion_in_bash(command: Command, words, expected):
    cluster = command.cluster("d", "config.yml")
    (cluster / "ssh_config").write_text(SSH_CONFIG)
    (command.base / "galaxy.yml").write_text("")
    assert completed(command, "bash", words) == expected
    assert not (command.base / "pwned").exists()


@pytest.mark.skipif(
    not shutil.which("zsh"), reason="zsh is not installed; its completion is bash's, through bashcompinit"
)
@pytest.mark.parametrize(("words", "expected"), COMPLETED[:3] + COMPLETED[4:6], ids=lambda value: str(value)[:40])
def test_completion_in_zsh(command: Command, words, expected):
    cluster = command.cluster("d", "config.yml")
    (cluster / "ssh_config").write_text(SSH_CONFIG)
    # Outside of its line editor, zsh leaves what was typed so far out of account.
    assert set(expected.split()) <= set(completed(command, "zsh", words).split())


def completed(command: Command, shell: str, words: list[str]) -> str:
    """What *shell* offers for the last of *words*."""
    script = command.run("completion", shell).stdout
    quoted = " ".join(f"'{word}'" for word in words)
    begin = "emulate -L ksh; autoload -U +X compinit && compinit -D\n" if shell == "zsh" else ""
    script = f"{begin}{script}COMP_WORDS=(tpaexec {quoted}); COMP_CWORD={len(words)}; _tpaexec; echo ${{COMPREPLY[@]}}"
    done = subprocess.run(
        [shell, "-c", script],
        cwd=command.base,
        env=command.env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    return done.stdout.strip()


def test_both_spellings_print_the_same(command: Command):
    assert command.run("--completion", "bash").stdout == command.run("completion", "bash").stdout


def test_completion_of_an_unknown_shell(command: Command):
    done = command.run("--completion", "fish")
    assert done.returncode == 2
    assert "bash or zsh" in done.stderr
    assert "bashcompinit" in command.run("--completion", "zsh").stdout
