# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong in a run, and that the next one finishes. On an engine in memory."""

from __future__ import annotations

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError, DaemonError

from .conftest import NETWORK, ONE, TWO, cluster, made, node, put


def test_a_node_that_never_boots_fails_alone_with_its_words(site):
    site.engine.boots["uno"] = "maintenance"
    result = site.run(TWO)
    assert [node(result, name)["status"] for name in ("uno", "due")] == ["failed", "running"]
    assert "1 of 2 nodes failed" in result["msg"]
    assert "systemd says maintenance" in node(result, "uno")["error"]


def test_an_init_that_ends_is_told_with_the_last_lines(site, monkeypatch):
    def ends(ident):
        site.engine.boxes[ident]["State"].update(Status="exited", ExitCode=1)

    monkeypatch.setattr(site.engine, "do_start", ends)
    result = site.run(ONE)
    assert "its init ended" in result["msg"]
    assert "its last words" in result["msg"]


@pytest.mark.parametrize("method", [
    "create_network", "create_container_from_config", "start", "inspect_container", "connect_container_to_network",
])  # fmt: skip
@pytest.mark.parametrize("when", [1, 2])
def test_a_run_that_ends_anywhere_is_finished_by_the_next(site, monkeypatch, method, when):
    """As after a kill: nothing of the run's end happens."""
    config = cluster(
        {"Name": "uno", "networks": [{"name": "net", "ipv4_address": "10.48.0.2"}, "more"]},
        {"Name": "due", "networks": ["net", "more"]},
        networks=[NETWORK, {"name": "more", "ipam_config": [{"subnet": "10.48.1.0/24"}]}],
        parallel=1,
    )
    whole, left = site.engine.call, [when]

    def call(called, *args, **kwargs):
        if called == method:
            left[0] -= 1
        if left[0] <= 0:
            raise KeyboardInterrupt
        return whole(called, *args, **kwargs)

    monkeypatch.setattr(site.engine, "call", call)
    with pytest.raises(KeyboardInterrupt):
        site.run(config)
    monkeypatch.setattr(site.engine, "call", whole)
    assert not site.run(config).get("failed")
    assert not site.run(config)["changed"]
    assert site.engine.names() == {"uno", "due"}
    assert len(site.engine.nets) == 2


def test_the_daemons_refusal_of_one_node_is_that_nodes(site, monkeypatch):
    whole = site.engine.do_start

    def start(ident):
        if site.engine.boxes[ident]["Name"] == "/uno":
            raise DaemonError("Bind for 0.0.0.0:80 failed: port is already allocated.", status=500)
        whole(ident)

    monkeypatch.setattr(site.engine, "do_start", start)
    result = site.run(TWO)
    assert "ss -ltnp" in node(result, "uno")["error"]
    assert node(result, "due")["status"] == "running"
    monkeypatch.setattr(site.engine, "do_start", whole)
    assert node(site.run(TWO), "uno")["steps"] == ["start"]


def test_a_missing_image_is_told_before_anything(site):
    with pytest.raises(ConfigError, match=r"the image none:1 is not on the Docker host.*docker pull none:1"):
        site.run(cluster({"Name": "uno", "image": "none:1"}))
    assert site.engine.calls == []


def test_a_check_comes_before_the_images(site):
    result = site.run(cluster({"Name": "uno", "image": "none:1"}), check=True)
    assert node(result, "uno")["steps"] == ["create", "start"]
    assert [word for word in site.warnings if "none:1 is not on the Docker host yet" in word]
    assert site.engine.calls == []


def test_a_network_that_nobody_declares_must_be_there(site):
    with pytest.raises(ConfigError, match="there is no network elsewhere"):
        site.run(cluster({"Name": "uno", "networks": ["elsewhere"]}))
    assert site.engine.calls == []


def test_what_is_stale_is_a_warning(site):
    engine = made(site, ONE)
    engine.images["guest:1"] = "sha256:new"
    result = site.run(ONE)
    assert not result["changed"]
    assert any("newer image" in word and "--recreate uno" in word for word in site.warnings)
    engine.by_name("uno")["Config"]["Labels"]["tpaexec.docker.recipe"] = "older"
    site.run(ONE)
    assert any("made by recipe older" in word for word in site.warnings)


def test_what_was_never_started_is_made_again_without_asking(site):
    engine = made(site, ONE)
    put(engine, "uno", "created")
    result = site.run(cluster({"Name": "uno", "ip_address": "10.48.0.2", "env": {"A": "1"}}))
    assert node(result, "uno")["steps"] == ["remove", "create", "start"]
    assert "never started" in node(result, "uno")["reasons"][-1]
