# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocks that are no commands: each is read by some test, or was printed by a program that the page names.

What the pages say in YAML is held here against the code that reads it; nothing is started.
"""

from __future__ import annotations

import importlib
import re
import sys
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.tpaexec.docker.plugins.module_utils import _entry
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.keys import IMAGE_BUILD_KEYS
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.parse import parse_config
from ansible_collections.tpaexec.docker.plugins.plugin_utils._molecule import SETTINGS, cluster_options
from ansible_collections.tpaexec.docker.tests.integration.examples.pages import COMMANDS, PAGES, TOP, blocks_of

sys.path.insert(0, str(TOP / "bin"))

from _command.parsing import parse
from _command.words import find

HERE = "tests/unit/docs/test_every_block.py"
ON_A_CLUSTER = "tests/integration/examples/test_pages.py"
# Who holds each block, in the page's order: a test that names the page, or the program whose output it is.
HELD = {
    "architecture.md": [f"text: {HERE}"],
    "bench.md": ["text: make bench"] * 2,
    "checks.md": [f"text: {HERE}", f"yaml: {HERE}"],
    "command.md": ["text: tests/unit/bin/test_words.py"],
    "configuration.md": [f"text: {HERE}", *[f"yaml: {HERE}"] * 3],
    "images.md": [f"yaml: {HERE}", "text: systemd-analyze blame", f"yaml: {HERE}"],
    "inventory.md": ["yaml: tests/unit/plugins/inventory/test_docker_cluster.py"] * 3,
    "molecule.md": [*["yaml: tests/integration/molecule/test_side_by_side.py"] * 3, "text: make bench"],
    "os-image.md": [f"dockerfile: {ON_A_CLUSTER}"],
    "plain-ansible.md": ["yaml: tests/integration/examples/test_plain_ansible.py"] * 3,
    "several-hosts.md": [f"yaml: {HERE}"],
    "tpa.md": ["yaml: tests/integration/examples/test_tpa.py"] * 3,
    "tutorial.md": [f"yaml: {ON_A_CLUSTER}"],
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_other_block_is_held_by_somebody(page):
    text = page.read_text(encoding="utf-8")
    others = [block.language for block in blocks_of(text) if block.language not in COMMANDS]
    if page.name == "index.md":  # the site's own tables of contents
        assert set(others) == {""}
        return
    held = HELD.get(page.name, [])
    assert others == [entry.partition(": ")[0] for entry in held], f"{page.name}: say in HELD who holds a new block"
    for holder in {entry.partition(": ")[2] for entry in held}:
        if holder.startswith("tests/"):
            assert page.name in (TOP / holder).read_text(encoding="utf-8"), holder
        else:
            assert f"`{holder}`" in re.sub(r"\s+", " ", text), f"{page.name} does not say that {holder} printed it"


def yaml_of(name: str) -> list[Any]:
    blocks = blocks_of((TOP / "docs" / name).read_text(encoding="utf-8"))
    return [yaml.safe_load(block.text) for block in blocks if block.language == "yaml"]


def text_of(name: str) -> str:
    """The first block of plain text."""
    blocks = blocks_of((TOP / "docs" / name).read_text(encoding="utf-8"))
    return next(block.text for block in blocks if block.language == "text")


def config_with(own: dict[str, Any]) -> dict[str, Any]:
    """A config.yml with the node that the pages speak of, and *own* under tpaexec_docker."""
    return {
        "architecture": "M1",
        "cluster_name": "demo",
        "cluster_vars": {"postgres_version": "15"},
        "docker_networks": [{"name": "demo", "ipam_config": [{"subnet": "10.40.1.0/28"}]}],
        "locations": [{"Name": "main"}],
        "instance_defaults": {"platform": "docker", "image": "centos/systemd"},
        "instances": [
            {"Name": "heron", "node": 1, "location": "main", "role": ["primary"]},
            {"Name": "egret", "node": 2, "location": "main", "role": ["replica"], "upstream": "heron"},
        ],
        "tpaexec_docker": own,
    }


CONFIGS = [
    *yaml_of("checks.md"),
    *yaml_of("configuration.md")[:2],
    # Files for --docker-hosts: what stands under `hosts`.
    {"tpaexec_docker": {"hosts": yaml_of("configuration.md")[2]}},
    {"tpaexec_docker": {"hosts": yaml_of("several-hosts.md")[0]}},
]


@pytest.mark.parametrize("said", CONFIGS, ids=["checks", "own", "hosts", "hosts-file", "three-hosts"])
def test_what_the_pages_write_into_config_yml_is_read(said):
    assert list(said) == ["tpaexec_docker"]
    cluster = parse_config(config_with(said["tpaexec_docker"]), "/clusters/demo", lambda path: "")
    assert not cluster.warnings
    heron = cluster.instances[0]
    if "instances" in said["tpaexec_docker"]:
        assert heron.settings.cpus == 0.5 or heron.host == "h2"


def test_all_problems_at_once_reads_as_the_page_has_it():
    shown = text_of("configuration.md")
    config = config_with({})
    config["docker_networks"][0]["ipam_config"] = [{"subnet": "10.33.1.0/28"}]
    config["instances"][1]["memry"] = "1g"
    config["instances"].append({"Name": "third", "node": 3, "ip_address": "10.33.1.1", "upstream": "nobody"})
    with pytest.raises(ConfigError) as raised:
        parse_config(config, "/clusters/demo", lambda path: "")
    assert f"error: {raised.value}" == "\n".join(line.removeprefix("  ") for line in shown.splitlines())


def test_the_ways_to_check_are_options_of_the_word():
    """Each line of the page's summary is a command that is understood; `a|b` is one or the other."""
    lines = text_of("checks.md").splitlines()
    assert len(lines) == 5
    for line in lines:
        _tpaexec, word, *argv = re.split(r"  +", line)[0].split()
        for number in range(2):
            parse(find(word), [part.split("|")[min(number, part.count("|"))] for part in argv])


