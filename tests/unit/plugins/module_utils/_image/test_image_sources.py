# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine's apt sources, and which of them make a release."""

from __future__ import annotations

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._image import apt_sources
from ansible_collections.tpaexec.docker.plugins.module_utils._image.apt_sources import Source

DEB822 = """\
# the main archive
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc
 -----END PGP PUBLIC KEY BLOCK-----

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
"""

LIST = """\
deb http://mirror.example/debian bookworm main # a remark
# deb http://off.example/debian bookworm main
deb-src http://mirror.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://third.example/apt bookworm-pgdg main
deb http://flat.example/ ./
"""


def test_stanzas():
    found = apt_sources.parse_deb822(DEB822)
    key = "/usr/share/keyrings/debian-archive-keyring.gpg"
    assert found == [
        Source("http://mirror.example/debian", "bookworm", ("main", "contrib"), key),
        Source("http://mirror.example/debian", "bookworm-updates", ("main", "contrib"), key),
        Source("http://mirror.example/debian-security", "bookworm-security", ("main",), ""),
    ]


def test_lines():
    assert apt_sources.parse_list(LIST) == [
        Source("http://mirror.example/debian", "bookworm", ("main",)),
        Source("http://third.example/apt", "bookworm-pgdg", ("main",), "/k.gpg"),
        Source("http://flat.example/", "./", ()),
    ]


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (Source("http://m/d", "s", ("main", "contrib")), "deb http://m/d s main contrib"),
        (Source("http://m/d", "s", ("main",), "/k"), "deb [signed-by=/k] http://m/d s main"),
        (Source("http://m/", "./", ()), "deb http://m/ ./"),
    ],
)
def test_line(source, line):
    assert source.line() == line


def test_third_parties_stay_out():
    base = Source("http://m/debian", "bookworm", ("main",))
    updates = Source("http://m/debian", "bookworm-updates", ("main",))
    security = Source("http://m/security", "bookworm-security", ("main",))
    third = Source("http://third/apt", "bookworm", ("main",))
    other = Source("http://other/apt", "bookworm", ("nightly",))
    assert apt_sources.for_release([third, base, updates, security, other], "bookworm") == [base, updates, security]


def test_another_release_has_none():
    assert apt_sources.for_release([Source("http://m/debian", "bookworm", ("main",))], "trixie") == []


def test_a_key_that_is_not_there_is_left_out():
    source = Source("http://m/debian", "bookworm", ("main",), "/no/such/key")
    assert apt_sources.for_release([source], "bookworm")[0].signed_by == ""


def test_reads_the_files_of_a_machine(tmp_path):
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list").write_text("deb http://a/d bookworm main\n", encoding="utf-8")
    (tmp_path / "sources.list.d" / "b.sources").write_text(DEB822, encoding="utf-8")
    (tmp_path / "sources.list.d" / "c.list.disabled").write_text("deb http://c/d bookworm main\n", encoding="utf-8")
    assert [source.uri for source in apt_sources.read(str(tmp_path))][:2] == [
        "http://a/d",
        "http://mirror.example/debian",
    ]
    assert apt_sources.read(str(tmp_path / "nothing")) == []
