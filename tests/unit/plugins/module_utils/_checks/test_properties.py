# SPDX-License-Identifier: GPL-3.0-or-later
"""No input whatever from a daemon makes a traceback: any JSON, and recorded replies with any field broken."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from datetime import date
from unittest import mock

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.tpaexec.docker.plugins.module_utils._address import Address
from ansible_collections.tpaexec.docker.plugins.module_utils._checks import body, canary, gather, registry, values
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.capacity import capacity
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts import plain
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_engine import EngineFacts
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.facts_storage import StorageFacts
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.gather_daemon import inventory
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.policy import apply_policy, read_policy
from ansible_collections.tpaexec.docker.plugins.module_utils._checks.report import FORMATS, Report, render
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.host import HostFacts
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.recipe import choose
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import Run, outcome
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


METHODS = """
    version info networks containers images inspect_image create_container_from_config create_network attach
    exec_create exec_start exec_inspect inspect_container logs
"""
CLUSTER = {
    "name": "demo",
    "networks": [{"name": "demo", "ipam_config": [{"subnet": "10.33.7.0/28"}]}],
    "instances": [{"Name": "kaboom", "node": 1, "image": "t/sys:1", "published_ports": ["5432:5432"]}],
}


class AnyDaemon:
    """Answers every call with what was drawn for it."""

    address = Address(timeout=10)

    def __init__(self, replies):
        self.replies = replies

    def call(self, method, *_words, **_options):
        return self.replies.get(method)


class NoGuard:
    def __init__(self, *_words):
        pass

    def dismiss(self):
        pass


@settings(QUICK, max_examples=60)
@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(METHODS.split(), JSON)),
    st.booleans(),
    st.booleans(),
    st.sampled_from(FORMATS),
)
def test_the_whole_module_whatever_each_call_answers(replies, recorded, check_mode, form):
    """Gathering, looking into images, the canary, judging, reporting; with *recorded* the engine itself is sound."""
    if recorded:
        sound = {name: captures.raw(captures.USUAL, name) for name in ("version", "info")}
        replies = {**replies, **sound}
    words = {
        "cluster": CLUSTER,
        "canary": True,
        "canary_timeout": 1,
        "storage": True,
        "cli": False,
        "format": form,
    }
    options = ArgumentSpecValidator(body.preflight_argument_spec()).validate(words)
    assert not options.error_messages
    flight = functools.partial(canary.run_canary, guard=NoGuard, sleep=lambda _seconds: None)
    run = Run(check_mode, False, lambda _text: None, lambda *_words: (1, "", ""))
    with (
        mock.patch.object(gather, "connect", return_value=AnyDaemon(replies)),
        mock.patch.object(canary, "run_canary", flight),
    ):
        result = outcome(body.preflight, options.validated_parameters, run)
    assert "defect" not in result.get("msg", ""), result["exception"]
    json.dumps(result)
    if not recorded and isinstance(replies.get("info"), dict) and isinstance(replies.get("version"), dict):
        assert result["facts"]["engine"] is not None


@QUICK
@given(JSON, JSON)
def test_what_recipes_depend_on(version, info):
    """docker_cluster chooses its recipe from the same replies."""
    assert choose(HostFacts.from_api(version, info)).id


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
