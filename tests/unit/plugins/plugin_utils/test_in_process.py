# SPDX-License-Identifier: GPL-3.0-or-later
"""A module gives the same whether it runs in Ansible's own process or as any module does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import ansible_collections.tpaexec.docker as collection
from ansible_collections.tpaexec.docker.plugins.module_utils import _entry
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import PlatformError
from ansible_collections.tpaexec.docker.plugins.plugin_utils import _in_process

TOP = Path(__file__).resolve().parents[4]
ROOT = Path(next(iter(collection.__path__))).parents[2]


def module_of(body: _entry.Body, spec: dict[str, Any], **options: Any) -> ModuleType:
    module = ModuleType("some.place.thing")
    module.main = lambda: _entry.run_module(body, spec, **options)  # type: ignore[attr-defined]
    return module


def call(body: _entry.Body, arguments: dict[str, Any], check_mode: bool = False, **options: Any) -> dict[str, Any]:
    spec = {"path": {"type": "path"}, "count": {"type": "int", "default": 3}, "state": {"choices": ["a", "b"]}}
    spec["inner"] = {"type": "dict", "options": {"key": {"type": "str"}}}
    return _in_process.call(module_of(body, spec, **options), arguments, check_mode, True)


def test_parameters_are_validated_as_a_module_does_it(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    seen = {}

    def body(params: dict[str, Any], run: _entry.Run) -> dict[str, Any]:
        seen.update(params, check=run.check_mode, diff=run.diff_mode)
        run.warn("careful")
        return {"changed": True}

    assert call(body, {"path": "~/x", "count": "7"}, True) == {"changed": True, "warnings": ["careful"]}
    assert seen == {"path": "/home/somebody/x", "count": 7, "state": None, "inner": None, "check": True, "diff": True}
    assert _entry.stand_in is None


REFUSED = [
    ({"cuont": 1}, {}, "Unsupported parameters for (thing) module: cuont."),
    ({"inner": {"kye": 1}}, {}, "Unsupported parameters for (thing) module: inner.kye."),
    ({"cuont": 1, "count": "many"}, {}, "count"),
    ({"count": "many"}, {}, "count"),
    ({"state": "c"}, {}, "must be one of: a, b"),
    ({"state": "a"}, {"required_if": [("state", "a", ("path",))]}, "path"),
]


@pytest.mark.parametrize(("arguments", "options", "said"), REFUSED, ids=lambda value: str(value)[:30])
def test_wrong_parameters_never_reach_the_body(arguments, options, said):
    result = call(lambda params, run: pytest.fail("ran"), arguments, **options)
    assert result["failed"] is True
    assert said in result["msg"]


def test_an_error_of_ours_is_a_failed_result():
    def body(params: dict[str, Any], run: _entry.Run) -> dict[str, Any]:
        raise PlatformError("It broke.", "Mend it.", node="uno")

    assert call(body, {}) == {
        "changed": False,
        "failed": True,
        "msg": "It broke. Mend it.",
        "node": "uno",
        "remedy": "Mend it.",
    }


def test_any_other_error_is_called_a_defect_in_one_line_and_leaves_no_stand_in():
    result = call(lambda params, run: {"x": 1 // 0}, {})
    assert result["failed"] is True
    assert result["msg"].startswith("This is a defect of tpaexec.docker, please report it")
    assert "ZeroDivisionError at test_in_process.py:" in result["msg"]
    assert "Traceback" not in result["msg"]
    assert "Traceback" in result["exception"]  # Ansible shows it with -vvv only
    assert _entry.stand_in is None


def test_commands_run_without_a_shell():
    code, out, err = _in_process.run_command(
        [sys.executable, "-c", "import sys; print(sys.stdin.read()); sys.exit(3)"], data="a b"
    )
    assert (code, out, err) == (3, "a b\n", "")
    assert _in_process.run_command(["env"], environ_update={"SOME": "thing"})[1].count("SOME=thing") == 1
    with pytest.raises(PlatformError, match="cannot be started"):
        _in_process.run_command(["/no/such/program"])
    with pytest.raises(PlatformError, match="exit code 1"):
        _in_process.run_command(["false"], check_rc=True)


HERE = {"ansible_python_interpreter": sys.executable}
PLACES = [
    (HERE, {}, True),
    ({}, {}, False),
    ({"ansible_python_interpreter": "/usr/bin/python2"}, {}, False),
    ({**HERE, "tpaexec_docker_in_process": False}, {}, False),
    ({**HERE, "tpaexec_docker_in_process": "no"}, {}, False),
    (HERE, {"transport": "ssh"}, False),
    (HERE, {"become": object()}, False),
    (HERE, {"async_val": 10}, False),
    (HERE, {"environment": [{"A": "b"}]}, False),
    (HERE, {"environment": [{}, None]}, True),
    (HERE, {"delegate_to": "localhost"}, False),
    ({"ansible_delegated_vars": {"localhost": HERE}}, {"delegate_to": "localhost"}, True),
]


@pytest.mark.parametrize(("variables", "other", "here"), PLACES, ids=str)
def test_only_where_it_is_the_same(variables, other, here):
    task = {"async_val": 0, "environment": None, "delegate_to": None}
    connection = {"transport": "local", "become": None}
    action = SimpleNamespace(
        _task=SimpleNamespace(**{key: other.get(key, value) for key, value in task.items()}),
        _connection=SimpleNamespace(**{key: other.get(key, value) for key, value in connection.items()}),
        _templar=SimpleNamespace(template=lambda value: value),
    )
    assert _in_process.InProcessAction._is_here(action, variables) is here  # type: ignore[arg-type]


def test_every_module_has_its_action():
    modules = {path.stem for path in (TOP / "plugins" / "modules").glob("*.py")}
    assert modules <= {path.stem for path in (TOP / "plugins" / "action").glob("*.py")}


@pytest.mark.parametrize("in_process", ["true", "false"])
def test_under_ansible_both_ways_give_the_same(in_process, tmp_path):
    """Marks that Ansible keeps on values, and text that looks like a template, come through both ways alike."""
    evil = "{{ lookup('pipe', 'touch " + str(tmp_path / "pwned") + "') }}"
    config = tmp_path / "config.yml"
    config.write_text(
        "cluster_name: c\ncluster_vars: {a: 1}\ndocker_networks: [{name: c, ipam_config: [{subnet: 10.46.9.0/28}]}]\n"
        "instance_defaults: {platform: docker, image: 'x:1'}\n"
        "instances: [{Name: uno, node: 1, ip_address: 10.46.9.2, role: [primary], env: {E: "
        + json.dumps(evil)
        + "}}]\n"
    )
    tasks = [
        {"tpaexec.docker.cluster_config": {"cluster_dir": "{{ dir }}"}, "register": "config"},
        {"ansible.builtin.copy": {"content": "{{ config.cluster | to_json }}", "dest": "{{ dir }}/out.json"}},
        {
            "tpaexec.docker.cluster_config": {
                "cluster_dir": "{{ config.cluster.instances[0].env.E }}",
                "state": "validated",
            },
            "register": "missing",
            "failed_when": "missing is not failed or 'lookup' not in missing.msg",
        },
    ]
    playbook = tmp_path / "play.yml"
    playbook.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
    argv = [sys.executable, "-m", "ansible", "playbook", str(playbook), "-e", f"dir={tmp_path}"]
    argv += ["-e", f"tpaexec_docker_in_process={in_process}", "-i", str(TOP / "playbooks" / "files" / "localhost.ini")]
    environ = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads((tmp_path / "out.json").read_text())["instances"][0]["env"] == {"E": evil}
    assert not (tmp_path / "pwned").exists()
