# SPDX-License-Identifier: GPL-3.0-or-later
"""cluster_diagram with a Graphviz and a daemon that are not there: which file is written, and which is left alone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._entry import Run
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError, PlatformError
from ansible_collections.tpaexec.docker.plugins.module_utils._picture import body as picture
from ansible_collections.tpaexec.docker.plugins.module_utils._picture import graphviz
from ansible_collections.tpaexec.docker.plugins.module_utils._picture.dot import MARK

CONFIG = Path(__file__).resolve().parents[4] / "data/pictured/config.yml"
SVG = '<?xml version="1.0"?>\n<!DOCTYPE svg>\n<!-- Made -->\n<svg width="1pt"\n height="1pt">\n<title>n0</title></svg>'


class Place:
    """A cluster directory, and runs in it with a Graphviz that answers *draws*."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.warnings: list[str] = []
        self.draws: tuple[int, str] = (0, SVG)
        shutil.copy(CONFIG, root)

    def command(self, argv: list[str], data: str = "", **_more: Any) -> tuple[int, str, str]:
        code, text = self.draws
        if code == 0:
            Path(argv[argv.index("-o") + 1]).write_text(text)
        return code, "", text if code else ""

    def run(self, path: str | Path | None = None, check: bool = False, **more: Any) -> dict[str, Any]:
        params = {"cluster_dir": str(self.root), "path": str(path) if path else None, "live": False, **more}
        return picture.body(params, Run(check, False, self.warnings.append, self.command))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setattr(graphviz, "available", lambda: True)
    root = tmp_path / "demo"
    root.mkdir()
    return Place(root)


def test_the_default_is_an_svg_in_the_directory_and_the_second_time_nothing_changes(place: Place):
    done = place.run()
    target = place.root / "diagram.svg"
    assert (done["changed"], done["path"], done["format"], done["live"]) == (True, str(target), "svg", False)
    text = target.read_text()
    assert text.startswith("<svg ")
    assert MARK in text
    assert "<title>Cluster demo, M1" in text
    assert "n0" not in text
    assert not place.run()["changed"]
    assert [path.name for path in place.root.iterdir() if path.name.startswith(".")] == []


def test_check_mode_writes_nothing(place: Place):
    assert place.run(check=True)["changed"]
    assert not (place.root / "diagram.svg").exists()


def test_a_strangers_file_is_kept_unless_it_is_named(place: Place):
    mine = place.root / "diagram.svg"
    mine.write_text("<svg>mine</svg>")
    with pytest.raises(PlatformError, match=r"not made here.*--output"):
        place.run()
    assert mine.read_text() == "<svg>mine</svg>"
    assert place.run(mine)["changed"]
    assert MARK in mine.read_text()


@pytest.mark.parametrize(
    ("name", "made", "said"),
    [
        ("x.jpg", None, "ending"),
        ("none/x.svg", None, "mkdir -p"),
        ("dir.svg", "dir", "no ordinary file"),
    ],
)
def test_what_cannot_be_written_says_what_to_do(place: Place, name: str, made: str | None, said: str):
    if made:
        (place.root / name).mkdir()
    with pytest.raises(PlatformError, match=said):
        place.run(place.root / name)


def test_a_link_out_of_the_directory_is_not_followed(place: Place, tmp_path: Path):
    (place.root / "diagram.svg").symlink_to(tmp_path / "elsewhere.svg")
    with pytest.raises(PlatformError, match="leads out"):
        place.run()
    assert not (tmp_path / "elsewhere.svg").exists()


def test_without_graphviz_the_package_is_named_and_text_still_works(place: Place, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(graphviz, "available", lambda: False)
    with pytest.raises(PlatformError, match="apt-get install graphviz"):
        place.run()
    assert place.run(place.root / "x.mmd")["format"] == "mermaid"
    assert (place.root / "x.dot").exists() is False
    assert place.run(place.root / "x.DOT")["format"] == "dot"


def test_a_graphviz_that_fails_is_one_sentence(place: Place):
    place.draws = (1, 'Format: "svg" not recognized')
    with pytest.raises(PlatformError, match="not recognized"):
        place.run()
    assert not (place.root / "diagram.svg").exists()


def test_without_a_daemon_config_is_drawn_with_a_word(place: Place, monkeypatch: pytest.MonkeyPatch):
    def look(_params: dict[str, Any], _run: Run) -> dict[str, Any]:
        raise DaemonError("It is not running.", "Start it.")

    monkeypatch.setattr(picture, "look", look)
    done = place.run(place.root / "x.mmd", live=True)
    assert not done["live"]
    assert place.warnings == ["Only what config.yml says is drawn, not how the nodes are. It is not running. Start it."]
