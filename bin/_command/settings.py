# SPDX-License-Identifier: GPL-3.0-or-later
"""Exported ANSIBLE_* variables that Ansible cannot read: it would end at its start with a traceback."""

from __future__ import annotations

import os
import re

from .errors import CommandError, quoted

# What hardly any setting stumbles over: empty, a yes or no, a number, a path. Any other is worth asking Ansible.
PLAIN = re.compile(r"|yes|no|on|off|true|false|y|n|t|f|\d+|.*/.*", re.IGNORECASE | re.DOTALL)

# Given by the command itself, always.
OWN = {"ANSIBLE_STDOUT_CALLBACK": "tpaexec.docker.tpaexec", "ANSIBLE_DISPLAY_TRACEBACK": "error"}
OWN["ANSIBLE_TRANSFORM_INVALID_GROUP_CHARS"] = "ignore"


def interpreter(program: str) -> list[str]:
    """The Python that *program* names in its first line; nothing where it is another kind of program."""
    try:
        with open(program, "rb") as file:
            words = os.fsdecode(file.readline(500)).strip().removeprefix("#!").split()
    except OSError:
        return []
    named = bool(words) and os.path.basename(words[0]).startswith("python") and os.access(words[0], os.X_OK)
    return words if named else []


def through_python(argv: list[str], when: str) -> list[str]:
    """*argv* as start_ansible.py starts it, which lets Ctrl-C in now or later; as it is, where it is no Python."""
    python = interpreter(argv[0])
    starter = os.path.join(os.path.dirname(os.path.abspath(__file__)), "start_ansible.py")
    return [*python, starter, when, *argv] if python else argv


def check_settings(program: str, environ: dict[str, str]) -> None:
    """Asks Ansible to read its settings, where the user exported any that it might refuse; that costs 0.2 s."""
    exported = {
        name: value
        for name, value in environ.items()
        if name.startswith("ANSIBLE_") and not PLAIN.fullmatch(value) and OWN.get(name) != value
    }
    python = interpreter(program)
    if not exported or not python:
        return
    import subprocess  # noqa: PLC0415 - slow to load, seldom needed

    words = [*python, "-c", "import ansible.constants"]
    nothing = subprocess.DEVNULL
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=False, stdin=nothing)  # noqa: S603
    refused = re.search(r"^ansible\.errors\.\w+: (.*)", done.stderr, re.MULTILINE)
    if done.returncode and refused:
        meant = [name for name in exported if name.removeprefix("ANSIBLE_") in refused[1]]
        if not meant:  # ansible.cfg's, most often; and the value of some other variable may be a password
            raise CommandError(f"Mend Ansible's settings: {refused[1].rstrip('.')}.")
        said = ", ".join(f"{name}={quoted(exported[name])}" for name in sorted(meant))
        raise CommandError(f"Unset or mend {said}: Ansible cannot read it.")
