# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command in a container prints arrives whole, also where the answer's head and its output come as one."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import suppress

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._address import Address
from ansible_collections.tpaexec.docker.plugins.module_utils._client import connect
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.ready import run_in
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError

from .odd import Server

# Never both streams at length: the engine cuts them anywhere, and mixes the pieces.
SCRIPT = 'echo first; if [ "$1" = short ]; then echo second >&2; else seq 20000; fi; exit 3'


@pytest.fixture
def box(sdk, guest_image):
    container = sdk.containers.run(guest_image, ["sleep", "600"], name="t-exec", detach=True)
    yield container.id
    container.remove(force=True)


def gathering(channel: socket.socket) -> None:
    """To the daemon; its answer is held for a moment, as a slow network or a busy machine does."""
    with channel, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as far:
        far.connect("/var/run/docker.sock")

        def back() -> None:
            with suppress(OSError):
                while time.sleep(0.3) or (data := far.recv(1 << 20)):
                    channel.sendall(data)
                channel.shutdown(socket.SHUT_WR)

        threading.Thread(target=back, daemon=True).start()
        while data := channel.recv(65536):
            far.sendall(data)


@pytest.mark.parametrize("words", [["short"], []])
def test_nothing_of_it_is_lost(box, words):
    with Server(gathering) as front, connect(Address(docker_host=front.docker_host)) as daemon:
        code, text = run_in(daemon, box, SCRIPT, *words)
    assert code == 3
    if words:
        assert sorted(text.splitlines()) == ["first", "second"]
    else:
        assert text.splitlines() == ["first", *(str(number) for number in range(1, 20001))]


def test_refusals_are_the_daemons_own(box, sdk):
    with connect(Address()) as daemon:
        ident = daemon.call("exec_create", box, ["true"])["Id"]
        sdk.containers.get(box).kill()
        with pytest.raises(DaemonError, match="No such exec instance") as caught:
            daemon.call("exec_start", ident)
        assert caught.value.status == 404
