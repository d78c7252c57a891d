# SPDX-License-Identifier: GPL-3.0-or-later
"""Safe places in a cluster directory: no symbolic link leads out of it, temporary names are known, errors are clear."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import shutil
import tempfile
from typing import Iterator, Optional

from .._errors import PlatformError

TEMPORARY = ".tpaexec-tmp-"
_TEMPORARY_NAME = re.compile(re.escape(TEMPORARY) + r"(\d+)-")

_OWN = "Run as the user who owns the directory, or give yourself the right to read and write in it."
_REASONS = {
    errno.EACCES: ("permission denied", _OWN),
    errno.EPERM: ("not permitted", _OWN),
    errno.ENOSPC: ("the disk is full", "Free some space and run again: nothing was left half-written."),
    errno.EDQUOT: ("your disk quota is used up", "Free some space and run again: nothing was left half-written."),
    errno.EROFS: ("the file system is read-only", "Mount it read-write, or use a directory elsewhere."),
    errno.ENOTDIR: ("a part of the path is a file, not a directory", "Move that file away."),
    errno.EISDIR: ("it is a directory, where a file is to be", "Move that directory away."),
    errno.EEXIST: ("a file is in the way", "Move that file away."),
    errno.ENAMETOOLONG: ("the path is too long", "Use shorter names, or a directory higher up."),
}


@contextlib.contextmanager
def explain(path: str) -> Iterator[None]:
    """Turn an OSError about *path* into an error that says what to do."""
    try:
        yield
    except OSError as error:
        raise _explained("write", path, error) from error


def _explained(doing: str, path: str, error: OSError) -> PlatformError:
    reason, remedy = _REASONS.get(error.errno or 0, (error.strerror or str(error), "Mend that and run again."))
    where = error.filename if isinstance(error.filename, str) else path
    if TEMPORARY in where:
        where = os.path.dirname(where)
    return PlatformError(f"Cannot {doing} {where}: {reason}.", remedy, path=where)


def inside(root: str, path: str) -> bool:
    """*path*, with every link in it followed, is *root* or below it."""
    real, top = os.path.realpath(path), os.path.realpath(root)
    return real == top or real.startswith(top.rstrip(os.sep) + os.sep)


def place(root: str, relative: str) -> str:
    """Where *relative* really is. Links within the directory are followed; one that leads out of it is refused."""
    path = os.path.join(root, relative)
    if inside(root, path):
        return os.path.realpath(path)
    raise PlatformError(
        f"{path} leads out of the cluster directory, by a symbolic link or by '..': it was not written.",
        "Remove the link (the file is generated), or put the link's target inside the directory.",
        path=path,
    )


def make_directory(root: str, relative: str, mode: int = 0o755) -> None:
    """The directory and those above it, as far as they are missing."""
    path = place(root, relative)
    with explain(path):
        os.makedirs(path, mode=mode, exist_ok=True)


def temporary_file(folder: str) -> tuple[int, str]:
    """An open file in *folder*, 0600 from its first byte, with a name that `sweep` knows."""
    return tempfile.mkstemp(prefix=f"{TEMPORARY}{os.getpid()}-", dir=folder)


def temporary_directory(folder: str) -> str:
    """A directory in *folder* that only the owner can enter, with a name that `sweep` knows."""
    return tempfile.mkdtemp(prefix=f"{TEMPORARY}{os.getpid()}-", dir=folder)


def sync(path: str) -> None:
    """Write a directory's (or a file's) entry through to the disk, where the file system can."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP, errno.EROFS):
            raise
    finally:
        os.close(descriptor)


def sweep(folder: str) -> list[str]:
    """Remove what killed runs left in *folder*: temporary names whose process is gone. Best effort."""
    removed = []
    for path in leftovers(folder):
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                os.unlink(path)
        if not os.path.lexists(path):
            removed.append(path)
    return removed


def leftovers(folder: str) -> list[str]:
    """The temporary names in *folder* whose process is gone."""
    try:
        names = os.listdir(folder)
    except OSError:
        return []
    found = []
    for name in sorted(names):
        match = _TEMPORARY_NAME.match(name)
        if match and not _alive(int(match.group(1))):
            found.append(os.path.join(folder, name))
    return found


def _alive(pid: int) -> bool:
    if pid == os.getpid():
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def read_text(path: str) -> Optional[str]:
    """The file's text, None where there is none. What is not UTF-8 is kept byte for byte by surrogates."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as handle:
            return handle.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _explained("read", path, error) from error
