# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples in `ansible-doc`, run as they stand there; only names of places, nodes and hosts are replaced."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml

from .conftest import TOP, ansible

CLUSTERS = ("t-eco-demo", "t-eco-pair")
# In the order in which they are run. A reason: why the daemon may not be touched, so that check mode must do.
HOW = {
    ("cluster_config", "Lay out a new cluster in two places"): "",
    ("guest_image", "A guest image with no registry"): "",
    ("cluster_config", "Read and validate config.yml"): "",
    ("cluster_config", "Converge what it describes"): "the same cluster is made below, with its directory",
    ("docker_preflight", "Check this host"): "",
    ("docker_preflight", "Check a host for a cluster, storage included, and let one finding pass"): "",
    ("docker_preflight", "Prove a host end to end"): "",
    ("docker_storage_check", "Check the storage of a Docker host"): "",
    ("docker_storage_check", "Refuse the lvm-loop scheme"): "",
    ("cluster_directory", "Read and validate config.yml"): "",
    ("cluster_directory", "Converge the nodes"): "",
    ("cluster_directory", "Write the inventory, ssh_config and the other files"): "",
    ("docker_cluster_info", "Look at a cluster"): "",
    ("docker_cluster_info", "Insist that every node runs and is as config.yml says"): "",
    ("docker_swarm_hosts", "Read config.yml"): "",
    ("docker_swarm_hosts", "Bring its hosts into one Swarm"): "",  # a cluster on one host: nothing to do
    ("cluster_diagram", "A picture of the cluster as it is"): "",
    ("cluster_diagram", "A flow chart for a page on GitHub or GitLab, of what config.yml says"): "",
    ("cluster_report", "Check the host"): "",
    ("cluster_report", "A report of the cluster, and the archive to send"): "",
    ("docker_cluster", "Two nodes, booted"): "",
    ("docker_cluster", "Remove them"): "",
    ("docker_image_check", "Check an image"): "",
    ("docker_image_check", "Accept that PostgreSQL is preinstalled"): "",
    ("guest_image", "The same with more packages, from a mirror of the site"): "there is no mirror.example.com",
    ("guest_image", "A site's image, from which PostgreSQL is deployed without a network"): "takes half a minute, and "
    "tests/integration/image does it",
    ("guest_image", "Pull an image by its digest"): "there is no registry.example.com",
    ("guest_image_bundle", "Take a cluster's images along"): "",
    ("guest_image_bundle", "On the other machine"): "",
    ("guest_image_info", "Which images are there?"): "",
    ("guest_image_prune", "Make room"): "would remove images that other tests use",
    ("molecule_cluster", "Create the platforms"): "molecule's own tests make nodes of platforms",
}
# Over the inventory that those before have written.
LATER = {
    ("docker_ping", "Does everybody answer?"): "",
    ("cluster_directory", "Remove the generated files again"): "",
}
STRICT = {"ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1"}
SITE_IMAGES = (("registry.example.com/site/el9-systemd", "3"), ("registry.example.com/site/with-postgres", "1"))


def documented(kind: str, names: list[str]) -> dict[str, str]:
    """The text of EXAMPLES by plugin."""
    said = ansible("ansible-doc", "--json", "-t", kind, *(f"tpaexec.docker.{name}" for name in names), cwd=TOP)
    return {name.rpartition(".")[2]: item["examples"] for name, item in json.loads(said).items()}


@pytest.fixture(scope="module")
def examples() -> dict[tuple[str, str], dict[str, Any]]:
    modules = documented("module", [path.stem for path in (TOP / "plugins/modules").glob("[a-z]*.py")])
    texts = {**modules, **documented("filter", ["molecule_cluster"])}
    return {(plugin, task["name"]): task for plugin, text in texts.items() for task in yaml.safe_load(text)}


