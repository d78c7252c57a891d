# SPDX-License-Identifier: GPL-3.0-or-later
"""Which way an image is got, what is said when that fails, and archives that were tampered with."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import subprocess
import tarfile
import threading

import pytest
from image_fakes import FakeDaemon

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError, DaemonError, PlatformError
from ansible_collections.tpaexec.docker.plugins.module_utils._image import (
    build,
    bundle,
    customise,
    obtain,
    stream,
)


def ways(daemon, **more):
    def make(how):
        def get(name):
            daemon.images[name] = {"Id": f"sha256:{how}"}
            return f"sha256:{how}"

        return get

    return obtain.Ways(make("pull"), make("build"), make("bootstrap"), make("load"), **more)


@pytest.mark.parametrize(
    ("name", "request_", "more", "source"),
    [
        ("there:1", {}, {}, "present"),
        ("there:1", {"force": True}, {}, "pull"),
        ("there:1", {"source": "present", "force": True}, {}, "present"),
        ("there:1", {}, {"builds": {"there:1": {"force_build": True}}}, "build"),
        ("there:1", {}, {"builds": {"there:1": {}}}, "present"),
        ("there:1", {}, {"stale": lambda name: True, "archived": ["there:1"]}, "load"),
        ("new:1", {}, {}, "pull"),
        ("new:1", {}, {"builds": {"new:1": {}}}, "build"),
        ("new:1", {}, {"builds": {"new:1": {}}, "archived": ["new:1"]}, "load"),
        ("tpaexec/debian-systemd:12", {}, {}, "bootstrap"),
        ("tpaexec/debian-systemd:12", {"source": "pull"}, {}, "pull"),
        ("tpa/debian:12", {}, {}, "bootstrap"),
        ("tpa/debian:12", {}, {"can_bootstrap": lambda: False}, "build"),
        ("tpa/debian:12", {}, {"builds": {"tpa/debian:12": {}}}, "build"),
        ("tpa/debian:9", {}, {}, "build"),
        ("tpa/rocky:9", {}, {}, "build"),
        ("tpa/unknown:1", {}, {}, "build"),
    ],
)
def test_the_way(name, request_, more, source):
    daemon = FakeDaemon({"there:1": {"Id": "sha256:old"}})
    outcome = obtain.obtain(daemon, [name, name], obtain.Request(**request_), ways(daemon, **more))
    assert [one.source for one in outcome] == [source]
    assert outcome[0].changed == (source != "present")


def test_check_mode_touches_nothing():
    daemon = FakeDaemon({})
    outcome = obtain.obtain(daemon, ["new:1"], obtain.Request(check_mode=True), ways(daemon))[0]
    assert (outcome.changed, outcome.image_id, daemon.images) == (True, "", {})


def test_one_that_fails_does_not_stop_the_others():
    daemon = FakeDaemon({})
    plain = ways(daemon)

    def fail(name):
        raise PlatformError(f"no {name}")

    outcomes = obtain.obtain(
        daemon,
        ["a:1", "b:1", "c:1"],
        obtain.Request(),
        obtain.Ways(fail, plain.build, plain.bootstrap, plain.load, {"b:1": {}}),
    )
    assert [bool(one.error) for one in outcomes] == [True, False, True]
    assert obtain.failure(outcomes).splitlines() == ["2 images could not be obtained.", "  - no a:1", "  - no c:1"]


def test_images_are_made_side_by_side():
    """Each waits for the other one: one after the other, neither would ever be done."""
    daemon = FakeDaemon({})
    plain = ways(daemon)
    both = threading.Barrier(2)

    def build_both(name):
        both.wait(timeout=30)
        return plain.build(name)

    many = obtain.Ways(plain.pull, build_both, plain.bootstrap, plain.load, {"a:1": {}, "b:1": {}})
    outcomes = obtain.obtain(daemon, ["a:1", "b:1"], obtain.Request(), many)
    assert [(one.source, one.error) for one in outcomes] == [("build", None), ("build", None)]


def test_a_failure_takes_the_name_back():
    """As with containerd's store, which names what it could not unpack: gone, or what it was before."""
    daemon = FakeDaemon({"old:1": {"Id": "sha256:old"}})
    told = []
    daemon._remove_image = lambda name, force: told.append(("remove", name))
    daemon._tag = lambda ident, repository, tag: told.append(("tag", ident, repository, tag))

    def fail(name):
        daemon.images[name] = {"Id": "sha256:half", "Descriptor": {}}
        raise PlatformError("broken")

    half = obtain.Ways(fail, fail, fail, fail)
    outcomes = obtain.obtain(daemon, ["new:1", "old:1"], obtain.Request(force=True), half)
    assert [str(one.error) for one in outcomes] == ["broken", "broken"]
    assert sorted(told) == [("remove", "new:1"), ("tag", "sha256:old", "old", "1")]


