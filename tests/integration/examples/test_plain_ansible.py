# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/plain-ansible.md, block by block: playbooks are written where it says, commands run in its order."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from .conftest import TOP, ansible

DEMO, LAB = "t-eco-plain", "t-eco-lab"
CLUSTERS = (DEMO, LAB)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture
def blocks(guest_image: str, tmp_path: Path) -> list[tuple[str, str]]:
    """Language and text, with the test's own names of places and nodes."""
    text = (TOP / "docs/plain-ansible.md").read_text()
    for old, new in (
        ("/home/me/clusters/demo", str(tmp_path / DEMO)),
        ("tpaexec/debian-systemd:12", guest_image),
        ("10.33.201.", "10.50.40."),
        ("name: lab\n", f"name: {LAB}\n"),
        ("{name: lab}", f"{{name: {LAB}}}"),
        ("lab-web", f"{LAB}-web"),
        ("lab-db", f"{LAB}-db"),
    ):
        assert old in text
        text = text.replace(old, new)
    return BLOCK.findall(text)


@pytest.mark.usefixtures("clean")
def test_the_page_works_from_top_to_bottom(blocks: list[tuple[str, str]], tmp_path: Path, sdk: Any) -> None:
    said = {}
    for language, text in blocks:
        if language == "yaml":
            (tmp_path / text.splitlines()[0].removeprefix("# ")).write_text(text)
            continue
        for line in text.splitlines():
            command, *words = shlex.split(line)
            said[line] = ansible(command, *words, cwd=tmp_path, XDG_STATE_HOME=str(tmp_path / "state"))
            if words == ["site.yml"]:
                again = ansible(command, *words, cwd=tmp_path, XDG_STATE_HOME=str(tmp_path / "state"))
                assert len(re.findall(r"changed=0 .*failed=0", again)) == 3, again
    pinged = next(text for line, text in said.items() if line.startswith("ansible all"))
    assert pinged.count('"pong"') >= 2
    assert f"{LAB}-db" in said["ansible-playbook site.yml"]
    left = [
        one.name for name in CLUSTERS for one in sdk.containers.list(all=True, filters={"label": f"Cluster={name}"})
    ]
    assert left == []
    assert sdk.networks.list(names=list(CLUSTERS)) == []
