# SPDX-License-Identifier: GPL-3.0-or-later
"""The EL family bootstrapped by a real dnf (in a container of its own) from a small signed RPM repository made here.

What real EL releases add - their sizes, scriptlets and keys - is not tested.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import time

import docker
import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._address import Address
from ansible_collections.tpaexec.docker.plugins.module_utils._client import connect
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import PlatformError
from ansible_collections.tpaexec.docker.plugins.module_utils._image import bootstrap, distributions, inspect
from ansible_collections.tpaexec.docker.plugins.module_utils._image.bootstrap_dnf import RpmRepository
from ansible_collections.tpaexec.docker.plugins.module_utils._image.tools import Tools
from ansible_collections.tpaexec.docker.tests.integration.engines import engine as harness
from ansible_collections.tpaexec.docker.tests.integration.image.conftest import PREFIX, forget, there

pytestmark = pytest.mark.long

SPEC = """\
Name: {name}
Version: {version}
Release: 1.el9
Summary: a stand-in
License: none
BuildArch: noarch
%description
A stand-in.
%install
{install}
%files
{files}
"""
FILES = {
    "systemd": ["/usr/lib/systemd/systemd", "/etc/machine-id"],
    "openssh-server": ["/usr/sbin/sshd", "/etc/ssh/ssh_host_rsa_key"],
    "dnf": ["/usr/bin/dnf"],
    "python3": ["/usr/bin/python3.9"],
}
BIG = "t-img-big"
ROCKY = distributions.find_release("rocky", "9")
SIGN = """\
set -eu
export GNUPGHOME=$(mktemp -d)
for one in right wrong; do
    gpg --batch --quiet --passphrase '' --quick-generate-key $one@example.invalid rsa2048 sign never
    gpg --armor --export $one@example.invalid > $1/$one.asc
