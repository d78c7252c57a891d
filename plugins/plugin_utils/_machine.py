# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of modules for machines: JSON and JUnit. Pure."""

from __future__ import annotations

import json
from typing import Any, Mapping
from xml.etree import ElementTree

# What of a module's result belongs to the output; the rest is Ansible's own.
PUBLIC = ("cluster_name", "instances", "networks", "findings", "checked", "facts", "steps", "problems")


def merged(result: dict[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """*result* with what *new* adds: findings and checks of several modules stand together."""
    for key in PUBLIC:
        if key not in new:
            continue
        value = new[key]
        if key == "findings" and isinstance(value, list):
            result[key] = result.get(key, []) + value
        elif key == "checked" and isinstance(value, dict):
            old = result.setdefault(key, {"ran": [], "not_run": {}})
            old["ran"] = old["ran"] + list(value.get("ran") or [])
            old["not_run"] = {**old["not_run"], **(value.get("not_run") or {})}
        elif key == "facts" and isinstance(value, dict):
            result[key] = {**result.get(key, {}), **value}
        else:
            result[key] = value
    if new.get("failed"):
        result.update(failed=True, msg=str(new.get("msg", "")))
    return result


def as_json(hosts: Mapping[str, Mapping[str, Any]], changed: bool) -> str:
    """One document: the result itself for one host, `hosts` by name for several."""
    document: dict[str, Any] = {"changed": changed, "failed": any(result.get("failed") for result in hosts.values())}
    if len(hosts) == 1:
        document.update(next(iter(hosts.values())))
    else:
        document["hosts"] = dict(hosts)
    return json.dumps(document, indent=2, default=str, ensure_ascii=False)


def as_junit(hosts: Mapping[str, Mapping[str, Any]]) -> str:
    """A test suite a host, a test case a check; a check that could not run is skipped, with the reason."""
    suites = ElementTree.Element("testsuites", name="tpaexec preflight")
    for host, result in hosts.items():
        suite = ElementTree.SubElement(suites, "testsuite", name=_xml(host))
        _fill(suite, result)
        for count, tag in (("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            suite.set(count, str(sum(1 for _ in suite.iter(tag))))
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode")


def _fill(suite: ElementTree.Element, result: Mapping[str, Any]) -> None:
    findings = list(result.get("findings") or [])
    checked = result.get("checked") or {}
    ran = list(dict.fromkeys([*(checked.get("ran") or []), *(str(finding.get("id")) for finding in findings)]))
    for name in ran:
        case = ElementTree.SubElement(suite, "testcase", classname="preflight", name=_xml(name))
        for finding in (finding for finding in findings if finding.get("id") == name):
            _finding(case, finding)
    for name, reason in (checked.get("not_run") or {}).items():
        case = ElementTree.SubElement(suite, "testcase", classname="preflight", name=_xml(name))
        ElementTree.SubElement(case, "skipped", message=_xml(reason))
    if result.get("failed") and not any(finding.get("severity") == "error" for finding in findings):
        case = ElementTree.SubElement(suite, "testcase", classname="preflight", name="run")
        ElementTree.SubElement(case, "error", message=_xml(result.get("msg")))


def _finding(case: ElementTree.Element, finding: Mapping[str, Any]) -> None:
    text = f"{finding.get('message') or ''}\n{finding.get('remedy') or ''}".strip()
    if finding.get("severity") == "error":
        failure = ElementTree.SubElement(case, "failure", message=_xml(finding.get("message")), type="error")
        failure.text = _xml(text)
    else:
        output = ElementTree.SubElement(case, "system-out")
        output.text = _xml(f"{finding.get('severity')}: {text}")


def _xml(value: Any) -> str:
    """Text without the characters that XML 1.0 cannot hold at all."""
    return "".join(character for character in str(value) if character in "\t\n" or character >= " ")