def test_a_missing_image_that_must_be_present():
    daemon = FakeDaemon({})
    outcome = obtain.obtain(daemon, ["new:1"], obtain.Request("present"), ways(daemon))[0]
    assert "tpaexec/debian-systemd:12" in str(outcome.error)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("a", ("a", "latest")),
        ("a:1", ("a", "1")),
        ("host:5000/a/b", ("host:5000/a/b", "latest")),
        ("host:5000/a/b:1", ("host:5000/a/b", "1")),
        ("a@sha256:ff", ("a", "sha256:ff")),
        ("host:5000/a:1@sha256:ff", ("host:5000/a", "sha256:ff")),
    ],
)
def test_names_for_the_api(name, parts):
    assert stream.split_name(name) == parts


# What engines 20.10, 26 and 28 said. Most of it is seen in tests/integration/image/test_pull.py.
ANSWERS = [
    ("IMAGE_NO_NETWORK", 'Get "https://registry.example/v2/": dial tcp: lookup registry.example: no such host'),
    ("IMAGE_NO_SUCH_IMAGE", "manifest for 127.0.0.1:5000/a:9 not found: manifest unknown: manifest unknown"),
    ("IMAGE_NO_ACCESS", 'Head "http://127.0.0.1:5000/v2/a/manifests/1": no basic auth credentials'),
    ("IMAGE_DISK_FULL", "failed to register layer: write /usr/lib/x: no space left on device"),
    ("IMAGE_NO_NETWORK", 'Get "http://127.0.0.1:5000/v2/": dial tcp 127.0.0.1:5000: connect: connection refused'),
    ("IMAGE_NO_ACCESS", "pull access denied for a, repository does not exist or may require 'docker login': denied: x"),
    ("IMAGE_RATE_LIMIT", "toomanyrequests: You have reached your pull rate limit."),
    ("IMAGE_SCHEMA1", "media type application/vnd.docker.distribution.manifest.v1+prettyjws is no longer supported"),
    ("IMAGE_ARCHITECTURE", "no matching manifest for linux/amd64 in the manifest list entries"),
    ("IMAGE_TLS", 'Get "https://r.example/v2/": x509: certificate signed by unknown authority'),
    ("IMAGE_TLS", "http: server gave HTTP response to HTTPS client"),
    ("IMAGE_TLS", "tls: first record does not look like a TLS handshake"),
    ("IMAGE_NO_ACCESS", "denied"),
    ("IMAGE_FAILED", "open /var/lib/docker/tmp/x: permission denied"),
    ("IMAGE_NO_REGISTRY", "error unmarshalling content: invalid character '<' looking for beginning of value"),
    ("IMAGE_NO_REGISTRY", "failed to unpack image: unexpected media type text/html for sha256:82: not found"),
    ("IMAGE_SCHEMA1", "Docker Image manifest version 2, schema 1 support is disabled by default and will be removed"),
    ("IMAGE_NAME_INVALID", "invalid reference format: repository name (Name) must be lowercase"),
    ("IMAGE_NO_NETWORK", "unexpected EOF"),
    ("IMAGE_FAILED", "something quite new"),
]


@pytest.mark.parametrize(("ident", "text"), ANSWERS)
def test_errors_are_told_apart(ident, text):
    error = stream.explain(text, "a:1", "Pulling")
    assert error.id == ident
    assert "a:1" in error.message
    assert error.remedy


