# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes `ansible_collections.tpaexec.docker` importable for every test, whatever runs pytest.

In the project's virtual environments it already is, by a link (tests/tools/venv.sh). Elsewhere a link is made, under
.cache/.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent


def _importable() -> bool:
    try:
        importlib.import_module("ansible_collections.tpaexec.docker")
    except ImportError:
        return False
    return True


def _link_checkout() -> None:
    root = TOP / ".cache" / "collections"
    link = root / "ansible_collections" / "tpaexec" / "docker"
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.is_symlink():
        link.symlink_to(TOP)
    sys.path.insert(0, str(root))
    try:
        package = importlib.import_module("ansible_collections")
    except ImportError:
        return
    # ansible's own package of that name is a regular one, which hides the directories beside it.
    package.__path__ = [*package.__path__, str(link.parent.parent)]


if not _importable():
    _link_checkout()
    importlib.invalidate_caches()
