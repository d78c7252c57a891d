# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing what a word says: a playbook of the collection, or an action of over_inventory."""

from __future__ import annotations

import os
import sys
from typing import Any

from . import environment
from .arguments import Word
from .completion import completion
from .errors import CommandError, UsageError
from .over_inventory import ACTIONS
from .processes import STOPPED, through_python, wait_for
from .variables import extra_variables
from .words import OWN


def check_directory(directory: str, needs: str) -> None:
    """DIR holds what the word needs, or it ends here, before anything starts."""
    if not os.path.isdir(directory):
        raise CommandError(
            f"Name an existing cluster directory: {directory} is none. "
            f"'tpaexec configure {directory} --platform docker' makes a new one."
        )
    if os.path.exists(os.path.join(directory, needs)):
        return
    if not os.path.exists(os.path.join(directory, "config.yml")):
        raise CommandError(
            f"Name a cluster directory: {directory} has no config.yml. "
            f"'tpaexec configure {directory} --platform docker' writes one."
        )
    raise CommandError(f"Run 'tpaexec provision {directory}' first: {directory} has no {needs} yet.")


def run_word(word: Word, options: dict[str, Any], rest: list[str], environ: dict[str, str]) -> int:
    """Do what *word* says; the exit code."""
    directory = options.get("cluster_dir")
    if directory is not None:
        if not directory:
            raise UsageError("Name the cluster directory: DIR is empty.")
        if word.needs:
            check_directory(directory, word.needs)
        options["cluster_dir"] = os.path.abspath(directory)
    if options.get("configure_os") and options.get("configure_os_image"):
        raise UsageError("Leave out --os or --os-image: together they name two images.")
    if word.runs == "!completion":
        print(completion(options["shell"]), end="")
        return 0
    if word.runs.startswith("!"):
        return ACTIONS[word.runs](options, rest, environ)
    return run_playbook(word, options, rest, environ)


def run_playbook(word: Word, options: dict[str, Any], rest: list[str], environ: dict[str, str]) -> int:
    """One playbook of this collection, with what it needs and nothing of the user's ansible.cfg."""
    inventory = options.get("inventory")
    if word.needs == "inventory":
        inventory = os.path.join(options["cluster_dir"], word.needs)
    elif inventory and "," not in inventory and not os.path.exists(inventory):
        raise CommandError(
            f"Name an inventory that exists: there is no {inventory}. A list of hosts ends with a comma."
        )
    argv = [environment.find_ansible(), f"tpaexec.docker.{word.runs}"]
    argv += ["-i", inventory or os.path.join(environment.FILES, "localhost.ini")]
    variables = {name: value for name, value in options.items() if name not in OWN and value not in (None, False, [])}
    if word.name == "preflight":
        variables.update(_preflight_variables(options, environ))
    argv += ["-e", extra_variables(variables)]
    argv += [f"--{option}" for option in ("check", "diff") if options.get(option)]
    if options["verbosity"]:
        argv.append("-" + "v" * options["verbosity"])
    output, quiet, verbose = options.get("output") or "table", options["quiet"], bool(options["verbosity"])
    additions = environment.for_own_playbooks(environ, output, quiet, verbose)
    # Tags are the user's playbooks': ours has none, would skip every step and call that "nothing to change".
    environ = {name: value for name, value in environ.items() if name not in ("ANSIBLE_RUN_TAGS", "ANSIBLE_SKIP_TAGS")}
    extended = environment.extended(environ, additions)
    code = wait_for(through_python([*argv, *rest], "later"), extended, later=True)
    if code in STOPPED:
        print(_left_behind(word, options), file=sys.stderr)
    return code


def _preflight_variables(options: dict[str, Any], environ: dict[str, str]) -> dict[str, Any]:
    """The report's form, and on which hosts: its module writes the report itself."""
    colour = options["output"] == "table" and sys.stdout.isatty() and not environ.get("NO_COLOR")
    hosts = {"preflight_hosts": "all"} if options["inventory"] else {}
    return {"preflight_format": options["output"], "preflight_color": colour, **hosts}


def _left_behind(word: Word, options: dict[str, Any]) -> str:
    """One line: what there is now, and how to go on."""
    again = " ".join(part for part in ("tpaexec", word.name, options.get("cluster_dir")) if part)
    return f"Interrupted: {word.left} Run '{again}' again to go on."
