# SPDX-License-Identifier: GPL-3.0-or-later
"""One child process, waited for: Ansible, in the Python that it names."""

from __future__ import annotations

import os
import signal
import sys

from .errors import CommandError

INTERRUPTED = 130
# Ended by SIGHUP, Ctrl-C or SIGTERM: what was left is said.
STOPPED = (129, INTERRUPTED, 143)
# ansible-playbook's own exit code that means a Ctrl-C.
ANSIBLE_INTERRUPTED = 99


def wait_for(argv: list[str], environ: dict[str, str], later: bool = False) -> int:
    """Run *argv* and give its end in our exit codes. Signals go to it, we wait: it cleans up, we report.

    *later*: it starts with SIGINT blocked and unblocks it (our callback does) when it can end without a traceback.
    """
    child = 0
    early: list[int] = []

    def forward(number: int, _frame: object) -> None:
        if child:
            os.kill(child, number)
        else:
            early.append(number)

    # A terminal sends Ctrl-C to both; handlers, unlike SIG_IGN, are not inherited through exec.
    signal.signal(signal.SIGINT, lambda *_: None)
    signal.signal(signal.SIGTERM, forward)
    signal.signal(signal.SIGHUP, forward)
    sys.stdout.flush()
    try:
        child = os.posix_spawn(argv[0], argv, environ, setsigmask=[signal.SIGINT] if later else [])
    except OSError as error:
        raise CommandError(f"Mend {argv[0]}: it cannot be started ({error.strerror}).") from error
    for number in early:
        os.kill(child, number)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status in (ANSIBLE_INTERRUPTED, -signal.SIGINT):
        return INTERRUPTED
    if status < 0:
        return 128 - status
    return 1 if status else 0


def through_python(argv: list[str], when: str) -> list[str]:
    """*argv* as start_ansible.py starts it, which lets Ctrl-C in now or later; as it is, where it is no Python."""
    python = interpreter(argv[0])
    starter = os.path.join(os.path.dirname(os.path.abspath(__file__)), "start_ansible.py")
    return [*python, starter, when, *argv] if python else argv


def interpreter(program: str) -> list[str]:
    """The Python that *program* names in its first line; nothing where it is another kind of program."""
    try:
        with open(program, "rb") as file:
            words = os.fsdecode(file.readline(500)).strip().removeprefix("#!").split()
    except OSError:
        return []
    named = bool(words) and os.path.basename(words[0]).startswith("python") and os.access(words[0], os.X_OK)
    return words if named else []
