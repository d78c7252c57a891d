# SPDX-License-Identifier: GPL-3.0-or-later
"""What an engine or a loop disk leaves on the machine, written down in its folder and taken away again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Iterator, Optional

CGROUPS = Path("/sys/fs/cgroup")


def claim(home: Path) -> None:
    """Make *home* ours: with our process in it, so that a later run knows whether we still live."""
    home.mkdir(parents=True)
    note(home, owner=_identity(os.getpid()))


def note(home: Path, **facts: str) -> None:
    """Write down what is about to be made, before it is made."""
    file = home / "made.json"
    known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    file.write_text(json.dumps({**known, **facts}), encoding="utf-8")


def sweep(base: Path) -> None:
    """Take away what runs that were killed have left."""
    base.mkdir(parents=True, exist_ok=True)
    for home in [folder for folder in base.iterdir() if (folder / "made.json").exists()]:
        owner = _made(home).get("owner", "")
        if owner != _identity(int(owner.split("@")[0] or 0)):
            clear(home, home / "data")


def clear(home: Path, data_root: Optional[Path]) -> None:
    """Take away everything of one folder. Its processes have ended, or are about to."""
    made = _made(home)
    if data_root:
        clear_cgroups(data_root)
    if "netns" in made:
        _quiet("ip", "link", "del", made["cable"])
        _quiet("ip", "netns", "del", made["netns"])
    if "mount" in made:
        _until(lambda: not os.path.ismount(made["mount"]) or _quiet("umount", made["mount"]))
    _until(lambda: not shutil.rmtree(home, ignore_errors=True) and not home.exists())


def clear_cgroups(data_root: Path) -> None:
    """Remove the cgroup folders of the containers that an engine had, and their parents where these are now empty."""
    try:
        ids = {entry.name for entry in (data_root / "containers").iterdir()}
    except OSError:
        return
    for folder in list(_cgroup_folders(ids)) if ids else []:
        _until(lambda folder=folder: _remove_tree(folder))  # type: ignore[misc]
        for parent in folder.parents:
            if parent.parent == CGROUPS or parent == CGROUPS or not _rmdir(parent):
                break


def _cgroup_folders(ids: set[str]) -> Iterator[Path]:
    for place, folders, _files in os.walk(CGROUPS):
        for name in [name for name in folders if name in ids]:
            folders.remove(name)
            yield Path(place) / name


def _remove_tree(folder: Path) -> bool:
    for place, _folders, _files in os.walk(folder, topdown=False):
        _rmdir(Path(place))
    return not folder.exists()


def _rmdir(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:
        return False
    return True


def _made(home: Path) -> dict[str, str]:
    try:
        return dict(json.loads((home / "made.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return {}


def _identity(pid: int) -> str:
    """A process as `pid@start time`: a number alone may be another process's by now."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return ""
    return f"{pid}@{text.rpartition(')')[2].split()[19]}"


def _quiet(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _until(done, seconds: float = 5.0) -> None:  # type: ignore[no-untyped-def]
    """Try again for a while: processes and mounts of a namespace go a moment after its first process."""
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)
