# SPDX-License-Identifier: GPL-3.0-or-later
"""A narrow way out is found, and goes into a new config.yml."""

from __future__ import annotations

import random

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._directory.surroundings import uplink_mtu
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.configure import Surroundings, compose, parse_wishes

HEAD = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
DEFAULT = "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
LOCAL = "eth0\t0000000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"


@pytest.mark.parametrize(
    ("routes", "mtu", "found"),
    [
        (HEAD + LOCAL + DEFAULT, "1400\n", 1400),
        (HEAD + DEFAULT, "1500\n", None),
        (HEAD + DEFAULT, "9000\n", None),
        (HEAD + DEFAULT, "x\n", None),
        (HEAD + LOCAL, "1400\n", None),
        ("", "1400\n", None),
    ],
)
def test_only_a_narrow_one_counts(tmp_path, routes, mtu, found):
    (tmp_path / "eth0").mkdir()
    (tmp_path / "eth0" / "mtu").write_text(mtu)
    (tmp_path / "route").write_text(routes)
    assert uplink_mtu(str(tmp_path / "route"), str(tmp_path)) == found


def test_nothing_to_read(tmp_path):
    assert uplink_mtu(str(tmp_path / "route"), str(tmp_path)) is None


@pytest.mark.parametrize(("small", "options"), [(1400, {"com.docker.network.driver.mtu": "1400"}), (None, None)])
def test_a_new_config_says_it(small, options):
    wishes = parse_wishes({"os_image": "x/y:1"}, "demo")
    assert (
        compose(wishes, Surroundings(small_mtu=small), random.Random(1))["docker_networks"][0].get("driver_options")
        == options
    )
