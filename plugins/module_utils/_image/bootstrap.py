# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest image from the distribution's own packages, with no registry: mmdebstrap makes it, the engine loads it."""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Callable, Mapping, Optional, Sequence

from .._client import Daemon
from .._errors import PlatformError
from . import apt_lines, apt_sources, assemble, bootstrap_dnf, guest_files, present, workdir
from .distributions import Release
from .model import LABEL, LABEL_INPUTS, LABEL_SOURCE
from .tools import Tools

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armhf", "ppc64le": "ppc64el", "i386": "i386"}
# The script holds the archives' lines, and they may hold passwords. In a user namespace another user id runs it, which
# could not read a file that is closed to others; the environment of a process is its own user's to read.
CLOSE = 'chmod -R go-rwx "$1"/etc/apt/sources.list*'  # apt reads them as root, as whatever user it downloads
HOOK = 'printf "%s" "$TPAEXEC_GUEST" | sh -s -- "$1"'
DOCKER_ARCHITECTURES = {"armhf": "arm", "ppc64el": "ppc64le", "i386": "386"}


@dataclass(frozen=True)
class Wish:
    """What the root file system is to be made of; what is left out is chosen."""

    release: Release
    image: str
    mirror: str = ""
    keyring: str = ""
    packages: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    mode: str = "auto"
    work_dir: str = ""
    force: bool = False
    repositories: tuple[bootstrap_dnf.RpmRepository, ...] = ()


@dataclass(frozen=True)
class Plan:
    """One run of mmdebstrap, decided."""

    tool: str
    mode: str
    architecture: str
    lines: tuple[str, ...]
    date: int
    folder: str


def bootstrap(daemon: Daemon, wish: Wish, tools: Tools) -> str:
    """Make the image and return its id. Nothing has the final name until everything is there."""
    machine = str(daemon.call("info").get("Architecture", ""))
    architecture = ARCHITECTURES.get(machine, machine)
    of_family = with_dnf if wish.release.family == "dnf" else with_mmdebstrap
    make = of_family(wish, architecture, tools)
    with workdir.locked(wish.image, wish.work_dir) as folder:
        made = "" if wish.force else present.image_id(daemon, wish.image)
        if made:  # somebody else made it while this run waited for the lock
            return made
        with workdir.room(wish.image):
            return assemble.load(daemon, *make(folder))


Made = tuple[assemble.NewImage, assemble.Layer]


def with_mmdebstrap(wish: Wish, architecture: str, tools: Tools) -> Callable[[str], Made]:
    """Debian and Ubuntu; what is missing on this machine is said before anything is made."""
    tool = find_tool(tools)
    mode = choose_mode(wish.mode, tools)
    lines = tuple(source_lines(wish, apt_sources.read()))
    apt_lines.check(lines)

    def make(folder: str) -> Made:
        plan = Plan(tool, mode, architecture, lines, archive_date(lines, tools, folder), folder)
        layer = make_layer(plan, wish, tools)
        return new_image(plan, wish), layer

    return make


def with_dnf(wish: Wish, architecture: str, tools: Tools) -> Callable[[str], Made]:
    """The EL family."""
    tool = bootstrap_dnf.check(wish.repositories, tools, wish.release)

    def make(folder: str) -> Made:
        packages = tuple({*wish.release.packages, *wish.packages})
        rpm = bootstrap_dnf.RpmPlan(wish.release.version, packages, wish.repositories, folder)
        layer, date = bootstrap_dnf.make_layer(tool, rpm, tools)
        plan = Plan(tool, "root", architecture, tuple(one.baseurl for one in wish.repositories), date, folder)
        return new_image(plan, wish), layer

    return make


def new_image(plan: Plan, wish: Wish) -> assemble.NewImage:
    """What the image says of itself: its labels hold all that it was made from."""
    inputs = {
        "distribution": wish.release.distribution,
        "release": wish.release.codename,
        "architecture": plan.architecture,
        "sources": [apt_sources.without_password(line) for line in plan.lines],
        "packages": sorted({*wish.release.packages, *wish.packages}),
        "date": plan.date,
    }
    labels = {LABEL: "guest", LABEL_SOURCE: "bootstrap", LABEL_INPUTS: json.dumps(inputs, sort_keys=True)}
    comment = f"{wish.release.distribution} {wish.release.version}, bootstrapped from packages"
    architecture = DOCKER_ARCHITECTURES.get(plan.architecture, plan.architecture)
    return assemble.NewImage(wish.image, architecture, plan.date, comment, labels)