done
rpm --define '__gpg /usr/bin/gpg' --define '_gpg_name right@example.invalid' --addsign $1/repo/*/*.rpm >/dev/null
gpgconf --kill all
echo 'no key at all' > $1/text.asc
"""


def spec(name):
    paths = FILES.get(name, [f"/usr/share/{name}/readme"])
    lines = [f"mkdir -p %{{buildroot}}{os.path.dirname(path)}; echo {name} > %{{buildroot}}{path}" for path in paths]
    if name == "systemd":
        lines.append('echo \'ID="rocky"\nVERSION_ID="9.4"\' > %{buildroot}/usr/lib/os-release')
        paths = [*paths, "/usr/lib/os-release"]
    if name == "python3":
        lines.append("ln -s python3.9 %{buildroot}/usr/bin/python3")
        paths = [*paths, "/usr/bin/python3"]
    if name == BIG:
        lines.append(f"head -c 4M /dev/urandom > %{{buildroot}}{paths[0]}")
    version = "252" if name == "systemd" else "1"
    return SPEC.format(name=name, version=version, install="\n".join(lines), files="\n".join(paths))


@pytest.fixture(scope="module")
def small_disk():
    """A RAM disk, which a container sees only if it is there first; None where this user cannot mount one."""
    with contextlib.ExitStack() as stack:
        yield None if harness.why_not() else stack.enter_context(harness.ram_disk("t-img-rpm", 64))


@pytest.fixture(scope="module")
def workshop(sdk, guest_image, small_disk, tmp_path_factory):
    """A container with dnf and a repository, which shares a folder and the small disk with us; `run` runs there."""
    folder = tmp_path_factory.mktemp("rpm")
    folder.chmod(0o755)
    shared = {str(place): {"bind": str(place), "mode": "rw"} for place in (folder, small_disk) if place}
    container = sdk.containers.run(guest_image, ["sleep", "900"], detach=True, volumes=shared)

    def run(words, environ_update=None):
        status, output = container.exec_run(words, environment=environ_update or {}, demux=True)
        out, error = ((part or b"").decode("utf-8", "replace") for part in output)
        return status, out, error

    try:
        (folder / "specs").mkdir()
        for name in (*distributions.DNF, BIG):
            (folder / "specs" / f"{name}.spec").write_text(spec(name), encoding="utf-8")
        apt = "DEBIAN_FRONTEND=noninteractive apt-get -y -qq"
        install = f"{apt} update && {apt} install --no-install-recommends dnf rpm createrepo-c gpg gpg-agent"
        build = f"for one in {folder}/specs/*.spec; do rpmbuild -bb --quiet --define '_rpmdir {folder}/repo' $one; done"
        for step in (install, build, SIGN, f"createrepo_c -q {folder}/repo"):
            status, out, error = run(["sh", "-c", step, "sh", str(folder)])
            assert status == 0, f"{step}\n{out}\n{error}"
        there = {"dnf": "/usr/bin/dnf"}  # no unshare: the container may not
        yield folder, Tools(run, which=there.get, user_id=lambda: 0)
    finally:
        run(["sh", "-c", f"rm -rf {folder}/*"])
        container.remove(force=True)


def test_an_el_image_from_a_local_repository(sdk, workshop):
    folder, tools = workshop
    name = f"{PREFIX}/el:9"
    repository = RpmRepository("local", f"file://{folder}/repo", unsigned=True)
    wish = bootstrap.Wish(
        ROCKY, name, repositories=(repository,), work_dir=str(folder / "work")
    )
    try:
        with connect(Address()) as daemon:
            made = bootstrap.bootstrap(daemon, wish, tools)
            facts = inspect.look(daemon, name)
            again = bootstrap.bootstrap(daemon, wish, tools)
        assert made == again
        assert (facts.os_id, facts.os_version, facts.systemd_version, facts.sshd) == ("rocky", "9.4", 252, True)
        assert facts.package_manager == "dnf"
        assert set(facts.packages) == set(distributions.DNF)
        assert (facts.machine_id, facts.host_keys) == ("", ())
        assert facts.repositories == (f"file://{folder}/repo",)
        labels = sdk.images.get(name).labels
        assert labels["tpaexec.docker.image.source"] == "bootstrap"
    finally:
        forget(sdk, name)


def test_the_same_el_image_twice(sdk, workshop):
    """Same packages, same repository: the same root file system, rpm's database in it included."""
    folder, tools = workshop
    repository = RpmRepository("local", f"file://{folder}/repo", unsigned=True)
    name = f"{PREFIX}/el-twice:9"
    wish = bootstrap.Wish(ROCKY, name, repositories=(repository,), work_dir=str(folder / "work"), force=True)
    layers = []
    try:
        for _again in range(2):
            with connect(Address()) as daemon:
                bootstrap.bootstrap(daemon, wish, tools)
            layers.append(sdk.images.get(name).attrs["RootFS"]["Layers"])
            time.sleep(1.1)  # another second by every clock that could be in it
        assert layers[0] == layers[1]
    finally:
        forget(sdk, name)


def test_a_package_that_is_not_there(sdk, workshop):
    folder, tools = workshop
    name = f"{PREFIX}/el-bad:9"
    repository = RpmRepository("local", f"file://{folder}/repo", unsigned=True)
    wish = bootstrap.Wish(
        ROCKY, name, packages=("no-such",), repositories=(repository,), work_dir=str(folder / "work")
    )
    with connect(Address()) as daemon, pytest.raises(PlatformError, match="names in `packages`"):
        bootstrap.bootstrap(daemon, wish, tools)
    assert there(sdk, name) is None


def signed(folder, name, key="right", **more):
    """What is asked for where packages are to be verified."""
    repository = RpmRepository("local", f"file://{folder}/repo", key=str(folder / f"{key}.asc"))
    return bootstrap.Wish(ROCKY, name, repositories=(repository,), **{"work_dir": str(folder / "work"), **more})


def test_a_signed_repository_and_its_key(sdk, workshop):
    """rpm keeps the key in its database, the guest's dnf verifies with it, and the same comes out twice."""
    folder, tools = workshop
    name = f"{PREFIX}/el-signed:9"
    layers = []
    try:
        for _again in range(2):
            with connect(Address()) as daemon:
                bootstrap.bootstrap(daemon, signed(folder, name, force=True), tools)
                facts = inspect.look(daemon, name)
            layers.append(sdk.images.get(name).attrs["RootFS"]["Layers"])
            time.sleep(1.1)
        assert set(distributions.DNF) <= set(facts.packages)
        assert "gpgcheck=1\ngpgkey=file:///etc/pki/rpm-gpg/local\n" in read(sdk, name, "/etc/yum.repos.d/local.repo")
        key = (folder / "right.asc").read_text(encoding="utf-8")
        assert read(sdk, name, "/etc/pki/rpm-gpg/local") == key
        assert layers[0] == layers[1]
    finally:
        forget(sdk, name)


def read(sdk, image, path):
    """A file of the image, which has nothing to run."""
    container = sdk.containers.create(image, ["x"])
    try:
        return harness._run(["sh", "-c", f"docker cp -q {container.id}:{path} - | tar -xO"])
    finally:
        container.remove()


@pytest.mark.parametrize("key", ["wrong", "text"])
def test_a_key_that_did_not_sign(sdk, workshop, key):
    folder, tools = workshop
    name = f"{PREFIX}/el-wrong:9"
    with connect(Address()) as daemon, pytest.raises(PlatformError) as caught:
        bootstrap.bootstrap(daemon, signed(folder, name, key), tools)
    assert "dnf could not install the guest" in str(caught.value)
    assert "signed with another key than the one given" in str(caught.value)
    assert there(sdk, name) is None
    assert [path for path in (folder / "work").glob("*/*") if path.is_dir()] == []


