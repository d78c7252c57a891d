# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets Python keep what it compiled of this collection.

Ansible's importer of collections compiles every source at every start: 0.1 to 0.2 s of each command here. Python's own
importer finds the same files below the same packages, and keeps what it compiled in __pycache__ as it always does.
"""

from __future__ import annotations

import contextlib
import sys
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from types import ModuleType
from typing import Any, Iterator, Optional, Sequence

PLUGINS = "ansible_collections.tpaexec.docker.plugins."
OURS = tuple(f"{PLUGINS}{kind}." for kind in ("module_utils", "modules", "plugin_utils"))


class Finder:
    """Asked before Ansible's; where it finds nothing, Ansible's is asked as ever."""

    def __init__(self) -> None:
        self.folders: dict[str, FileFinder] = {}

    def find_spec(
        self, name: str, path: Optional[Sequence[str]] = None, target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        if path is None or not name.startswith(OURS):
            return None
        for folder in path:
            # Not PathFinder: among its hooks is Ansible's own, which would answer again.
            finder = self.folders.setdefault(folder, FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES)))
            spec = finder.find_spec(name, target)
            if spec and spec.loader:
                return spec
        return None


@contextlib.contextmanager
def kept() -> Iterator[None]:
    """While ours are imported, and no longer: nobody else's imports are touched."""
    finder: Any = Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
