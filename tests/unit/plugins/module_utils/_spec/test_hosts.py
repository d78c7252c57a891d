# SPDX-License-Identifier: GPL-3.0-or-later
"""tpaexec_docker.hosts: what a host may say, and which host a node is on."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._spec.model import Cluster, Host

Parse = Callable[..., Cluster]
TLS = {"tls_ca_cert": "tls/ca.pem", "tls_client_cert": "tls/cert.pem", "tls_client_key": "/abs/key.pem"}


def any_file(_path: str) -> str:
    return "PEM"


def test_every_word_of_a_host(parse: Parse, good: dict[str, Any]) -> None:
    good["tpaexec_docker"] = {
        "hosts": {
            "h1": {"docker_host": "tcp://10.0.0.1:2376", "tls_hostname": "one.example.com", **TLS},
            "h2": {"docker_host": "ssh://root@h2.example.com:2222/", "use_ssh_client": True},
            "h3": {"docker_host": "unix:///run/h3.sock"},
            "h4": {"docker_host": "tcp://127.0.0.1:2375"},
            "default": {},
        },
        "locations": {"main": {"host": "h1"}},
        "instances": {"two": {"host": "h2"}, "three": {"host": "default"}},
    }
    cluster = parse(good, any_file)
    files = ("/clusters/demo/tls/ca.pem", "/clusters/demo/tls/cert.pem", "/abs/key.pem")
    assert cluster.hosts["h1"] == Host("h1", "tcp://10.0.0.1:2376", *files, "one.example.com")
    assert cluster.hosts["h1"].tls
    assert cluster.hosts["h2"] == Host("h2", "ssh://root@h2.example.com:2222", use_ssh_client=True)
    assert list(cluster.hosts) == ["h1", "h2", "h3", "h4"]
    assert [one.host for one in cluster.instances] == ["h1", "h2", "default"]
    assert [host.name for host in cluster.used_hosts] == ["h1", "h2", "default"]
    assert cluster.host("default") == Host()
    assert not cluster.host("h3").tls


def test_one_host_unless_said(parse: Parse, good: dict[str, Any]) -> None:
    cluster = parse(good)
    assert {one.host for one in cluster.instances} == {"default"}
    assert (cluster.hosts, cluster.used_hosts) == ({}, (Host(),))


def test_an_instance_before_its_location_before_instance_defaults(parse: Parse, good: dict[str, Any]) -> None:
    hosts = {name: {"docker_host": f"ssh://{name}"} for name in ("a", "b", "c")}
    good["locations"].append({"Name": "far"})
    good["instances"][2]["location"] = "far"
    good["tpaexec_docker"] = {
        "hosts": hosts,
        "instance_defaults": {"host": "a"},
        "locations": {"main": {"host": "b"}},
        "instances": {"one": {"host": "c"}},
    }
    assert [one.host for one in parse(good).instances] == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("name", "words", "place", "message"),
    [
        ("a b", {}, "", "'a b' is no name of a host. Use letters, digits"),
        (1, {}, "", "1 is no name of a host. Write it in quotes: '1'."),
        ("h", "x", ".h", "A map is needed"),
        ("h", {}, ".h.docker_host", "missing"),
        ("h", {"docker_host": ""}, ".h.docker_host", "Text is needed"),
        ("h", {"docker_host": "h1:2376"}, ".h.docker_host", "no address of a Docker daemon"),
        ("h", {"docker_host": "npipe:////./pipe/docker"}, ".h.docker_host", "no address"),
        ("h", {"docker_host": "https://h1:2376", **TLS}, ".h.docker_host", "refuses https://. Write tcp://h1:2376."),
        ("h", {"docker_host": "tcp://h1"}, ".h.docker_host", "no port"),
        ("h", {"docker_host": "tcp://h1:99999", **TLS}, ".h.docker_host", "no address"),
        ("h", {"docker_host": "tcp://h1:2376/x", **TLS}, ".h.docker_host", "no address"),
        ("h", {"docker_host": "tcp://root@h1:2376", **TLS}, ".h.docker_host", "with ssh:// only"),
        ("h", {"docker_host": "ssh://root:secret@h1"}, ".h.docker_host", "password"),
        ("h", {"docker_host": "unix://docker.sock"}, ".h.docker_host", "names no socket"),
        ("h", {"docker_host": "tcp://10.0.0.1:2375"}, ".h.docker_host", "root on the host"),
        ("h", {"docker_host": "tcp://10.0.0.1:2376", "tls_client_key": "k"}, ".h.tls_client_key", "together"),
        ("h", {"docker_host": "ssh://h1", "tls_ca_cert": "ca"}, ".h.tls_ca_cert", "for tcp:// only"),
        ("h", {"docker_host": "unix:///a", "use_ssh_client": True}, ".h.use_ssh_client", "for ssh:// only"),
        ("h", {"docker_host": "ssh://h1", "use_ssh_client": "maybe"}, ".h.use_ssh_client", "true or false"),
        ("h", {"docker_host": "ssh://h1", "ca_path": "x"}, ".h.ca_path", "Unknown key"),
        ("default", {"docker_host": "ssh://h1"}, ".default", "reserved"),
    ],
)
def test_refused(name: str, words: Any, place: str, message: str, problems: Any, good: dict[str, Any]) -> None:
    good["tpaexec_docker"] = {"hosts": {name: words}}
    found = problems(good, any_file)
    assert message in found[f"tpaexec_docker.hosts{place}"]
    assert "secret" not in str(found)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("tcp://h1:2376", "tcp://H1:2376", True),
        ("ssh://root@h1", "ssh://admin@h1:22", True),
        ("unix:///var/run/docker.sock", "unix:///run/docker.sock", True),
        ("tcp://h1:2376", "tcp://h1:2377", False),
        ("ssh://h1", "ssh://h1:2222", False),
    ],
)
def test_the_same_engine_twice(first: str, second: str, same: bool, problems: Any, parse: Parse, good: Any) -> None:
    words = [{"docker_host": url, **(TLS if url[0] in "th" else {})} for url in (first, second)]
    good["tpaexec_docker"] = {"hosts": dict(zip("ab", words))}
    if not same:
        assert len(parse(good, any_file).hosts) == 2
        return
    assert "same engine as a" in problems(good, any_file)["tpaexec_docker.hosts.b.docker_host"]


def test_a_certificate_that_is_not_there(problems: Any, good: dict[str, Any]) -> None:
    good["tpaexec_docker"] = {"hosts": {"h": {"docker_host": "tcp://h:2376", **TLS}}}
    found = problems(good)
    assert "/clusters/demo/tls/ca.pem' cannot be read" in found["tpaexec_docker.hosts.h.tls_ca_cert"]
    assert set(found) == {f"tpaexec_docker.hosts.h.{key}" for key in TLS}


def test_ports_are_published_once_a_host(parse: Parse, problems: Any, good: dict[str, Any]) -> None:
    for one in good["instances"][:2]:
        one["published_ports"] = ["5432:5432"]
    good["tpaexec_docker"] = {"hosts": {"h": {"docker_host": "ssh://h"}}, "instances": {"two": {"host": "h"}}}
    assert len(parse(good).used_hosts) == 2
    good["tpaexec_docker"]["instances"] = {}
    assert "published" in str(problems(good))
