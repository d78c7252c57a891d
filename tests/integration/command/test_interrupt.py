# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C at any moment: one line that says what was left and how to go on; the next run finishes."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import time

import pytest

from .conftest import COMMAND, config


@pytest.mark.parametrize("after", [0.3, 1.2, 2.0])
def test_ctrl_c_is_one_line_and_130(tmp_path, guest_image, tpaexec, after):
    directory = tmp_path / "t-cmd-int"
    directory.mkdir()
    (directory / "secrets.env").write_text("")
    text = config("t-cmd-int", guest_image, "10.46.2", tmp_path / "pwned")
    (directory / "config.yml").write_text(
        text.replace("t-cmd-uno", "t-cmd-int-uno").replace("t-cmd-due", "t-cmd-int-due")
    )
    try:
        interrupted(["provision", directory], after)
        done = tpaexec("provision", directory)
        assert done.returncode == 0, done.stdout + done.stderr
        if after == 1.2:
            interrupted(["cmd", directory, "-a", "sleep 9"], 0.3)
            interrupted(["preflight", directory], 0.5)
            interrupted(["deprovision", directory], 0.8)
    finally:
        done = tpaexec("deprovision", directory)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_while_an_image_is_made(tmp_path, guest_image, tpaexec, sdk, number):
    """The bootstrap ends with all its processes, and no image has the name."""
    directory = tmp_path / "t-cmd-boot"
    directory.mkdir()
    name = "tpaexec/debian-systemd:11"
    if sdk.images.list(name):
        pytest.skip(f"{name} is on this engine already")
    text = config("t-cmd-boot", name, "10.46.3", tmp_path / "pwned")
    text = text.replace("t-cmd-uno", "t-cmd-boot-uno").replace("t-cmd-due", "t-cmd-boot-due")
    (directory / "config.yml").write_text(text)
    (directory / "secrets.env").write_text("")
    interrupted(["provision", directory], 2.5, number)
    assert not sdk.images.list(name)
    assert not sdk.containers.list(all=True, filters={"name": "t-cmd-boot-"})


def interrupted(argv, after: float, number: int = signal.SIGINT) -> None:
    """Ctrl-C *after* seconds: one line on what was left, 130, and it ends soon."""
    # A session with a terminal of its own: Ctrl-C reaches everybody in it, as it does at a desk.
    main, other = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, *map(str, argv)],
        stdin=other,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(after)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=60)
    os.close(main)
    os.close(other)
    assert "Traceback" not in out + err
    # Done before on a quick machine, dead before anything started on a slow one; else interrupted, and said.
    if process.returncode not in (0, -number):
        assert process.returncode == 128 + number, out + err
        assert err.splitlines()[-1].startswith("Interrupted: "), err
        own = [line for line in err.splitlines() if "interrupted execution" not in line or argv[0] != "cmd"]
        assert len(own) == 1, err
