# SPDX-License-Identifier: GPL-3.0-or-later
"""Image names: what they are made of, their full and their short form, and what is none."""

from __future__ import annotations

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._spec.image_name import ImageName
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.problems import BadValue

DIGEST = "sha256:" + "0a" * 32

NAMES = [
    # text, registry, repository, tag, digest, normal form, short form
    ("debian", "", "debian", "", "", "docker.io/library/debian:latest", "debian:latest"),
    ("debian:12", "", "debian", "12", "", "docker.io/library/debian:12", "debian:12"),
    ("centos/systemd", "", "centos/systemd", "", "", "docker.io/centos/systemd:latest", "centos/systemd:latest"),
    ("docker.io/debian", "docker.io", "debian", "", "", "docker.io/library/debian:latest", "debian:latest"),
    ("index.docker.io/a/b:1", "index.docker.io", "a/b", "1", "", "docker.io/a/b:1", "a/b:1"),
    ("localhost/a", "localhost", "a", "", "", "localhost/a:latest", "localhost/a:latest"),
    ("localhost:5000/a/b:1", "localhost:5000", "a/b", "1", "", "localhost:5000/a/b:1", "localhost:5000/a/b:1"),
    ("[::1]:5000/a", "[::1]:5000", "a", "", "", "[::1]:5000/a:latest", "[::1]:5000/a:latest"),
    (f"debian@{DIGEST}", "", "debian", "", DIGEST, f"docker.io/library/debian@{DIGEST}", f"debian@{DIGEST}"),
    (f"r.io/a:1@{DIGEST}", "r.io", "a", "1", DIGEST, f"r.io/a:1@{DIGEST}", f"r.io/a:1@{DIGEST}"),
    ("a__b/c-d.e/f", "", "a__b/c-d.e/f", "", "", "docker.io/a__b/c-d.e/f:latest", "a__b/c-d.e/f:latest"),
    ("docker.io/library/a", "docker.io", "library/a", "", "", "docker.io/library/a:latest", "a:latest"),
]


@pytest.mark.parametrize(("text", "registry", "repository", "tag", "digest", "normal", "short"), NAMES)
def test_parse(text: str, registry: str, repository: str, tag: str, digest: str, normal: str, short: str) -> None:
    name = ImageName.parse(text)
    assert name == ImageName(repository, registry, tag, digest)
    assert str(name) == text
    assert str(name.normalize()) == normal
    assert name.familiar() == short


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "An image name is needed"),
        (None, "An image name is needed"),
        (12, "An image name is needed"),
        (["debian"], "An image name is needed"),
        ("Debian", "capital letters"),
        ("debian:", "the tag"),
        ("debian:a b", "the tag"),
        ("debian:" + "a" * 129, "the tag"),
        ("debian@", "the digest"),
        ("debian@sha256:12", "the digest"),
        ("debian@md5:" + "0" * 32, "the digest"),
        ("/debian", "the repository"),
        ("debian/", "the repository"),
        ("a//b", "the repository"),
        ("-a", "the repository"),
        ("a b", "the repository"),
        ("a\n", "the repository"),
        ("{{ image }}", "the repository"),
        ("a" * 256, "the repository"),
        ("-.io/a", "the registry"),
        ("r.io:x/a", "the registry"),
        ("r.io:/a", "the registry"),
        ("0a" * 32, "image id"),
        (DIGEST, "image id"),
    ],
)
def test_refused(text: object, part: str) -> None:
    with pytest.raises(BadValue, match=part) as raised:
        ImageName.parse(text)  # type: ignore[arg-type]
    assert raised.value.remedy
