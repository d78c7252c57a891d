# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things are: the checkout, its Ansible, the collection's path; and what the environment gains and gives back."""

from __future__ import annotations

import _locale
import json
import os
import shutil
import stat

from .errors import CommandError

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))
FILES = os.path.join(TOP, "playbooks", "files")
NAME = ("ansible_collections", "tpaexec", "docker")
# What was there before we added to the environment: a tpaexec started from inside a run of ours undoes the additions.
RECORD = "TPAEXEC_DOCKER_ENVIRONMENT"


def version() -> str:
    """The collection's version, as galaxy.yml or an installed MANIFEST.json says."""
    try:
        with open(os.path.join(TOP, "MANIFEST.json"), encoding="utf-8") as manifest:
            return str(json.load(manifest)["collection_info"]["version"])
    except (OSError, ValueError, KeyError):
        pass
    try:
        with open(os.path.join(TOP, "galaxy.yml"), encoding="utf-8") as galaxy:
            return next(line.split(":", 1)[1].strip() for line in galaxy if line.startswith("version:"))
    except (OSError, StopIteration):
        return "unknown"


def find_ansible(program: str = "ansible-playbook") -> str:
    """The checkout's own environment, else what is on the PATH."""
    own = os.path.join(TOP, ".venv", "bin", program)
    if os.access(own, os.X_OK):
        return own
    found = shutil.which(program)
    if found:
        return found
    raise CommandError(
        f"Run 'make venv' in {TOP}, or put an {program} (ansible-core 2.16 or newer) on the PATH: none was found."
    )


def collections_path() -> str:
    """A directory below which this very checkout is ansible_collections/tpaexec/docker."""
    parts = TOP.split(os.sep)
    if tuple(parts[-3:]) == NAME:
        return os.sep.join(parts[:-3]) or os.sep
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    shared = os.path.join(home, "tpaexec-docker", TOP.strip(os.sep).replace(os.sep, "-"))
    for base in (os.path.join(TOP, ".cache", "collections"), shared):
        if _link(base):
            return base
    raise CommandError(
        f"Set XDG_CACHE_HOME to a directory that can be written: {TOP} and {home} cannot, and Ansible needs a link to "
        "this collection under the name ansible_collections/tpaexec/docker."
    )


def _link(base: str) -> bool:
    link = os.path.join(base, *NAME)
    try:
        if os.path.realpath(link) == TOP:
            return True
        os.makedirs(os.path.dirname(link), mode=0o700, exist_ok=True)
        fresh = f"{link}.{os.getpid()}"
        os.symlink(TOP, fresh)
        os.replace(fresh, link)
    except OSError:
        return False
    return True


def restored(environ: dict[str, str]) -> dict[str, str]:
    """*environ* without what a tpaexec of ours above us added to it."""
    result = dict(environ)
    try:
        before = json.loads(result.pop(RECORD, "{}"))
        for name, value in before.items():
            result.pop(name, None)
            if value is not None:
                result[name] = value
    except (ValueError, AttributeError, TypeError):
        pass
    return result


def extended(environ: dict[str, str], additions: dict[str, str]) -> dict[str, str]:
    """*environ* with *additions*, and the record that lets `restored` undo them."""
    record = {name: environ.get(name) for name in additions}
    return {**environ, **additions, RECORD: json.dumps(record)}


def with_collection(environ: dict[str, str]) -> dict[str, str]:
    """What any Ansible needs to find this checkout as tpaexec.docker, before any other place."""
    given = environ.get("ANSIBLE_COLLECTIONS_PATH") or environ.get("ANSIBLE_COLLECTIONS_PATHS")
    usual = "~/.ansible/collections:/usr/share/ansible/collections"
    return {"ANSIBLE_COLLECTIONS_PATH": f"{collections_path()}:{given or usual}"}


def with_locale() -> dict[str, str]:
    """Ansible ends at once where the locale is not UTF-8 (LC_ALL=C) or not there (one that ssh brought along)."""
    try:
        _locale.setlocale(_locale.LC_ALL, "")
        if _locale.nl_langinfo(_locale.CODESET).replace("-", "").lower() == "utf8":
            return {}
    except (_locale.Error, ValueError):
        pass
    return {"LC_ALL": "C.UTF-8"}


def with_home(environ: dict[str, str]) -> dict[str, str]:
    """A place of its own for Ansible where the home cannot be written: it would end at once, with a traceback."""
    home = os.path.join(os.path.expanduser("~"), ".ansible")
    if "ANSIBLE_HOME" in environ or _writable(home):
        return {}
    place = os.path.join(environ.get("TMPDIR") or "/tmp", f"tpaexec-docker-{os.getuid()}")  # noqa: S108 - checked
    try:
        if not os.path.isdir(place):
            os.mkdir(place, mode=0o700)
        # Somebody else's, a link or one that others may write is not taken: what Ansible keeps there, it runs.
        found = os.lstat(place)
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
            return {"ANSIBLE_HOME": place}
    except OSError:
        pass
    raise CommandError(
        f"Set ANSIBLE_HOME to a directory of yours that can be written: neither {home} nor {place} is one, and Ansible "
        "keeps its temporary files there."
    )


def _writable(path: str) -> bool:
    """Whether files can be made in *path*, or it can be made itself."""
    while not os.path.exists(path) and path != os.path.dirname(path):
        path = os.path.dirname(path)
    return os.path.isdir(path) and os.access(path, os.W_OK | os.X_OK)


def for_own_playbooks(environ: dict[str, str], output: str, quiet: bool, verbose: bool) -> dict[str, str]:
    """What a playbook of this collection gains when the command runs it."""
    additions = {**with_collection(environ), **with_locale(), **with_home(environ)}
    additions["ANSIBLE_CONFIG"] = os.path.join(FILES, "ansible.cfg")
    additions["ANSIBLE_STDOUT_CALLBACK"] = "tpaexec.docker.tpaexec"
    additions["TPAEXEC_DOCKER_FORMAT"] = output
    additions["TPAEXEC_DOCKER_QUIET"] = str(quiet)
    if verbose:
        # ansible-core 2.19 keeps tracebacks to itself unless asked; older ones do not know the variable.
        additions["ANSIBLE_DISPLAY_TRACEBACK"] = "error"
    return additions
