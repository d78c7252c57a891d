# SPDX-License-Identifier: GPL-3.0-or-later
"""What is looked for in an image beside its packages: settings under /etc, and PostgreSQL that no package brought."""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass, field
from typing import Mapping

from .apt_sources import without_password
from .archive import Files, Found

POSTGRES_VERSIONS = ("9.5", "9.6", *(str(number) for number in range(10, 21)))
POSTGRES_BINARIES = (
    "/usr/bin/postgres",
    "/usr/local/bin/postgres",
    "/usr/local/pgsql/bin/postgres",
    *(f"/usr/lib/postgresql/{version}/bin/postgres" for version in POSTGRES_VERSIONS),
    *(f"/usr/pgsql-{version}/bin/postgres" for version in POSTGRES_VERSIONS),
    *(f"/usr/edb/as{version}/bin/edb-postgres" for version in POSTGRES_VERSIONS),
)
# where software that no package manager knows is put, and where databases are kept
SEARCHED = ("/opt", "/usr/local", "/srv", "/var/lib/postgresql", "/var/lib/pgsql", "/var/lib/edb", "/pgdata", "/data")
SEARCH_LIMIT = 192 << 20  # bytes of one folder; reading goes at several hundred MB a second
ETC_LIMIT = 96 << 20


@dataclass(frozen=True)
class Etc:
    """What /etc says."""

    machine_id: str = ""
    host_keys: tuple[str, ...] = ()
    postgres_units: tuple[str, ...] = ()
    repositories: tuple[str, ...] = ()
    not_seen: Mapping[str, str] = field(default_factory=dict)


def parse_os_release(text: str) -> dict[str, str]:
    """KEY=value lines, quoted as in a shell."""
    found = {}
    for line in text.splitlines():
        key, separator, value = line.strip().partition("=")
        if separator and re.fullmatch(r"[A-Z_]+", key):
            try:
                found[key] = " ".join(shlex.split(value))
            except ValueError:
                found[key] = value.strip("\"'")
    return found


def _wanted(found: Found) -> bool:
    return found.size < 1 << 20 and bool(
        re.search(
            r"^/etc/(machine-id|apt/sources\.list(\.d/.+\.(list|sources))?|(yum\.|zypp/)repos\.d/.+\.repo)$",
            found.path,
        )
    )


def read_etc(files: Files) -> Etc:
    """One pass over /etc."""
    machine_id, keys, units, repositories = "", [], [], []
    not_seen = {}
    for found in files.walk("/etc", data=_wanted, limit=ETC_LIMIT):
        name = posixpath.basename(found.path)
        if found.path == "...":
            not_seen["/etc"] = f"more than {ETC_LIMIT >> 20} MiB, the rest was not read"
        elif found.path == "/etc/machine-id":
            machine_id = found.data.decode("ascii", "replace").strip()
        elif re.fullmatch(r"/etc/ssh/ssh_host_\w+_key", found.path) and found.size:
            keys.append(name)
        elif re.search(r"/systemd/system/[^/]+\.(wants|requires)/(postgres|edb-as|patroni|repmgr)", found.path):
            units.append(name)
        elif found.data:
            repositories += repository_urls(found.data.decode("utf-8", "replace"))
    return Etc(machine_id, tuple(sorted(keys)), tuple(sorted(set(units))), tuple(dict.fromkeys(repositories)), not_seen)


def repository_urls(text: str) -> list[str]:
    """The addresses in a repository file of apt, yum or zypper; disabled ones are left out, passwords too."""
    urls: list[str] = []
    for block in re.split(r"\n(?=\[)|\n\s*\n", text):
        if re.search(r"(?mi)^\s*enabled\s*[=:]\s*(0|no|false)\s*$", block):
            continue
        for line in block.splitlines():
            if re.match(r"\s*(deb |uris:|baseurl|mirrorlist|metalink)", line, re.IGNORECASE):
                urls += re.findall(r"[a-z+]+:/{1,3}[^\s,]+", line)
    return [without_password(url) for url in urls]


def find_postgres(files: Files) -> tuple[list[str], dict[str, str]]:
    """Server binaries and data directories, and the folders that were too big to be read to their end."""
    found = [path for path in POSTGRES_BINARIES if files.stat(path)]
    not_seen = {}
    for folder in SEARCHED:
        where = files.stat(folder)
        for item in files.walk(where.path, limit=SEARCH_LIMIT) if where and where.is_dir else ():
            name = posixpath.basename(item.path)
            if item.path == "...":
                not_seen[folder] = f"more than {SEARCH_LIMIT >> 20} MiB, the rest was not searched"
            elif item.is_file and (name in ("postgres", "edb-postgres") or name == "PG_VERSION"):
                found.append(posixpath.dirname(item.path) if name == "PG_VERSION" else item.path)
    return _tops(dict.fromkeys(found)), not_seen


def _tops(paths: Mapping[str, None]) -> list[str]:
    """A data directory holds many PG_VERSION files: only the topmost of each is told."""
    ordered = sorted(paths)
    return [path for path in ordered if not any(path.startswith(f"{other}/") for other in ordered)]