@pytest.fixture(scope="module")
def replaced(guest_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    place = tmp_path_factory.mktemp("examples")
    yield {
        "/home/me/clusters/demo": str(place / "t-eco-demo"),
        "/media/usb": str(place),
        "/tmp/inventory": str(place / "cache"),
        "tag_Cluster_demo": "tag_Cluster_t-eco-demo",
        "tpaexec/debian-systemd:12": guest_image,
        "10.33.200.": "10.50.20.",
        "id_demo": "id_t-eco-demo",
    }
    (place / "demo.tar").unlink(missing_ok=True)


WHOLE = {"pair": "t-eco-pair", "one": "t-eco-one", "two": "t-eco-two", "demo": "t-eco-demo"}


def replace(value: Any, parts: dict[str, str]) -> Any:
    """*value* with other names of places; a registered variable keeps its name."""
    if isinstance(value, dict):
        return {key: item if key == "register" else replace(item, parts) for key, item in value.items()}
    if isinstance(value, list):
        return [replace(item, parts) for item in value]
    if not isinstance(value, str):
        return value
    if value in WHOLE:
        return WHOLE[value]
    for old, new in parts.items():
        value = value.replace(old, new)
    return value


@pytest.fixture(scope="module")
def site_images(sdk: Any, guest_image: str) -> Iterator[None]:
    """The names of a site's images, for the guest image."""
    for name, tag in SITE_IMAGES:
        sdk.images.get(guest_image).tag(name, tag)
    yield
    for name, tag in SITE_IMAGES:
        sdk.images.remove(f"{name}:{tag}")


def play(tasks: list[dict[str, Any]], path: Path, **variables: Any) -> Path:
    """A playbook on this machine."""
    python = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    header = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": {**python, **variables}}
    path.write_text(yaml.safe_dump([{**header, "tasks": tasks}], sort_keys=False))
    return path


def tasks_of(how: dict[tuple[str, str], str], examples: Any, replaced: dict[str, str]) -> list[dict[str, Any]]:
    found = [(replace(examples[key], replaced), why) for key, why in how.items()]
    return [{**task, "check_mode": True} if why else task for task, why in found]


@pytest.mark.usefixtures("clean", "site_images")
def test_every_example_of_a_module_works(examples, replaced, tmp_path):
    assert set(HOW) | set(LATER) == set(examples), "say here in which order a new example is run"
    hosts = tmp_path / "hosts"
    python = "ansible_python_interpreter={{ansible_playbook_python}}"
    hosts.write_text(f"docker1.example.com ansible_connection=local {python}\n")
    molecule = {"molecule_ephemeral_directory": str(tmp_path), "molecule_scenario_directory": str(tmp_path)}
    platforms = {"platforms": [{"name": "alpha", "image": replaced["tpaexec/debian-systemd:12"]}]}
    book = play(tasks_of(HOW, examples, replaced), tmp_path / "all.yml", molecule_yml=platforms, **molecule)
    ansible("ansible-playbook", "-i", hosts, book, cwd=tmp_path)

    inventory_examples(replaced, tmp_path)

    book = play(tasks_of(LATER, examples, replaced), tmp_path / "later.yml")
    directory = Path(replaced["/home/me/clusters/demo"])
    ansible("ansible-playbook", "-i", directory / "inventory", book, cwd=tmp_path)
    assert not (directory / "inventory").exists()


def inventory_examples(replaced: dict[str, str], tmp_path: Path) -> None:
    """Each document is a source of its own; daemons elsewhere become this machine's."""
    documents = list(yaml.safe_load_all(documented("inventory", ["docker_cluster"])["docker_cluster"]))
    assert len(documents) == 4
    for number, document in enumerate(documents):
        for daemon in document.get("daemons", []):
            for key in set(daemon) - {"name"}:
                del daemon[key]
        # `cluster_dir: .` is where the source lies
        folder = replaced["/home/me/clusters/demo"] if "cluster_dir" in document else tmp_path
        source = Path(folder) / f"{number}.docker_cluster.yml"
        source.write_text(yaml.safe_dump(replace(document, replaced)))
        found = json.loads(ansible("ansible-inventory", "-i", source, "--list", cwd=tmp_path, **STRICT))
        assert len(found["_meta"]["hostvars"]) >= 2, (number, found)
        source.unlink()
