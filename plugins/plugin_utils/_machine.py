# SPDX-License-Identifier: GPL-3.0-or-later
"""Results of modules for machines: one document of JSON or JUnit for all hosts. Pure."""

from __future__ import annotations

import json
from typing import Any, Mapping
from xml.etree import ElementTree

# What of a module's result belongs to the output; the rest is Ansible's own.
PUBLIC = (
    *("cluster_name", "instances", "networks", "findings", "checked", "facts", "steps", "problems", "report"),
    *("images", "removed", "kept", "nodes", "path", "format"),
)


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
    documents = {host: _document(hosts[host]) for host in sorted(hosts)}
    whole: dict[str, Any] = {"changed": changed, "failed": any(result.get("failed") for result in hosts.values())}
    whole.update(next(iter(documents.values())) if len(documents) == 1 else {"hosts": documents})
    return json.dumps(whole, indent=2, default=str, ensure_ascii=False)


def _document(result: Mapping[str, Any]) -> dict[str, Any]:
    """What a module reported as JSON itself goes before what is read from its result."""
    own = {key: value for key, value in result.items() if key != "report"}
    try:
        reported = json.loads(result["report"])
    except (KeyError, TypeError, ValueError):
        return own
    return {**own, **reported} if isinstance(reported, dict) else own


def as_junit(hosts: Mapping[str, Mapping[str, Any]]) -> str:
    """The test suites that modules reported, of all hosts, in one document; a host that has none has an error."""
    suites = ElementTree.Element("testsuites", name="tpaexec preflight")
    for host in sorted(hosts):
        result = hosts[host]
        try:
            suites.extend(ElementTree.fromstring(result["report"]).iter("testsuite"))  # noqa: S314 - our own module's
        except (KeyError, TypeError, ElementTree.ParseError):
            suite = ElementTree.SubElement(suites, "testsuite", name=_xml(host), tests="1", errors="1")
            case = ElementTree.SubElement(suite, "testcase", classname="preflight", name="run")
            ElementTree.SubElement(case, "error", message=_xml(result.get("msg") or "no report"))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode")


def _xml(value: Any) -> str:
    """Text without the characters that XML 1.0 cannot hold at all."""
    text = str(value).encode("utf-8", "replace").decode("utf-8")
    return "".join(one for one in text if one in "\t\n" or (one >= " " and one not in "\ufffe\uffff"))
