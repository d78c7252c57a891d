# SPDX-License-Identifier: GPL-3.0-or-later
"""meta/ and galaxy.yml say of the collection what it is."""

from __future__ import annotations

import ast
from pathlib import Path

import yaml

TOP = Path(__file__).resolve().parents[2]
CONNECTION = "tpaexec.docker.connection"


def documented(path: Path) -> dict:
    """A module's DOCUMENTATION."""
    for statement in ast.parse(path.read_text()).body:
        if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == "DOCUMENTATION":
            return yaml.safe_load(ast.literal_eval(statement.value))
    raise AssertionError(f"{path} has no DOCUMENTATION")


def test_the_action_group_has_every_module_that_talks_to_a_daemon():
    modules = {path.stem: documented(path) for path in (TOP / "plugins/modules").glob("[a-z]*.py")}
    talking = {name for name, text in modules.items() if CONNECTION in text.get("extends_documentation_fragment", [])}
    runtime = yaml.safe_load((TOP / "meta/runtime.yml").read_text())
    assert set(runtime["action_groups"]["docker"]) == talking
    assert len(talking) > 5


def test_an_execution_environment_gets_what_is_needed():
    said = yaml.safe_load((TOP / "meta/execution-environment.yml").read_text())
    python, system = (TOP / said["dependencies"][kind] for kind in ("python", "system"))
    assert "docker>=7.1.0" in python.read_text().splitlines()
    assert "openssh-client [platform:dpkg]" in system.read_text().splitlines()


def test_every_collection_that_is_used_is_a_dependency():
    said = yaml.safe_load((TOP / "galaxy.yml").read_text())["dependencies"]
    places = [TOP / name for name in ("plugins", "playbooks", "roles")]
    used = {
        name
        for place in places
        for path in place.rglob("*")
        if path.suffix in (".py", ".yml") and path.is_file()
        for name in ("community.docker", "community.general", "ansible.posix", "community.crypto")
        if f"{name}." in path.read_text()
    }
    assert used == set(said)


def test_the_changelog_has_every_fragment():
    """What `antsibull-changelog release --update-existing --reload-plugins` would add is there already."""
    kept = yaml.safe_load((TOP / "changelogs/changelog.yaml").read_text())["releases"]
    told: dict[str, list[str]] = {}  # of all releases
    for release in kept.values():
        for section, texts in release.get("changes", {}).items():
            told.setdefault(section, []).extend([texts] if isinstance(texts, str) else texts)
    files = sorted((TOP / "changelogs/fragments").glob("*.yml"))
    said = {path.name: yaml.safe_load(path.read_text()) for path in files}
    assert sorted(name for release in kept.values() for name in release.get("fragments", [])) == sorted(said)
    for name, sections in said.items():
        for section, texts in sections.items():
            for text in [texts] if isinstance(texts, str) else texts:
                assert text in told[section], f"{name} is newer than CHANGELOG.md: CONTRIBUTING.md, Rules"
