# SPDX-License-Identifier: GPL-3.0-or-later
"""A site's own image on top of another: repositories, packages, files, and a package cache for deploying offline.

One generated Dockerfile and one script, built by the engine like any other image; pure but for reading the files.
"""

from __future__ import annotations

import json
import os
import posixpath
import re
import shlex
from dataclasses import dataclass
from typing import Any, Mapping

from .._errors import ConfigError, PlatformError, Problem, quoted
from .apt_sources import without_password
from .model import LABEL, LABEL_INPUTS, LABEL_SOURCE
from .packages import SERVERS

PACKAGE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9+._:~-]*(=[A-Za-z0-9+.:~-]+)?$")


@dataclass(frozen=True)
class Repository:
    """A package repository: `line` for apt (what follows `deb`), `baseurl` for yum and dnf; `key` is a file."""

    name: str
    line: str = ""
    baseurl: str = ""
    key: str = ""


@dataclass(frozen=True)
class SiteFile:
    src: str
    dest: str
    mode: str = "0644"


@dataclass(frozen=True)
class Site:
    """What a site adds to an image."""

    base_image: str = ""
    packages: tuple[str, ...] = ()
    repositories: tuple[Repository, ...] = ()
    files: tuple[SiteFile, ...] = ()
    package_cache: tuple[str, ...] = ()
    preinstall_dependencies_of: tuple[str, ...] = ()

    @property
    def wanted(self) -> bool:
        return bool(self.base_image)


def parse_site(params: Mapping[str, Any]) -> Site:
    """The module's options as a Site; every problem at once."""
    problems: list[Problem] = []
    lists = {}
    for key in ("packages", "package_cache", "preinstall_dependencies_of"):
        lists[key] = tuple(params.get(key) or ())
        for name in lists[key]:
            if not PACKAGE.match(name):
                said = f"{quoted(name)} is no package name."
                problems.append(Problem(key, said, "Write it as the package manager does."))
    repositories = tuple(_repository(item, problems) for item in params.get("repositories") or ())
    files = tuple(_file(item, problems) for item in params.get("files") or ())
    base = params.get("base_image") or ""
    if not base and (any(lists.values()) or repositories or files):
        problems.append(Problem("base_image", "Say which image the packages and files go on top of."))
    if problems:
        raise ConfigError(problems, "the options of guest_image")
    return Site(base, repositories=repositories, files=files, **lists)


def _repository(item: Mapping[str, Any], problems: list[Problem]) -> Repository:
    given = {key: str(value) for key, value in item.items() if value is not None}
    repository = Repository(**given)
    place = f"repositories.{repository.name}"
    if not re.fullmatch(r"[A-Za-z0-9_-]+", repository.name):
        problems.append(Problem(place, "A name has letters, digits, - and _ only."))
    if bool(repository.line) == bool(repository.baseurl):
        problems.append(Problem(place, "Give either `line` (apt) or `baseurl` (yum, dnf)."))
    if "\n" in repository.line + repository.baseurl:
        problems.append(Problem(place, "An address has no line breaks.", "Write it on one line."))
    if repository.key and not os.path.isfile(repository.key):
        problems.append(Problem(place, f"There is no key file {repository.key}.", "Correct `key`."))
    return repository


def _file(item: Mapping[str, Any], problems: list[Problem]) -> SiteFile:
    given = {key: str(value) for key, value in item.items() if value is not None}
    one = SiteFile(**given)
    if not os.path.isfile(one.src):
        problems.append(Problem(f"files.{one.dest}", f"There is no file {one.src}.", "Correct `src`."))
    if not one.dest.startswith("/") or posixpath.normpath(one.dest) != one.dest:
        problems.append(Problem(f"files.{one.dest}", "It is no absolute path.", "Write a file's path in the image."))
    if not re.fullmatch(r"0?[0-7]{3,4}", one.mode):
        problems.append(Problem(f"files.{one.dest}", f"{quoted(one.mode)} is no file mode.", 'For example "0644".'))
    return one


