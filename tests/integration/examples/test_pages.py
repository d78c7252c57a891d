# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of docs/ from top to bottom, on one cluster; a page cannot go stale unseen.

`TPAEXEC_DOCS_UPDATE=1 pytest tests/integration/examples/test_pages.py` writes what came into the pages,
under the pages' own names.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import remove_cluster
from .pages import PREFIX, call, run_page

CLUSTERS = (f"{PREFIX}shop", f"{PREFIX}box")
# Run on the cluster that the tutorial makes.
PAGES = (
    "access.md",
    "install-docker.md",
    "storage.md",
    "os-image.md",
    "no-network.md",
    "moving.md",
    "trouble.md",
    "ci.md",
    "inventory.md",
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, guest_image: str, clean: Any, sdk: Any) -> Iterator[Path]:
    """Where the user of the pages is: the cluster `shop` of the tutorial lies there."""
    here = tmp_path_factory.mktemp("user")
    (here / "hosts").mkdir()
    yield here
    remove_cluster(sdk, CLUSTERS[0])


@pytest.fixture(scope="module")
def tutorial(place: Path) -> tuple[Path, list[str]]:
    """The place after the tutorial, and what differed from its page."""
    return place, run_page("tutorial.md", place)


def test_the_tutorial_is_what_comes(tutorial: tuple[Path, list[str]]) -> None:
    assert not tutorial[1], "\n".join(tutorial[1])


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_what_comes(name: str, tutorial: tuple[Path, list[str]]) -> None:
    differing = run_page(name, tutorial[0])
    assert not differing, "\n".join(differing)


@pytest.mark.long
def test_the_tutorial_with_postgresql(place: Path) -> None:
    differing = run_page("tutorial.md", place, long=True)
    assert call("tpaexec deprovision shop", place)[0] == 0
    assert not differing, "\n".join(differing)
