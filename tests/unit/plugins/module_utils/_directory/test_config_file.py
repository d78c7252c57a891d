# SPDX-License-Identifier: GPL-3.0-or-later
"""cluster_config: what it returns of a directory, and what it writes into a new one."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Callable

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._directory import new_config, surroundings
from ansible_collections.tpaexec.docker.plugins.module_utils._directory.config_file import body
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import Run
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import ConfigError, DaemonError, PlatformError
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.load import read_config
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.parse import options_to_data, parse_config

TEXT = """\
cluster_name: demo
cluster_vars: {postgres_version: '15'}
cluster_tags: {since: 2026-01-02}
docker_networks:
- name: demo
  ipam_config: [{subnet: 10.40.1.0/28}]
locations:
- Name: paris
  memory: 512m
  vars: {a: 1, b: 1}
instance_defaults:
  platform: docker
  image: centos/systemd
  vars: {b: 0, c: 0}
instances:
- {Name: one, node: 1, location: 0, ip_address: 10.40.1.2, vars: {a: 2}}
- {Name: two, node: 2, image: "debian:12"}
my_key: 1
"""


class Runs:
    """A Run, with the warnings that were given in it."""

    def __init__(self, check_mode: bool = False) -> None:
        self.warnings: list[str] = []
        self.run = Run(check_mode, True, self.warnings.append, lambda *_args, **_kwargs: (1, "", ""))


def params(path: Path, state: str = "validated", **options: Any) -> dict[str, Any]:
    return {"cluster_dir": str(path), "state": state, "timeout": 5, **options}


@pytest.fixture
def cluster_dir(tmp_path: Path) -> Path:
    path = tmp_path / "demo"
    path.mkdir()
    (path / "config.yml").write_text(TEXT, encoding="utf-8")
    return path


@pytest.fixture
def no_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_address: Any) -> Any:
        raise DaemonError("The Docker daemon is not running.")

    monkeypatch.setattr(surroundings, "connect", refuse)


def test_validated_returns_the_options_of_docker_cluster(cluster_dir: Path) -> None:
    runs = Runs()
    result = body(params(cluster_dir), runs.run)
    assert result["changed"] is False
    assert (result["cluster_name"], result["ssh_key_file"]) == ("demo", "id_demo")
    assert result["image_names"] == ["centos/systemd", "debian:12"]
    assert result["config_hash"] == hashlib.sha256(TEXT.strip().encode()).hexdigest()
    assert set(result["cluster"]) == {
        "name",
        "tags",
        "networks",
        "images",
        "instance_defaults",
        "instances",
        "tpaexec_docker",
    }
    assert result["cluster"]["tags"] == {"since": "2026-01-02"}
    assert "my_key" in runs.warnings[0]


def test_what_a_location_says_is_written_on_its_instances(cluster_dir: Path) -> None:
    words = body(params(cluster_dir), Runs().run)["cluster"]
    one = words["instances"][0]
    assert (one["location"], one["memory"], one["vars"]) == ("paris", "512m", {"a": 2, "b": 1})
    direct = parse_config(read_config(TEXT), str(cluster_dir), open)
    again = parse_config(options_to_data(words), str(cluster_dir), open)
    assert again.instances == direct.instances


@pytest.mark.parametrize("ending", ["", "\n\n  \n", "\r\n"])
def test_the_hash_is_of_the_text_without_trailing_blanks(ending: str, cluster_dir: Path) -> None:
    (cluster_dir / "config.yml").write_bytes((TEXT.rstrip() + ending).encode())
    expected = hashlib.sha256(TEXT.rstrip().encode()).hexdigest()
    assert body(params(cluster_dir), Runs().run)["config_hash"] == expected


def test_no_directory(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match=r"does not exist.*tpaexec configure"):
        body(params(tmp_path / "none"), Runs().run)


def test_a_file_in_place_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(PlatformError, match="is a file"):
        body(params(tmp_path / "file"), Runs().run)


def test_no_config(tmp_path: Path) -> None:
    with pytest.raises(PlatformError, match=r"has no config\.yml\. .*tpaexec configure"):
        body(params(tmp_path), Runs().run)


def test_a_directory_in_place_of_the_config(tmp_path: Path) -> None:
    (tmp_path / "config.yml").mkdir()
    with pytest.raises(PlatformError, match="cannot be read: Is a directory"):
        body(params(tmp_path), Runs().run)


def test_a_config_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_bytes(b"cluster_name: \xff\n")
    with pytest.raises(ConfigError, match="not UTF-8 text: byte 14"):
        body(params(tmp_path), Runs().run)


def test_no_permission_to_write(cluster_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_args: False)
    with pytest.raises(PlatformError, match="cannot be written by this user"):
        body(params(cluster_dir), Runs().run)
    runs = Runs(check_mode=True)
    body(params(cluster_dir), runs.run)
    assert any("cannot be written" in warning for warning in runs.warnings)


@pytest.mark.usefixtures("no_daemon")
def test_present_writes_a_good_config(tmp_path: Path) -> None:
    runs = Runs()
    result = body(params(tmp_path / "new" / "demo", "present"), runs.run)
    path = tmp_path / "new" / "demo" / "config.yml"
    text = path.read_text(encoding="utf-8")
    assert result["changed"] is True
    assert result["diff"]["after"] == text
    assert (result["cluster_name"], result["image_names"]) == ("demo", ["centos/systemd"])
    assert os.listdir(path.parent) == ["config.yml"]
    assert any("Subnets in use by Docker could not be seen" in warning for warning in runs.warnings)
    again = body(params(path.parent), Runs().run)
    assert again["config_hash"] == result["config_hash"]
    assert again["cluster"]["networks"][0]["ipam_config"] == [{"subnet": result["subnet"]}]


@pytest.mark.usefixtures("no_daemon")
def test_present_in_check_mode_writes_nothing(tmp_path: Path) -> None:
    result = body(params(tmp_path / "demo", "present"), Runs(check_mode=True).run)
    assert result["changed"] is True
    assert "cluster_name: demo" in result["diff"]["after"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("no_daemon")
@pytest.mark.parametrize("check_mode", [False, True])
def test_present_never_overwrites(cluster_dir: Path, check_mode: bool) -> None:
    with pytest.raises(PlatformError, match=r"exists already.*never overwritten"):
        body(params(cluster_dir, "present"), Runs(check_mode).run)
    assert (cluster_dir / "config.yml").read_text(encoding="utf-8") == TEXT


@pytest.mark.usefixtures("no_daemon")
def test_a_config_that_comes_up_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "demo" / "config.yml"
    real_link: Callable[..., None] = os.link

    def late(source: str, target: str) -> None:
        path.write_text("another", encoding="utf-8")
        real_link(source, target)

    monkeypatch.setattr(os, "link", late)
    with pytest.raises(PlatformError, match="exists already"):
        body(params(tmp_path / "demo", "present"), Runs().run)
    assert path.read_text(encoding="utf-8") == "another"
    assert os.listdir(path.parent) == ["config.yml"]


@pytest.mark.usefixtures("no_daemon")
def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_source: str, _target: str) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    result = body(params(tmp_path / "demo", "present"), Runs().run)
    assert (tmp_path / "demo" / "config.yml").read_text(encoding="utf-8") == result["diff"]["after"]


@pytest.mark.usefixtures("no_daemon")
def test_names_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "names").write_text("uno\ndue\ntre\n", encoding="utf-8")
    result = body(params(tmp_path / "demo", "present", hostnames_from=str(tmp_path / "names")), Runs().run)
    assert [one["name"] for one in result["instances"]] == ["uno", "due", "tre"]
    with pytest.raises(PlatformError, match=r"--hostnames-from: .* cannot be read"):
        body(params(tmp_path / "other", "present", hostnames_from=str(tmp_path / "none")), Runs().run)


@pytest.mark.usefixtures("no_daemon")
def test_where_each_node_goes_is_said(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("{a: {docker_host: ssh://a}, b: {docker_host: ssh://b}, c: {docker_host: ssh://c}}")
    result = body(params(tmp_path / "demo", "present", docker_hosts=str(tmp_path / "hosts")), Runs().run)
    assert [one["host"] for one in result["instances"]] == ["a", "b", "c"]
    alone = body(params(tmp_path / "other", "present"), Runs().run)
    assert {one["host"] for one in alone["instances"]} == {"default"}


@pytest.mark.usefixtures("no_daemon")
def test_siblings_subnets_and_names_are_left_free(tmp_path: Path, cluster_dir: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.yml").write_text("a: [", encoding="utf-8")
    result = body(params(tmp_path / "new", "present", network="10.40.1.0/27"), Runs().run)
    assert result["subnet"] == "10.40.1.16/28"
    with pytest.raises(ConfigError, match=f"10.40.1.0/28 .{cluster_dir}."):
        body(params(tmp_path / "third", "present", network="10.40.1.0/28"), Runs().run)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    options = {"network": "10.40.1.0/28", "exclude_subnets_from": [str(elsewhere)]}
    assert body(params(tmp_path / "third", "present", **options), Runs().run)["subnet"] == "10.40.1.0/28"
    options["exclude_subnets_from"] = [str(cluster_dir)]
    with pytest.raises(ConfigError, match="no free /28"):
        body(params(tmp_path / "fourth", "present", **options), Runs().run)
    options["exclude_subnets_from"] = [str(tmp_path / "none")]
    with pytest.raises(PlatformError, match=r"--exclude-subnets-from: .* cannot be read"):
        body(params(tmp_path / "fourth", "present", **options), Runs().run)


class FakeDaemon:
    """Answers as the daemon does, as far as configure asks."""

    answers: dict[str, Any] = {  # noqa: RUF012
        "networks": [
            {"Name": "bridge", "IPAM": {"Config": [{"Subnet": "172.17.0.0/16"}]}},
            {"Name": "host", "IPAM": {"Config": None}},
            {
                "Name": "t",
                "IPAM": {"Config": [{"Subnet": "10.40.2.0/28", "Gateway": "10.40.2.1"}, {"Subnet": "fd00::/64"}]},
            },
        ],
        "containers": [{"Names": ["/acorn"]}, {"Names": None}],
    }

    def __enter__(self) -> FakeDaemon:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def call(self, method: str, **_kwargs: Any) -> Any:
        return self.answers[method]


def test_the_daemons_networks_and_names_are_left_free(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surroundings, "connect", lambda _address: FakeDaemon())
    around, warnings = surroundings.look_around([], str(tmp_path / "new"), new_config.Address())
    assert {"10.40.2.0/28", "172.17.0.0/16"} <= {str(item.subnet) for item in around.subnets}
    assert "the Docker network t" in {item.owner for item in around.subnets}
    assert around.names == {"acorn"}
    assert warnings == []


ROUTES = """\
Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
eth0	00000000	010200C0	0003	0	0	0	00000000	0	0	0
br-1	C0002D0A	00000000	0001	0	0	0	F0FFFFFF	0	0	0
docker0	000011AC	00000000	0001	0	0	0	0000FFFF	0	0	0
short	line
"""


@pytest.mark.skipif("sys.byteorder != 'little'", reason="recorded on a little-endian machine")
def test_routes_of_the_host() -> None:
    found = {str(item.subnet): item.owner for item in surroundings.routes(ROUTES)}
    assert found == {"10.45.0.192/28": "a route of this host, br-1", "172.17.0.0/16": "a route of this host, docker0"}
