# SPDX-License-Identifier: GPL-3.0-or-later
"""Tiny images, a registry, and the modules run as Ansible runs them."""

from __future__ import annotations

import io
import os
import tarfile
import uuid

import docker
import pytest

from ansible_collections.tpaexec.docker.tests.integration.engines.runner import run
from ansible_collections.tpaexec.docker.tests.integration.image.registry import Registry

PREFIX = "t-img"
OS_RELEASE = b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'
# what a guest must have for the check to pass, and nothing that runs
GUEST = {
    "sbin/init": "/usr/lib/systemd/systemd",
    "usr/lib/systemd/systemd": b"",
    "usr/lib/os-release": OS_RELEASE,
    "usr/sbin/sshd": b"",
    "usr/bin/python3": "/usr/bin/python3.11",
    "usr/bin/python3.11": b"",
    "var/lib/dpkg/status": b"Package: systemd\nStatus: install ok installed\nVersion: 252.39-1\n\n",
}


def rootfs(files):
    """A tar of files and links, in memory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            if isinstance(content, str):
                member.type, member.linkname = tarfile.SYMTYPE, content
                tar.addfile(member)
            else:
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def tiny(sdk):
    """Makes images of a few kB; all names under t-img/ that a test leaves are removed."""
    run_id = uuid.uuid4().hex[:8]
    made = []

    def make(files=None, name="", changes=('CMD ["/sbin/init"]',)):
        name = name or f"{PREFIX}/tiny-{run_id}-{len(made)}:1"
        repository, _colon, tag = name.rpartition(":")
        content = {**GUEST, "etc/id": run_id.encode()} if files is None else files
        sdk.api.import_image_from_data(rootfs(content), repository=repository, tag=tag, changes=list(changes))
        made.append(name)
        return name

    yield make
    for name in made:
        forget(sdk, name)


def forget(client, name):
    """Remove an image if it is there."""
    try:
        client.images.remove(name, force=True)
    except docker.errors.APIError:
        return


def there(client, name):
    try:
        return client.images.get(name)
    except docker.errors.ImageNotFound:
        return None


@pytest.fixture(scope="session")
def registry(tmp_path_factory):
    with Registry(tmp_path_factory.mktemp("registry")) as found:
        yield found


@pytest.fixture
def push(sdk, tiny, registry):
    """Makes a tiny image, pushes it to the registry, and removes it here: returns its name."""

    def make(repository, tag="1", files=None, to=None, **login):
        to = to or registry
        name = tiny(files, f"{to.host}/{repository}:{tag}")
        said = sdk.images.push(name, **login)
        assert "errorDetail" not in said, said
        sdk.images.remove(sdk.images.get(name).id, force=True)  # by its id: the push gave it a digest's name as well
        return name

    return make


@pytest.fixture
def guest_image_module(tmp_path):
    """Runs guest_image, by default with an empty Docker configuration."""

    def call(environ=None, **arguments):
        environ = {"DOCKER_CONFIG": str(tmp_path / "no-docker-config"), "PATH": os.environ["PATH"], **(environ or {})}
        check_mode = arguments.pop("check_mode", False)
        limit = arguments.pop("limit", 300)
        return run("guest_image", arguments, environ=environ, check_mode=check_mode, limit=limit)

    return call
