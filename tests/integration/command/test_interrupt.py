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
        # A session with a terminal of its own: Ctrl-C reaches everybody in it, as it does at a desk.
        main, other = pty.openpty()
        process = subprocess.Popen(
            [COMMAND, "provision", str(directory)],
            stdin=other,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        time.sleep(after)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=60)
        os.close(main)
        os.close(other)
        assert "Traceback" not in out + err
        # Done before on a quick machine, dead before anything started on a slow one; else interrupted, and said.
        if process.returncode not in (0, -signal.SIGINT):
            assert process.returncode == 130, out + err
            assert [line for line in err.splitlines() if "Interrupted" in line] == err.splitlines()[-1:]
        done = tpaexec("provision", directory)
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        tpaexec("deprovision", directory)
