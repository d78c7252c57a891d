# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes and a network as TPA itself makes them: adopted, not recreated."""

from __future__ import annotations

import json

import pytest

from .conftest import NETWORK, NODES, TOP, tpaexec

TPA_CONTAINER = TOP / "tests/data/clusters/tpa-container.json"
ADDRESSES = dict(zip(NODES, ("10.45.6.2", "10.45.6.3")))


def make_as_tpa(sdk, image):
    """The requests of TPA's provision: a network without labels, containers with the labels of the cluster."""
    from docker.types import IPAMConfig, IPAMPool  # noqa: PLC0415

    sdk.networks.create(NETWORK, ipam=IPAMConfig(pool_configs=[IPAMPool(subnet="10.45.6.0/28")]))
    mode = "ro" if sdk.info().get("CgroupVersion") == "1" else "rw"
    for name, address in ADDRESSES.items():
        text = json.dumps(json.loads(TPA_CONTAINER.read_text())["body"])
        words = {"NAME": name, "IMAGE": image, "CLUSTER": "t-dir", "NETWORK": NETWORK, "ADDRESS": address}
        for word, value in words.items():
            text = text.replace(f'"{word}"', json.dumps(value))
        body = json.loads(text.replace("/sys/fs/cgroup:ro", f"/sys/fs/cgroup:{mode}"))
        sdk.api.start(sdk.api.create_container_from_config(body, name)["Id"])


def ids(sdk):
    return {name: sdk.containers.get(name).id for name in NODES}


@pytest.fixture(scope="module")
def tpa_dir(sdk, guest_image, config, clean, tmp_path_factory):
    path = tmp_path_factory.mktemp("clusters") / "t-dir"
    path.mkdir()
    (path / "config.yml").write_text(config)
    make_as_tpa(sdk, guest_image)
    return path


def test_tpas_nodes_are_adopted_and_not_recreated(tpa_dir, sdk):
    before, network = ids(sdk), sdk.networks.get(NETWORK).id
    done = tpaexec("provision", tpa_dir)
    assert ids(sdk) == before
    assert sdk.networks.get(NETWORK).id == network
    assert "Traceback" not in done.stdout + done.stderr
    assert (tpa_dir / "inventory/00-t-dir").read_text().count("platform=docker") == len(NODES)


def test_stop_start_and_deprovision_work_on_them(tpa_dir, sdk):
    before = ids(sdk)
    tpaexec("stop-containers", tpa_dir)
    assert {sdk.containers.get(name).status for name in NODES} == {"exited"}
    tpaexec("start-containers", tpa_dir)
    assert ids(sdk) == before
    tpaexec("deprovision", tpa_dir)
    assert [container.name for container in sdk.containers.list(all=True) if container.name in NODES] == []
    assert (tpa_dir / "config.yml").is_file()
    assert not (tpa_dir / "inventory").exists()
