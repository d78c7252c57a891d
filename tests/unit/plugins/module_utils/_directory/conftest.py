# SPDX-License-Identifier: GPL-3.0-or-later
"""The recorded cluster directories of tests/data/clusters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._directory import body

CLUSTERS = Path(__file__).resolve().parents[4] / "data" / "clusters"
SHAPES = sorted(path.parent.name for path in CLUSTERS.glob("*/config.yml"))


class Recorded:
    """One recorded directory: config.yml, what docker_cluster returned, and the files that TPA made of it."""

    def __init__(self, name):
        self.name = name
        self.path = CLUSTERS / name
        self.text, self.top, self.cluster = body.read_cluster(str(self.path))
        self.instances = json.loads((self.path / "instances.json").read_text())
        self.config_hash = body.config_hash(self.text)
        found = [path for path in (self.path / "expected").rglob("*") if path.is_file()]
        self.expected = {str(path.relative_to(self.path / "expected")): path.read_text() for path in found}

    @property
    def host_keys(self):
        return {kind: self.expected[f"hostkeys/ssh_host_{kind}_key.pub"] for kind in ("rsa", "ecdsa")}


@pytest.fixture(params=SHAPES)
def recorded(request):
    return Recorded(request.param)


@pytest.fixture
def m1():
    return Recorded("m1")
