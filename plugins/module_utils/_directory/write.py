# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a list of files into a directory, so that at any moment each of them is the old one or the new one.

What is there and equal is not touched; what a killed run left is swept; `diff` and `changed` come from the one plan.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from typing import Any, Callable, Iterable, Optional

from .paths import explain, leftovers, make_directory, place, read_text, sweep, sync, temporary_file

SECRET = "(a secret: not shown)\n"  # noqa: S105 - what is shown in place of one


@dataclass(frozen=True)
class File:
    """One file to be: its path in the directory, its text and mode. `secret`: its text is in no diff."""

    path: str
    content: str
    mode: int = 0o644
    secret: bool = False


@dataclass(frozen=True)
class Change:
    """One difference between the directory as it is and as it is to be. `before` or `after` None: no file."""

    path: str
    before: Optional[str]
    after: Optional[str]
    mode: int = 0o644
    secret: bool = False

    @property
    def kind(self) -> str:
        if self.before is None:
            return "created"
        return "removed" if self.after is None else "updated"

    def diff(self) -> dict[str, Any]:
        """This change as Ansible's --diff shows it."""
        before, after = (SECRET if self.secret and text else _shown(text) for text in (self.before, self.after))
        if before and before == after:
            after += f"(mode {self.mode:04o})\n" if self.before == self.after else "(changed)\n"
        return dict(before_header=self.path, after_header=self.path, before=before, after=after)


@dataclass(frozen=True)
class Changes:
    """All differences, and the temporary files of killed runs."""

    items: tuple[Change, ...] = ()
    directories: tuple[str, ...] = ()
    rubbish: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.items or self.directories or self.rubbish)

    def paths(self, kind: str) -> list[str]:
        return [change.path for change in self.items if change.kind == kind]

    def diff(self) -> list[dict[str, Any]]:
        return [change.diff() for change in self.items]


def _shown(text: Optional[str]) -> str:
    return (text or "").encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def compare(
    root: str,
    files: Iterable[File],
    stale: Iterable[str] = (),
    directories: Iterable[str] = (),
    secret: Callable[[str], bool] = lambda path: False,
) -> Changes:
    """What has to change in *root* for *files* and *directories* to be there and *stale* not. Writes nothing.

    *secret* tells of a stale file whether its text may be shown.
    """
    wanted = list(files)
    items = [change for file in wanted for change in _difference(root, file)]
    for path in stale:
        if os.path.lexists(os.path.join(root, path)):
            items.append(Change(path, _before(root, path), None, secret=secret(path)))
    missing = [path for path in directories if not os.path.isdir(place(root, path))]
    folders = sorted({os.path.dirname(file.path) for file in wanted} | {""})
    rubbish = [os.path.relpath(path, root) for folder in folders for path in leftovers(os.path.join(root, folder))]
    return Changes(tuple(items), tuple(missing), tuple(rubbish))


def _before(root: str, path: str) -> str:
    """The text of a file to be removed; a link is not followed, it is the link that goes."""
    full = os.path.join(root, path)
    return "(a symbolic link)\n" if os.path.islink(full) else read_text(full) or ""


def _difference(root: str, file: File) -> list[Change]:
    target = place(root, file.path)
    before = read_text(target)
    if before is not None and before == file.content and _mode(target) == file.mode:
        return []
    return [Change(file.path, before, file.content, file.mode, file.secret)]


def _mode(path: str) -> int:
    with explain(path):
        return stat.S_IMODE(os.stat(path).st_mode)


def apply(root: str, changes: Changes) -> None:
    """Make *changes* true. Files first, removals last: a run that is killed has lost nothing."""
    for folder in sorted({os.path.dirname(path) for path in changes.rubbish}):
        sweep(os.path.join(root, folder))
    for folder in changes.directories:
        make_directory(root, folder)
    folders = set()
    for change in changes.items:
        if change.after is not None:
            folders.add(_write(root, change.path, change.after, change.mode))
    for change in changes.items:
        if change.after is None:
            folders.add(remove(root, change.path))
    with explain(root):
        for folder in sorted(folders):
            if os.path.isdir(folder):
                sync(folder)


def _write(root: str, path: str, content: str, mode: int) -> str:
    make_directory(root, os.path.dirname(path))
    target = place(root, path)
    folder = os.path.dirname(target)
    with explain(target):
        descriptor, temporary = temporary_file(folder)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as handle:
                handle.write(content)
                handle.flush()
                os.fchmod(handle.fileno(), mode)
                os.fsync(handle.fileno())
            os.rename(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
    return folder


def remove(root: str, path: str) -> str:
    """Remove one file, and its directory if nothing else is in it. The directory that it was in is returned."""
    full = os.path.join(root, path)
    folder = place(root, os.path.dirname(path))
    with explain(full), contextlib.suppress(FileNotFoundError):
        os.unlink(full)
    prune_empty(root, os.path.dirname(path))
    return folder


def prune_empty(root: str, path: str) -> None:
    """Remove *path* and those above it, within *root*, as long as they are empty."""
    while path:
        try:
            os.rmdir(os.path.join(root, path))
        except OSError:
            return
        path = os.path.dirname(path)
