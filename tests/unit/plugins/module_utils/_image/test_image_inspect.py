# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of images, from a few files of each."""

from __future__ import annotations

import sqlite3
import struct
from datetime import datetime, timezone

import pytest
from image_fakes import FakeDaemon

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import PlatformError
from ansible_collections.tpaexec.docker.plugins.module_utils._image import archive, contents, inspect, packages
from ansible_collections.tpaexec.docker.plugins.module_utils._image.model import Python

STATUS = """\
Package: systemd
Status: install ok installed
Version: 252.39-1~deb12u1

Package: gone
Status: deinstall ok config-files
Version: 1

Package: postgresql-common
Status: install ok installed
Version: 248
"""


def image(**config):
    config = {"Cmd": ["/sbin/init"], "StopSignal": "SIGRTMIN+3", "Labels": None, **config}
    return {"Id": "sha256:abc", "Architecture": "amd64", "Size": 5, "Config": config}


def debian(**more):
    return {
        "/etc/machine-id": b"",
        "/sbin/init": "/usr/lib/systemd/systemd",
        "/usr/lib/systemd/systemd": b"ELF",
        "/usr/lib/os-release": b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
        "/usr/bin/apt-get": b"ELF",
        "/usr/bin/python3": "/usr/bin/python3.11",
        "/usr/bin/python3.11": b"ELF",
        "/usr/sbin/sshd": b"ELF",
        "/var/lib/dpkg/status": STATUS.encode(),
        **{key.replace("__", "/"): value for key, value in more.items()},
    }


def look(files, **config):
    daemon = FakeDaemon({"x:1": image(**config), "sha256:abc": image(**config)}, files)
    facts = inspect.look(daemon, "x:1")
    assert daemon.removed == "probe"
    return facts


def test_a_debian_image():
    facts = look(debian())
    assert (facts.os_id, facts.os_version, facts.architecture) == ("debian", "12", "amd64")
    assert (facts.has_systemd, facts.systemd_version, facts.sshd) == (True, 252, True)
    assert facts.init == "/sbin/init -> /usr/lib/systemd/systemd"
    assert facts.pythons == (Python("/usr/bin/python3", "3.11"),)
    assert facts.package_manager == "apt"
    assert dict(facts.packages) == {"systemd": "252.39-1~deb12u1", "postgresql-common": "248"}
    assert facts.postgres_dependencies == ("postgresql-common",)
    assert facts.package_cache is None


def test_an_image_with_nothing_in_it():
    facts = look({})
    assert (facts.has_systemd, facts.systemd_version, facts.sshd, facts.os_id) == (False, None, False, "")


def test_the_probe_is_never_started_and_labelled():
    daemon = FakeDaemon({"x:1": image(), "sha256:abc": image()}, debian())
    inspect.look(daemon, "x:1")
    assert "start" not in daemon.calls
    assert daemon.created["labels"] == {"tpaexec.docker.probe": "true"}
    assert daemon.created["network_disabled"]


