# SPDX-License-Identifier: GPL-3.0-or-later
"""Look into an image without running anything of it: facts from a few files of a container that never starts."""

from __future__ import annotations

import json
import os
import posixpath
import re
import tempfile
from typing import Any, Mapping, Optional

from .._client import Daemon
from .._errors import DaemonError, PlatformError
from . import packages
from .archive import Files, files_of
from .contents import Etc, find_postgres, parse_os_release, read_etc
from .model import ImageFacts, PackageCache, Python

CACHE_FORMAT = 1
PYTHONS = (
    "/usr/bin/python3",
    "/usr/libexec/platform-python",
    "/usr/local/bin/python3",
    "/usr/bin/python2",
    "/usr/bin/python",
    # beside the system's own, as EL has them
    *(f"/usr/bin/python3.{minor}" for minor in range(8, 16)),
)
SYSTEMD = ("/usr/lib/systemd/systemd", "/lib/systemd/systemd")
CACHES = {
    "apt": ("/var/cache/apt/archives",),
    "dnf": ("/var/cache/dnf", "/var/cache/libdnf5"),
    "yum": ("/var/cache/yum",),
    "zypper": ("/var/cache/zypp/packages",),
}
MANAGERS = (
    ("/usr/bin/dnf5", "dnf"),
    ("/usr/bin/dnf", "dnf"),
    ("/usr/bin/yum", "yum"),
    ("/usr/bin/apt-get", "apt"),
    ("/usr/bin/zypper", "zypper"),
    ("/usr/bin/microdnf", "dnf"),
)


def look(daemon: Daemon, name: str, cache_dir: str = "") -> ImageFacts:
    """The facts of an image. They are kept in *cache_dir* by image id: what an id stands for never changes."""
    seen = inspect_image(daemon, name)
    kept = load_facts(cache_dir, str(seen["Id"]), name)
    if kept:
        return kept
    with files_of(daemon, str(seen["Id"])) as files:
        facts = gather(files, name, seen)
    save_facts(cache_dir, facts)
    return facts


def inspect_image(daemon: Daemon, name: str) -> dict[str, Any]:
    """What the engine says of the image; a clear error when it is not there."""
    try:
        seen = daemon.call("inspect_image", name)
    except DaemonError as error:
        if error.status != 404:
            raise
        raise PlatformError(
            f"There is no image {name} on this engine.",
            "Check the name (docker images), or obtain it: role tpaexec.docker.guest_image, docker pull, docker load.",
            id="IMAGE_NO_SUCH_IMAGE",
        ) from error
    if (
        not isinstance(seen, dict)
        or not isinstance(seen.get("Id"), str)
        or not isinstance(seen.get("Config"), (dict, type(None)))
    ):
        raise DaemonError(
            f"What the Docker daemon says of the image {name} cannot be read.",
            "Look at its log (journalctl -u docker).",
        )
    return dict(seen)


def gather(files: Files, name: str, seen: Mapping[str, Any]) -> ImageFacts:
    """All facts of one image."""
    config = seen.get("Config") or {}
    os_release = parse_os_release(_text(files, "/usr/lib/os-release") or _text(files, "/etc/os-release"))
    installed = packages.read(files)
    etc = read_etc(files)
    init = files.stat("/sbin/init")
    manager = next((kind for path, kind in MANAGERS if files.stat(path)), "")
    postgres, not_seen = find_postgres(files)
    version = systemd_version(files, installed)
    return ImageFacts(
        name=name,
        image_id=str(seen["Id"]),
        architecture=str(seen.get("Architecture", "")),
        os_id=os_release.get("ID", ""),
        os_version=os_release.get("VERSION_ID", ""),
        os_name=os_release.get("PRETTY_NAME", ""),
        has_systemd=any(files.stat(path) for path in SYSTEMD),
        systemd_version=version,
        init=_init(config, init.path if init else ""),
        stop_signal=str(config.get("StopSignal") or ""),
        sshd=files.stat("/usr/sbin/sshd") is not None,
        package_manager=manager,
        packages=installed,
        package_cache=package_cache(files, manager),
        pythons=pythons(files),
        postgres_packages=tuple(packages.postgres_servers(installed)),
        postgres_files=tuple(postgres),
        postgres_dependencies=tuple(packages.postgres_dependencies(installed)),
        machine_id=etc.machine_id,
        host_keys=etc.host_keys,
        postgres_units=etc.postgres_units,
        repositories=etc.repositories,
        size=int(seen.get("Size") or 0),
        labels=dict(config.get("Labels") or {}),
        not_seen=_not_seen(not_seen, etc),
    )


