# SPDX-License-Identifier: GPL-3.0-or-later
"""cluster_report without a daemon: it says so in the page, writes for the owner alone, and leaves strangers' files."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._entry import Run
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import PlatformError
from ansible_collections.tpaexec.docker.plugins.module_utils._report.body import body
from ansible_collections.tpaexec.docker.plugins.module_utils._report.page import MARK

CONFIG = Path(__file__).resolve().parents[4] / "data/pictured/config.yml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    place = tmp_path / "demo"
    place.mkdir()
    shutil.copy(CONFIG, place)
    return place


def run(root: Path, check: bool = False, **options: Any) -> dict[str, Any]:
    params = {"cluster_dir": str(root), "path": None, "archive": False, "journals": True, "findings": [], "checked": {}}
    params.update(docker_host="unix:///nowhere.sock", timeout=3)
    return body({**params, **options}, Run(check, False, lambda _text: None, lambda *_a, **_k: (1, "", "no")))


def test_without_a_daemon_there_is_a_report_that_says_so(root: Path):
    done = run(root, archive=True)
    text = (root / "report.html").read_text()
    assert "/nowhere.sock" in text
    assert "marigold" in text
    assert MARK in text
    assert stat.S_IMODE((root / "report.html").stat().st_mode) == 0o600
    assert stat.S_IMODE((root / "report.tar.gz").stat().st_mode) == 0o600
    assert done["archive"] == str(root / "report.tar.gz")
    assert sorted(path.name for path in root.iterdir()) == ["config.yml", "report.html", "report.tar.gz"]
    assert run(root, archive=True)["changed"]  # its own files are written over


def test_check_mode_writes_nothing(root: Path):
    assert run(root, check=True, archive=True)["changed"]
    assert [path.name for path in root.iterdir()] == ["config.yml"]


@pytest.mark.parametrize("name", ["report.html", "report.tar.gz"])
def test_a_strangers_file_is_kept_unless_it_is_named(root: Path, name: str, tmp_path: Path):
    (root / name).write_text("mine")
    with pytest.raises(PlatformError, match="not made here"):
        run(root, archive=True)
    assert [path.name for path in sorted(root.iterdir())] == ["config.yml", name]
    run(root, archive=True, path=str(root / "report.html"))
    assert (root / name).read_bytes() != b"mine"


def test_another_ending_is_refused(root: Path):
    with pytest.raises(PlatformError, match=r"\.html"):
        run(root, path=str(root / "x.pdf"))