def test_the_probe_is_removed_after_an_error(monkeypatch):
    daemon = FakeDaemon({"x:1": image(), "sha256:abc": image()}, debian())
    monkeypatch.setattr(inspect, "gather", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        inspect.look(daemon, "x:1")
    assert daemon.removed == "probe"


def test_probes_of_killed_runs_are_removed():
    daemon = FakeDaemon({})
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    daemon.containers = [{"Id": "old", "Created": now.timestamp() - 700}]
    archive.remove_stale(daemon, now)
    assert daemon.removed == "old"
    daemon = FakeDaemon({})
    daemon.containers = [{"Id": "young", "Created": now.timestamp() - 5}]
    archive.remove_stale(daemon, now)
    assert not hasattr(daemon, "removed")


def test_an_image_that_is_not_there():
    with pytest.raises(PlatformError, match="no image none:1"):
        inspect.look(FakeDaemon({}), "none:1")


@pytest.mark.parametrize(
    ("files", "version"),
    [
        ({"/usr/lib/systemd/libsystemd-shared-255.4-1.fc40.so": b"", "/usr/lib/systemd/systemd": b""}, 255),
        ({"/lib/systemd/libsystemd-shared-239.so": b"", "/lib/systemd/systemd": b""}, 239),
        ({"/usr/lib64/libsystemd.so.0": "/usr/lib64/libsystemd.so.0.6.0", "/usr/lib64/libsystemd.so.0.6.0": b""}, 219),
        ({"/usr/lib/systemd/systemd": b""}, None),
    ],
)
def test_systemd_without_a_package_database(files, version):
    assert look(files).systemd_version == version


@pytest.mark.parametrize("version", ["252.39-1~deb12u1", "2:252-1", "v252", "252"])
def test_systemd_from_the_package(version):
    assert inspect.systemd_version(None, {"systemd": version}) == 252


def test_what_clashes():
    files = debian()
    files["/etc/machine-id"] = b"0123456789abcdef0123456789abcdef\n"
    files["/etc/ssh/ssh_host_rsa_key"] = b"key"
    files["/etc/ssh/ssh_host_rsa_key.pub"] = b"key"
    files["/etc/systemd/system/multi-user.target.wants/postgresql-16.service"] = (
        "/usr/lib/systemd/system/postgresql-16.service"
    )
    files["/etc/apt/sources.list"] = (
        b"deb https://me:pw@mirror.example/debian bookworm main\n# deb http://off/ x main\n"
    )
    facts = look(files)
    assert facts.machine_id == "0123456789abcdef0123456789abcdef"
    assert facts.host_keys == ("ssh_host_rsa_key",)
    assert facts.postgres_units == ("postgresql-16.service",)
    assert facts.repositories == ("https://mirror.example/debian",)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/usr/lib/postgresql/15/bin/postgres", "/usr/lib/postgresql/15/bin/postgres"),
        ("/usr/pgsql-16/bin/postgres", "/usr/pgsql-16/bin/postgres"),
        ("/usr/edb/as17/bin/edb-postgres", "/usr/edb/as17/bin/edb-postgres"),
        ("/usr/local/pgsql/bin/postgres", "/usr/local/pgsql/bin/postgres"),
        ("/opt/pg/17/bin/postgres", "/opt/pg/17/bin/postgres"),
        ("/var/lib/pgsql/15/data/PG_VERSION", "/var/lib/pgsql/15/data"),
        ("/data/main/PG_VERSION", "/data/main"),
    ],
)
def test_postgres_that_no_package_brought(path, found):
    assert look(debian(**{path: b"x"})).postgres_files == (found,)


def test_a_data_directory_is_told_once():
    files = debian()
    for name in ("PG_VERSION", "base/1/PG_VERSION", "base/5/PG_VERSION"):
        files[f"/var/lib/postgresql/15/main/{name}"] = b"15\n"
    assert look(files).postgres_files == ("/var/lib/postgresql/15/main",)


def test_a_huge_folder_is_given_up(monkeypatch):
    monkeypatch.setattr(contents, "SEARCH_LIMIT", 5000)
    facts = look(debian(**{"/opt/big": b"x" * 100000, "/opt/later": b""}))
    assert "/opt" in facts.not_seen


def test_the_package_cache():
    facts = look(debian(**{"/var/cache/apt/archives/a_1_all.deb": b"123", "/var/cache/apt/archives/lock": b""}))
    assert (facts.package_cache.files, facts.package_cache.size) == (("a_1_all.deb",), 3)


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("[a]\nbaseurl=http://a/os\n\n[b]\nbaseurl=http://b/os\nenabled=0\n", ["http://a/os"]),
        ("[a]\nmirrorlist=http://list/?arch=x\n#baseurl=http://old/\n", ["http://list/?arch=x"]),
        ("Types: deb\nURIs: http://u/debian\nSuites: s\n", ["http://u/debian"]),
        ("deb file:/srv/apt ./\n", ["file:/srv/apt"]),
        ("nothing", []),
    ],
)
def test_repositories(text, urls):
    assert contents.repository_urls(text) == urls


