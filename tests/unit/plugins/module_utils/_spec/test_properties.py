# SPDX-License-Identifier: GPL-3.0-or-later
"""No input whatever gives anything but a Cluster or a ConfigError whose text can be shown."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._directory.config_file import cluster_words
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError
from ansible_collections.tpaexec.docker.plugins.module_utils._spec import keys
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.image_name import ImageName
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.load import read_config
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.model import Cluster
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.parse import options_to_data, parse_config
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.problems import BadValue

hypothesis = pytest.importorskip("hypothesis", reason="hypothesis is a test requirement, which ansible-test has not")
st = hypothesis.strategies

WORDS = sorted(
    {
        *keys.TOP_LEVEL_KEYS, *keys.INSTANCE_KEYS, *keys.OWN_INSTANCE_KEYS, *keys.OWN_KEYS, *keys.PREFLIGHT_KEYS,
        *keys.WAIVER_KEYS, *keys.NETWORK_KEYS, *keys.IPAM_KEYS, *keys.ATTACHMENT_KEYS, *keys.HOST_KEYS,
        "one", "two", "main", "demo", "default", "docker", "10.40.1.0/28", "10.40.1.2", "::1/64", "512m", "nofile:1:2",
        "5432:5432", "127.0.0.1::80-90/udp", "/a:/b:ro", "~/x:/y", "on-failure:3", "net_admin", "net.core.somaxconn",
        "seccomp=x.json", "a@sha256:b", "2026-12-01", "{{ x }}", "\0", "\ud800", "..", "'", "\n",
    }
)  # fmt: skip

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=-3, max_value=70000),
    st.just(10**4000),
    st.floats(),
    st.dates(),
    st.datetimes(),
    st.sampled_from(WORDS),
    st.text(max_size=12),
)
map_keys = st.one_of(st.sampled_from(WORDS), st.integers(), st.none(), st.booleans(), st.text(max_size=8), st.dates())
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(map_keys, inner, max_size=5), max_leaves=25
)


def known(names: tuple[str, ...]) -> Any:
    return st.dictionaries(st.sampled_from(names), anything, max_size=6)


likely = st.fixed_dictionaries(
    {"cluster_name": st.just("demo") | anything, "cluster_vars": st.just({"a": 1}) | anything},
    optional={
        "instances": st.lists(known(keys.INSTANCE_KEYS), max_size=4) | anything,
        "instance_defaults": known(keys.INSTANCE_KEYS) | anything,
        "docker_networks": st.lists(known(keys.NETWORK_KEYS), max_size=3) | anything,
        "docker_images": anything,
        "locations": st.lists(known(("Name", "region", "vars")), max_size=3) | anything,
        "tpaexec_docker": st.fixed_dictionaries(
            {},
            optional={
                "preflight": known(keys.PREFLIGHT_KEYS) | anything,
                "instance_defaults": known(keys.OWN_INSTANCE_KEYS) | anything,
                "instances": st.dictionaries(map_keys, known(keys.OWN_INSTANCE_KEYS), max_size=3) | anything,
                "locations": anything,
                "hosts": st.dictionaries(map_keys, known(keys.HOST_KEYS), max_size=3) | anything,
            },
        ),
        "ssh_key_file": anything,
        "cluster_ssh_port": anything,
        "keyring_backend": anything,
        "cluster_tags": anything,
    },
)

GOOD_INSTANCE = {"Name": "one", "node": 1, "image": "centos/systemd"}
GOOD = {"cluster_name": "demo", "cluster_vars": {"a": 1}, "instances": [GOOD_INSTANCE]}


def outcome(data: Any) -> Any:
    """The Cluster, or None with an error that can be shown."""
    try:
        found = parse_config(data, "/clusters/demo", lambda path: f"A={path}")
    except ConfigError as error:
        str(error).encode()
        json.dumps(error.result())
        return None
    assert isinstance(found, Cluster)
    return found


@hypothesis.given(anything | likely)
@hypothesis.settings(max_examples=300, deadline=None)
def test_any_data_parses_or_is_refused(data: Any) -> None:
    found = outcome(data)
    if found is not None:
        words = cluster_words(data, found)
        json.dumps(words)
        again = parse_config(options_to_data(words), "/clusters/demo", lambda path: f"A={path}")
        assert again.instances == found.instances
        assert again.networks == found.networks


@hypothesis.given(st.sampled_from(keys.INSTANCE_KEYS), anything)
@hypothesis.settings(max_examples=300, deadline=None)
def test_any_value_of_any_instance_key_parses_or_is_refused(key: str, value: Any) -> None:
    data = copy.deepcopy(GOOD)
    data["instances"][0][key] = value
    outcome(data)


@hypothesis.given(st.sampled_from(keys.OWN_INSTANCE_KEYS), anything)
@hypothesis.settings(max_examples=200, deadline=None)
def test_any_value_of_any_own_key_parses_or_is_refused(key: str, value: Any) -> None:
    outcome({**GOOD, "tpaexec_docker": {"instances": {"one": {key: value}}}})


YAML_BITS = st.lists(
    st.sampled_from(
        [
            *"a-{}[],'\">#=~\t\n\x00\ud800\ufeff\u2028", ": ", "- ", "  ", "&x ", "*x", "<<", "|\n", "? ", "---\n",
            "...", "%YAML 1.1", "12:30", "2026-13-45", "0x", "1e999", "!!set ", "!!binary ", "!vault ", "!!int ",
            "!!float x", "!!timestamp x", "!!python/object:x ",
        ]
    ),
    max_size=30,
)  # fmt: skip


@hypothesis.given(YAML_BITS.map("".join) | st.text(max_size=60))
@hypothesis.settings(max_examples=300, deadline=None)
def test_any_text_reads_or_is_refused(text: str) -> None:
    try:
        found = read_config(text)
    except ConfigError as error:
        str(error).encode()
        return
    assert isinstance(found, dict)
    outcome(found)


@hypothesis.given(st.from_regex(r"[A-Za-z0-9./:@_-]{0,40}", fullmatch=True) | st.text(max_size=20))
@hypothesis.settings(max_examples=300, deadline=None)
def test_an_image_name_that_parses_is_its_own_text(text: str) -> None:
    try:
        name = ImageName.parse(text)
    except BadValue:
        return
    assert str(name) == text
    assert ImageName.parse(str(name.normalize())) == name.normalize()
    assert ImageName.parse(name.familiar()).normalize() == name.normalize()
