# SPDX-License-Identifier: GPL-3.0-or-later
"""The package database of an image, read as a file: dpkg's text, rpm's SQLite, and the names in rpm's Berkeley DB."""

from __future__ import annotations

import os
import re
import sqlite3
import struct
import tempfile
from typing import Iterator, Mapping, Optional

from .archive import Files

RPM_SQLITE = ("/var/lib/rpm/rpmdb.sqlite", "/usr/lib/sysimage/rpm/rpmdb.sqlite")
RPM_NAMES = "/var/lib/rpm/Name"
NAME, VERSION, RELEASE = 1000, 1001, 1002  # rpm's header tags
DATABASE_LIMIT = 512 << 20

SERVERS = re.compile(
    r"^(postgresql(-\d+(\.\d+)?)?-server|postgresql\d*-server|postgresql-\d+(\.\d+)?|postgresql-server-\d+"
    r"|edb-as\d+-server(-core)?|edb-postgresextended-?\d+(-server)?|edb-pge\d*-server|postgresql\d+-contrib|pgdg-server)$"
)
# what a server package needs and does not contain: welcome in an image
DEPENDENCIES = re.compile(
    r"^(libpq5?|libllvm\d+\S*|llvm-libs|libxslt(1\.1)?|libicu(\d+)?|ssl-cert|libjson-perl|libipc-run-perl"
    r"|postgresql-common(-dev)?|postgresql-client-common|postgresql\d*-libs|libtypes-serialiser-perl)$"
)


def read(files: Files) -> dict[str, str]:
    """Installed packages: name → version ("" where the database's format gives the names only)."""
    status = files.read("/var/lib/dpkg/status")
    if status is not None:
        return parse_dpkg(status.decode("utf-8", "replace"))
    for path in RPM_SQLITE:
        data = files.read(path, DATABASE_LIMIT)
        if data is not None:
            return parse_rpm_sqlite(data, files.read(f"{path}-wal", DATABASE_LIMIT))
    names = files.read(RPM_NAMES, DATABASE_LIMIT)
    return dict.fromkeys(sorted(set(berkeley_keys(names))), "") if names is not None else {}


def parse_dpkg(text: str) -> dict[str, str]:
    """/var/lib/dpkg/status, only what is installed."""
    found = {}
    for stanza in text.split("\n\n"):
        fields = dict(re.findall(r"(?m)^(Package|Status|Version): (.*)$", stanza))
        if fields.get("Status", "").endswith(" installed") and "Package" in fields:
            found[fields["Package"]] = fields.get("Version", "")
    return found


def parse_rpm_sqlite(data: bytes, wal: Optional[bytes] = None) -> dict[str, str]:
    """rpmdb.sqlite: one header a row. Read from a private copy, together with its write-ahead log."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rpmdb.sqlite")
        for name, content in ((path, data), (f"{path}-wal", wal)):
            if content:
                with open(name, "wb") as handle:
                    handle.write(content)
        connection = sqlite3.connect(path)
        try:
            blobs = [row[0] for row in connection.execute("SELECT blob FROM Packages")]
        except sqlite3.Error:
            return {}
        finally:
            connection.close()
    headers = [parse_header(blob) for blob in blobs]
    return {head[NAME]: f"{head.get(VERSION, '')}-{head.get(RELEASE, '')}" for head in headers if NAME in head}


def parse_header(blob: bytes) -> dict[int, str]:
    """The three strings of an rpm header that are wanted: a count, a size, an index of 16 bytes each, the data."""
    try:
        count, _size = struct.unpack_from(">II", blob)
        data = 8 + 16 * count
        found = {}
        for number in range(count):
            tag, kind, offset, _count = struct.unpack_from(">IIII", blob, 8 + 16 * number)
            if tag in (NAME, VERSION, RELEASE) and kind == 6:
                end = blob.index(b"\0", data + offset)
                found[tag] = blob[data + offset : end].decode("utf-8", "replace")
        return found
    except (struct.error, ValueError):
        return {}


def berkeley_keys(data: bytes) -> Iterator[str]:
    """The keys of a Berkeley DB hash file: on each hash page, every second item, when it is kept on the page."""
    if len(data) < 72:
        return
    order = "<" if struct.unpack_from("<I", data, 12)[0] == 0x061561 else ">"
    if struct.unpack_from(f"{order}I", data, 12)[0] != 0x061561:
        return
    size = struct.unpack_from(f"{order}I", data, 20)[0]
    for start in range(size, len(data) - size + 1, size) if size >= 512 else ():
        page = data[start : start + size]
        entries, kind = struct.unpack_from(f"{order}H", page, 20)[0], page[25]
        if kind not in (2, 13) or 26 + 2 * entries > size:
            continue
        offsets = struct.unpack_from(f"{order}{entries}H", page, 26)
        for number in range(0, entries, 2):
            end = offsets[number - 1] if number else size
            item = page[offsets[number] : end]
            if item[:1] == b"\x01":
                yield item[1:].decode("utf-8", "replace")


def postgres_servers(installed: Mapping[str, str]) -> list[str]:
    return sorted(name for name in installed if SERVERS.match(name))


def postgres_dependencies(installed: Mapping[str, str]) -> list[str]:
    return sorted(name for name in installed if DEPENDENCIES.match(name))