def test_an_error_in_the_progress():
    items = [
        {"status": "Pulling"},
        {"errorDetail": {"message": "toomanyrequests: wait"}, "error": "toomanyrequests: wait"},
    ]
    with pytest.raises(DaemonError) as caught:
        stream.follow(items, "a:1", "Pulling")
    assert caught.value.id == "IMAGE_RATE_LIMIT"


# -- builds


def test_recipes_of_tpas_keys(tmp_path):
    builds = {
        "site/el:9": {
            "base_context_path": "images/base",
            "base_dockerfile": "Base",
            "base_build_args": {"ARG1": 1},
            "context_path": "images/systemd",
            "pull": True,
        },
        "plain:1": {
            "context_path": "/abs",
            "base_image": "debian:12",
            "dockerfile": "D",
            "nocache": True,
            "pull": True,
        },
    }
    builder = build.Builder(FakeDaemon({}), builds, str(tmp_path))
    base, final = builder.recipes("site/el:9")
    assert (base.image, base.context, base.args) == ("site/el-base:9", f"{tmp_path}/images/base", {"ARG1": "1"})
    assert (base.dockerfile, base.pull) == ("Base", True)
    assert (final.args, final.pull) == ({"BASE_IMAGE": "site/el-base:9"}, False)
    base, final = builder.recipes("plain:1")
    assert base is None
    assert (final.args, final.dockerfile, final.nocache, final.pull) == ({"BASE_IMAGE": "debian:12"}, "D", True, True)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({}, "no context_path"),
        ({"context_path": "nowhere"}, "is no directory"),
        ({"context_path": "."}, "There is no"),
        ({"context_path": ".", "dockerfile": "Other"}, "Other"),
    ],
)
def test_a_context_that_cannot_be(tmp_path, said, words):
    with pytest.raises(PlatformError, match=words):
        build.Builder(FakeDaemon({}), {"a:1": said}, str(tmp_path)).build("a:1")


def test_an_image_without_instructions():
    with pytest.raises(PlatformError, match="docker_images"):
        build.Builder(FakeDaemon({}), {}).build("a:1")


def test_a_failed_build_shows_the_end_of_its_log_and_keeps_all(tmp_path):
    log = [f"line {number}" for number in range(100)]
    error = build.build_failed("a:1", "The command '/bin/sh -c false' returned a non-zero code: 1", log, str(tmp_path))
    assert error.id == "IMAGE_BUILD_FAILED"
    assert "line 60\n" in error.message
    assert "line 59\n" not in error.message
    kept = (tmp_path / "build-a_1.log").read_text(encoding="utf-8")
    assert str(tmp_path / "build-a_1.log") in error.message
    assert "line 0\n" in kept


@pytest.mark.parametrize(
    ("text", "tail", "ident", "remedy"),
    [
        # a step's own words are not the engine's
        ("The command '/bin/sh -c update-ca-certificates' returned a non-zero code: 1", "EOF", "BUILD_FAILED", "Mend"),
        ("The command 'x' returned a non-zero code: 1", "No space left on device", "DISK_FULL", "Make room"),
        ("the --mount option requires BuildKit. Refer to …", "", "BUILD_FAILED", "without BuildKit"),
        ("manifest for nosuch:1 not found: manifest unknown", "", "NO_SUCH_IMAGE", "Check the name"),
    ],
)
def test_the_cause_of_a_failed_build(text, tail, ident, remedy):
    found = build.cause_of(text, tail)
    assert found[0] == f"IMAGE_{ident}"
    assert remedy in found[1]


def test_no_secret_of_a_build_in_a_label():
    arguments = {"EDB_TOKEN": "t", "PGPASSWORD": "p", "API_KEY": "k", "MONKEY": "m", "URL": "https://me:pw@a/b"}
    assert build.without_secrets(arguments) == {
        "EDB_TOKEN": "***",
        "PGPASSWORD": "***",
        "API_KEY": "***",
        "MONKEY": "m",
        "URL": "https://a/b",
    }


