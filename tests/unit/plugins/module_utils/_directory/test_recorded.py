# SPDX-License-Identifier: GPL-3.0-or-later
"""The generated files are TPA's, byte for byte."""

from __future__ import annotations

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._directory import render
from ansible_collections.tpaexec.docker.plugins.module_utils._directory.render import Context


def as_ours(recorded, name, text):
    """TPA's text with the two differences that we mean."""
    text = text.replace("tpa_version: 23.40.1\n", f"tpa_version: {render.TPA_VERSION}\n")
    if not name.endswith(render.INSTANCE_VARS) or "\nip_address: " in f"\n{text}":
        return text
    address = next(line.split(": ")[1] for line in text.splitlines() if line.startswith("private_ip: "))
    lines = [*text.splitlines(), f"ip_address: {address}"]
    top = [number for number, line in enumerate(lines) if line[0] not in " -"]
    blocks = [lines[start:end] for start, end in zip(top, [*top[1:], len(lines)])]
    return "".join(f"{line}\n" for block in sorted(blocks) for line in block)


def test_every_file_is_as_tpa_wrote_it(recorded):
    context = Context(recorded.config_hash, recorded.host_keys, top=recorded.top)
    made = {file.path: file.content for file in render.files(recorded.cluster, recorded.instances, context)}
    expected = {
        name: as_ours(recorded, name, text)
        for name, text in recorded.expected.items()
        if not name.startswith("hostkeys/")
    }
    assert sorted(made) == sorted(expected)
    for name, text in expected.items():
        assert made[name] == text, name


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a: 1\ntpa_version: 23.39.0\nz: 1\n", "23.39.0"),
        ("tpa_version: '23.40'\n", "23.40"),
        ("tpa_version: v23.40-5-g1234abc\n", "v23.40-5-g1234abc"),
        ("tpa_version: 23.1-tpaexec.docker\n", render.TPA_VERSION),
        ("nested:\n  tpa_version: 1\n", render.TPA_VERSION),
        ("tpa_version: [1]\n", render.TPA_VERSION),
        ("", render.TPA_VERSION),
    ],
)
def test_tpas_version_is_kept(text, kept):
    assert render.version_to_keep(text) == kept


def test_the_hash_is_the_one_that_tpa_compares(recorded):
    assert f"last_provisioned: {recorded.config_hash}\n" in recorded.expected[render.HASH_FILE]


def test_the_hash_is_written_last(recorded):
    context = Context(recorded.config_hash, recorded.host_keys, "secret", recorded.top)
    assert render.files(recorded.cluster, recorded.instances, context)[-1].path == render.HASH_FILE