def find_tool(tools: Tools) -> str:
    """Where mmdebstrap is."""
    path = tools.which("mmdebstrap")
    if path:
        return path
    raise PlatformError(
        "mmdebstrap is not installed: a Debian or Ubuntu guest image cannot be bootstrapped.",
        "Install it where the module runs (sudo apt-get install mmdebstrap), or bring an image by another way: "
        "pull it, load an archive, or build it (docker_images in config.yml).",
    )


def choose_mode(asked: str, tools: Tools) -> str:
    """root for root; else a user namespace, where this user may have one."""
    if asked != "auto":
        return asked
    if tools.user_id() == 0:
        return "root"
    missing = namespace_problem(tools)
    if not missing:
        return "unshare"
    raise PlatformError(
        f"A guest image cannot be bootstrapped as this user: {missing[0]}.",
        f"{missing[1]} Or run it once as root: the image is kept and used from then on.",
    )


def namespace_problem(tools: Tools) -> Optional[tuple[str, str]]:
    """Why this user cannot have a user namespace of many ids, and what to do; None when it works."""
    if not tools.which("newuidmap"):
        return "newuidmap is missing", "Install it: sudo apt-get install uidmap."
    user = tools.run_command(["id", "-un"])[1].strip()
    if not has_subids(user, tools.user_id()):
        grant = f"sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}"
        return f"{user} has no range of ids in /etc/subuid", f"Give one: {grant}."
    code, _out, error = tools.run_command(["unshare", "--user", "--map-root-user", "true"])
    if code != 0:
        allow = "sudo sysctl -w kernel.unprivileged_userns_clone=1 kernel.apparmor_restrict_unprivileged_userns=0"
        return f"the system forbids user namespaces ({error.strip()})", f"Allow them: {allow} (what is known there)."
    return None


def has_subids(user: str, user_id: int, files: Sequence[str] = ("/etc/subuid", "/etc/subgid")) -> bool:
    """Both files give the user (by name or number) a range."""
    for path in files:
        try:
            with open(path, encoding="utf-8") as handle:
                names = {line.split(":")[0] for line in handle}
        except OSError:
            return False
        if not names & {user, str(user_id)}:
            return False
    return True


def source_lines(wish: Wish, machine: list[apt_sources.Source]) -> list[str]:
    """Lines of sources.list: of the wished mirror, else of this machine."""
    keyring = os.path.abspath(wish.keyring) if wish.keyring else ""
    if wish.mirror:
        lines = apt_lines.of_mirror(wish.release, wish.mirror, keyring, machine)
    else:
        lines = apt_lines.of_own(wish.release, machine)
    return [apt_lines.signed(line, keyring) for line in (*lines, *wish.sources)]


def archive_date(lines: Sequence[str], tools: Tools, folder: str) -> int:
    """When the archives were last published: it stands for the time of the build, so that a repeat gives the same.

    SOURCE_DATE_EPOCH comes before it. 0, where none can be asked: apt will say why.
    """
    fixed = tools.environ.get("SOURCE_DATE_EPOCH", "")
    if fixed.isdigit():
        return int(fixed)
    return max([0, *(published(line, tools, folder) for line in lines)])


def published(line: str, tools: Tools, folder: str) -> int:
    """When the archive of one line was last published; 0, when it does not answer."""
    url = apt_lines.index_of(line)
    if not url:
        return 0
    target, login = os.path.join(folder, "InRelease"), os.path.join(folder, "auth.conf")
    url, entry = apt_lines.login_apart(url)
    with open(login, "w", encoding="utf-8", opener=_private) as handle:
        handle.write(entry)
    ask = ["/usr/lib/apt/apt-helper", *(["-o", f"Dir::Etc::netrc={login}"] if entry else []), "download-file"]
    try:
        return release_date(target) if tools.run_command([*ask, url, target])[0] == 0 else 0
    finally:
        os.unlink(login)
        if os.path.exists(target):
            os.unlink(target)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def release_date(path: str) -> int:
    """The `Date:` of a Release file, 0 when there is none."""
    with open(path, encoding="utf-8", errors="replace") as handle:
        match = re.search(r"(?m)^Date: (.+)$", handle.read())
    try:
        return int(parsedate_to_datetime(match.group(1)).timestamp()) if match else 0
    except (TypeError, ValueError):
        return 0


