# SPDX-License-Identifier: GPL-3.0-or-later
"""The passphrase with which TPA's deploy encrypts the passwords that it makes.

`keyring_backend: legacy`, or none: a file, vault/vault_pass.txt. `system`: an entry of the system's keyring, which
TPA's own provision makes. TPA's provision stops early on a directory that we provisioned (config.yml's hash is
recorded), so if we did not make the entry, its deploy would find no passphrase and fail at the first secret.
"""

from __future__ import annotations

import os
import secrets
import string
from typing import Any, Optional

from .._spec.model import Cluster
from .paths import place, read_text
from .render import VAULT_PASS

# TPA's length and characters
ALPHABET = string.ascii_letters + string.digits + "!@#%^&*()_+"
LENGTH = 32


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


def load_keyring() -> Optional[Any]:
    """The Python package keyring, None where it is not installed. It is TPA's requirement, not ours."""
    try:
        import keyring  # noqa: PLC0415 - heavy, and needed for `keyring_backend: system` alone

        return keyring
    except Exception:  # pylint: disable=broad-except
        return None


def store_in_keyring(root: str, cluster: Cluster, keyring: Optional[Any], check: bool) -> tuple[bool, str]:
    """See that the keyring has the passphrase: (changed, warning). Never an error: only TPA's deploy needs it."""
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
        f"keyring_backend is system, and the system's keyring cannot be used ({reason}): TPA's deploy will look "
        f"there for its vault passphrase. Before deploying run: keyring set {service} {user}; "
        "or set keyring_backend: legacy."
    )