def test_a_base_image_that_does_not_exist(tmp_path):
    error = build.build_failed("a:1", "manifest for nosuch:1 not found: manifest unknown", [], str(tmp_path))
    assert error.id == "IMAGE_NO_SUCH_IMAGE"


# -- a site's own image


def test_every_mistake_at_once(tmp_path):
    params = {
        "packages": ["ok", "no good;", "$(x)"],
        "repositories": [
            {"name": "a b", "line": "x"},
            {"name": "both", "line": "x", "baseurl": "y"},
            {"name": "k", "line": "x", "key": "/no"},
        ],
        "files": [{"src": "/no", "dest": "rel", "mode": "0999"}],
    }
    with pytest.raises(ConfigError) as caught:
        customise.parse_site(params)
    places = [problem.place for problem in caught.value.problems]
    assert places == [
        "packages",
        "packages",
        "repositories.a b",
        "repositories.both",
        "repositories.k",
        *["files.rel"] * 3,
        "base_image",
    ]


def test_the_build_context(tmp_path):
    key, one = tmp_path / "key", tmp_path / "one"
    key.write_text("-----BEGIN PGP", encoding="utf-8")
    one.write_text("hello", encoding="utf-8")
    site = customise.parse_site(
        {
            "base_image": "base:1",
            "packages": ["rsync"],
            "repositories": [{"name": "pg", "line": "https://apt.example/pg bookworm main", "key": str(key)}],
            "files": [{"src": str(one), "dest": "/etc/site/one", "mode": "0600"}],
            "package_cache": ["postgresql-16"],
        }
    )
    files = customise.context(site, "apt")
    script = files["site.sh"].decode()
    assert files["files/0"] == b"hello"
    assert files["Dockerfile"].startswith(b"FROM base:1\n")
    assert "deb [signed-by=/etc/apt/keyrings/pg.asc] https://apt.example/pg bookworm main" in script
    assert "--download-only postgresql-16" in script
    assert "rm -rf /var/lib/apt/lists" not in script
    assert "chmod 0600 /etc/site/one" in script
    script = customise.context(site, "dnf")["site.sh"].decode()
    assert "keepcache=1" in script
    assert "dnf install -y -q --downloadonly postgresql-16" in script


def test_dnfs_settings_are_written_once_where_yum_conf_is_a_link(tmp_path):
    """As on Enterprise Linux 8 and later."""
    (tmp_path / "dnf").mkdir()
    (tmp_path / "dnf" / "dnf.conf").write_text("[main]\nkeepcache=0\ngpgcheck=1\n")
    (tmp_path / "yum.conf").symlink_to("dnf/dnf.conf")
    script = customise.DNF_KEEP.replace("/etc/", f"{tmp_path}/")
    for _twice in range(2):
        subprocess.run(["sh", "-eu", "-c", script], check=True)
        expected = "[main]\ngpgcheck=1\nkeepcache=1\nmetadata_expire=never\n"
        assert (tmp_path / "dnf" / "dnf.conf").read_text() == expected
        assert (tmp_path / "yum.conf").is_symlink()


def test_packages_on_an_image_without_a_package_manager():
    with pytest.raises(PlatformError, match="no package manager"):
        customise.context(customise.Site("base:1", packages=("a",)), "")


# -- archives


def write_bundle(path, change=None, images=None):
    members = {"manifest.json": b'[{"RepoTags": ["a:1"]}]', "x/layer.tar": b"files"}
    saved = io.BytesIO()
    with tarfile.open(fileobj=saved, mode="w") as tar:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    with open(path, "wb") as handle:
        bundle._copy(iter([saved.getvalue()]), handle, "demo", images or [{"name": "a:1", "layers": ["sha256:1"]}])
    if change:
        data = path.read_bytes()
        assert change[0] in data
        path.write_bytes(data.replace(change[0], change[1]))
    return str(path)


