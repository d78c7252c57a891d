# SPDX-License-Identifier: GPL-3.0-or-later
"""Bootstrapping from archives that somebody chose: mirror, keyring, further sources, and what is refused.

The archives are small ones made here, so that mmdebstrap, apt, gpgv and dpkg run for real in seconds and offline.
"""

from __future__ import annotations

import functools
import http.server
import json
import os
import shutil
import tempfile
import threading

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._image.bootstrap import ARCHITECTURES
from ansible_collections.tpaexec.docker.tests.integration.engines import engine as harness
from ansible_collections.tpaexec.docker.tests.integration.engines.engine import ram_disk
from ansible_collections.tpaexec.docker.tests.integration.engines.runner import run
from ansible_collections.tpaexec.docker.tests.integration.image.apt_archive import DATE, Archive, Key, small_debian
from ansible_collections.tpaexec.docker.tests.integration.image.conftest import PREFIX, forget, there

NAME = f"{PREFIX}/chosen:12"
EXTRA = "t-img-extra"
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="the archives lie in folders of root's; a user has its own test")
pytestmark = [ROOT]


class Site:
    """A mirror of a small Debian and a site's own archive, each with a key of its own."""

    def __init__(self, sdk, guest_image, folder):
        machine = sdk.info()["Architecture"]
        architecture = ARCHITECTURES.get(machine, machine)
        self.mirror_key, self.site_key = Key(folder / "keys/mirror"), Key(folder / "keys/site")
        self.mirror = small_debian(sdk, guest_image, folder / "mirror", architecture)
        self.mirror.publish(self.mirror_key)
        self.extra = Archive(folder / "site", architecture)
        self.extra.add(EXTRA, {"usr/share/extra/hello": "from the site\n"})
        self.extra.publish(self.site_key, date=DATE + 60)

    def wish(self, **more):
        source = f"deb [signed-by={self.site_key.armored}] {self.extra.copied} bookworm main"
        wish = {"distribution": "debian", "release": "12", "mirror": self.mirror.copied, "packages": [EXTRA]}
        return {**wish, "keyring": str(self.mirror_key.public), "sources": [source], **more}


@pytest.fixture(scope="module")
def site(sdk, guest_image, tmp_path_factory):
    if not shutil.which("mmdebstrap") or not shutil.which("gpg"):
        pytest.fail("mmdebstrap or gpg is missing: `make image` installs both", pytrace=False)
    folder = tmp_path_factory.mktemp("archives")
    made = Site(sdk, guest_image, folder)
    yield made
    made.mirror_key.stop()
    made.site_key.stop()