def make_layer(plan: Plan, wish: Wish, tools: Tools) -> assemble.Layer:
    """Run mmdebstrap; its log is shown when it fails."""
    copies = copy_keys(plan)
    script = guest_files.guest_script() + apt_lines.guest_script(plan.lines, copies) + apt_lines.CLEANING
    target = os.path.join(plan.folder, "layer.tar")
    os.close(_private(target, os.O_CREAT | os.O_WRONLY))
    command = [plan.tool, f"--mode={plan.mode}", "--variant=minbase", f"--architectures={plan.architecture}"]
    command += [f"--include={','.join(sorted({*wish.release.packages, *wish.packages}))}"]
    command += [f"--setup-hook={CLOSE}", f"--customize-hook={HOOK}", "--skip=cleanup/apt", "--format=tar"]
    # The lines come on standard input: everybody can read a command line.
    command += [wish.release.codename, target, "-"]
    environment = {"TMPDIR": plan.folder, "LC_ALL": "C.UTF-8", "TPAEXEC_GUEST": f"{{ {script}\n}} </dev/null"}
    environment.update({"SOURCE_DATE_EPOCH": str(plan.date)} if plan.date else {})
    said = "\n".join(apt_lines.here(plan.lines, copies))
    code, _out, error = tools.run_command(tools.ends_with_us(command), environ_update=environment, data=said)
    if code != 0:
        raise failed(wish, error, plan.mode)
    return assemble.read_layer(target)


def copy_keys(plan: Plan) -> dict[str, str]:
    """Every key that the lines name → its copy in the work folder."""
    copies = {}
    for number, path in enumerate(apt_lines.keys(plan.lines)):
        copies[path] = os.path.join(plan.folder, f"key-{number}{os.path.splitext(path)[1]}")
        try:
            shutil.copyfile(path, copies[path])
        except OSError as error:
            raise PlatformError(
                f"The key file {path} cannot be read: {error.strerror}.", "Correct its permissions, or `keyring`."
            ) from error
        os.chmod(copies[path], 0o644)
    return copies


def failed(wish: Wish, log: str, mode: str) -> PlatformError:
    """Why mmdebstrap gave up, told from its log, of which the end is shown."""
    tail = "\n".join(log.strip().splitlines()[-40:])
    causes = (
        (workdir.FULL, workdir.NO_ROOM),
        (r"Unable to locate package|has no installation candidate", "Check the names in `packages`."),
        (
            r"NO_PUBKEY|not signed|EXPKEYSIG|BADSIG",
            "The archive is signed with another key than the one given: correct `keyring`, or signed-by in `sources`.",
        ),
        (
            r"Hash Sum mismatch|has unexpected size",
            "A package is not what its archive says: try again, and ask who keeps the archive.",
        ),
        (
            r"Could not resolve|Could not connect|Failed to fetch|Connection|does not have a Release file",
            "Check the network, or give a `mirror`.",
        ),
        (
            r"Conflicting values set for option Signed-By",
            "Two lines are of one archive: give both the same key (signed-by in `sources`, `keyring` for `mirror`).",
        ),
        (
            r"(?m)^E: .*(unshare|uidmap)|Operation not permitted",
            "Run it once as root: the image is kept and used from then on.",
        ),
        (
            r"nodev|noexec|nosuid",
            "Name a place on a file system without nodev and noexec: TMPDIR=/that/place before the command, or "
            "`work_dir`.",
        ),
    )
    remedy = next((advice for pattern, advice in causes if re.search(pattern, log)), "Read its log above.")
    return PlatformError(
        f"Bootstrapping {wish.image} failed: mmdebstrap (mode {mode}) gave up. The end of its log:\n{tail}\n", remedy
    )


def facts_of_inputs(labels: Mapping[str, Any]) -> dict[str, Any]:
    """What an image of ours was made of, from its label."""
    try:
        found = json.loads(labels.get(LABEL_INPUTS) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
