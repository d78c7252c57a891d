# SPDX-License-Identifier: GPL-3.0-or-later
"""Which archives a Debian or Ubuntu guest is made from, as lines of sources.list, and the keys that go with them."""

from __future__ import annotations

import os
import re
import shlex
from dataclasses import replace
from typing import Mapping, Optional, Sequence
from urllib.parse import unquote, urlsplit

from .._errors import PlatformError, quoted
from . import apt_sources
from .apt_sources import Source, without_password
from .distributions import DEBIAN, UBUNTU, Release

CODENAMES = {"debian": tuple(DEBIAN.values()), "ubuntu": tuple(UBUNTU.values())}
LINE = re.compile(r"^\s*deb\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<rest>.*)$")
ONE = re.compile(r"\s*deb(-src)?\s+(\[[^\]]*\]\s*)?[^\s\[]\S*\s+\S")
# Where each distribution keeps its keys, and the package that brings them.
KEYRINGS = {
    "debian": ("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring"),
    "ubuntu": ("/usr/share/keyrings/ubuntu-archive-keyring.gpg", "ubuntu-keyring"),
}
GUEST_KEYS = "/etc/apt/keyrings"
GUEST_LOGINS = "/etc/apt/auth.conf.d"


def of_mirror(release: Release, mirror: str, keyring: str, machine: list[Source]) -> list[str]:
    """The one line of a mirror that was asked for."""
    if not keyring and not of_machine(release.distribution, machine):
        path = KEYRINGS[release.distribution][0]  # apt here knows another distribution's keys
        keyring = path if os.path.exists(path) else ""
    return [Source(mirror, release.codename, ("main",), keyring).line()]


def of_own(release: Release, machine: list[Source]) -> list[str]:
    """Where no mirror was asked for: this machine's own archive of the distribution, for this release.

    Where a site has a mirror, it is the one that is reached. mmdebstrap is not left to choose: it knows only releases
    that were there when it was made, and takes any other for one of Debian's.
    """
    own = of_machine(release.distribution, machine, release.codename)
    if not own:
        name = release.distribution.title()
        raise PlatformError(
            f"apt on this machine has no archive of {name}, so there is none to bootstrap from.",
            f"Give its address as `mirror` in `bootstrap`, and its keys as `keyring` (package "
            f"{KEYRINGS[release.distribution][1]}) where they are not in {KEYRINGS[release.distribution][0]}.",
        )
    if any(source.suite == release.codename for source in own):
        return [source.line() for source in own]
    return [source.line() for source in renamed(own, release.codename)]


def of_machine(distribution: str, machine: list[Source], codename: str = "") -> list[Source]:
    """This machine's archives of one release of the distribution: of this one, else of any."""
    order = sorted(CODENAMES[distribution], key=lambda one: one != codename)
    return next(filter(None, (apt_sources.for_release(machine, one) for one in order)), [])


def renamed(sources: list[Source], codename: str) -> list[Source]:
    """The same archives for another release."""
    own = min((source.suite for source in sources), key=len)  # bookworm, not bookworm-updates
    return [replace(source, suite=codename + source.suite[len(own) :]) for source in sources]


def signed(line: str, keyring: str) -> str:
    """The line with *keyring* as its key, where it names none; so the guest, too, knows whose key it is."""
    match = LINE.match(line)
    options = (match["options"] or "").split() if match else []
    if not match or not keyring or any(one.startswith(("signed-by=", "trusted=")) for one in options):
        return line
    return f"deb [{' '.join([*options, f'signed-by={keyring}'])}] {match['rest']}"


def keys(lines: Sequence[str]) -> list[str]:
    """Files that the lines name as their keys."""
    named = []
    for line in lines:
        match = LINE.match(line)
        for option in (match["options"] or "").split() if match else []:
            key, _equals, value = option.partition("=")
            named += [path for path in value.split(",") if path.startswith("/")] if key == "signed-by" else []
    return list(dict.fromkeys(named))


def check(lines: Sequence[str]) -> None:
    """Each is one line of sources.list, and every key is there, before anything is downloaded.

    They become part of a script that runs on this machine: none may end what it stands in.
    """
    for line in lines:
        if re.search(r"[\x00-\x08\x0a-\x1f]", line) or not ONE.match(line):
            raise PlatformError(
                f"{quoted(without_password(line))} is not a line of sources.list.",
                "Correct `sources`, `mirror` or `keyring` in `bootstrap`: each gives one `deb URI SUITE COMPONENT`.",
            )
    for path in keys(lines):
        if not os.path.isfile(path):
            raise PlatformError(
                f"There is no key file {path}: it could not be told whether packages are genuine.",
                "Correct `keyring` in `bootstrap`, or signed-by in its `sources`.",
            )


