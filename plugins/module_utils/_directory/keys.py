# SPDX-License-Identifier: GPL-3.0-or-later
"""The cluster's SSH keys: its own key pair, and the host keys of its nodes.

Pairs are made in a directory beside their place that only the owner can enter, and renamed, the private half first: so
a key that is there is whole, and of a run killed between the two renames the public half is derived again.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import Callable, Mapping, Optional

from .._errors import PlatformError
from .._spec.model import Cluster
from .paths import explain, inside, place, read_text, sweep, sync, temporary_directory

HOST_KEY_TYPES = ("rsa", "ecdsa")
HOST_KEY_DIR = "hostkeys"
KEYGEN_TIMEOUT = 120

RunCommand = Callable[..., "tuple[int, str, str]"]


@dataclass(frozen=True)
class KeyPair:
    """One pair: where it is, how it is made, and whether it is ours (a key outside of the directory is the user's)."""

    private: str
    kind: str
    comment: str
    ours: bool = True

    @property
    def public(self) -> str:
        return self.private + ".pub"


@dataclass(frozen=True)
class SshKeys:
    """What provisioning needs: the private key's path, the public key's text, host keys (path, public text) by type."""

    private_key: str
    public_key: str
    host_keys: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    created: list[str] = field(default_factory=list)


def ssh_key_name(cluster: Cluster) -> str:
    """`ssh_key_file` as the generated files say it: the user's own word, else TPA's id_<cluster_name lowercased>."""
    return cluster.ssh_key_file or default_key_name(cluster)


def default_key_name(cluster: Cluster) -> str:
    return f"id_{cluster.name.lower()}"


def key_pairs(cluster_dir: str, cluster: Cluster) -> list[KeyPair]:
    """The login key, then the host keys."""
    # ECDSA for the login key: made in milliseconds, known to EL6's sshd, and allowed where FIPS rules
    private = os.path.join(cluster_dir, os.path.expanduser(ssh_key_name(cluster)))
    login = KeyPair(private, "ecdsa", cluster.name, inside(cluster_dir, private))
    folder = os.path.join(cluster_dir, HOST_KEY_DIR)
    hosts = [KeyPair(os.path.join(folder, f"ssh_host_{kind}_key"), kind, cluster.name) for kind in HOST_KEY_TYPES]
    return [login, *hosts]


def read_keys(cluster_dir: str, cluster: Cluster) -> Optional[SshKeys]:
    """The keys if all are there, else None. No process is started: every provision pays for this."""
    pairs = key_pairs(cluster_dir, cluster)
    texts = [read_text(pair.public) if os.path.isfile(pair.private) else None for pair in pairs]
    public = [text.strip() for text in texts if text and text.strip()]
    return _keys(pairs, public, []) if len(public) == len(pairs) else None


def missing_keys(cluster_dir: str, cluster: Cluster) -> list[str]:
    """The files that `ensure_keys` would make: what check mode reports."""
    pairs = key_pairs(cluster_dir, cluster)
    return [path for pair in pairs if pair.ours for path in (pair.private, pair.public) if not os.path.isfile(path)]


def ensure_keys(cluster_dir: str, cluster: Cluster, run_command: RunCommand) -> SshKeys:
    """The keys; those that are missing are made, all at the same time. *run_command* derives a lost public half."""
    there = read_keys(cluster_dir, cluster)
    if there:
        return there
    pairs = key_pairs(cluster_dir, cluster)
    new = [pair for pair in pairs if not os.path.lexists(pair.private)]
    _refuse(cluster_dir, cluster, pairs, new)
    keygen = find_keygen()
    sweep(cluster_dir)
    created = _make(cluster_dir, new, keygen) if new else []
    public = []
    for pair in pairs:
        text = (read_text(pair.public) or "").strip()
        if not text:
            text = _derive(pair, keygen, run_command)
            if pair.ours:
                created.append(_write_public(cluster_dir, pair, text))
        public.append(text)
    return _keys(pairs, public, created)


def find_keygen() -> str:
    """ssh-keygen's path, or an error that names the package."""
    program = shutil.which("ssh-keygen")
    if program:
        return program
    raise PlatformError(
        "ssh-keygen is not installed: the cluster's SSH keys cannot be made.",
        "Install OpenSSH's client tools: sudo apt-get install openssh-client (Debian, Ubuntu), "
        "sudo dnf install openssh-clients (Fedora, EL), sudo zypper install openssh-clients (SUSE).",
    )


def _keys(pairs: list[KeyPair], public: list[str], created: list[str]) -> SshKeys:
    hosts = {pair.kind: (pair.private, text) for pair, text in zip(pairs[1:], public[1:])}
    return SshKeys(pairs[0].private, public[0], hosts, created)


def _refuse(cluster_dir: str, cluster: Cluster, pairs: list[KeyPair], new: list[KeyPair]) -> None:
    """Say what stands in the way before anything is made."""
    login = pairs[0]
    if login in new and not login.ours:
        raise PlatformError(
            f"ssh_key_file names {login.private}, which is not there.",
            f"Make it (ssh-keygen -t ecdsa -f {login.private}), or leave ssh_key_file out: "
            "then a key is made in the cluster directory.",
            path=login.private,
        )
    if login in new and ssh_key_name(cluster) != default_key_name(cluster) and os.path.lexists(login.public):
        raise PlatformError(
            f"{login.public} is there without its private key {login.private}.",
            "Put the private key beside it, or remove the public one: then a new pair is made.",
            path=login.private,
        )
    for pair in pairs:
        if pair.ours:
            place(cluster_dir, os.path.relpath(pair.private, cluster_dir))
            place(cluster_dir, os.path.relpath(pair.public, cluster_dir))
        if pair not in new and not os.path.isfile(pair.private):
            text = f"{pair.private} is not a file: no SSH key can be read there."
            raise PlatformError(text, "Move it away: then a new key is made.", path=pair.private)


def _make(cluster_dir: str, pairs: list[KeyPair], keygen: str) -> list[str]:
    with explain(cluster_dir):
        workshop = temporary_directory(cluster_dir)
        try:
            _generate(pairs, workshop, keygen)
            made = [os.path.join(workshop, str(number)) for number in range(len(pairs))]
            return [path for pair, source in zip(pairs, made) for path in _install(pair, source)]
        finally:
            shutil.rmtree(workshop, ignore_errors=True)


def _generate(pairs: list[KeyPair], workshop: str, keygen: str) -> None:
    """One ssh-keygen a pair, all at once."""
    running: list[tuple[KeyPair, subprocess.Popen[bytes]]] = []
    try:
        for number, pair in enumerate(pairs):
            target = os.path.join(workshop, str(number))
            # 2048 bits, the least that everybody's policy takes: 3072 cost a first provision half a second more.
            bits = ["-b", "2048"] if pair.kind == "rsa" else []
            words = [keygen, "-q", "-t", pair.kind, *bits, "-N", "", "-C", pair.comment, "-f", target]
            running.append((pair, _start(words)))
        for pair, process in running:
            output = process.communicate(timeout=KEYGEN_TIMEOUT)[0]
            if process.returncode:
                room = f"See that there is room, and the right to write: df -h {os.path.dirname(workshop)}"
                raise _failed(f"ssh-keygen could not make {pair.private}", output.decode(errors="replace"), room)
    except subprocess.TimeoutExpired as error:
        raise _failed(f"ssh-keygen did not end within {KEYGEN_TIMEOUT} s", "") from error
    finally:
        for _pair, process in running:
            if process.poll() is None:
                process.kill()
                process.wait()


def _start(words: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - an argument list, no shell
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, umask=0o077
    )


def _install(pair: KeyPair, made: str) -> list[str]:
    os.chmod(made + ".pub", 0o644)
    sync(made)
    sync(made + ".pub")
    folder = os.path.dirname(pair.private)
    os.makedirs(folder, mode=0o755, exist_ok=True)
    os.rename(made, pair.private)
    os.rename(made + ".pub", pair.public)
    sync(folder)
    return [pair.private, pair.public]


def _derive(pair: KeyPair, keygen: str, run_command: RunCommand) -> str:
    """The public half of a private key; `-P ""` so that a key with a passphrase fails instead of asking."""
    code, output, errors = run_command([keygen, "-y", "-P", "", "-f", pair.private])
    if code:
        raise _failed(f"The public half of {pair.private} cannot be derived", errors)
    words = output.strip().split(" ", 2)
    return " ".join([*words[:2], words[2] if len(words) > 2 else pair.comment])


def _write_public(cluster_dir: str, pair: KeyPair, text: str) -> str:
    with explain(pair.public):
        workshop = temporary_directory(cluster_dir)
        try:
            made = os.path.join(workshop, "public")
            with open(made, "w", encoding="utf-8") as handle:
                handle.write(text + "\n")
            os.chmod(made, 0o644)
            sync(made)
            os.rename(made, pair.public)
        finally:
            shutil.rmtree(workshop, ignore_errors=True)
    return pair.public


def _failed(message: str, output: str, remedy: str = "") -> PlatformError:
    reason = output.strip().splitlines()[-1].strip().rstrip(".") if output.strip() else "it said nothing"
    return PlatformError(
        f"{message}: {reason}.",
        remedy
        or "See that the key is whole, has no passphrase and only its owner may read it (chmod 600); "
        "or move it away: then a new one is made.",
    )
