# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that somebody asked for (a picture, a report): written whole or not at all, and never over a stranger's."""

from __future__ import annotations

import contextlib
import os
from typing import Optional

from .._errors import PlatformError
from .paths import explain, place, sweep, temporary_file

MARK_WITHIN = 4096  # bytes from the beginning in which a file of ours says what it is


def target(root: str, said: Optional[str], default: str, mark: bytes) -> str:
    """Where to write: *said*, whatever is there; else *default* in *root*, unless a file without *mark* is there."""
    path = os.path.realpath(said) if said else place(root, default)
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise PlatformError(f"Cannot write {path}: there is no directory {folder}.", f"Make it: mkdir -p {folder}")
    if os.path.lexists(path) and not os.path.isfile(path):
        raise PlatformError(f"Cannot write {path}: it is no ordinary file.", "Name another file with --output.")
    if not said and os.path.isfile(path) and mark not in (read(path) or b"")[:MARK_WITHIN]:
        raise PlatformError(
            f"{path} is there, and it was not made here: it was not written over.",
            "Name the file with --output, or move the one that is there away.",
        )
    return path


def read(path: str) -> Optional[bytes]:
    """What is there, None where nothing is."""
    with explain(path):
        try:
            with open(path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None


def write(path: str, content: bytes, mode: int) -> None:
    """Put *content* there in one step."""
    folder = os.path.dirname(path)
    sweep(folder)
    with explain(path):
        descriptor, temporary = temporary_file(folder)
        try:
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(content)
                handle.flush()
                os.fchmod(handle.fileno(), mode)
                os.fsync(handle.fileno())
            os.rename(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
