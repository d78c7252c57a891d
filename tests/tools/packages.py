# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian packages of another suite, unpacked privately: a newer engine without touching this machine's own.

The repository's address, its key and all of apt's settings (proxy, certificates) come from this machine's own apt
configuration; only the suite's name differs. What was fetched stays in a cache, so that a second run needs no network.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Iterator, Sequence

REPOSITORY = "$(REPO_URI)|$(CODENAME)|$(COMPONENT)|$(SIGNED_BY)|$(CREATED_BY)"


class Unavailable(Exception):
    """The packages cannot be had on this machine; the text says why."""


def cache_dir() -> Path:
    """TPAEXEC_TEST_CACHE, else .cache/engines in the checkout."""
    chosen = os.environ.get("TPAEXEC_TEST_CACHE")
    return Path(chosen) if chosen else Path(__file__).resolve().parents[2] / ".cache" / "engines"


def unpack(suite: str, packages: Sequence[str], cache: Path | None = None) -> Path:
    """The folder that *packages* of *suite* were unpacked to, fetched when they are not there yet."""
    cache = cache or cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    root = cache / f"{suite}-{'-'.join(packages)}"[:120]
    with open(cache / "lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not root.is_dir():
            with tempfile.TemporaryDirectory(dir=cache) as work:
                _fetch(suite, packages, Path(work))
                (Path(work) / "root").rename(root)
    return root


def engine(suite: str) -> Path:
    """A whole engine of *suite*, with the C library that its runc may need."""
    return unpack(suite, ["docker.io", "containerd", "runc", "libc6", "libseccomp2"])


def own_suite() -> str:
    """The codename of the Debian that runs here."""
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    match = re.search(r"^VERSION_CODENAME=(\S+)$", text, re.M)
    if not match:
        raise Unavailable("/etc/os-release names no VERSION_CODENAME")
    return match.group(1).strip('"')


def _fetch(suite: str, packages: Sequence[str], work: Path) -> None:
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise Unavailable("this machine has no apt-get and dpkg")
    for folder in ("state/lists/partial", "cache/archives/partial", "debs", "root"):
        (work / folder).mkdir(parents=True)
    (work / "status").touch()
    (work / "list").write_text("".join(_source_lines(suite)), encoding="utf-8")
    apt = ["apt-get", "-q", *_options(work)]
    _run([*apt, "update"], work, f"no suite {suite} on this machine's package mirror")
    names = [f"{package}/{suite}" for package in packages]
    _run([*apt, "download", *names], work / "debs", f"no {' '.join(names)} on this machine's package mirror")
    for deb in sorted((work / "debs").iterdir()):
        _run(["dpkg", "-x", str(deb), str(work / "root")], work, f"{deb.name} cannot be unpacked")


def _source_lines(suite: str) -> Iterator[str]:
    """The repository that this machine's own release comes from, with another suite in its place."""
    listed = _run(["apt-get", "indextargets", "--format", REPOSITORY], Path("/"), "apt-get lists no repository")
    seen = set()
    for line in listed.splitlines():
        uri, codename, component, key, kind = line.split("|")
        if kind == "Packages" and component == "main" and codename == own_suite() and uri not in seen:
            seen.add(uri)
            signed = f"[signed-by={key}] " if key.startswith("/") else ""
            yield f"deb {signed}{uri} {suite} main\n"
    if not seen:
        raise Unavailable(f"apt on this machine has no repository of {own_suite()} main")


def _options(work: Path) -> list[str]:
    settings = {
        "Dir::State": work / "state",
        "Dir::State::status": work / "status",
        "Dir::Cache": work / "cache",
        "Dir::Etc::sourcelist": work / "list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "APT::Sandbox::User": "root",
    }
    return [word for key, value in settings.items() for word in ("-o", f"{key}={value}")]


def _run(command: list[str], cwd: Path, trouble: str) -> str:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"}
    )
    if done.returncode:
        raise Unavailable(f"{trouble}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done.stdout


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(f"usage: {sys.argv[0]} SUITE PACKAGE…")
    try:
        print(unpack(sys.argv[1], sys.argv[2:]))
    except Unavailable as error:
        sys.exit(str(error))
