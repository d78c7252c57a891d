# SPDX-License-Identifier: GPL-3.0-or-later
"""No input whatever from a daemon makes a traceback: any JSON, and recorded replies with any field broken."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.tpaexec.docker.plugins.module_utils._checks import registry, values
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.capacity import capacity
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts import plain
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_engine import EngineFacts
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_storage import StorageFacts
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.gather_daemon import inventory
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.policy import apply_policy, read_policy
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.report import FORMATS, Report, render
from ansible_collections.tpaexec.docker.tests.unit.plugins.module_utils._checks import captures

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
ODD_TEXT = st.sampled_from(
    [
        "9" * 5000,
        "\ud800",
        "1.2.3.4.5",
        "0x1",
        "-1",
        "1e999",
        "nan",
        "10.0.0.0/99",
        "9999-99-99T99:99:99Z",
        "\x1b[31m",
        "1" * 40 + "kB",
    ]
)
JSON = st.recursive(
    SCALARS | ODD_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
SLUG = st.sampled_from(captures.SLUGS)


def judge(version, info, networks=(), containers=()):
    facts = replace(
        captures.good_facts(wants=captures.wants(captures.node(), networks=(captures.network(),))),
        engine=EngineFacts.from_api(version, info),
        storage=StorageFacts.from_api(info),
        inventory=inventory(networks, containers),
    )
    outcome = captures.check(facts)  # fails when a check breaks
    for form in FORMATS:
        report = Report("vm", outcome.findings, outcome, registry.CHECKS, capacity(facts).says())
        render(report, form).encode("utf-8")
    json.dumps(plain(facts)).encode("ascii")
    return outcome


@QUICK
@given(JSON, JSON, JSON, JSON)
def test_any_json(version, info, networks, containers):
    judge(version, info, networks, containers)


@QUICK
@given(SLUG, st.data())
def test_recorded_replies_with_broken_fields(slug, data):
    version, info = captures.raw(slug, "version"), captures.raw(slug, "info")
    for reply in (version, info):
        for key in data.draw(st.lists(st.sampled_from(sorted(reply)), max_size=6)):
            reply[key] = data.draw(JSON)
        for key in data.draw(st.lists(st.sampled_from(sorted(reply)), max_size=6)):
            reply.pop(key, None)
    judge(version, info)


@QUICK
@given(SLUG, st.data())
def test_driver_status_of_any_shape(slug, data):
    info = captures.raw(slug, "info")
    rows = [list(row) for row in info["DriverStatus"] or [["Backing Filesystem", "xfs"]]]
    for row in rows:
        if data.draw(st.booleans()):
            row[1] = data.draw(SCALARS | ODD_TEXT)
    judge(captures.raw(slug, "version"), {**info, "DriverStatus": rows})


@QUICK
@given(
    st.lists(
        st.fixed_dictionaries({}, optional={key: JSON for key in ("Id", "Name", "IPAM", "Labels", "Options")}),
        max_size=3,
    ),
    st.lists(
        st.fixed_dictionaries(
            {}, optional={key: JSON for key in ("Id", "Names", "Labels", "Ports", "State", "NetworkSettings")}
        ),
        max_size=3,
    ),
)
def test_networks_and_containers_of_any_shape(networks, containers):
    judge(captures.raw(captures.USUAL, "version"), captures.raw(captures.USUAL, "info"), networks, containers)


@QUICK
@given(JSON, JSON)
def test_policy_of_any_shape(ignore, waivers):
    policy = read_policy(ignore, waivers, True, registry.known_ids(), date(2026, 11, 24))
    for finding in apply_policy([], policy):
        assert finding.severity == "error"
        json.dumps(finding.as_dict())


@QUICK
@given(SCALARS | ODD_TEXT)
def test_readers_of_values(value):
    values.version(value)
    values.size(value)
    values.size(value, binary=True)
    values.epoch(value)
    values.subnet(value)
    values.text(value).encode("utf-8")
