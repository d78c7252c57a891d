# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster as Graphviz's and Mermaid's text: what is in it, and that nothing in a name is ever taken for language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._picture.colours import DARK, STATE, dark_rules
from ansible_collections.tpaexec.docker.plugins.module_utils._picture.dot import ROW, escaped, to_dot
from ansible_collections.tpaexec.docker.plugins.module_utils._picture.mermaid import quoted, to_mermaid
from ansible_collections.tpaexec.docker.plugins.module_utils._picture.model import (
    LONGEST,
    Net,
    Node,
    Picture,
    picture_of,
)
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.load import read_config
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.parse import parse_config

TOP = Path(__file__).resolve().parents[5]
PICTURED = TOP / "tests" / "data" / "pictured" / "config.yml"
EVIL = [
    "<script>alert(1)</script>",
    '"]; evil [label="x',
    "}\n}\nevil",
    "\\N\\G\\L",
    "%%{init: {}}%%",
    "`code`",
    "&lt;b&gt; &#60;",
    "end; click n0 call",
    "\x1b[31mred\x00",
    "-->|x| n1",
]


def cluster():
    return parse_config(read_config(PICTURED.read_text()), "/", open)


def planned() -> Picture:
    return picture_of(cluster())


def test_the_picture_in_the_docs_is_the_one_that_the_command_draws():
    assert (TOP / "docs" / "images" / "cluster.dot").read_text() == to_dot(planned()), "run `make pictures`"
    svg = (TOP / "docs" / "images" / "cluster.svg").read_text()
    for node in planned().nodes:
        assert f">{node.name}<" in svg, "run `make pictures`"
        assert dict(node.addresses)["demo"] in svg


def test_from_config_alone_all_is_planned():
    picture = planned()
    assert {node.kind for node in picture.nodes} == {"planned"}
    assert (picture.live, picture.hosts) == (False, False)
    assert picture.only_network == Net("demo", ("10.33.59.112/28",))
    assert list(picture.places["default"]) == ["paris", "berlin"]
    assert picture.subtitle == "M1 · 6 nodes · as config.yml says"


def test_live_state_and_a_node_that_config_dropped():
    live = [
        {"name": "marigold", "status": "running", "addresses": {"demo": "10.33.59.99"}},
        {"name": "canyon", "status": "exited", "addresses": {}},
        {"name": "carrot", "status": "dead"},
        {"name": "ancient", "status": "running", "addresses": {"other": "10.9.9.9"}},
    ]
    picture = picture_of(cluster(), live)
    nodes = {node.name: node for node in picture.nodes}
    assert dict(nodes["marigold"].addresses)["demo"] == "10.33.59.99"
    assert {name: node.kind for name, node in nodes.items()} == {
        "marigold": "good", "canyon": "off", "carrot": "bad", "quartz": "off", "lagoon": "off", "basalt": "off",
        "ancient": "good",
    }  # fmt: skip
    assert nodes["canyon"].says == "stopped"
    assert nodes["ancient"].says == "running, not in config.yml"
    assert picture.only_network is None
    assert Net("other") in picture.networks


def test_arrows_go_the_way_that_data_goes():
    picture = planned()
    numbers = {node.name: f"n{index}" for index, node in enumerate(picture.nodes)}
    dot, mermaid = to_dot(picture), to_mermaid(picture)
    assert f"{numbers['marigold']} -> {numbers['quartz']} [" in dot
    assert f"{numbers['quartz']} -->|replication| {numbers['lagoon']}" in mermaid
    assert f"{numbers['marigold']} -.->|backup| {numbers['carrot']}" in mermaid
    assert f"{numbers['marigold']} -> {numbers['carrot']} [color" in dot


def test_hosts_are_outer_boxes_and_several_networks_are_bars():
    nodes = (
        Node("a", "1", addresses=(("x", "10.0.0.2"), ("y", "")), location="p", host="east"),
        Node("b", "2", addresses=(("x", "10.0.0.3"),), location="p", host="west"),
    )
    picture = Picture("c", nodes=nodes, networks=(Net("x", ("10.0.0.0/24",)), Net("y")), hosts=True)
    dot, mermaid = to_dot(picture), to_mermaid(picture)
    places = [dot.index(word) for word in ("host east", "cluster_place0_0", "host west", "cluster_place1_0")]
    assert places == sorted(places)
    assert dot.count("dir=none") == 3
    assert mermaid.count(" --- net") == 3
    assert mermaid.count("subgraph") == mermaid.count("  end\n") == 4
    assert "address by the engine" in dot


@pytest.mark.parametrize("evil", EVIL)
def test_no_name_is_language(evil: str):
    node = Node(evil, evil, (evil,), ((evil, evil),), evil, evil, evil, evil, (evil,))
    hostile = Picture(evil, evil, (node,), (Net(evil, (evil,)),), hosts=True, live=True)
    tame_node = Node("a", "a", ("a",), (("a", "a"),), "a", "a", "a", "a", ("a",))
    tame = Picture("a", "a", (tame_node,), (Net("a", ("a",)),), hosts=True, live=True)
    for render in (to_dot, to_mermaid):
        assert _skeleton(render(hostile)) == _skeleton(render(tame))
    harmless = re.compile(r"[\w .,:/()·…&#;-]*")
    assert harmless.fullmatch(escaped(evil))
    assert harmless.fullmatch(quoted(evil).strip('"'))


def _skeleton(text: str) -> str:
    """The language without the texts: what stands between tags, in quotes of Mermaid, and in its comment."""
    text = re.sub(r">[^<>]*<", "><", text)
    text = re.sub(r'\["[^"]*"\]', "[]", text)
    return re.sub(r"%%.*", "", text)


def test_texts_are_cut():
    assert len(re.sub(r"&#\d+;", "x", escaped("<" * 5000))) == LONGEST


def test_many_nodes_are_rows_not_one_line():
    free = tuple(Node(f"node{number}", str(number)) for number in range(12))
    assert to_dot(Picture("big", nodes=free)).count("rank=same") == 3
    fed = tuple(Node(f"node{number}", upstream="node0" if number else "") for number in range(2 * ROW + 2))
    assert re.findall(r"minlen=(\d+)", to_dot(Picture("big", nodes=fed)))[-1] == "3"


def test_every_colour_has_its_dark_counterpart():
    used = set(re.findall(r'="?(#[0-9a-f]{6})"', to_dot(picture_of(cluster(), [{"name": "canyon", "status": "dead"}]))))
    assert used <= set(DARK)
    assert len(DARK) == len(set(DARK.values()))
    assert set(STATE.values()) <= set(DARK)
    assert f'.x [fill="{STATE["good"]}"]' in dark_rules(".x")
