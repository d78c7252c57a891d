# SPDX-License-Identifier: GPL-3.0-or-later
"""What every integration test needs: a daemon that answers and a guest image in it. `make integration` sees to both."""

from __future__ import annotations

import os

import docker
import pytest


@pytest.fixture(scope="session")
def sdk():
    """A client of the plain SDK: tests look at the daemon with other eyes than the collection's own."""
    client = docker.from_env()
    client.ping()
    yield client
    client.close()


@pytest.fixture(scope="session")
def guest_image(sdk) -> str:
    """Name of a booting guest image with systemd, sshd and Python 3."""
    name = os.environ.get("TPAEXEC_TEST_IMAGE", "tpaexec/debian-systemd:12")
    try:
        sdk.images.get(name)
    except docker.errors.ImageNotFound:
        pytest.fail(f"guest image {name} is not there: `make image`, or name one in TPAEXEC_TEST_IMAGE", pytrace=False)
    return name
