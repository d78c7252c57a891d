# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking into images, building them and shipping them, on the real daemon."""

from __future__ import annotations

import os
import tarfile
import time

import pytest

from ansible_collections.tpaexec.docker.tests.integration.engines import engine as harness
from ansible_collections.tpaexec.docker.tests.integration.engines.engine import Engine, ram_disk
from ansible_collections.tpaexec.docker.tests.integration.engines.runner import run
from ansible_collections.tpaexec.docker.tests.integration.image.conftest import GUEST, PREFIX, forget, there

PROBE = {"label": "tpaexec.docker.probe"}


def check(**arguments):
    return run("docker_image_check", arguments)


def test_the_bootstrapped_image_is_fit(sdk, guest_image, tmp_path):
    reply = check(images=[guest_image], cache_dir=str(tmp_path))
    assert not reply.failed
    assert [finding for finding in reply.findings.values() if finding["severity"] != "info"] == []
    assert reply.result["checked"]["not_run"] == {}
    facts = reply.result["facts"][0]
    assert facts["has_systemd"]
    assert facts["systemd_version"] >= 200
    assert facts["sshd"]
    assert facts["stop_signal"] == "SIGRTMIN+3"
    assert (facts["machine_id"], facts["host_keys"]) == ("", [])
    assert sdk.containers.list(all=True, filters=PROBE) == []
    assert len(os.listdir(tmp_path)) == 1


def test_an_image_with_everything_wrong(tiny):
    files = {
        "usr/lib/os-release": b"ID=centos\nVERSION_ID=7\n",
        "usr/lib/systemd/systemd": b"",
        "usr/lib64/libsystemd.so.0": "libsystemd.so.0.6.0",
        "usr/lib64/libsystemd.so.0.6.0": b"",
        "usr/bin/yum": b"",
        "usr/bin/python": "python2",
        "usr/bin/python2": "python2.7",
        "usr/bin/python2.7": b"",
        "usr/pgsql-9.6/bin/postgres": b"",
        "var/lib/pgsql/9.6/data/PG_VERSION": b"9.6",
        "etc/machine-id": b"0123456789abcdef0123456789abcdef\n",
        "etc/ssh/ssh_host_rsa_key": b"key",
        "etc/systemd/system/multi-user.target.wants/postgresql-9.6.service": "/usr/lib/x",
        "etc/yum.repos.d/local.repo": b"[local]\nbaseurl=file:///srv/rpm\n",
        "var/cache/yum/x86_64/7/base/packages/libxslt-1.rpm": b"123",
    }
    name = tiny(files, changes=['CMD ["/bin/bash"]'])
    reply = check(images=[name])
    assert reply.failed
    assert set(reply.findings) == {
        "IMAGE_COMMAND_NOT_INIT",
        "POSTGRES_PREINSTALLED",
        "POSTGRES_UNIT_ENABLED",
        "PACKAGE_CACHE",
        "IMAGE_NO_SSHD",
        "IMAGE_PYTHON",
        "IMAGE_MACHINE_ID",
        "IMAGE_HOST_KEYS",
        "IMAGE_END_OF_LIFE",
        "IMAGE_REPOSITORY_LOCAL",
    }
    assert reply.findings["POSTGRES_PREINSTALLED"]["files"] == [
        "/usr/pgsql-9.6/bin/postgres",
        "/var/lib/pgsql/9.6/data",
    ]
    assert reply.result["facts"][0]["systemd_version"] == 219
    errors = ["POSTGRES_PREINSTALLED", "POSTGRES_UNIT_ENABLED", "IMAGE_COMMAND_NOT_INIT"]
    assert not check(images=[name], ignore=errors).failed
    waivers = [{"id": ident, "reason": "a test", "expires": "2999-12-31"} for ident in errors]
    assert not check(images=[name], waivers=waivers).failed
    assert check(images=[name], waivers=[{**waivers[0], "expires": "2020-01-01"}, *waivers[1:]]).failed
    assert check(images=[name], ignore=["POSTGRES_PREINSTALED"]).severity("IGNORE_UNKNOWN") == "error"


def test_no_systemd_and_no_image(tiny):
    reply = check(images=[tiny({"etc/os-release": b"ID=alpine\n"})])
    assert reply.severity("IMAGE_NO_SYSTEMD") == "error"
    reply = check(images=["t-img/no-such:1"])
    assert "There is no image t-img/no-such:1" in reply.result["msg"]


