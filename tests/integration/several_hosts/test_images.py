# SPDX-License-Identifier: GPL-3.0-or-later
"""Images on three real engines without a registry: shipped to all that need them, never half; the same everywhere."""

from __future__ import annotations

import contextlib
import io
import json
import re
import tarfile
import time
from typing import Any, Iterator

import docker
import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._address import Address
from ansible_collections.tpaexec.docker.plugins.module_utils._client import Daemon, connect
from ansible_collections.tpaexec.docker.plugins.module_utils._image import bundle
from ansible_collections.tpaexec.docker.plugins.module_utils._image.ship import ship
from ansible_collections.tpaexec.docker.tests.integration.engines.runner import Reply, run
from ansible_collections.tpaexec.docker.tests.integration.image.registry import Registry
from ansible_collections.tpaexec.docker.tests.integration.several_hosts.rig import Rig

NAME = "t-ship/small:1"


def tiny(rig: Rig, host: str, text: str) -> str:
    """An image of one file; its id."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        info = tarfile.TarInfo("etc/os-release")
        info.size = len(text) * 100_000
        archive.addfile(info, io.BytesIO(text.encode() * 100_000))
    rig.sdk(host).api.import_image_from_data(packed.getvalue(), repository="t-ship/small", tag="1")
    return str(rig.sdk(host).images.get(NAME).id)


def ids(rig: Rig) -> list[str]:
    found = []
    for host in rig.hosts:
        try:
            found.append(str(rig.sdk(host).images.get(NAME).id))
        except docker.errors.ImageNotFound:
            found.append("")
    return found


@pytest.fixture
def small(rig: Rig) -> Iterator[str]:
    yield tiny(rig, "h2", "small")
    for host in rig.hosts:
        if any(NAME in image.tags for image in rig.sdk(host).images.list()):
            rig.sdk(host).images.remove(NAME, force=True)


def obtain(rig: Rig, check: bool = False, look: bool = False, image: str = NAME, **options: Any) -> Reply:
    cluster = {
        "name": "t-ship",
        "networks": [{"name": "t-ship", "ipam_config": [{"subnet": "10.97.2.0/24"}]}],
        "instance_defaults": {"image": image},
        "instances": [{"Name": f"t-ship-{number}", "node": number} for number in (1, 2, 3)],
        "tpaexec_docker": {
            "hosts": rig.mapping(),
            "instances": {f"t-ship-{number}": {"host": f"h{number}"} for number in (1, 2, 3)},
        },
    }
    words = {"names": [image], "cluster": cluster, "source": "present", "check": look, **options}
    return run("guest_image", words, check_mode=check)


def test_shipped_to_all_that_need_it(rig, small):
    would = obtain(rig, check=True)
    assert would.result["changed"]
    assert ids(rig) == ["", small, ""]
    done = obtain(rig)
    assert not done.failed, done.result["msg"]
    there = done.result["images"][0]["hosts"]
    assert {host: item["source"] for host, item in there.items()} == {"h1": "ship", "h2": "present", "h3": "ship"}
    assert ids(rig) == [small] * 3
    again = obtain(rig)
    assert (again.failed, again.result["changed"]) == (False, False)
    tiny(rig, "h3", "other")
    fit = ["IMAGE_NO_SYSTEMD", "IMAGE_COMMAND_NOT_INIT"]
    differs = obtain(rig, look=True, ignore=fit)
    assert "h3" in json.dumps(differs.findings["IMAGE_DIFFERS"]["ids"])
    assert ids(rig)[2] != small  # it is left alone


def test_broken_off_leaves_nothing(rig, small):
    """The archive ends half-way; one of two engines refuses: the other has all of it."""
    daemons = {host: connect(Address(rig.socket(host))) for host in rig.hosts}

    def half(daemon: Any, names: Any) -> Iterator[bytes]:
        whole = b"".join(bundle.save(daemon, names))
        yield whole[: len(whole) // 2]
        raise OSError("the cable is cut")

    with pytest.raises(Exception, match="cable"):
        ship(daemons["h2"], NAME, {"h1": daemons["h1"]}, read=half)
    assert ids(rig) == ["", small, ""]

    class Refusing(Daemon):
        """An engine that takes nothing."""

        def stream(self, method: str, *_words: Any, **_settings: Any) -> Iterator[Any]:
            raise OSError("no room")

    refusing = Refusing(daemons["h1"].api, daemons["h1"].address)
    errors = ship(daemons["h2"], NAME, {"h1": refusing, "h3": daemons["h3"]})
    assert "no room" in str(errors["h1"])
    assert errors["h3"] is None
    assert ids(rig) == ["", small, small]
    for daemon in daemons.values():
        daemon.close()


@contextlib.contextmanager
def trusted(rig: Rig, registry: Registry) -> Iterator[None]:
    """Every engine takes from *registry*, which speaks no TLS; told without a restart."""
    files = [rig.home / "state" / "hosts" / host / "etcdocker" / "daemon.json" for host in rig.hosts]

    def tell(text: str) -> None:
        for host, file in zip(rig.hosts, files):
            file.write_text(text)
            rig.inside(host, "bash", "-c", "kill -HUP $(cat /run/docker.pid)")

    tell(json.dumps({"insecure-registries": [registry.host]}))
    deadline = time.monotonic() + 20
    for host in rig.hosts:
        while registry.host not in rig.sdk(host).info()["RegistryConfig"]["IndexConfigs"]:
            assert time.monotonic() < deadline, rig.call("status")
            time.sleep(0.1)
    try:
        yield
    finally:
        tell("{}")


def requests_of(registry: Registry, word: str) -> dict[str, list[str]]:
    """What each address has asked the registry for, of manifests or blobs, and has got."""
    found: dict[str, list[str]] = {}
    for line in (registry.folder / "log").read_text().splitlines():
        said = re.search(rf'^(\S+) - .*"GET /v2/t-ship/small/{word}/(\S+) HTTP/1\.\d" 200', line)
        if said:
            found.setdefault(said[1], []).append(said[2])
    return found


def test_pulled_by_digest_once_on_each_host(rig, small, tmp_path):
    """One host asks for the tag; the others for the very image that it got. None gets a blob twice."""
    with Registry(tmp_path / "registry", f"{rig.subnet}.254") as registry, trusted(rig, registry):
        name = f"{registry.host}/t-ship/small:1"
        rig.docker("h2", "tag", NAME, name)
        pushed = rig.docker("h2", "push", name)
        digest = re.search(r"digest: (sha256:\w+)", pushed)
        assert digest, pushed
        rig.docker("h2", "rmi", name, NAME)
        try:
            done = obtain(rig, image=name, source="pull")
            assert not done.failed, done.result["msg"]
            there = done.result["images"][0]["hosts"]
            assert {host: item["source"] for host, item in there.items()} == dict.fromkeys(rig.hosts, "pull")
            assert {rig.sdk(host).images.get(name).id for host in rig.hosts} == {small}
            blobs = requests_of(registry, "blobs")
            assert set(blobs) == {rig.address(host) for host in rig.hosts}
            assert all(len(asked) == len(set(asked)) == 2 for asked in blobs.values()), blobs  # a layer, the config
            manifests = requests_of(registry, "manifests")
            assert {asked for host in ("h2", "h3") for asked in manifests[rig.address(host)]} == {digest[1]}
            assert not obtain(rig, image=name, source="pull").result["changed"]
            assert requests_of(registry, "blobs") == blobs
        finally:
            for host in rig.hosts:
                with contextlib.suppress(docker.errors.ImageNotFound):
                    rig.sdk(host).images.remove(name, force=True)
