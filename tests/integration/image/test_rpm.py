# SPDX-License-Identifier: GPL-3.0-or-later
"""The EL family bootstrapped by a real dnf (in a container of its own) from a small RPM repository made here.

What real EL releases add - their sizes, scriptlets and keys - is not tested.
"""

from __future__ import annotations

import os
import time

import docker
import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._client import Address, connect
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import PlatformError
from ansible_collections.tpaexec.docker.plugins.module_utils._image import bootstrap, distributions, inspect
from ansible_collections.tpaexec.docker.plugins.module_utils._image.bootstrap_dnf import RpmRepository
from ansible_collections.tpaexec.docker.plugins.module_utils._image.tools import Tools
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


def spec(name):
    paths = FILES.get(name, [f"/usr/share/{name}/readme"])
    lines = [f"mkdir -p %{{buildroot}}{os.path.dirname(path)}; echo {name} > %{{buildroot}}{path}" for path in paths]
    if name == "systemd":
        lines.append('echo \'ID="rocky"\nVERSION_ID="9.4"\' > %{buildroot}/usr/lib/os-release')
        paths = [*paths, "/usr/lib/os-release"]
    if name == "python3":
        lines.append("ln -s python3.9 %{buildroot}/usr/bin/python3")
        paths = [*paths, "/usr/bin/python3"]
    version = "252" if name == "systemd" else "1"
    return SPEC.format(name=name, version=version, install="\n".join(lines), files="\n".join(paths))


@pytest.fixture(scope="module")
def workshop(sdk, guest_image, tmp_path_factory):
    """A container with dnf and a repository, which shares a folder with us; `run` runs there."""
    folder = tmp_path_factory.mktemp("rpm")
    folder.chmod(0o755)
    container = sdk.containers.run(
        guest_image, ["sleep", "900"], detach=True, volumes={str(folder): {"bind": str(folder), "mode": "rw"}}
    )

    def run(words, environ_update=None):
        status, output = container.exec_run(words, environment=environ_update or {}, demux=True)
        out, error = ((part or b"").decode("utf-8", "replace") for part in output)
        return status, out, error

    try:
        (folder / "specs").mkdir()
        for name in distributions.DNF:
            (folder / "specs" / f"{name}.spec").write_text(spec(name), encoding="utf-8")
        apt = "DEBIAN_FRONTEND=noninteractive apt-get -y -qq"
        install = f"{apt} update && {apt} install --no-install-recommends dnf rpm createrepo-c"
        build = f"for one in {folder}/specs/*.spec; do rpmbuild -bb --quiet --define '_rpmdir {folder}/repo' $one; done"
        for step in (install, build, f"createrepo_c -q {folder}/repo"):
            status, out, error = run(["sh", "-c", step])
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
        distributions.find_release("rocky", "9"), name, repositories=(repository,), work_dir=str(folder / "work")
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
    release = distributions.find_release("rocky", "9")
    wish = bootstrap.Wish(release, name, repositories=(repository,), work_dir=str(folder / "work"), force=True)
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
    release = distributions.find_release("rocky", "9")
    wish = bootstrap.Wish(
        release, name, packages=("no-such",), repositories=(repository,), work_dir=str(folder / "work")
    )
    with connect(Address()) as daemon, pytest.raises(PlatformError, match="names in `packages`"):
        bootstrap.bootstrap(daemon, wish, tools)
    assert there(sdk, name) is None


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
    release = distributions.find_release("rocky", "9")
    wish = bootstrap.Wish(release, f"{PREFIX}/el:9", repositories=repositories)
    with connect(Address()) as daemon, pytest.raises(PlatformError, match=words):
        bootstrap.bootstrap(daemon, wish, Tools(lambda *words, **more: (0, "", "")))
    assert docker.from_env().images.list(f"{PREFIX}/el") == []