def test_a_whole_bundle(tmp_path):
    found = bundle.read(write_bundle(tmp_path / "b.tar"))
    assert found.bundle
    assert found.images == {"a:1": ("sha256:1",)}


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ((b"files", b"filth"), "checksum of x/layer.tar"),
        ((b'"demo"', b'"dome"'), "tpaexec-bundle.json"),
        ((b'"checksum"', b'"checksun"'), "tpaexec-bundle.json"),
        ((b'"a:1"]}', b'"b:1"]}'), "checksum of manifest.json"),
    ],
)
def test_a_damaged_bundle(tmp_path, change, part):
    with pytest.raises(PlatformError, match=part):
        bundle.read(write_bundle(tmp_path / "b.tar", change))


def test_a_bundle_cut_short(tmp_path):
    path = tmp_path / "b.tar"
    write_bundle(path)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(PlatformError, match="damaged"):
        bundle.read(str(path))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_damage_anywhere_is_refused_or_harmless(tmp_path, pack):
    """Every few bytes one bit is turned, or the file ends: what is still taken is the same bundle, no plain archive."""
    path = tmp_path / "b.tar"
    whole = bundle.read(write_bundle(path))
    data = pack(path.read_bytes())
    refused = 0
    for place in range(0, len(data), 61):
        turned = bytearray(data)
        turned[place] ^= 1 << place % 8
        for damaged in (bytes(turned), data[:place], data[:place] + bytes(len(data) - place)):
            path.write_bytes(damaged)
            try:
                assert bundle.read(str(path)) == whole, place
            except PlatformError:
                refused += 1
    assert refused > len(data) / 61


@pytest.mark.parametrize(("data", "words"), [(b"", "is empty"), (b"no tar" * 200, "damaged")])
def test_no_archive_at_all(tmp_path, data, words):
    path = tmp_path / "b.tar"
    path.write_bytes(data)
    with pytest.raises(PlatformError, match=words):
        bundle.read(str(path))
    with pytest.raises(PlatformError, match="cannot be read"):
        bundle.read(str(tmp_path / "none"))


def test_a_plain_archive(tmp_path):
    path = tmp_path / "plain.tar"
    with tarfile.open(path, "w") as tar:
        data = json.dumps([{"RepoTags": ["a:1", "b:1"]}, {"RepoTags": None}]).encode()
        member = tarfile.TarInfo("manifest.json")
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    assert bundle.read(str(path)) == bundle.Archive(str(path), {"a:1": (), "b:1": ()}, bundle=False)


def test_a_digest_cannot_be_shipped():
    with pytest.raises(PlatformError, match="Give the image a tag"):
        bundle.described(FakeDaemon({}), ["a@sha256:ff"])


def test_layers_and_bytes_of_a_pull():
    told = []
    layers = stream.Layers("image a:1", lambda *step: told.append(step), every=0)
    for item in (
        {"status": "Pulling from a", "id": "1"},
        {"status": "Pulling fs layer", "progressDetail": {}, "id": "x"},
        {"status": "Already exists", "progressDetail": {}, "id": "y"},
        {"status": "Downloading", "progressDetail": {"current": 10_000_000, "total": 40_000_000}, "id": "x"},
        {"status": "Download complete", "progressDetail": {}, "id": "x"},
        {"status": "Extracting", "progressDetail": {"current": 5, "total": 40_000_000}, "id": "x"},
        {"status": "Pull complete", "progressDetail": {}, "id": "x"},
    ):
        layers(item)
    words = [step[1] for step in told]
    assert words[2] == "pull: 1 of 2 layers, 10 of 40 MB"
    assert words[3] == "pull: 1 of 2 layers, 40 of 40 MB"
    assert words[-1] == "pull: 2 of 2 layers, 40 of 40 MB"
    assert {step[0] for step in told} == {"image a:1"}


def test_each_image_tells_when_it_begins_and_ends():
    told = []
    daemon = FakeDaemon({"there:1": {"Id": "sha256:old"}})
    request = obtain.Request(progress=lambda *step: told.append(step))
    obtain.obtain(daemon, ["there:1", "new:1"], request, ways(daemon))
    assert [step[:2] for step in told] == [("image new:1", "pull"), ("image new:1", "pull")]
    assert told[0][2] is None
    assert told[1][2] >= 0