def context(site: Site, manager: str) -> dict[str, bytes]:
    """The build context: path → content. *manager* is the package manager found in the base image."""
    found: dict[str, bytes] = {}
    for number, one in enumerate(site.files):
        found[f"files/{number}"] = _read(one.src)
    for repository in site.repositories:
        if repository.key:
            found[f"keys/{repository.name}"] = _read(repository.key)
    scripts = {"apt": apt_script, "dnf": dnf_script, "yum": dnf_script}
    if manager not in scripts:
        if needs_manager(site):
            raise PlatformError(
                f"{site.base_image} has no package manager that is known here (apt, dnf, yum).",
                "Choose another base image, or leave out packages and repositories.",
            )
        found["site.sh"] = ("#!/bin/sh\nset -eu\n" + files_script(site)).encode()
    else:
        found["site.sh"] = scripts[manager](site, manager).encode()
    found["Dockerfile"] = dockerfile(site).encode()
    return found


def needs_manager(site: Site) -> bool:
    return bool(site.packages or site.repositories or site.package_cache or site.preinstall_dependencies_of)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except OSError as error:
        raise PlatformError(
            f"{path} cannot be read: {error.strerror}.", "Correct the path or its permissions."
        ) from error


def dockerfile(site: Site) -> str:
    """The script is gone from the finished file system."""
    return (
        f"FROM {site.base_image}\nCOPY . /.tpaexec-site/\nUSER root\n"
        "RUN sh /.tpaexec-site/site.sh && rm -rf /.tpaexec-site\n"
    )


def labels(site: Site, name: str) -> dict[str, str]:
    inputs = {
        "base_image": site.base_image,
        "packages": list(site.packages),
        "repositories": [without_password(one.line or one.baseurl) for one in site.repositories],
        "files": [one.dest for one in site.files],
        "package_cache": list(site.package_cache),
        "preinstall_dependencies_of": list(site.preinstall_dependencies_of),
    }
    return {LABEL: "guest", LABEL_SOURCE: "site", LABEL_INPUTS: json.dumps(inputs, sort_keys=True)}


def files_script(site: Site) -> str:
    """Put the site's files into place."""
    lines = []
    for number, one in enumerate(site.files):
        target = shlex.quote(one.dest)
        lines.append(f"mkdir -p {shlex.quote(posixpath.dirname(one.dest))}")
        lines.append(f"cp /.tpaexec-site/files/{number} {target} && chmod {one.mode} {target}")
    return "\n".join(lines) + "\n"


def apt_script(site: Site, manager: str = "apt") -> str:
    """Debian and Ubuntu. With a package cache the lists stay: without them apt finds nothing offline."""
    lines = ["#!/bin/sh", "set -eu", "export DEBIAN_FRONTEND=noninteractive", "here=/.tpaexec-site"]
    lines.append("rm -f /etc/apt/apt.conf.d/docker-clean  # it would empty the cache")
    lines.append("mkdir -p /etc/apt/keyrings")
    for one in site.repositories:
        option = ""
        if one.key:
            ending = "asc" if _read(one.key).lstrip().startswith(b"-----BEGIN") else "gpg"
            path = f"/etc/apt/keyrings/{one.name}.{ending}"
            lines.append(f"cp $here/keys/{one.name} {path} && chmod 0644 {path}")
            option = f"[signed-by={path}] "
        entry = one.line if one.line.startswith("deb ") else f"deb {option}{one.line}"
        lines.append(f"printf '%s\\n' {shlex.quote(entry)} > /etc/apt/sources.list.d/{one.name}.list")
    lines.append("apt-get update -qq")
    if site.packages:
        lines.append(f"apt-get install -y -qq --no-install-recommends {_words(site.packages)}")
    if site.preinstall_dependencies_of:
        lines.append(APT_DEPENDENCIES % {"names": _words(site.preinstall_dependencies_of), "servers": _grep_servers()})
    lines.append("apt-get clean")
    if site.package_cache:
        lines.append(f"apt-get install -y -qq --download-only {_words(site.package_cache)}")
    else:
        lines.append("rm -rf /var/lib/apt/lists/*")
    lines.append("rm -f /var/cache/apt/*.bin /var/log/apt/* /var/log/dpkg.log /var/log/alternatives.log")
    lines.append(files_script(site))
    return "\n".join(lines)


