# SPDX-License-Identifier: GPL-3.0-or-later
"""Which images are ours, who uses them, which may go."""

from __future__ import annotations

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._image import inventory


def image(ident, layers, *names, **labels):
    return {
        "Id": ident,
        "RepoTags": list(names),
        "Config": {"Labels": labels},
        "RootFS": {"Layers": layers},
        "Size": 5_000_000,
        "Created": "2026-01-01T00:00:00Z",
        "Metadata": {"LastTagTime": "0001-01-01T00:00:00Z"},
    }


def container(image_id, name, **labels):
    return {"ImageID": image_id, "Names": [f"/{name}"], "Labels": labels}


BASE = image("sha256:base", ["1"], "base:1")
TOP = image("sha256:top", ["1", "2"], "top:1")
TWIN = image("sha256:twin", ["1"], "twin:1")


def test_used_by_a_cluster():
    found = inventory.summary(
        BASE, [container("sha256:base", "kalf", Cluster="demo"), container("sha256:top", "x")], [BASE, TOP]
    )
    assert (found.clusters, found.containers, found.base_of) == (("demo",), ("kalf",), ("top:1",))
    assert found.used


@pytest.mark.parametrize(
    ("created_by", "mine"),
    [
        ("tpaexec.docker guest_image", True),
        ("/bin/sh -c #(nop)  LABEL tpaexec.docker.image.source=build", True),
        ("/bin/sh -c #(nop)  LABEL tpaexec.docker.image=guest", True),
        ("LABEL tpaexec.docker.image=guest tpaexec.docker.image.source=build", True),
        ("/bin/sh -c #(nop)  LABEL theirs=yes", False),
        ("/bin/sh -c apt-get install postgresql", False),
        ("", False),
    ],
)
def test_whose_last_step_it_is(created_by, mine):
    below = {"CreatedBy": "/bin/sh -c #(nop)  LABEL tpaexec.docker.image=guest"}
    assert inventory.made_here([{"CreatedBy": created_by}, below]) is mine
    assert not inventory.made_here([])


@pytest.mark.parametrize(
    ("digests", "pulled"), [([], False), (["a@sha256:base"], False), (["a@sha256:base", "b@sha256:manifest"], True)]
)
def test_what_came_from_a_registry(digests, pulled):
    assert inventory.pulled(dict(BASE, RepoDigests=digests)) is pulled


def test_an_image_of_others_keeps_what_it_was_built_on():
    found = inventory.summary(BASE, [], [BASE, TOP], {"sha256:top"})
    assert found.used
    assert found.base_of == ("top:1",)


def test_an_image_above_that_nobody_uses_keeps_nothing():
    found = inventory.summary(BASE, [], [BASE, TOP])
    assert not found.used


def test_one_of_the_same_layers_is_not_built_on_it():
    found = inventory.summary(BASE, [container("sha256:twin", "x")], [BASE, TWIN])
    assert not found.used


def test_a_probe_is_no_use():
    found = inventory.summary(BASE, [container("sha256:base", "p", **{"tpaexec.docker.probe": "true"})], [BASE])
    assert not found.used


@pytest.mark.parametrize(
    ("seconds", "words"), [(5, "just now"), (300, "5 minutes"), (7200, "2 hours"), (86400 * 3, "3 days")]
)
def test_age(seconds, words):
    assert inventory.age(seconds) == words


def test_the_table():
    found = inventory.summary(BASE, [container("sha256:base", "kalf", Cluster="demo")], [BASE])
    lines = inventory.table([found], found.since + 7200).splitlines()
    assert lines[0].split() == ["IMAGE", "SOURCE", "SIZE", "AGE", "USED", "BY"]
    assert lines[1].split() == ["base:1", "5", "MB", "2", "hours", "demo"]
    assert "No image" in inventory.table([], 0)
