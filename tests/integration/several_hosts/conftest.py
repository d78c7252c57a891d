# SPDX-License-Identifier: GPL-3.0-or-later
"""Three Docker hosts for all tests of this folder, made once: a test leaves them as it found them."""

from __future__ import annotations

from typing import Iterator

import pytest

from ansible_collections.tpaexec.docker.tests.integration.several_hosts.rig import Rig, why_not


@pytest.fixture(scope="session")
def rig(guest_image) -> Iterator[Rig]:
    """Hosts h1, h2, h3 with the guest image, in no Swarm unless a test before has formed one: see the next two."""
    if why_not():
        pytest.skip(why_not())
    with Rig(3, guest_image) as made:
        yield made


@pytest.fixture
def swarm(rig: Rig) -> Rig:
    """The hosts, all managers of one Swarm."""
    rig.form_swarm()
    return rig


@pytest.fixture
def apart(rig: Rig) -> Rig:
    """The hosts, in no Swarm."""
    rig.leave_swarm()
    return rig
