# SPDX-License-Identifier: GPL-3.0-or-later
"""README.md's `make demo`: what comes of the very scripts that `make` runs, in a place of its own.

What the page types without `make` is run by tests/integration/artifact.

With TPAEXEC_DOCS_UPDATE=1 what came is written into the page, under the page's own name: run `make demo-clean` first.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import TOP
from .pages import PREFIX, blocks_of, normal

DEMO = f"{PREFIX}demo"
# A demo of whoever uses the daemon is not removed, not even to write the page.
CLUSTERS = (DEMO,) if PREFIX else ()
README = TOP / "README.md"
SCRIPTS = ("demo.sh", "demo-clean.sh")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """What the scripts take for the checkout; the demo's name is kept apart from that of whoever uses the daemon."""
    tools = tmp_path / "tests" / "tools"
    tools.mkdir(parents=True)
    shutil.copy(TOP / "tests/tools/lib.sh", tools)
    for name in SCRIPTS:
        text = (TOP / "tests/tools" / name).read_text(encoding="utf-8")
        (tools / name).write_text(re.sub(r"(?<![\w.-])demo(?![\w.-])", DEMO, text), encoding="utf-8")
    (tmp_path / "bin").symlink_to(TOP / "bin")
    return tmp_path


def script(name: str, place: Path, image: str) -> str:
    """What a script prints, on one screen."""
    environment = {
        **os.environ, "VENV": sys.prefix, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "NO_COLOR": "1", "COLUMNS": "110", "TPAEXEC_TEST_IMAGE": image, "WITH_DOCKER_GROUP": "", "IMAGE": "",
    }  # fmt: skip
    done = subprocess.run(
        ["bash", place / "tests/tools" / name], cwd=place, env=environment, stdin=subprocess.DEVNULL, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "Traceback" not in done.stdout
    return done.stdout


def as_on_the_page(came: str, config: dict[str, Any], image: str) -> str:
    """The names that configure has drawn become those on the page, by their order; they and the image are as good."""
    drawn = [instance["Name"] for instance in config["instances"]]
    (page,) = [block.text for block in blocks_of(README.read_text(encoding="utf-8")) if block.language == "console"]
    printed = re.findall(r"^(\S+) +\d  +\S", page, re.MULTILINE)[: len(drawn)]
    names = {**dict(zip(drawn, printed, strict=True)), DEMO: "demo", image: "tpaexec/debian-systemd:12"}
    found = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<![\w-])({found})(?![\w-])", lambda at: names[at[0]], came)


@pytest.mark.usefixtures("clean")
def test_make_demo_prints_what_the_readme_shows(place: Path, guest_image: str, sdk: Any) -> None:
    text = README.read_text(encoding="utf-8")
    shown = next(block.text for block in blocks_of(text) if block.language == "console")
    came = script("demo.sh", place, guest_image)
    config = yaml.safe_load((place / DEMO / "config.yml").read_text(encoding="utf-8"))
    if PREFIX:
        assert normal(as_on_the_page(came, config, guest_image)) == normal(shown)
    else:
        README.write_text(text.replace(shown, came.lstrip("\n"), 1), encoding="utf-8")

    again = script("demo.sh", place, guest_image)
    assert "left as it is" in again, "the page: a second one finds nothing to change and says so"
    assert not re.search(r"^changed", again, re.MULTILINE), again

    gone = script("demo-clean.sh", place, guest_image)
    assert f"the {DEMO} is gone" in gone
    assert not (place / DEMO).exists()
    assert not sdk.containers.list(all=True, filters={"label": f"Cluster={DEMO}"})
    assert not [network for network in sdk.networks.list(names=[DEMO]) if network.name == DEMO]
