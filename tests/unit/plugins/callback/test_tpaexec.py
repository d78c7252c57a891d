# SPDX-License-Identifier: GPL-3.0-or-later
"""The callback under a real ansible-playbook, with a module that returns what a test tells it to."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import ansible_collections.tpaexec.docker as collection

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[3]
ROOT = Path(next(iter(collection.__path__))).parents[2]

Done = subprocess.CompletedProcess[str]
NODES = [{"name": "uno", "role": ["primary"], "ip_address": "10.46.0.2", "status": "ready"}]
LOW = {"id": "INOTIFY_LOW", "severity": "warning", "message": "128 instances.", "remedy": "sudo sysctl x=1"}
NOTE = {"id": "ROOT_EQUIVALENT", "severity": "info", "message": "Access is root."}
CHECKED = {"ran": ["INOTIFY_LOW", "ROOT_EQUIVALENT"], "not_run": {"MTU_MISMATCH": "no access"}}
HOST = {"findings": [LOW, NOTE], "checked": CHECKED}
CONVERGED = {"changed": True, "instances": NODES, "diff": {"before": "old\n", "after": "new\n"}}


@pytest.fixture
def play(tmp_path: Path):
    def run(name: str, results: list[dict[str, Any]], *argv: str, hosts: str = "localhost", **env: str) -> Done:
        tasks = [{"name": f"Step {n}", "result_of": {"result": result}} for n, result in enumerate(results, 1)]
        playbook = tmp_path / f"{name}.yml"
        playbook.write_text(json.dumps([{"hosts": hosts, "gather_facts": False, "tasks": tasks}]))
        environ = {
            **os.environ,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT),
            "ANSIBLE_CONFIG": str(TOP / "playbooks" / "files" / "ansible.cfg"),
            "ANSIBLE_LIBRARY": str(HERE / "library"),
            "ANSIBLE_STDOUT_CALLBACK": "tpaexec.docker.tpaexec",
            "ANSIBLE_NOCOLOR": "1",
            **env,
        }
        command = [sys.executable, "-m", "ansible", "playbook", str(playbook), *argv]
        command += ["-i", str(TOP / "playbooks" / "files" / "localhost.ini")]
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=120)

    return run


def test_steps_findings_and_the_table(play):
    done = play("provision", [{"summary": "config.yml: 1 node"}, HOST, CONVERGED])
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:6] == [
        "ok       config.yml: 1 node",
        "ok       Step 2",
        "         warning  INOTIFY_LOW",
        "             128 instances.",
        "             → sudo sysctl x=1",
        "changed  Step 3",
    ]
    assert lines[6:9] == ["", "NAME  ROLE     ADDRESS    STATUS", "uno   primary  10.46.0.2  ready"]
    assert lines[9].startswith("Done in ")
    assert done.stderr == ""


def test_a_check_says_what_would_be_done_with_the_differences(play):
    done = play("provision", [CONVERGED], "--check", "--diff")
    assert "would    Step 1" in done.stdout
    assert "-old\n+new" in done.stdout
    assert "nothing was touched" in done.stdout


def test_nothing_to_change_is_said(play):
    done = play("provision", [{**CONVERGED, "changed": False}])
    assert "Nothing to change" in done.stdout


def test_a_failure_is_its_message_alone_on_stderr(play):
    message = "Mend config.yml: 2 problems found, nothing was changed.\n  - a\n  - b"
    done = play("provision", [{"warn": ["one", "one"]}, {"failed": True, "msg": message, "instances": NODES, "rc": 3}])
    assert done.returncode != 0
    assert done.stderr == f"warning: one\nerror: {message}\n"
    assert "uno   primary" in done.stdout
    assert "Done" not in done.stdout


def test_a_module_that_breaks_is_named_a_defect_without_a_traceback(play):
    done = play("provision", [{"broken": "the cause"}])
    assert "the cause" in done.stderr
    assert "report this defect" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "Traceback" in play("provision", [{"broken": "the cause"}], "-v", ANSIBLE_DISPLAY_TRACEBACK="error").stderr


def test_a_failure_in_its_own_words_is_no_defect_however_much_is_shown(play):
    """bin/tpaexec asks Ansible for tracebacks with -v, and newer ones make one of every failure."""
    done = play("provision", [{"failed": True, "msg": "Mend this.\nSo."}], "-v", ANSIBLE_DISPLAY_TRACEBACK="error")
    assert "error: Mend this.\nSo.\n" in done.stderr
    assert "defect" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_defect_of_ours_shows_its_place_and_with_v_its_traceback(play):
    trace = "Traceback (most recent call last):\n  the place\nZeroDivisionError"
    broken = {"failed": True, "msg": "This is a defect of tpaexec.docker, please report it: x", "exception": trace}
    assert play("provision", [broken]).stderr == "error: This is a defect of tpaexec.docker, please report it: x\n"
    assert "the place" in play("provision", [broken], "-v", ANSIBLE_DISPLAY_TRACEBACK="error").stderr


def test_text_that_looks_like_a_template_is_printed_as_it_is(play, tmp_path):
    evil = "{{ lookup('pipe', 'touch " + str(tmp_path / "pwned") + "') }}"
    quoted = "{{ '" + "{' ~ \"" + evil[1:] + '" }}'
    done = play("provision", [{"summary": quoted, "warn": [quoted]}, {"failed": True, "msg": quoted}])
    assert evil in done.stdout
    assert done.stderr.count(evil) == 2
    assert not (tmp_path / "pwned").exists()


def test_quiet_prints_only_errors(play):
    done = play("provision", [HOST, CONVERGED], TPAEXEC_DOCKER_QUIET="True")
    assert (done.stdout, done.stderr) == ("", "")
    done = play("list_containers", [{"instances": NODES}], TPAEXEC_DOCKER_QUIET="True")
    assert done.stdout.splitlines()[0].startswith("NAME")


def test_preflight_prints_the_modules_report_as_it_is(play):
    done = play("preflight", [{**HOST, "report": "Docker  fine\n  all"}])
    assert (done.stdout, done.stderr) == ("Docker  fine\n  all\n", "")
    done = play("preflight", [{**HOST, "report": "Docker  bad", "failed": True, "msg": "Mend it."}])
    assert (done.stdout, done.stderr) == ("Docker  bad\n", "error: Mend it.\n")


@pytest.mark.parametrize("failed", [False, True])
def test_json_is_all_there_is_on_stdout(play, failed):
    result = {**HOST, "failed": True, "msg": "bad"} if failed else HOST
    done = play("preflight", [result], TPAEXEC_DOCKER_FORMAT="json")
    document = json.loads(done.stdout)
    assert document["findings"] == [LOW, NOTE]
    assert document["failed"] is failed
    assert done.stderr == ("error: bad\n" if failed else "")


def test_junit_is_all_there_is_on_stdout(play):
    report = "<testsuites><testsuite name='h'/></testsuites>"
    done = play("preflight", [{**HOST, "report": report}], TPAEXEC_DOCKER_FORMAT="junit")
    assert done.stdout.startswith("<?xml")
    assert '<testsuite name="h" />' in done.stdout


@pytest.mark.parametrize("form", ["table", "json", "junit"])
def test_no_host_is_no_success(play, form):
    done = play("preflight", [], hosts="nobody", TPAEXEC_DOCKER_FORMAT=form)
    assert done.returncode == 1
    assert "error: Name an inventory with hosts" in done.stderr
    if form == "json":
        assert json.loads(done.stdout)["failed"] is True
    elif form == "junit":
        assert ElementTree.fromstring(done.stdout).find("testsuite").get("errors") == "1"
    else:
        assert done.stdout == ""


def test_v_shows_the_result_on_stderr(play):
    done = play("provision", [{"detail": "deep"}], "-v")
    assert '"detail": "deep"' in done.stderr
    assert "detail" not in done.stdout


def test_config_yml_with_its_passwords_is_no_detail(play):
    done = play("provision", [{"cluster": {"instances": [{"env": {"PGPASSWORD": "hunter2"}}]}, "detail": "deep"}], "-v")
    assert '"detail": "deep"' in done.stderr
    assert "hunter2" not in done.stdout + done.stderr
