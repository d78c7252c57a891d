# SPDX-License-Identifier: GPL-3.0-or-later
"""TPA is not let at a directory of ours whose nodes it would recreate."""

from __future__ import annotations

import hashlib

import pytest

TEXT = "cluster_name: d\n"


@pytest.mark.parametrize(
    ("word", "ours", "recorded", "stopped"),
    [
        ("deploy", True, "another text", True),
        ("upgrade", True, "another text", True),
        ("deploy", True, TEXT.rstrip(), False),
        ("deploy", True, None, False),  # nothing of ours is provisioned now
        ("deploy", False, "another text", False),  # TPA's own
        ("test", True, "another text", False),
    ],
)
def test_before_tpa(command, word, ours, recorded, stopped):
    tpa = command.base / "tpa" / "bin" / "tpaexec"
    tpa.parent.mkdir(parents=True)
    tpa.write_text("#!/bin/sh\necho handed over\n")
    tpa.chmod(0o755)
    root = command.base / "clusters" / "d"
    (root / "inventory/group_vars/hashes").mkdir(parents=True)
    (root / "config.yml").write_text(TEXT)
    if ours:
        (root / ".tpaexec-docker").mkdir()
        (root / ".tpaexec-docker/id").write_text("an id\n")
    if recorded is not None:
        digest = hashlib.sha256(recorded.encode()).hexdigest()
        text = f"config_hashes:\n    last_provisioned: {digest}\n"
        (root / "inventory/group_vars/hashes/config.yml").write_text(text)
    done = command.run(word, str(root), TPA_DIR=str(command.base / "tpa"))
    if stopped:
        assert done.returncode == 1
        assert done.stderr.startswith(f"error: Run 'tpaexec provision {root}' first: config.yml changed")
        assert done.stdout == ""
    else:
        assert (done.returncode, done.stdout) == (0, "handed over\n"), done.stderr
