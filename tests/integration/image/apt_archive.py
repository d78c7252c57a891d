# SPDX-License-Identifier: GPL-3.0-or-later
"""A Debian of a dozen small packages, in an archive signed with a key of its own: a root of it is made in seconds.

What unpacks packages inside the new root (dpkg, tar, a shell) is copied out of the guest image; all else that a guest
consists of is a stand-in which does nothing. So real apt, gpgv, dpkg and mmdebstrap run, and nothing asks the network.
"""

from __future__ import annotations

import hashlib
import subprocess
from email.utils import formatdate
from pathlib import Path
from typing import Any, Mapping

from ansible_collections.tpaexec.docker.plugins.module_utils._image import distributions

SUITE = "bookworm"
DATE = 1_700_000_000
PROGRAMS = "sh env rm tar diff dpkg dpkg-deb dpkg-split ldconfig start-stop-daemon"
COPY = f"""
for name in {PROGRAMS}; do
    path=$(command -v $name) && echo $path && {{ ldd $path || true; }} 2>/dev/null | grep -o '/[^ ]*'
done | sort -u | tar -chPf - -T - --transform 's,^/,,' --transform 's,^\\(bin\\|sbin\\|lib\\|lib64\\)/,usr/\\1/,'
"""
MERGED = ("bin", "sbin", "lib", "lib64")
OS_RELEASE = 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'
# What makes a guest fit in the eyes of docker_image_check; none of it runs.
STAND_INS: Mapping[str, Mapping[str, str]] = {
    "systemd": {"usr/lib/systemd/systemd": "", "usr/lib/os-release": OS_RELEASE},
    "systemd-sysv": {"usr/sbin/init": "->/usr/lib/systemd/systemd"},
    "openssh-server": {"usr/sbin/sshd": "", "etc/ssh/ssh_host_rsa_key": "a key that was made at installation"},
    "python3": {"usr/bin/python3": "->/usr/bin/python3.11", "usr/bin/python3.11": ""},
}


def _run(*words: str | Path, stdin: bytes = b"") -> bytes:
    done = subprocess.run([str(word) for word in words], input=stdin, capture_output=True, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr.decode(errors='replace')}"
    return done.stdout


class Key:
    """A key pair of the test's own; `public` is the file that a user would be given."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "gnupg"
        self.home.mkdir(parents=True, mode=0o700)
        self.gpg = ("gpg", "--homedir", self.home, "--batch", "--quiet", "--passphrase", "")
        _run(*self.gpg, "--quick-generate-key", "test@example.invalid", "rsa2048", "sign", "never")
        self.public = folder / "site.gpg"
        self.public.write_bytes(_run(*self.gpg, "--export"))
        self.armored = folder / "site.asc"
        self.armored.write_bytes(_run(*self.gpg, "--armor", "--export"))

    def sign(self, text: bytes) -> bytes:
        return _run(*self.gpg, "--clearsign", "--digest-algo", "SHA256", stdin=text)

    def stop(self) -> None:
        """The agent that gpg started."""
        _run("gpgconf", "--homedir", self.home, "--kill", "all")


class Archive:
    """Packages under `pool/`, their index under `dists/SUITE/`."""

    def __init__(self, folder: Path, architecture: str) -> None:
        self.folder, self.architecture = folder, architecture
        self.stanzas: list[str] = []
        (folder / "pool").mkdir(parents=True)

    @property
    def copied(self) -> str:
        """Its address; apt copies out of the folder as it would download."""
        return f"copy://{self.folder}"

    def add(
        self, name: str, files: Mapping[str, str], version: str = "1", tree: Path | None = None, **more: str
    ) -> None:
        """A package with *files* (`->TARGET` is a link) and all that is in the folder *tree*."""
        root = tree or self.folder / "build" / name
        for path, content in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            if content.startswith("->"):
                (root / path).symlink_to(content[2:])
            else:
                (root / path).write_text(content, encoding="utf-8")
        fields = {"Package": name, "Version": version, "Architecture": self.architecture, **more}
        fields |= {"Maintainer": "test <test@example.invalid>", "Description": "a stand-in"}
        control = "".join(f"{key.replace('_', '-')}: {value}\n" for key, value in fields.items())
        (root / "DEBIAN").mkdir(parents=True)
        (root / "DEBIAN/control").write_text(control, encoding="utf-8")
        target = self.folder / "pool" / f"{name}_{version}_{self.architecture}.deb"
        _run("dpkg-deb", "--root-owner-group", "-Znone", "--build", root, target)
        data = target.read_bytes()
        place = f"Filename: pool/{target.name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n"
        self.stanzas.append(control + place)

    def publish(self, key: Key, suite: str = SUITE, date: int = DATE) -> None:
        """Write the index and sign it."""
        index = f"main/binary-{self.architecture}/Packages"
        content = "\n".join(self.stanzas).encode()
        place = self.folder / "dists" / suite / index
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        release = f"Suite: {suite}\nCodename: {suite}\nArchitectures: {self.architecture}\nComponents: main\n"
        release += f"Date: {formatdate(date, usegmt=True)}\n"
        release += f"SHA256:\n {hashlib.sha256(content).hexdigest()} {len(content)} {index}\n"
        (self.folder / "dists" / suite / "InRelease").write_bytes(key.sign(release.encode()))


def small_debian(sdk: Any, guest_image: str, folder: Path, architecture: str) -> Archive:
    """An archive with all that a bootstrap asks for, not published yet."""
    archive = Archive(folder, architecture)
    tree = folder / "build" / "base"
    guest = sdk.containers.run(guest_image, ["sleep", "60"], detach=True, network_mode="none")
    try:
        status, (programs, error) = guest.exec_run(["sh", "-c", COPY], demux=True)
    finally:
        guest.remove(force=True)
    assert status == 0, error
    tree.mkdir(parents=True)
    _run("tar", "-x", "-C", tree, stdin=programs)
    for name in MERGED:
        (tree / "usr" / name).mkdir(exist_ok=True)
    links = {name: f"->usr/{name}" for name in MERGED}
    files = {"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n", "etc/group": "root:x:0:\n"}
    archive.add("base-files", {**links, **files}, tree=tree, Essential="yes", Priority="required")
    for name in ("apt", "debconf"):
        archive.add(name, {f"usr/share/doc/{name}/copyright": "none\n"}, Priority="required")
    for name in distributions.COMMON:
        archive.add(name, STAND_INS.get(name, {f"usr/share/doc/{name}/copyright": "none\n"}))
    return archive
