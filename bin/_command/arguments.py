# SPDX-License-Identifier: GPL-3.0-or-later
"""What a word of the command is made of: arguments, their checks, and those that several words have."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from .errors import quoted


class Argument(NamedTuple):
    """One argument: argparse's flags and settings; its `dest` is the variable that the playbook gets."""

    flags: tuple[str, ...]
    settings: dict[str, Any]


class Word(NamedTuple):
    """One word of the command."""

    name: str
    group: str
    summary: str
    examples: tuple[str, ...]
    arguments: tuple[Argument, ...]
    runs: str  # a playbook of the collection, or `!action` for what run.py does itself
    needs: str = ""  # what DIR must hold before anything starts: config.yml, or inventory
    verbatim: str = ""  # everything after the arguments is passed on untouched; this is how the help calls it
    description: str = ""
    left: str = "Nothing was changed."  # what a Ctrl-C leaves behind


def argument(*flags: str, **settings: Any) -> Argument:
    return Argument(flags, settings)


def path(text: str) -> str:
    """Made absolute, because Ansible's idea of `here` may differ; `host1,host2,` is an inventory, no path."""
    return text if "," in text else os.path.abspath(text)


def platform(text: str) -> str:
    if text != "docker":
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not accepted here, only docker is")
    return text


def a_file(endings: tuple[str, ...]) -> Callable[[str], str]:
    """A file to write, which says by its ending what it is to be."""

    def check(text: str) -> str:
        if os.path.splitext(text)[1].lower() not in endings:
            listed = f"{', '.join(endings[:-1])} or {endings[-1]}" if len(endings) > 1 else endings[0]
            raise argparse.ArgumentTypeError(f"{quoted(text)} does not end in {listed}")
        return os.path.abspath(text)

    return check


def system(text: str) -> str:
    if text != "centos":
        name = f"{quoted(text)} is not accepted, only centos is (the image centos/systemd)"
        raise argparse.ArgumentTypeError(f"{name}; for any other system name its image: --os-image IMAGE")
    return text


MAKE, USE, SEE, KEEP, IMAGES = "Make", "Use", "See", "Keep", "Images"
SHELLS = ("bash", "zsh")
PICTURES = (".svg", ".png", ".mmd", ".dot")

DIR = argument("cluster_dir", metavar="DIR", help="the cluster directory")
NODES = argument("cluster_nodes", metavar="NODE", nargs="*", default=[], help="only these nodes")
IGNORE = argument(
    "--ignore", dest="preflight_ignore", metavar="ID", nargs="+", action="extend", help="findings that don't stop it"
)
FORMAT = ("table", "json")
COMMON = (
    argument("-v", "--verbose", dest="verbosity", action="count", default=0, help="details; -vvv is Ansible's own"),
    argument("-q", "--quiet", action="store_true", help="only what was asked for, and errors"),
)
CHECKING = (argument("--check", action="store_true", help="say what would be done; change nothing"),)
CHANGING = (
    *CHECKING,
    argument("--diff", action="store_true", help="show the differences"),
)


def form(*choices: str) -> Argument:
    listed = f"{', '.join(choices[:-1])} or {choices[-1]}; default: {choices[0]}"
    return argument("--format", dest="output", metavar="FORM", choices=choices, default=choices[0], help=listed)