@pytest.fixture
def served(site):
    """The mirror by HTTP, and what was asked for."""
    asked = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            asked.append(self.path)

    handler = functools.partial(Handler, directory=str(site.mirror.folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def make(module, wish, **more):
    direct = {"no_proxy": "127.0.0.1"}  # a machine's proxy does not know this machine's own addresses
    return module(direct, names=[NAME], source="bootstrap", bootstrap=wish, **more)


def read(sdk, path):
    """A file of the image, which has no shell worth starting."""
    container = sdk.containers.create(NAME, ["x"])
    try:
        return harness._run(["sh", "-c", f"docker cp -q {container.id}:{path} - | tar -xO"])
    finally:
        container.remove()


def test_a_mirror_its_keyring_and_a_further_archive(sdk, site, served, guest_image_module, tmp_path):
    address, asked = served
    try:
        reply = make(guest_image_module, site.wish(mirror=address, work_dir=str(tmp_path)))
        assert not reply.failed, reply.result["msg"]
        assert "/dists/bookworm/InRelease" in asked
        assert any(path.startswith("/pool/systemd_") for path in asked)
        assert [one["severity"] for one in reply.findings.values() if one["severity"] == "error"] == []
        assert read(sdk, "/usr/share/extra/hello") == "from the site\n"
        # the guest's own apt finds the keys: they came along
        keys = ["/etc/apt/keyrings/0-site.gpg", "/etc/apt/keyrings/1-site.asc"]
        assert [line for line in read(sdk, "/etc/apt/sources.list").splitlines() if line] == [
            f"deb [signed-by={keys[0]}] {address} bookworm main",
            f"deb [signed-by={keys[1]}] {site.extra.copied} bookworm main",
        ]
        assert read(sdk, keys[1]) == site.site_key.armored.read_text(encoding="utf-8")
        inputs = json.loads(there(sdk, NAME).labels["tpaexec.docker.image.inputs"])
        assert EXTRA in inputs["packages"]
        assert inputs["date"] == DATE + 60  # the newest archive's
        layers = there(sdk, NAME).attrs["RootFS"]["Layers"]
        again = make(guest_image_module, site.wish(mirror=address, work_dir=str(tmp_path)), force=True)
        assert not again.failed, again.result["msg"]
        assert there(sdk, NAME).attrs["RootFS"]["Layers"] == layers
        assert [path for path in tmp_path.glob("*/*") if path.is_dir()] == []
    finally:
        forget(sdk, NAME)


def test_a_work_dir_that_apt_cannot_enter_gives_the_same(sdk, site, guest_image_module):
    """apt downloads as its user _apt, or as root where that one is kept out: it must not show in the image."""
    layers = []
    try:
        for mode in (0o755, 0o700):
            with tempfile.TemporaryDirectory(prefix="t-img-", dir="/var/tmp") as home:  # pytest's folders are closed
                os.chmod(home, mode)
                reply = make(guest_image_module, site.wish(work_dir=home), force=True)
                assert not reply.failed, reply.result["msg"]
            layers.append(there(sdk, NAME).attrs["RootFS"]["Layers"])
        assert layers[0] == layers[1]
    finally:
        forget(sdk, NAME)


def test_archives_that_are_folders(sdk, site, guest_image_module):
    """dpkg runs inside the new root file system, where the folders of this machine are not."""
    source = f"deb [signed-by={site.site_key.public}] file://{site.extra.folder} bookworm main"
    try:
        reply = make(guest_image_module, site.wish(mirror=f"file://{site.mirror.folder}", sources=[source]))
        assert not reply.failed, reply.result["msg"]
        assert read(sdk, "/usr/share/extra/hello") == "from the site\n"
    finally:
        forget(sdk, NAME)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda site: {"keyring": str(site.site_key.public)}, "signed with another key"),
        (
            lambda site: {"sources": [f"deb [signed-by={site.mirror_key.public}] {site.extra.copied} bookworm main"]},
            "signed with another key",
        ),
        (lambda site: {"sources": [f"deb {site.extra.copied} bookworm main"]}, "signed with another key"),
        (lambda site: {"keyring": "/no/such.gpg"}, "There is no key file /no/such.gpg"),
        (lambda site: {"packages": ["no-such-package"]}, "Check the names in `packages`"),
        (lambda site: {"mirror": "copy:///no/such/folder"}, "Check the network, or give a `mirror`"),
    ],
    ids=["keyring", "signed-by", "no key", "no key file", "no package", "no mirror"],
)
def test_what_is_refused(sdk, site, guest_image_module, tmp_path, change, words):
    reply = make(guest_image_module, site.wish(work_dir=str(tmp_path), **change(site)))
    assert reply.failed
    assert words in reply.result["msg"]
    assert there(sdk, NAME) is None
    assert [path for path in tmp_path.glob("*/*") if path.is_dir()] == []


def test_a_package_that_is_not_what_was_signed(sdk, site, guest_image_module):
    deb = next(site.extra.folder.glob("pool/*.deb"))
    whole = deb.read_bytes()
    try:
        deb.write_bytes(whole.replace(b"from the site", b"from the thief"[:13]))
        reply = make(guest_image_module, site.wish())
        assert reply.failed
        assert "A package is not what its archive says" in reply.result["msg"]
        assert there(sdk, NAME) is None
    finally:
        deb.write_bytes(whole)
        forget(sdk, NAME)


@pytest.mark.skipif(bool(harness.why_not()), reason=harness.why_not() or "-")
def test_a_work_dir_that_fills_up(sdk, site, guest_image_module):
    """mmdebstrap's root of 15 MB on a small disk of its own; then with room."""
    with ram_disk("t-img-work", 12) as place:
        wish = site.wish(work_dir=str(place))
        try:
            harness._run(["mount", "-o", "remount,dev,exec", str(place)])
            reply = make(guest_image_module, wish)
            assert reply.failed
            assert "The disk is full: make room, or take another place" in reply.result["msg"]
            assert there(sdk, NAME) is None
            assert [path for path in place.glob("*/*") if path.is_dir()] == []
            harness._run(["mount", "-o", "remount,size=120m", str(place)])
            reply = make(guest_image_module, wish)
            assert not reply.failed, reply.result["msg"]
        finally:
            forget(sdk, NAME)


@pytest.mark.skipif(bool(harness.why_not()), reason=harness.why_not() or "-")
def test_a_bundle_on_a_disk_that_fills_up(guest_image):
    """Neither a piece under its name nor the piece itself stays; one that was there before is still whole."""
    with ram_disk("t-img-bundle", 20) as place:
        path = place / "images.tar"
        order = {"names": [guest_image], "path": str(path), "force": True}
        for before in (None, b"an older one"):
            if before:
                path.write_bytes(before)
            reply = run("guest_image_bundle", order)
            assert reply.failed
            assert f"The bundle {path} cannot be written: No space left on device." in reply.result["msg"]
            assert "Give a place with room" in reply.result["msg"]
            assert [one.name for one in place.iterdir()] == (["images.tar"] if before else [])
        assert path.read_bytes() == before