def _not_seen(postgres: Mapping[str, str], etc: Etc) -> dict[str, str]:
    return {**postgres, **etc.not_seen}


def _text(files: Files, path: str) -> str:
    return (files.read(path) or b"").decode("utf-8", "replace")


def _init(config: Mapping[str, Any], sbin_init: str) -> str:
    """What the container would run: its own command; /sbin/init stands for what it links to."""
    words = [*(config.get("Entrypoint") or []), *(config.get("Cmd") or [])]
    command = " ".join(str(word) for word in words)
    return f"{command} -> {sbin_init}" if command == "/sbin/init" and sbin_init else command


def systemd_version(files: Files, installed: Mapping[str, str]) -> Optional[int]:
    """From the package database, else from the name of systemd's own library (219 has none: its libsystemd tells)."""
    match = re.match(r"(?:\d+:)?v?(\d{2,3})(?!\d)", installed.get("systemd", ""))
    if match:
        return int(match.group(1))
    for folder in ("/usr/lib/systemd", "/lib/systemd"):
        where = files.stat(folder)
        for found in files.walk(where.path) if where else ():
            number = re.fullmatch(r"libsystemd-shared-(\d+).*\.so", posixpath.basename(found.path))
            if number:
                return int(number.group(1))
    library = files.stat("/usr/lib64/libsystemd.so.0")
    return 219 if library and library.path.endswith("libsystemd.so.0.6.0") else None


def pythons(files: Files) -> tuple[Python, ...]:
    """Each interpreter once: the name a link ends at tells the version, with no need to run it."""
    found: dict[str, Python] = {}
    for path in PYTHONS:
        where = files.stat(path)
        match = re.search(r"python(\d+\.\d+)$", where.path) if where else None
        if where and match:
            found.setdefault(where.path, Python(path, match.group(1)))
    return tuple(found.values())


def package_cache(files: Files, manager: str) -> Optional[PackageCache]:
    """Package files that were downloaded beforehand."""
    for folder in CACHES.get(manager, ()):
        where = files.stat(folder)
        names, size, complete = [], 0, True
        for found in files.walk(where.path, limit=2 << 30) if where else ():
            complete = complete and found.path != "..."
            if re.search(r"\.(deb|rpm)$", found.path):
                names.append(posixpath.basename(found.path))
                size += found.size
        if names:
            return PackageCache(folder, tuple(sorted(names)), size, complete)
    return None


def _cache_path(cache_dir: str, image_id: str) -> str:
    return os.path.join(cache_dir, f"image-{re.sub(r'[^a-f0-9]', '', image_id.rsplit(':', maxsplit=1)[-1])}.json")


def load_facts(cache_dir: str, image_id: str, name: str) -> Optional[ImageFacts]:
    """Facts kept earlier; anything unexpected in the file counts as nothing kept."""
    if not cache_dir:
        return None
    try:
        with open(_cache_path(cache_dir, image_id), encoding="utf-8") as handle:
            kept = json.load(handle)
        if kept.pop("format") != CACHE_FORMAT or kept["image_id"] != image_id:
            return None
        cache = kept.pop("package_cache")
        lists = {key: tuple(value) for key, value in kept.items() if isinstance(value, list) and key != "pythons"}
        kept.update(lists, name=name, pythons=tuple(Python(**item) for item in kept["pythons"]))
        filled = PackageCache(**dict(cache, files=tuple(cache["files"]))) if cache else None
        return ImageFacts(package_cache=filled, **kept)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def save_facts(cache_dir: str, facts: ImageFacts) -> None:
    """Keep the facts; that it cannot be done is no error, the next run looks again."""
    if not cache_dir:
        return
    kept = dict(facts.as_dict(), packages=dict(facts.packages), format=CACHE_FORMAT)
    try:
        os.makedirs(cache_dir, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=cache_dir, delete=False, encoding="utf-8") as handle:
            json.dump(kept, handle)
        os.replace(handle.name, _cache_path(cache_dir, facts.image_id))
    except OSError:
        return
