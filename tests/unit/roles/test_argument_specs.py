# SPDX-License-Identifier: GPL-3.0-or-later
"""What a role's argument_specs.yml says of its options, its defaults say as well."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

ROLES = Path(__file__).resolve().parents[3] / "roles"


def read(path: Path) -> dict:
    return (yaml.safe_load(path.read_text()) or {}) if path.exists() else {}


def specs():
    for role in sorted(path for path in ROLES.iterdir() if path.is_dir()):
        for entry, spec in read(role / "meta" / "argument_specs.yml").get("argument_specs", {}).items():
            yield pytest.param(role, spec, id=f"{role.name}-{entry}")


@pytest.mark.parametrize("role", sorted(path for path in ROLES.iterdir() if path.is_dir()), ids=lambda path: path.name)
def test_every_role_has_argument_specs(role):
    assert read(role / "meta" / "argument_specs.yml")["argument_specs"]["main"]["short_description"]


@pytest.mark.parametrize(("role", "spec"), list(specs()))
def test_defaults_are_those_documented(role, spec):
    defaults = read(role / "defaults" / "main.yml")
    for name, option in spec.get("options", {}).items():
        if "default" in option:
            assert defaults[name] == option["default"], name


@pytest.mark.parametrize("role", sorted(path for path in ROLES.iterdir() if path.is_dir()), ids=lambda path: path.name)
def test_defaults_are_documented_and_bear_the_roles_name(role):
    entries = read(role / "meta" / "argument_specs.yml")["argument_specs"].values()
    documented = {name for entry in entries for name in entry.get("options", {})}
    for name in read(role / "defaults" / "main.yml"):
        assert name.startswith((f"{role.name}_", f"__{role.name}_")), name
        assert name in documented or name.startswith("__"), name
