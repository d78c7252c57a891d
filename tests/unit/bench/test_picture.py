# SPDX-License-Identifier: GPL-3.0-or-later
"""The curve that `make bench` draws."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any, Iterator
from xml.etree import ElementTree

import pytest

MEDIANS = {
    "empty playbook": 0.5,
    "provision/16/tpaexec": 5.8, "provision/3/tpaexec": 2.4, "provision/1/tpaexec": 1.9,
    "provision/16/plain SDK": 4.7, "provision/3/plain SDK": 1.1,
    "rerun/16/tpaexec": 1.7,
    "pool 8/16/tpaexec": 5.8, "pool 2/16/tpaexec": 9.0,
}  # fmt: skip


@pytest.fixture
def picture(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "bench"))
    yield importlib.import_module("picture")
    sys.modules.pop("picture", None)


def test_points_are_by_size_and_of_one_action(picture):
    assert picture.curves(MEDIANS, "provision") == {
        "tpaexec": [(1, 1.9), (3, 2.4), (16, 5.8)],
        "plain SDK": [(3, 1.1), (16, 4.7)],
    }
    assert picture.pools(MEDIANS) == {"tpaexec": [(2, 9.0), (8, 5.8)]}


@pytest.mark.parametrize(("most", "wanted"), [(0.3, 0.05), (1, 0.2), (4.7, 1), (5.8, 1), (23, 5), (0, 1)])
def test_steps_of_an_axis_are_round_numbers(picture, most, wanted):
    assert picture.step(most) == pytest.approx(wanted)


@pytest.mark.parametrize("pools", [True, False])
def test_an_svg_with_every_point_and_a_name_for_each_line(picture, pools):
    medians = {key: value for key, value in MEDIANS.items() if pools or not key.startswith("pool")}
    svg = picture.picture({"medians": medians, "machine": {"engine": "<20>", "cpus": 2}})
    tree = ElementTree.fromstring(svg)
    found = [item.tag.rpartition("}")[2] for item in tree.iter()]
    assert found.count("circle") == (8 if pools else 6)
    assert found.count("polyline") == (4 if pools else 3)
    texts = [item.text for item in tree.iter() if item.text]
    assert {"tpaexec", "tpaexec, with nothing to do", "plain SDK", "Provision"} <= set(texts)
    assert ("16 nodes, by the pool's size" in texts) == pools
    assert "CPUs 2, engine <20>" in texts
    for circle in tree.iter("{http://www.w3.org/2000/svg}circle"):
        assert 0 < float(circle.attrib["cx"]) < picture.WIDTH
        assert picture.MARGIN <= float(circle.attrib["cy"]) <= picture.HEIGHT - picture.MARGIN