def test_the_map_of_the_tree_is_the_tree():
    """All that stands in the first column is there, and no folder of behaviour is left out."""
    names, folder = [], ""
    for line in text_of("architecture.md").splitlines():
        inside = line.startswith("    ")
        first, _rest = re.split(r"  +", line.strip(), maxsplit=1)
        if not inside:
            folder = first
        names += [f"{folder}{name}" if inside else name for name in (first, *re.findall(r"(?<= )_\w+", line))]
    paths = {name.rstrip("/") for name in names}
    assert not [name for name in paths if not (TOP / name).exists() and not (TOP / f"{name}.py").exists()]
    folders = {str(path.parent.relative_to(TOP)) for path in (TOP / "plugins/module_utils").glob("_*/__init__.py")}
    assert folders <= paths


@pytest.fixture
def options_of(monkeypatch):
    """Validates a task's options as the module's own AnsibleModule would; returns what is wrong."""

    def wrong(task: dict[str, Any]) -> list[str]:
        (name, options), *more = task.items()
        assert not more
        taken: list[dict[str, Any]] = []
        monkeypatch.setattr(_entry, "stand_in", lambda _body, spec, _settings: taken.append(spec))
        module = importlib.import_module(f"ansible_collections.{name.rpartition('.')[0]}.plugins.modules.{name[15:]}")
        module.main()
        return ArgumentSpecValidator(taken[0]).validate(options).error_messages

    return wrong


def test_the_tasks_of_the_page_on_images_are_accepted(options_of):
    tasks = [task for block in yaml_of("images.md") for task in block]
    assert len(tasks) == 2
    assert [options_of(task) for task in tasks] == [[], []]
    # What is accepted is really looked at.
    tasks[0]["tpaexec.docker.guest_image"]["bootstrap"]["mirrors"] = "x"
    assert "bootstrap.mirrors" in options_of(tasks[0])[0]


def test_options_in_the_prose_on_images_exist(options_of):
    text = (TOP / "docs/images.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"`(bootstrap: \{.*?\})`", text, re.DOTALL)
    bootstrap = yaml.safe_load(said)["bootstrap"]
    assert set(bootstrap) == {"distribution", "release", "repositories"}
    repository = dict.fromkeys(bootstrap["repositories"][0], "x")
    assert "key" in repository
    given = {"names": ["x"], "bootstrap": {**bootstrap, "repositories": [{**repository, "unsigned": True}]}}
    assert options_of({"tpaexec.docker.guest_image": given}) == []
    (keys,) = re.findall(r"`docker_images` in config.yml has TPA's keys: (.*?)\. ", text, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", keys)) == set(IMAGE_BUILD_KEYS)
    specs = yaml.safe_load((TOP / "roles/guest_image/meta/argument_specs.yml").read_text(encoding="utf-8"))
    role = specs["argument_specs"]["main"]["options"]
    assert set(re.findall(r"`(guest_image_\w+)`", text)) <= set(role)


def test_the_scenario_of_the_page_on_molecule_is_accepted():
    molecule, create, destroy = yaml_of("molecule.md")
    options = cluster_options(molecule, "/a", "/b")
    assert [one["Name"] for one in options["instances"]] == [one["name"] for one in molecule["platforms"]]
    for (play,) in (create, destroy):
        name = play["ansible.builtin.import_playbook"].rpartition(".")[2]
        assert (TOP / "playbooks" / f"{name}.yml").is_file()


def test_keys_in_the_prose_on_molecule_are_known():
    """Each key that the page names for a platform is taken; each setting of all nodes, too."""
    text = (TOP / "docs/molecule.md").read_text(encoding="utf-8")
    (prose,) = re.findall(r"^A platform may have (.*?) may stay", text, re.DOTALL | re.MULTILINE)
    keys = set(re.findall(r"`(\w+)`", prose)) - {"instances"}
    assert {"volumes", "cpus", "etc_hosts", "pre_build_image"} <= keys
    for key in keys:
        value = {} if key in ("environment", "etc_hosts") else "x"
        cluster_options({"platforms": [{"name": "a", key: value}]}, "/a", "/b")
    (settings,) = re.findall(r"under `driver.tpaexec_docker`: (.*?)\n\n", text, re.DOTALL)
    assert set(re.findall(r"`(\w+)`", settings)) - {"ip_address"} == set(SETTINGS)
