# SPDX-License-Identifier: GPL-3.0-or-later
"""The passphrase with which TPA's deploy encrypts the passwords that it makes.

`keyring_backend: legacy`, or none: a file, vault/vault_pass.txt. `system`: an entry of the system's keyring, which
TPA's own provision makes. TPA's provision stops early on a directory that we provisioned (config.yml's hash is
recorded), so if we did not make the entry, its ping, cmd and deploy would find no passphrase and fail.
"""

from __future__ import annotations

import os
import secrets
import string
from typing import Any, Callable, Mapping, Optional

from .._spec.model import Cluster
from .paths import place, read_text
from .render import VAULT_PASS

# TPA's length and characters
ALPHABET = string.ascii_letters + string.digits + "!@#%^&*()_+"
LENGTH = 32
# TPA's program that makes the entry, and its exit code where there is one already
GENERATE = "architectures/lib/generate-vault"
ALREADY_THERE = 2

RunCommand = Callable[..., "tuple[int, str, str]"]


def in_file(cluster: Cluster) -> bool:
    """The passphrase belongs into vault/vault_pass.txt."""
    return cluster.keyring_backend in ("", "legacy")


def file_password(root: str) -> str:
    """The passphrase that vault/vault_pass.txt holds, or a new one."""
    there = (read_text(place(root, VAULT_PASS)) or "").strip("\n")
    return there or new_password()


def new_password() -> str:
    return "".join(secrets.choice(ALPHABET) for _dummy in range(LENGTH))


def entry(root: str, cluster: Cluster) -> tuple[str, str]:
    """Service and user name of the keyring's entry: TPA's words."""
    return f"TPA_{os.path.basename(os.path.abspath(root))}", cluster.vault_name or "vault_pass"


def see_to_keyring(
    root: str, cluster: Cluster, check: bool, run_command: RunCommand, environ: Optional[Mapping[str, str]] = None
) -> tuple[bool, str]:
    """See that the keyring has the passphrase: (changed, warning). By TPA's own program where TPA_DIR names a TPA: what
    it writes, TPA finds. Never an error: nothing here needs the passphrase."""
    environ = os.environ if environ is None else environ
    program = os.path.join(environ.get("TPA_DIR") or "", GENERATE)
    if not environ.get("TPA_DIR") or not os.access(program, os.X_OK):
        return store_in_keyring(root, cluster, load_keyring(), check)
    if check:
        return False, ""
    service, user = entry(root, cluster)
    venv = environ.get("TPA_VENV") or os.path.join(environ["TPA_DIR"], "tpa-venv")
    path = os.pathsep.join([os.path.join(venv, "bin"), environ.get("PATH", os.defpath)])
    library = os.path.join(environ["TPA_DIR"], "lib")
    words = [program, root, cluster.keyring_backend, user]
    code, output, errors = run_command(words, environ_update={"PATH": path, "PYTHONPATH": library})
    if code in (0, ALREADY_THERE):
        return code == 0, ""
    said = (errors.strip() or output.strip() or f"exit code {code}").splitlines()
    return False, _warning(service, user, f"{program}: {said[-1].rstrip('.')}")


def load_keyring() -> Optional[Any]:
    """The Python package keyring, None where it is not installed. It is TPA's requirement, not ours."""
    try:
        import keyring  # noqa: PLC0415 - heavy, and needed for `keyring_backend: system` alone

        return keyring
    except Exception:  # pylint: disable=broad-except
        return None


def store_in_keyring(root: str, cluster: Cluster, keyring: Optional[Any], check: bool) -> tuple[bool, str]:
    """As `see_to_keyring`, by the Python package *keyring*."""
    service, user = entry(root, cluster)
    if keyring is None:
        return False, _warning(service, user, "the Python package keyring is not installed here")
    try:
        if keyring.get_password(service, user) is not None:
            return False, ""
        if not check:
            keyring.set_password(service, user, new_password())
    except Exception as error:  # pylint: disable=broad-except
        reason = str(error).strip().splitlines()[0].rstrip(".") if str(error).strip() else type(error).__name__
        return False, _warning(service, user, reason)
    return True, ""


def _warning(service: str, user: str, reason: str) -> str:
    return (
        f"keyring_backend is system, and the system's keyring cannot be used ({reason}): TPA's own ping, cmd and "
        f"deploy look there for a vault passphrase. Before using them run: keyring set {service} {user}; set TPA_DIR, "
        "where TPA can use the keyring, and provision again; or set keyring_backend: legacy."
    )