@pytest.mark.long
def test_a_large_image_takes_seconds(sdk, tmp_path):
    """3 GB: most of it where packages are installed, a part where software of one's own is searched."""
    name = f"{PREFIX}/large:1"
    files = {f"usr/share/big/{number}": 300 for number in range(8)}
    files.update({f"opt/big/{number}": 300 for number in range(2)})
    (tmp_path / "Dockerfile").write_text("FROM scratch\nADD root.tar /\n", encoding="utf-8")
    with tarfile.open(tmp_path / "root.tar", "w") as tar:
        block = tmp_path / "block"
        with open(block, "wb") as handle:
            handle.truncate(300 << 20)
        for path in files:
            tar.add(block, path)
    try:
        sdk.images.build(path=str(tmp_path), tag=name, rm=True)
        started = time.monotonic()
        reply = check(images=[name])
        assert reply.severity("IMAGE_NO_SYSTEMD") == "error"
        assert time.monotonic() - started < 15
    finally:
        forget(sdk, name)


# -- builds: docker_images of config.yml


@pytest.fixture
def contexts(tmp_path, guest_image):
    """Two build contexts with a base image, one that fails."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base/Dockerfile").write_text(
        f"FROM {guest_image}\nARG WORD=none\nLABEL word=$WORD\n", encoding="utf-8"
    )
    (tmp_path / "final").mkdir()
    (tmp_path / "final/Systemd").write_text(
        "ARG BASE_IMAGE\nFROM $BASE_IMAGE\nCOPY Systemd /etc/built\n", encoding="utf-8"
    )
    (tmp_path / "fails").mkdir()
    noise = "".join(f"RUN echo line {number}\n" for number in range(3))
    text = f"FROM {guest_image}\n{noise}RUN for i in $(seq 100); do echo row $i; done; exit 3\n"
    (tmp_path / "fails/Dockerfile").write_text(text, encoding="utf-8")
    (tmp_path / "orphan").mkdir()
    (tmp_path / "orphan/Dockerfile").write_text("FROM t-img/no-such-base:1\n", encoding="utf-8")
    return tmp_path


def test_builds_with_tpas_keys(sdk, contexts, guest_image_module):
    name, base, other = f"{PREFIX}/built:1", f"{PREFIX}/built-base:1", f"{PREFIX}/other:1"
    how = {"base_context_path": "base", "context_path": "final", "dockerfile": "Systemd"}
    how["base_build_args"] = {"WORD": "hello"}
    builds = {name: dict(how), other: {**how, "base_image_name": base}}
    arguments = {"names": [name, other], "builds": builds, "base_dir": str(contexts), "log_dir": str(contexts / "logs")}
    try:
        assert guest_image_module(check_mode=True, **arguments).result["changed"]
        assert not there(sdk, name)
        reply = guest_image_module(**arguments)
        assert [image["source"] for image in reply.result["images"]] == ["build", "build"], reply.result
        image = sdk.images.get(name)
        assert image.labels["word"] == "hello"
        assert image.labels["tpaexec.docker.image.source"] == "build"
        assert "Step" in (contexts / "logs" / "build-t-img_built_1.log").read_text(encoding="utf-8")
        assert not guest_image_module(**arguments).result["changed"]
        old_base = sdk.images.get(base).id
        builds[name].update(force_build=True, nocache=True)
        reply = guest_image_module(**arguments)
        assert [image["source"] for image in reply.result["images"]] == ["build", "present"]
        assert sdk.images.get(name).id != image.id
        forget(sdk, image.id)
        forget(sdk, old_base)
    finally:
        for one in (name, other, base):
            forget(sdk, one)


def test_builds_that_fail(sdk, contexts, guest_image_module):
    names = [f"{PREFIX}/fails:1", f"{PREFIX}/orphan:1", f"{PREFIX}/nowhere:1"]
    builds = {
        names[0]: {"context_path": "fails"},
        names[1]: {"context_path": "orphan"},
        names[2]: {"context_path": "no"},
    }
    reply = guest_image_module(names=names, builds=builds, base_dir=str(contexts), log_dir=str(contexts / "logs"))
    failed, orphan, nowhere = reply.result["images"]
    assert failed["error_id"] == "IMAGE_BUILD_FAILED"
    assert "row 100" in failed["error"]
    assert "row 50\n" not in failed["error"]
    assert "row 50\n" in (contexts / "logs" / "build-t-img_fails_1.log").read_text(encoding="utf-8")
    assert orphan["error_id"] in ("IMAGE_NO_SUCH_IMAGE", "IMAGE_NO_NETWORK", "IMAGE_NO_ACCESS")
    assert "is no directory" in nowhere["error"]
    assert [there(sdk, name) for name in names] == [None, None, None]


# -- archives


def test_a_bundle_there_and_back(sdk, tiny, tmp_path, guest_image_module):
    names = [tiny(), tiny({**GUEST, "etc/other": b"1"})]
    path = str(tmp_path / "demo.tar")
    arguments = {"names": names, "path": path, "cluster": "demo"}
    assert run("guest_image_bundle", arguments, check_mode=True).result["changed"]
    assert not os.path.exists(path)
    assert run("guest_image_bundle", arguments).result["changed"]
    assert not run("guest_image_bundle", arguments).result["changed"]
    before = [sdk.images.get(name).id for name in names]
    for name in names:
        forget(sdk, name)
    reply = guest_image_module(names=names, archive=path)
    assert [image["source"] for image in reply.result["images"]] == ["load", "load"], reply.result
    assert [sdk.images.get(name).id for name in names] == before
    assert not guest_image_module(names=names, archive=path).result["changed"]
    # another image behind the name: the bundle's is put in its place
    tiny({**GUEST, "etc/other": b"2"}, name=names[0])
    reply = guest_image_module(names=names, archive=path)
    assert [image["source"] for image in reply.result["images"]] == ["load", "present"]
    assert sdk.images.get(names[0]).id == before[0]


def test_archives_that_are_refused(sdk, tiny, tmp_path, guest_image_module):
    name = tiny()
    path = tmp_path / "demo.tar"
    run("guest_image_bundle", {"names": [name], "path": str(path)})
    forget(sdk, name)
    whole = path.read_bytes()
    place = whole.index(b"PRETTY_NAME")
    path.write_bytes(whole[:place] + b"UGLY" + whole[place + 4 :])
    reply = guest_image_module(names=[name], archive=str(path))
    assert "layer" in reply.result["msg"]
    assert "is wrong" in reply.result["msg"]
    assert there(sdk, name) is None
    for content, words in ((b"", "is empty"), (b"x" * 5000, "damaged"), (whole[:3000], "damaged")):
        path.write_bytes(content)
        assert words in guest_image_module(names=[name], archive=str(path)).result["msg"]
    assert "cannot be read" in guest_image_module(names=[name], archive=str(tmp_path / "none")).result["msg"]
    path.write_bytes(whole)
    reply = guest_image_module(names=["t-img/not-in-it:1"], archive=str(path), source="load")
    assert name in reply.result["msg"]


@pytest.mark.skipif(bool(harness.why_not()), reason=harness.why_not() or "-")
def test_a_disk_that_fills_up(sdk, guest_image, tmp_path, guest_image_module):
    """A real small data root: a clear error, no name, and room made helps."""
    path = str(tmp_path / "guest.tar")
    assert run("guest_image_bundle", {"names": [guest_image], "path": path}).result["changed"]
    with ram_disk("t-img-full", 240) as place, Engine("t-img-small", data_root=place / "data") as engine:
        arguments = {"names": [guest_image], "archive": path, "docker_host": engine.docker_host}
        reply = guest_image_module(**arguments)
        assert reply.result["images"][0]["error_id"] == "IMAGE_DISK_FULL", reply.result["msg"]
        assert engine.docker("images", "-aq") == ""
        context = tmp_path / "context"
        context.mkdir()
        with open(context / "big", "wb") as big:
            big.truncate(150 << 20)
        (context / "Dockerfile").write_text("FROM scratch\nCOPY big /big\n", encoding="utf-8")
        builds = {"names": [f"{PREFIX}/big:1"], "builds": {f"{PREFIX}/big:1": {"context_path": str(context)}}}
        reply = guest_image_module(docker_host=engine.docker_host, log_dir=str(tmp_path / "logs"), **builds)
        assert reply.result["images"][0]["error_id"] == "IMAGE_DISK_FULL", reply.result["msg"]
        assert engine.docker("images", "-q") == ""
        harness._run(["mount", "-o", "remount,size=2000m", str(place)])
        reply = guest_image_module(**arguments)
        assert reply.result["changed"], reply.result
        assert not reply.failed


# -- a site's own image


@pytest.mark.long
def test_postgres_is_installed_from_the_cache_with_no_network(sdk, guest_image, guest_image_module):
    name = f"{PREFIX}/postgres:1"
    arguments = {
        "names": [name],
        "base_image": guest_image,
        "preinstall_dependencies_of": ["postgresql"],
        "package_cache": ["postgresql"],
        "files": [{"src": "/etc/hostname", "dest": "/etc/site/hello", "mode": "0600"}],
    }
    container = None
    try:
        reply = guest_image_module(**arguments)
        assert not reply.failed, reply.result["msg"]
        assert set(reply.findings) >= {"POSTGRES_DEPENDENCIES", "PACKAGE_CACHE"}
        assert not guest_image_module(**arguments).result["changed"]
        container = sdk.containers.run(name, ["sleep", "300"], network_mode="none", detach=True)
        status, output = container.exec_run("sh -c 'DEBIAN_FRONTEND=noninteractive apt-get install -y postgresql'")
        assert status == 0, output.decode()
        assert container.exec_run("sh -c 'ls /usr/lib/postgresql/*/bin/postgres'")[0] == 0
        assert container.exec_run("stat -c %a /etc/site/hello").output.strip() == b"600"
    finally:
        if container:
            container.remove(force=True)
        forget(sdk, name)