def here(lines: Sequence[str], copies: Mapping[str, str]) -> list[str]:
    """The lines as apt reads them during the bootstrap.

    Keys are read by a user of apt's own, so copies that everybody can read take their place. dpkg runs inside the new
    root file system, where folders of this machine are not: apt copies packages instead of naming their place.
    """
    found = []
    for line in lines:
        match = LINE.match(line)
        if match:
            words = [_with_copies(option, copies) for option in (match["options"] or "").split()]
            options = f"[{' '.join(words)}] " if words else ""
            line = f"deb {options}{re.sub('^file:', 'copy:', match['rest'])}"  # noqa: PLW2901
        found.append(line)
    return found


def _with_copies(option: str, copies: Mapping[str, str]) -> str:
    key, equals, value = option.partition("=")
    paths = ",".join(copies.get(path, path) for path in value.split(",")) if key == "signed-by" else value
    return f"{key}{equals}{paths}"


def guest_script(lines: Sequence[str], copies: Mapping[str, str]) -> str:
    """For the end of the guest's script: its archives as they were given, and keys that no package of it brings.

    Passwords go where apt keeps them, a file of root's: everybody in the guest can read sources.list.
    """
    if not lines:
        return ""
    apart = [login_apart_in(line) for line in lines]
    text = "\n".join(line for line, _entry in apart)
    there = '"$root"/etc/apt/sources.list'
    script = [f"cat > {there} <<'END'\n{text}\nEND\nchmod 0644 {there}\n"]
    # A file each: of a login without a password, a token, apt would take the next entry's first word for one.
    for number, entry in enumerate(dict.fromkeys(entry for _line, entry in apart if entry)):
        there = f'"$root"{GUEST_LOGINS}/tpaexec-{number}.conf'
        script.append(f"mkdir -p \"$root\"{GUEST_LOGINS}\n(umask 077; cat > {there} <<'END'\n{entry}END\n)\n")
    for number, (path, copy) in enumerate(copies.items()):
        target = f"{GUEST_KEYS}/{number}-{re.sub('[^A-Za-z0-9._-]', '_', os.path.basename(path))}"
        there = shlex.quote(target)
        escaped = re.sub(r"([][.*^$|\\])", r"\\\1", path)  # what sed would not take as it is
        # the whole path: it may be the beginning of another key's, or of an archive's
        change = shlex.quote(rf"s|\([=,]\){escaped}\([],[:space:]]\)|\1{target}\2|g")
        script.append(
            f'if [ ! -e "$root"{shlex.quote(path)} ]; then\n    mkdir -p "$root"{GUEST_KEYS}\n'
            f'    cp {shlex.quote(copy)} "$root"{there}\n    chmod 0644 "$root"{there}\n'
            f'    sed -i {change} "$root"/etc/apt/sources.list\nfi\n'
        )
    return "".join(script)


# Instead of mmdebstrap's own cleaning (`cleanup/apt`), after which `partial` belongs to _apt by its number on this
# machine, or to root where _apt cannot enter the work folder. The guest's apt makes its own when it needs it.
CLEANING = 'rm -rf "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/archives/*\n'


def login_apart(url: str) -> tuple[str, str]:
    """The address without user and password, and the entry of apt's auth.conf that holds them; "" when it has none."""
    try:
        parts = urlsplit(url)
    except ValueError:  # apt will say what is wrong with it
        return url, ""
    login = [unquote(parts.username or ""), unquote(parts.password or "")]
    if not login[0] or re.search(r"\s", "".join(login)):  # auth.conf knows no quotes
        return url, ""
    place = parts.netloc.rpartition("@")[2]
    home = f"{parts.scheme}://{place}{parts.path}"  # one host may have several archives
    return parts._replace(netloc=place).geturl(), f"machine {home} login {login[0]} password {login[1]}\n"


def login_apart_in(line: str) -> tuple[str, str]:
    """The same for a line of sources.list."""
    match = LINE.match(line)
    words = match["rest"].split() if match else []
    if not words:
        return line, ""
    # With a slash at its end: apt takes the path for the beginning of any other, too.
    url, entry = login_apart(re.sub("/*$", "/", words[0], count=1))
    return (line.replace(words[0], url, 1) if entry else line), entry


def index_of(line: str) -> Optional[str]:
    """Address of the file that says when the archive of a line was published."""
    match = LINE.match(line)
    words = match["rest"].split() if match else []
    if len(words) < 2:
        return None
    home = words[0].rstrip("/")
    return (
        f"{home}/{words[1].rstrip('/')}/InRelease" if words[1].endswith("/") else f"{home}/dists/{words[1]}/InRelease"
    )
