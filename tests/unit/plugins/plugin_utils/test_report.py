# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from xml.etree import ElementTree

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.tpaexec.docker.plugins.plugin_utils import _machine, _report

SLOW_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

LOW = {"id": "INOTIFY_LOW", "severity": "warning", "message": "128 instances.", "remedy": "sudo sysctl x=1"}
HUNG = {"id": "DAEMON_HUNG", "severity": "error", "message": "No answer within 10 s.", "remedy": "Look at its log."}
NOTE = {"id": "ROOT_EQUIVALENT", "severity": "info", "message": "Access is root."}

NODES = [
    {"name": "uno", "node": 1, "role": ["primary"], "ip_address": "10.46.0.2", "status": "ready", "location": ""},
    {"name": "due", "node": 2, "role": [], "ip_address": None, "status": "failed", "warnings": ["stale image"]},
]

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def test_the_table_leaves_out_columns_that_nobody_fills():
    assert _report.node_table(NODES) == [
        "NAME  NODE  ROLE     ADDRESS    STATUS",
        "uno   1     primary  10.46.0.2  ready",
        "due   2     -        -          failed",
    ]


def test_the_host_is_a_column_where_there_are_several():
    here, there = ({**node, "host": host} for node, host in zip(NODES, ("h1", "h2")))
    assert _report.node_table([here, there]) == [
        "NAME  NODE  ROLE     HOST  ADDRESS    STATUS",
        "uno   1     primary  h1    10.46.0.2  ready",
        "due   2     -        h2    -          failed",
    ]
    assert _report.node_table([here, {**there, "host": "h1"}]) == _report.node_table(NODES)
    assert "HOST" in _report.node_table([here, {**there, "host": None}])[0]


def test_what_changed_is_named_or_counted():
    nodes = [{"name": name, "changed": name != "c"} for name in "abc"]
    assert (
        _report.what_changed({"networks": [{"name": "n", "changed": True}], "instances": nodes})
        == "network n; nodes a, b"
    )
    assert _report.what_changed({"instances": [{"name": "x", "changed": True}] * 9}) == "9 nodes"
    assert _report.what_changed({"instances": NODES}) == ""


def test_control_characters_do_not_reach_the_terminal():
    assert _report.cell("a\x1b[31m\n") == "a?[31m?"


def test_findings_come_worst_first_with_their_remedy_below():
    lines = _report.finding_lines([NOTE, LOW, HUNG])
    assert [line.split()[0] for line in lines if not line.startswith(" ")] == ["error", "warning", "info"]
    assert lines[:3] == ["error    DAEMON_HUNG", "    No answer within 10 s.", "    → Look at its log."]


def test_a_finding_is_wrapped_and_a_command_in_it_is_not_broken():
    command = "sudo " + "x" * 150
    lines = _report.finding_lines([{**LOW, "message": "word " * 60, "remedy": command}])
    assert max(len(line) for line in lines[1:-1]) <= _report.WIDTH
    assert any("x" * 150 in line for line in lines)


@SLOW_MACHINE
@given(
    st.lists(st.dictionaries(st.sampled_from(["name", "role", "status", "ip_address", "warnings"]), VALUES), min_size=1)
)
def test_no_instance_breaks_the_table(instances):
    assert len(_report.node_table(instances)) == len(instances) + 1


def test_results_of_several_modules_stand_together():
    result = _machine.merged({}, {"findings": [LOW], "checked": {"ran": ["A"], "not_run": {}}, "changed": False})
    result = _machine.merged(
        result, {"findings": [HUNG], "checked": {"ran": ["B"], "not_run": {"C": "x"}}, "failed": True, "msg": "m"}
    )
    assert result == {
        "findings": [LOW, HUNG],
        "checked": {"ran": ["A", "B"], "not_run": {"C": "x"}},
        "failed": True,
        "msg": "m",
    }


def test_json_of_one_host_is_flat_and_of_several_is_by_host():
    one = json.loads(_machine.as_json({"localhost": {"instances": NODES}}, False))
    assert one == {"changed": False, "failed": False, "instances": NODES}
    two = json.loads(_machine.as_json({"a": {}, "b": {"failed": True}}, True))
    assert two == {"changed": True, "failed": True, "hosts": {"a": {}, "b": {"failed": True}}}


def test_a_report_in_json_is_taken_up():
    one = json.loads(_machine.as_json({"h": {"findings": [LOW], "report": '{"host": "h", "capacity": "9"}'}}, False))
    assert one == {"changed": False, "failed": False, "findings": [LOW], "host": "h", "capacity": "9"}
    assert json.loads(_machine.as_json({"h": {"report": "no json"}}, False)) == {"changed": False, "failed": False}


def test_junit_reports_of_several_hosts_stand_in_one_document():
    report = '<?xml version="1.0"?>\n<testsuites>\n<testsuite name="a"><testcase name="X"/></testsuite></testsuites>'
    text = _machine.as_junit({"a": {"report": report}, "b": {"failed": True, "msg": "broken \x1b"}})
    tree = ElementTree.fromstring(text.split("\n", 1)[1])
    assert [suite.get("name") for suite in tree] == ["a", "b"]
    error = tree.find(".//error")
    assert error is not None
    assert error.get("message") == "broken "


@SLOW_MACHINE
@given(st.dictionaries(st.sampled_from(["id", "severity", "message", "remedy"]), VALUES))
def test_no_finding_breaks_the_list(finding):
    _report.finding_lines([finding])
