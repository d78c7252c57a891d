# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest image of the EL family from given RPM repositories, with no registry: dnf fills an empty directory."""

from __future__ import annotations

import glob
import os
import re
import sqlite3
from dataclasses import dataclass
from typing import Mapping, Optional, Sequence

from .._errors import PlatformError, quoted
from . import assemble, guest_files, workdir
from .distributions import Release
from .tools import Tools

OLDEST = 9  # rpm before 4.16 knows no SQLite; Debian's and Fedora's write nothing else any more
# Not "GPG" alone: dnf says "Importing GPG key" when all is well, too.
WRONG_KEY = (
    r"(?:GPG|PGP) check|[Pp]ublic key|not correct for this package|GPG key for"
    r"|[Kk]ey import failed|not signed|signature"
)
LEFTOVERS = ("var/cache/dnf", "var/cache/libdnf5", "var/lib/dnf", "var/log/dnf*", "var/log/hawkey.log", "tmp/*")


@dataclass(frozen=True)
class RpmRepository:
    """One repository; without a key its packages are not verified, and that has to be said by `unsigned`."""

    name: str
    baseurl: str
    key: str = ""
    unsigned: bool = False


@dataclass(frozen=True)
class RpmPlan:
    """One run of dnf, decided."""

    version: str
    packages: tuple[str, ...]
    repositories: tuple[RpmRepository, ...]
    folder: str


def check(repositories: Sequence[RpmRepository], tools: Tools, release: Optional[Release] = None) -> str:
    """Where dnf is; an error says what is missing before anything is made."""
    if release and release.distribution != "fedora" and int(release.version.split(".")[0]) < OLDEST:
        raise PlatformError(
            f"{release.distribution} {release.version} cannot be bootstrapped: its rpm does not read the database that "
            "today's dnf writes.",
            f"Take release {OLDEST} or newer, or bring an image by another way: pull it, load an archive, or build it.",
        )
    if not repositories:
        raise PlatformError(
            "No RPM repositories are given, and none are known here.",
            "Give `bootstrap: {repositories: [{name, baseurl, key}]}`, for example the release's BaseOS and AppStream.",
        )
    for one in repositories:
        if not re.fullmatch(r"[A-Za-z0-9_-]+", one.name) or re.search(r"\s", one.baseurl):
            raise PlatformError(
                f"The repository {quoted(one.name)} has a name or an address that cannot be.",
                "A name has letters, digits, - and _; an address has no white space.",
            )
        if one.key and not os.path.isfile(one.key):
            raise PlatformError(f"There is no key file {one.key}.", "Correct `key` of the repository.")
        if not one.key and not one.unsigned:
            raise PlatformError(
                f"The repository {one.name} has no key: its packages could not be verified.",
                "Give its `key`, or say `unsigned: true` where that is meant.",
            )
    path = tools.which("dnf") or tools.which("dnf5")
    if not path:
        raise PlatformError(
            "dnf is not installed: an image of the EL family cannot be bootstrapped.",
            "Install it where the module runs (Debian and Ubuntu have it too: sudo apt-get install dnf).",
        )
    if tools.user_id() != 0:
        raise PlatformError(
            "dnf installs into a directory as root only.",
            "Run it once as root: the image is kept and used from then on.",
        )
    return path


def make_layer(tool: str, plan: RpmPlan, tools: Tools) -> tuple[assemble.Layer, int]:
    """The files of the guest as a layer, and when the newest repository was published."""
    root = os.path.join(plan.folder, "root")
    os.makedirs(os.path.join(root, "etc/yum.repos.d"))
    repos = write_repositories(plan)
    # Debian's rpm keeps its database elsewhere than the guest's own rpm would look
    with open(os.path.join(plan.folder, ".rpmmacros"), "w", encoding="utf-8") as handle:
        handle.write("%_dbpath /var/lib/rpm\n%_db_backend sqlite\n")
    command = [tool, "-y", f"--installroot={root}", f"--releasever={plan.version}", f"--setopt=reposdir={repos}"]
    command += [f"--setopt=cachedir={plan.folder}/cache", f"--setopt=logdir={plan.folder}", "--setopt=keepcache=False"]
    command += ["--setopt=install_weak_deps=False", "--setopt=tsflags=nodocs", "--setopt=varsdir=/dev/null"]
    # Debian's dnf would go on without a repository that it cannot read
    command += ["--setopt=skip_if_unavailable=False"]
    run(tools, [*command, "makecache"], plan, "dnf could not read the repositories")
    date = published(plan.folder)
    # rpm writes into its database when each package was installed: with this, not now, but when it was published
    fixed = {"SOURCE_DATE_EPOCH": str(date)}
    run(tools, [*command, "install", *sorted(plan.packages)], plan, "dnf could not install the guest", fixed)
    script = os.path.join(plan.folder, "guest.sh")
    with open(script, "w", encoding="utf-8") as handle:
        handle.write(guest_files.guest_script() + cleaning())
    run(tools, ["sh", script, root], plan, "the guest could not be prepared")
    settle(root)
    target = os.path.join(plan.folder, "layer.tar")
    words = [
        "tar",
        "--sort=name",
        "--numeric-owner",
        "--format=pax",
        "--xattrs",
        "--xattrs-include=security.capability",
    ]
    words += [
        f"--mtime=@{date}",
        "--clamp-mtime",
        "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
    ]
    run(tools, [*words, "-C", root, "-cf", target, "."], plan, "the guest could not be packed")
    return assemble.read_layer(target), date