def test_a_repository_that_cannot_be_read(sdk, workshop):
    """dnf must not go on without it: the guest would be made of what the others happen to have."""
    folder, tools = workshop
    name = f"{PREFIX}/el-part:9"
    wish = signed(folder, name)
    gone = RpmRepository("gone", f"file://{folder}/no-such", unsigned=True)
    wish = dataclasses.replace(wish, repositories=(*wish.repositories, gone))
    with connect(Address()) as daemon, pytest.raises(PlatformError, match="could not read the repositories") as caught:
        bootstrap.bootstrap(daemon, wish, tools)
    assert "Check the network and the repositories' addresses." in str(caught.value)
    assert there(sdk, name) is None


def test_a_package_that_is_not_what_its_repository_says(sdk, workshop):
    folder, tools = workshop
    name = f"{PREFIX}/el-changed:9"
    assert tools.run_command(["cp", "-r", f"{folder}/repo", f"{folder}/changed"])[0] == 0
    change = f"printf changed | dd of=$(echo {folder}/changed/*/{BIG}-*.rpm) bs=1 seek=100000 conv=notrunc"
    assert tools.run_command(["sh", "-c", change])[0] == 0
    repository = RpmRepository("local", f"file://{folder}/changed", key=str(folder / "right.asc"))
    wish = dataclasses.replace(signed(folder, name, packages=(BIG,)), repositories=(repository,))
    with connect(Address()) as daemon, pytest.raises(PlatformError, match="not what its repository says"):
        bootstrap.bootstrap(daemon, wish, tools)
    assert there(sdk, name) is None


@pytest.mark.skipif(bool(harness.why_not()), reason=harness.why_not() or "-")
@pytest.mark.parametrize(
    ("kib", "trouble"),
    [
        (8, "failed: No space left on device"),
        (24, "dnf could not read the repositories"),
        (3_000, "dnf could not install the guest"),
        (5_500, "could not be packed|could not install the guest"),  # rpm believed that it would fit
        (7_000, "the guest could not be packed"),
    ],
)
def test_a_work_dir_that_fills_up(sdk, workshop, small_disk, kib, trouble):
    """Before dnf starts, while it reads, before and while it unpacks 4 MB, while they are packed; then with room."""
    folder, tools = workshop
    name = f"{PREFIX}/el-full:9"
    wish = signed(folder, name, packages=(BIG,), work_dir=str(small_disk))
    try:
        harness._run(["mount", "-o", f"remount,size={kib}k", str(small_disk)])
        with connect(Address()) as daemon:
            with pytest.raises(PlatformError) as caught:
                bootstrap.bootstrap(daemon, wish, tools)
            assert re.search(trouble, str(caught.value))
            assert "Traceback" not in str(caught.value)
            assert "The disk is full: make room, or take another place" in str(caught.value)
            assert there(sdk, name) is None
            assert [path for path in small_disk.glob("*/*") if path.is_dir()] == []
            harness._run(["mount", "-o", "remount,size=64m", str(small_disk)])
            bootstrap.bootstrap(daemon, wish, tools)
        assert BIG in (there(sdk, name).labels["tpaexec.docker.image.inputs"])
    finally:
        harness._run(["mount", "-o", "remount,size=64m", str(small_disk)])
        forget(sdk, name)


@pytest.mark.parametrize(
    ("repositories", "words"),
    [
        ((), "No RPM repositories"),
        ((RpmRepository("a", "http://x/"),), "has no key"),
        ((RpmRepository("a", "http://x/", key="/no"),), "no key file"),
        ((RpmRepository("a b", "http://x/"),), "cannot be"),
    ],
)
def test_repositories_that_cannot_be(repositories, words):
    wish = bootstrap.Wish(ROCKY, f"{PREFIX}/el:9", repositories=repositories)
    with connect(Address()) as daemon, pytest.raises(PlatformError, match=words):
        bootstrap.bootstrap(daemon, wish, Tools(lambda *words, **more: (0, "", "")))
    assert docker.from_env().images.list(f"{PREFIX}/el") == []
