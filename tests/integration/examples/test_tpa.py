# SPDX-License-Identifier: GPL-3.0-or-later
"""The role's entry points for TPA, included as docs/tpa.md says, with the variables that TPA's playbooks have there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import TOP, ansible

NAME = "t-eco-in-tpa"
CLUSTERS = (NAME,)
FILES = ("validate", "provision", "deprovision")


def instance(number: int, image: str, **more: Any) -> dict[str, Any]:
    """As TPA's set_instance_defaults leaves it: defaults merged in, tags, volumes and postgres always there."""
    always = {"platform": "docker", "location": "main", "region": None, "tags": {}, "volumes": []}
    merged = {"vars": {"ansible_user": "root"}, "Name": f"{NAME}-{number}", "node": number, "image": image}
    return {**always, **merged, **more}


@pytest.fixture(scope="module")
def variables(guest_image: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    directory = tmp_path_factory.mktemp("tpa") / NAME
    directory.mkdir()
    second = {"role": ["barman"], "volumes": [f"{NAME}:/data"], "vars": {"note": 1}, "provision_only": True}
    return {
        "docker_instances": [
            instance(1, guest_image, role=["primary", "postgres"], ip_address="10.50.31.2", backup=f"{NAME}-2"),
            instance(2, guest_image, **second),
        ],
        "docker_networks": [{"name": NAME, "ipam_config": [{"subnet": "10.50.31.0/28"}]}],
        "cluster_name": NAME,
        "cluster_tags": {"Owner": "tester", "Name": NAME},
        "cluster_dir": str(directory),
    }


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of docs/tpa.md."""
    place = tmp_path_factory.mktemp("platforms")
    blocks = re.findall(r"```yaml\n# platforms/docker/(\w+)\.yml\n(.*?)```", (TOP / "docs/tpa.md").read_text(), re.S)
    assert sorted(name for name, _text in blocks) == sorted(FILES)
    for name, text in blocks:
        assert len(text.splitlines()) == 3
        (place / f"{name}.yml").write_text(text)
    return place


def included(platform: Path, name: str, variables: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What the facts are after TPA's play has included the file, with TPA's settings of Ansible."""
    tasks = [
        {"ansible.builtin.include_tasks": str(platform / f"{name}.yml")},
        {"ansible.builtin.copy": {"content": "{{ after | to_json }}", "dest": str(platform / "after"), "mode": "0600"}},
    ]
    facts = ("instance_vars", "hostname_patterns", "valid_instance_keys", "cluster_result")
    after = "{{ {" + ", ".join(f"'{fact}': {fact} | default(none)" for fact in facts) + "} }}"
    book = platform / "play.yml"
    header = {"hosts": "localhost", "gather_facts": False, "vars": {"after": after}, "tasks": tasks}
    book.write_text(yaml.safe_dump([header]))
    (platform / "vars.json").write_text(json.dumps({**variables, **more}))
    settings = {"ANSIBLE_PRIVATE_ROLE_VARS": "1", "ANSIBLE_INJECT_FACT_VARS": "1"}
    ansible("ansible-playbook", book, "-e", f"@{platform / 'vars.json'}", cwd=platform, **settings)
    return json.loads((platform / "after").read_text())


@pytest.mark.usefixtures("clean")
def test_tpas_platform_files_may_be_three_lines(platform, variables, sdk):
    facts = included(platform, "validate", variables)
    assert "ip_address" in facts["valid_instance_keys"]["docker"]
    assert re.match(facts["hostname_patterns"]["docker"], f"{NAME}-1.example")

    facts = included(platform, "provision", variables)
    assert facts["cluster_result"]["changed"]
    first, second = facts["instance_vars"]
    address = second["vars"]["ip_address"]
    assert address.startswith("10.50.31.")
    addresses = {"ip_address": "10.50.31.2", "private_ip": "10.50.31.2"}
    whole = {"location": "main", "role": ["primary"], "volumes": [], "backup": f"{NAME}-2", "ansible_user": "root"}
    common = {"platform": "docker", "add_to_inventory": True}
    assert first == {"Name": f"{NAME}-1", "node": 1, **common, **addresses, "vars": {**addresses, **whole}}
    addresses = {"ip_address": address, "private_ip": address}
    whole = {"location": "main", "role": ["barman"], "volumes": [], "note": 1}
    common = {"platform": "docker", "add_to_inventory": False}
    assert second == {"Name": f"{NAME}-2", "node": 2, **common, **addresses, "vars": {**addresses, **whole}}

    facts = included(platform, "provision", variables)
    assert not facts["cluster_result"]["changed"]

    # TPA validates before it deprovisions too: then no finding may be in the way.
    facts = included(platform, "validate", variables, deprovision=True)
    assert "image" in facts["valid_instance_keys"]["docker"]
    included(platform, "deprovision", variables)
    assert sdk.containers.list(all=True, filters={"label": f"Cluster={NAME}"}) == []
    assert sdk.networks.list(names=[NAME]) == []
    sdk.volumes.get(NAME).remove()
