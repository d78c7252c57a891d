# SPDX-License-Identifier: GPL-3.0-or-later
"""A small good config.yml as data, and parsing that needs no file."""

from __future__ import annotations

import copy
from typing import Any, Callable

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.model import Cluster
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.parse import parse_config

BASE_DIR = "/clusters/demo"

GOOD: dict[str, Any] = {
    "architecture": "M1",
    "cluster_name": "demo",
    "cluster_vars": {"postgres_version": "15"},
    "docker_networks": [{"name": "demo", "ipam_config": [{"subnet": "10.40.1.0/28"}]}],
    "locations": [{"Name": "main"}],
    "instance_defaults": {"platform": "docker", "image": "centos/systemd", "vars": {"ansible_user": "root"}},
    "instances": [
        {"Name": "one", "node": 1, "location": "main", "role": ["primary"], "backup": "three"},
        {"Name": "two", "node": 2, "location": "main", "role": ["replica"], "upstream": "one"},
        {"Name": "three", "node": 3, "location": "main", "role": ["barman", "witness"], "upstream": "one"},
    ],
}


def no_file(path: str) -> str:
    raise FileNotFoundError(2, "No such file or directory", path)


@pytest.fixture
def good() -> dict[str, Any]:
    """A copy of the good data, to be spoilt."""
    return copy.deepcopy(GOOD)


@pytest.fixture
def parse() -> Callable[..., Cluster]:
    def run(data: Any, read_file: Callable[[str], str] = no_file) -> Cluster:
        return parse_config(data, BASE_DIR, read_file)

    return run


@pytest.fixture
def problems(parse: Callable[..., Cluster]) -> Callable[..., dict[str, str]]:
    """The problems of bad data: place → what is shown for it."""

    def run(data: Any, read_file: Callable[[str], str] = no_file) -> dict[str, str]:
        with pytest.raises(ConfigError) as raised:
            parse(data, read_file)
        found: dict[str, str] = {}
        for problem in raised.value.problems:
            found[problem.place] = f"{found.get(problem.place, '')}{problem.message} {problem.remedy}"
        return found

    return run
