# SPDX-License-Identifier: GPL-3.0-or-later
"""The report: a table for people, JSON and JUnit XML for machines."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._checks import body, registry
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.model import Finding, Outcome
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.report import Report, render
from ansible_collections.tpaexec.docker.tests.unit.plugins.module_utils._checks import captures


@pytest.fixture
def report() -> Report:
    facts = captures.engine_facts("dm-loop-20.10.24")
    facts = replace(facts, client=replace(facts.client, loop_lvm_severity="error"))
    outcome = captures.check(facts)
    return Report("vm", outcome.findings, outcome, registry.CHECKS, "Room for 3 more nodes.")


def test_table_is_grouped_and_aligned(report):
    lines = render(report, "table").splitlines()
    assert lines[0] == "Preflight of vm"
    assert "Storage driver" in lines
    assert lines.index("Access to the daemon") < lines.index("Storage driver")
    heads = [line for line in lines if line.startswith(("  error", "  warning", "  info"))]
    assert len({line.index(line.split(maxsplit=2)[2]) for line in heads}) == 1
    assert any("→ Move to overlay2" in line for line in lines)
    assert any(line.startswith("Not checked, ") for line in lines)
    assert "Room for 3 more nodes." in lines
    assert lines[-1].startswith("1 error, ")
    assert max(len(line) for line in lines if "https://" not in line) <= 120


def test_what_is_between_hosts_has_a_heading_that_can_be_read(report):
    assert render(replace(report, where="between the hosts"), "table").startswith("Preflight between the hosts\n")


def test_a_host_is_named_once():
    facts = captures.good_facts()
    params = {"format": "table", "color": False}
    heads = [
        str(body._result({**params, "title": title}, facts, captures.check(facts), [], ())["report"]).splitlines()[0]
        for title in ("", facts.engine.name, "other")
    ]
    assert heads[0] == heads[1] == f"Preflight of {facts.engine.name} ({facts.client.docker_host})"
    assert heads[2] == f"Preflight of other: {facts.engine.name} ({facts.client.docker_host})"


def test_colours_only_when_asked(report):
    assert "\033[" not in render(report, "table")
    assert "\033[0;31merror" in render(report, "table", colour=True)
    assert "\033[" not in render(report, "json", colour=True)


def test_json(report):
    document = json.loads(render(report, "json"))
    assert document["host"] == "vm"
    assert document["counts"]["error"] == 1
    assert "LOOP_LVM" in {finding["id"] for finding in document["findings"]}
    assert document["checked"]["not_run"]["DISK_LOW"]
    assert "VFS" in document["checked"]["ran"]


def test_junit(report):
    suite = ET.fromstring(render(report, "junit")).find("testsuite")
    cases = {case.get("name"): case for case in suite.findall("testcase")}
    assert len(cases) == int(suite.get("tests"))
    assert suite.get("failures") == "1"
    assert cases["LOOP_LVM"].find("failure").get("message").startswith("The storage driver is devicemapper")
    assert cases["DISK_LOW"].find("skipped") is not None
    assert cases["ROOT_EQUIVALENT"].find("failure") is None
    assert list(cases["VFS"]) == []


def test_no_text_breaks_the_xml_or_the_terminal():
    bad = Finding("X", "error", 'a<b>&"\x00\x1b[31m]]>', "c\ufffe")
    report = Report("<vm>", (bad,), Outcome((bad,), ("X",), {"Y": "\x07"}), (), "")
    assert ET.fromstring(render(report, "junit")).find("testsuite").get("failures") == "1"
    assert json.loads(render(report, "json"))["host"] == "<vm>"
