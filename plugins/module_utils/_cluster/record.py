# SPDX-License-Identifier: GPL-3.0-or-later
"""What is kept beside a cluster: its id, what was mended in place, lines added to /etc/hosts, and the lock.

All in one directory (DIR/.tpaexec-docker): `id` (a uuid), `record.json` (written atomically), `lock` (held with
flock, so that a dead process never holds it); and `last-run.json`, which is timeline's.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shlex
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from typing import Any, Iterator, Mapping

from .._errors import PlatformError
from .._spec.model import DEFAULT_HOST


@dataclass(frozen=True)
class Place:
    """Where a node was made last; "" where that is not known."""

    host: str
    engine: str = ""
    container: str = ""

    @property
    def only_meant(self) -> bool:
        """It was to be made there; whether it was is not known."""
        return self.host != DEFAULT_HOST and not (self.engine or self.container)


@dataclass(frozen=True)
class Record:
    """The content of record.json; each map is keyed by container id, `places` by the node's name: host, engine and
    container, of clusters that may be on several hosts. `over_hosts`: nothing is left from before it had hosts."""

    applied: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    hosts: Mapping[str, list[str]] = field(default_factory=dict)
    places: Mapping[str, Place] = field(default_factory=dict)
    over_hosts: bool = False


def read_id(directory: str) -> str:
    """The cluster's id, "" where there is none yet."""
    try:
        with open(os.path.join(directory, "id"), encoding="ascii") as file:
            return str(uuid.UUID(file.read().strip()))
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise PlatformError(
            f"The cluster's id in {directory}/id cannot be read: {error.strerror}.",
            "Run it as the user who provisioned, or take the files over: "
            f'sudo chown -R "$(id -un)" {shlex.quote(os.path.dirname(directory.rstrip("/")) or ".")}',
        ) from error
    except (ValueError, UnicodeDecodeError) as error:
        raise PlatformError(
            f"What is in {directory}/id is not the id of a cluster.",
            "Restore the file, or remove it and take the cluster over by name: tpaexec provision DIR --adopt",
        ) from error


def write_id(directory: str, ident: str) -> None:
    _write(directory, "id", ident + "\n")


def new_id() -> str:
    return str(uuid.uuid4())


def read_record(directory: str) -> Record:
    """A record that is missing or damaged is empty: drift is then judged two-way."""
    try:
        with open(os.path.join(directory, "record.json"), encoding="utf-8") as file:
            data = json.load(file)
        applied, hosts, places = (data.get(key) or {} for key in ("applied", "hosts", "places"))
        lines = {key: [str(line) for line in lines] for key, lines in hosts.items()}
        where = {key: _place(words) for key, words in places.items()}
        return Record(dict(applied), lines, where, data.get("over_hosts") is True)
    except (OSError, ValueError, AttributeError, TypeError):
        return Record()


def _place(words: Mapping[str, Any]) -> Place:
    return Place(*(str(words.get(key) or "") for key in ("host", "engine", "container")))


def write_record(directory: str, record: Record) -> None:
    if record == read_record(directory):
        return
    words: dict[str, Any] = {"applied": record.applied, "hosts": record.hosts}
    if record.places:
        words["places"] = {name: vars(place) for name, place in record.places.items()}
    if record.over_hosts:
        words["over_hosts"] = True
    text = json.dumps(words, indent=1, sort_keys=True)
    _write(directory, "record.json", text + "\n")


def _write(directory: str, name: str, text: str) -> None:
    """Atomically: another process sees the old file or the new one."""
    try:
        os.makedirs(directory, exist_ok=True)
        handle, path = tempfile.mkstemp(prefix=f".{name}.", dir=directory)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(path, os.path.join(directory, name))
        except BaseException:
            os.unlink(path)
            raise
    except OSError as error:
        raise _unwritable(directory, error) from error


def _unwritable(directory: str, error: OSError) -> PlatformError:
    return PlatformError(
        f"Cannot write to {directory}: {error.strerror or error}.",
        "The cluster's id and record are kept there: give this user the right to write, and free space.",
    )


@contextlib.contextmanager
def locked(directory: str) -> Iterator[None]:
    """One converging run a cluster at a time. Raises PlatformError naming who holds the lock."""
    path = os.path.join(directory, "lock")
    try:
        os.makedirs(directory, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise _unwritable(directory, error) from error
    with os.fdopen(handle, "r+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _same_file(file.fileno(), path)
        except OSError as error:
            holder = file.read().strip() or "another process"
            raise PlatformError(
                f"Another run is converging this cluster: {holder}.",
                f"Wait until it has ended (lock: {path}).",
            ) from error
        _clean(directory)
        file.truncate(0)
        file.write(f"process {os.getpid()}, since {time.strftime('%Y-%m-%d %H:%M:%S')}")
        file.flush()
        try:
            yield
        finally:
            file.seek(0)
            file.truncate(0)


def _same_file(handle: int, path: str) -> None:
    """A run that removes the cluster takes the lock's file away: one that was opened before is no lock any more."""
    if os.fstat(handle).st_ino != os.stat(path).st_ino:
        raise FileNotFoundError(path)


def _clean(directory: str) -> None:
    """Temporary files that a killed run left; nobody else writes while we hold the lock."""
    for name in os.listdir(directory):
        if name.startswith((".id.", ".record.json.", ".last-run.json.")):
            os.unlink(os.path.join(directory, name))
