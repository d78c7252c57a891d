# SPDX-License-Identifier: GPL-3.0-or-later
"""The picture of the five storeys has every room of the house."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

TOP = Path(__file__).resolve().parents[3]
IMAGES = TOP / "docs" / "images"


def test_every_role_and_every_folder_of_behaviour_has_a_room():
    drawn = set(re.findall(r"[a-z_]+", (IMAGES / "house.dot").read_text(encoding="utf-8")))
    roles = {path.name for path in (TOP / "roles").iterdir() if (path / "tasks").is_dir()}
    folders = {path.parent.name for path in (TOP / "plugins/module_utils").glob("_[a-z]*/__init__.py")}
    assert len(roles) >= 5
    assert len(folders) >= 8
    assert roles | folders <= drawn, sorted((roles | folders) - drawn)


def test_the_picture_is_drawn_from_its_source_and_stands_on_the_page():
    said = re.findall(r"<B>(.*?)</B>", (IMAGES / "house.dot").read_text(encoding="utf-8"))
    texts = [item.text for item in ElementTree.parse(IMAGES / "house.svg").iter() if item.tag.endswith("}text")]
    assert not [name for name in said if name not in texts], "run `make pictures`"
    assert "](images/house.svg)" in (TOP / "docs/architecture.md").read_text(encoding="utf-8")