# What would be installed with the named packages, without them, without any PostgreSQL server, and without what would
# pull one of those in after all.
APT_DEPENDENCIES = """\
planned() { apt-get install -s --no-install-recommends "$@" | sed -n 's/^Inst \\([^ ]*\\) .*/\\1/p'; }
unwanted=$(printf '%%s\\n' %(names)s; planned %(names)s | grep -E '%(servers)s' || true)
for package in $(planned %(names)s); do
    if ! planned "$package" | grep -qxF "$unwanted"; then kept="${kept:-} $package"; fi
done
if [ -n "${kept:-}" ]; then apt-get install -y -qq --no-install-recommends $kept; fi"""


# Downloaded packages stay; and what the repositories hold is not asked for again after two days: with no network, that
# would make every package in the cache unknown. `dnf --refresh` asks all the same.
DNF_KEEP = """\
sed -i '/^metadata_expire *=/d' /etc/yum.repos.d/*.repo 2>/dev/null || true
for conf in /etc/dnf/dnf.conf /etc/yum.conf; do
    if [ -f $conf ] && [ ! -L $conf ]; then
        sed -i -e '/^keepcache *=/d' -e '/^metadata_expire *=/d' $conf
        printf 'keepcache=1\\nmetadata_expire=never\\n' >> $conf
    fi
done"""


def dnf_script(site: Site, manager: str) -> str:
    """EL family. keepcache, so that the cache still serves an installation without a network."""
    tool = "dnf" if manager == "dnf" else "yum"
    lines = ["#!/bin/sh", "set -eu", "here=/.tpaexec-site", "mkdir -p /etc/pki/rpm-gpg"]
    for one in site.repositories:
        body = [f"[{one.name}]", f"name={one.name}", f"baseurl={one.baseurl}", "enabled=1"]
        if one.key:
            path = f"/etc/pki/rpm-gpg/{one.name}"
            lines.append(f"cp $here/keys/{one.name} {path} && chmod 0644 {path} && rpm --import {path}")
            body += ["gpgcheck=1", f"gpgkey=file://{path}"]
        else:
            body.append("gpgcheck=0")
        text = shlex.quote("\n".join(body))
        lines.append(f"printf '%s\\n' {text} > /etc/yum.repos.d/{one.name}.repo")
    if site.packages:
        lines.append(f"{tool} install -y -q {_words(site.packages)}")
    if site.preinstall_dependencies_of:
        names = _words(site.preinstall_dependencies_of)
        query = "dnf -q repoquery" if tool == "dnf" else "repoquery"
        lines.append(f"unwanted=$(printf '%s\\n' {names})")
        lines.append(
            f"kept=$({query} --requires --resolve --recursive --qf '%{{name}}\\n' {names} | sort -u "
            f"| grep -vxF \"$unwanted\" | grep -vE '{_grep_servers()}' || true)"
        )
        lines.append(f'if [ -n "$kept" ]; then {tool} install -y -q $kept; fi')
    if site.package_cache:
        lines.append(DNF_KEEP)
        lines.append(f"{tool} install -y -q --downloadonly {_words(site.package_cache)}")
    elif needs_manager(site):
        lines.append(f"{tool} clean all -q")
    lines.append(files_script(site))
    return "\n".join(lines)


def _words(names: tuple[str, ...]) -> str:
    return " ".join(shlex.quote(name) for name in names)


def _grep_servers() -> str:
    """packages.SERVERS in grep's syntax."""
    return SERVERS.pattern.replace(r"\d", "[0-9]")