def test_facts_are_kept_by_image_id(tmp_path):
    daemon = FakeDaemon({"x:1": image(), "y:1": image(), "sha256:abc": image()}, debian())
    first = inspect.look(daemon, "x:1", str(tmp_path))
    daemon.calls.clear()
    assert inspect.look(daemon, "x:1", str(tmp_path)) == first
    assert inspect.look(daemon, "y:1", str(tmp_path)).name == "y:1"
    assert set(daemon.calls) == {"inspect_image"}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', '{"format": 99, "image_id": "sha256:abc"}', "null"])
def test_a_spoilt_cache_counts_as_none(tmp_path, text):
    (tmp_path / "image-abc.json").write_text(text, encoding="utf-8")
    assert inspect.load_facts(str(tmp_path), "sha256:abc", "x") is None
    daemon = FakeDaemon({"x:1": image(), "sha256:abc": image()}, debian())
    assert inspect.look(daemon, "x:1", str(tmp_path)).has_systemd


def header(name, version="1", release="2"):
    """An rpm header with three strings, as it stands in the database."""
    strings, index = b"", b""
    for tag, text in ((1000, name), (1001, version), (1002, release)):
        index += struct.pack(">IIII", tag, 6, len(strings), 1)
        strings += text.encode() + b"\0"
    return struct.pack(">II", 3, len(strings)) + index + strings


def test_an_rpm_database(tmp_path):
    path = tmp_path / "rpmdb.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY, blob BLOB)")
    for blob in (header("systemd", "252", "32.el9"), header("postgresql15-server"), b"spoilt"):
        connection.execute("INSERT INTO Packages (blob) VALUES (?)", (blob,))
    connection.commit()
    connection.close()
    assert packages.parse_rpm_sqlite(path.read_bytes()) == {"systemd": "252-32.el9", "postgresql15-server": "1-2"}
    assert packages.parse_rpm_sqlite(b"no database") == {}
    facts = look({"/var/lib/rpm/rpmdb.sqlite": path.read_bytes(), "/usr/bin/dnf": b"", "/usr/lib/systemd/systemd": b""})
    assert (facts.systemd_version, facts.postgres_packages) == (252, ("postgresql15-server",))


def berkeley(keys, size=512):
    """A hash file of two pages: the metadata, and one page with the keys and 4-byte values."""
    meta = bytearray(size)
    struct.pack_into("<I", meta, 12, 0x061561)
    struct.pack_into("<I", meta, 20, size)
    page, offsets, end = bytearray(size), [], size
    for key in keys:
        for item in (b"\x01" + key.encode(), b"\x01\0\0\0\1"):
            end -= len(item)
            page[end : end + len(item)] = item
            offsets.append(end)
    struct.pack_into("<H", page, 20, len(offsets))
    page[25] = 13
    struct.pack_into(f"<{len(offsets)}H", page, 26, *offsets)
    return bytes(meta + page)


def test_names_of_an_old_rpm_database():
    data = berkeley(["systemd", "postgresql96-server", "bash"])
    assert sorted(packages.berkeley_keys(data)) == ["bash", "postgresql96-server", "systemd"]
    assert list(packages.berkeley_keys(b"x" * 100)) == []
    assert list(packages.berkeley_keys(b"")) == []
    facts = look({"/var/lib/rpm/Name": data, "/usr/lib64/libsystemd.so.0": "/usr/lib64/libsystemd.so.0.6.0",
                  "/usr/lib64/libsystemd.so.0.6.0": b"", "/usr/bin/yum": b""})  # fmt: skip
    assert (facts.systemd_version, facts.postgres_packages) == (219, ("postgresql96-server",))


@pytest.mark.parametrize(
    ("name", "server"),
    [
        ("postgresql-15", True),
        ("postgresql-9.6", True),
        ("postgresql15-server", True),
        ("postgresql-server", True),
        ("edb-as16-server", True),
        ("edb-as16-server-core", True),
        ("postgresql-client-15", False),
        ("postgresql-common", False),
        ("postgresql", False),
        ("postgresql15-libs", False),
        ("postgresql-server-dev-15", False),
        ("libpq5", False),
    ],
)
def test_which_packages_are_servers(name, server):
    assert bool(packages.postgres_servers({name: ""})) == server