def settle(root: str) -> None:
    """rpm's database as one file: its write-ahead log is taken in; its shared memory, never the same twice, goes."""
    path = os.path.join(root, "var/lib/rpm/rpmdb.sqlite")
    if os.path.exists(path):
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
    for left in glob.glob(f"{path}-*"):
        os.unlink(left)


def write_repositories(plan: RpmPlan) -> str:
    """As the guest keeps them, and as dnf reads them here: only where a key lies differs."""
    here = os.path.join(plan.folder, "repos")
    os.makedirs(here)
    keys = os.path.join(plan.folder, "root/etc/pki/rpm-gpg")
    os.makedirs(keys, exist_ok=True)
    for one in plan.repositories:
        path = f"/etc/pki/rpm-gpg/{one.name}"
        if one.key:
            with open(one.key, "rb") as source, open(os.path.join(keys, one.name), "wb") as target:
                target.write(source.read())
        for folder, key in ((here, one.key), (os.path.join(plan.folder, "root/etc/yum.repos.d"), path)):
            with open(os.path.join(folder, f"{one.name}.repo"), "w", encoding="utf-8") as handle:
                handle.write(repository_file(one, key))
    return here


def repository_file(one: RpmRepository, key: str) -> str:
    lines = [f"[{one.name}]", f"name={one.name}", f"baseurl={one.baseurl}", "enabled=1"]
    lines += ["gpgcheck=1", f"gpgkey=file://{key}"] if one.key else ["gpgcheck=0"]
    return "\n".join(lines) + "\n"


def cleaning() -> str:
    """What dnf leaves, and rpm's lock files."""
    paths = " ".join(f'"$root"/{path}' for path in (*LEFTOVERS, "var/lib/rpm/.rpm.lock", "var/lib/rpm/__db*"))
    return f'rm -rf {paths}\n[ -e "$root/sbin/init" ] || ln -s ../lib/systemd/systemd "$root/usr/sbin/init"\n'


def published(folder: str) -> int:
    """The newest revision of the repositories, which stands for the time of the build."""
    found = [0]
    for path in glob.glob(os.path.join(folder, "cache", "*", "repodata", "repomd.xml")):
        with open(path, encoding="utf-8", errors="replace") as handle:
            match = re.search(r"<revision>(\d+)</revision>", handle.read())
        found += [int(match.group(1))] if match else []
    return max(found)


def run(
    tools: Tools, command: Sequence[str], plan: RpmPlan, trouble: str, more: Optional[Mapping[str, str]] = None
) -> None:
    """One step, with the end of its log when it fails."""
    environment = {"HOME": plan.folder, "LC_ALL": "C.UTF-8", **(more or {})}
    code, out, error = tools.run_command(tools.ends_with_us(list(command)), environ_update=environment)
    log = f"{out}\n{error}"
    # a scriptlet that had no room is a warning to rpm, and the guest would be half made
    if code == 0 and not re.search(workdir.FULL, log):
        return
    causes = (
        (workdir.FULL, workdir.NO_ROOM),
        (r"No match for argument|Unable to find a match", "Check the names in `packages`, and the repositories."),
        (WRONG_KEY, "Packages are signed with another key than the one given, or with none: correct `key`."),
        (r"[Cc]hecksum", "A package is not what its repository says: try again, and ask who keeps the repository."),
        (r"Cannot download|Failed to download|Curl error", "Check the network and the repositories' addresses."),
    )
    remedy = next((advice for pattern, advice in causes if re.search(pattern, log)), "Read its log above.")
    plain = re.sub(r"(?m)^Traceback \(most recent call last\):\n(?: .*\n)*", "", log)  # dnf's own: its last line stays
    tail = "\n".join(plain.strip().splitlines()[-40:])
    raise PlatformError(f"Bootstrapping failed: {trouble}. The end of its log:\n{tail}\n", remedy)
