# SPDX-License-Identifier: GPL-3.0-or-later
"""The inventory plugin as Ansible runs it, the daemon replaced by lists of containers."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.doc_fragments import constructed, inventory_cache
from ansible.template import Templar

from ansible_collections.tpaexec.docker.plugins.inventory import docker_cluster as plugin_file
from ansible_collections.tpaexec.docker.plugins.module_utils._address import Address
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError

CONSTRUCTED = {"compose", "groups", "keyed_groups", "strict"}
CONSTRUCTED |= {"cache", "cache_plugin", "cache_connection", "cache_timeout"}
HOSTILE = "{{ lookup('pipe', 'touch /tmp/tpaexec-was-here') }}"


@pytest.fixture(scope="session", autouse=True)
def _options():
    """Tell Ansible's configuration the plugin's options, as its loader would; a test needs no collection path then."""
    documentation = yaml.safe_load(plugin_file.DOCUMENTATION)
    for fragment in (constructed, inventory_cache):
        documentation["options"].update(yaml.safe_load(fragment.ModuleDocFragment.DOCUMENTATION)["options"])
    name = plugin_file.InventoryModule.NAME
    constants.config.initialize_plugin_configuration_definitions("inventory", name, documentation["options"])


def container(name, cluster="demo", node=1, role=("primary",), location="main", state="running", **variables):
    labels = {
        "Cluster": cluster,
        "Name": cluster,
        "tpaexec.docker.id": "id",
        "tpaexec.docker.node": str(node),
        "tpaexec.docker.role": json.dumps(role),
        "tpaexec.docker.location": location,
        "tpaexec.docker.vars": json.dumps({"location": location, "role": list(role), "volumes": [], **variables}),
    }
    return {
        "Id": f"id-of-{name}",
        "Names": [f"/{name}"],
        "Image": "image:1",
        "Labels": labels,
        "State": state,
        "Status": "Up",
        "NetworkSettings": {"Networks": {"net": {"IPAddress": f"10.45.1.{node + 1}"}}},
    }


NODES = [
    container("uno", ansible_user="root"),
    container("due", node=2, role=("replica", "readonly"), location="second", state="exited"),
    container("solo", cluster="other"),
]


class FakeDaemon:
    """Answers `containers` from lists by docker_host, and counts how often it is asked."""

    def __init__(self, by_host):
        self.by_host = by_host
        self.asked = []

    def connect(self, address):
        if address.docker_host not in self.by_host:
            raise DaemonError(f"No daemon at {address.docker_host}.", "Start it.")
        return Connection(self, address.docker_host)


class Connection:
    def __init__(self, fake, host):
        self.fake = fake
        self.host = host

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return None

    def call(self, method, **options):
        assert method == "containers"
        assert options == {"all": True, "filters": {"label": ["Cluster"]}}
        self.fake.asked.append(self.host)
        return self.fake.by_host[self.host]


@pytest.fixture
def daemon(monkeypatch):
    for name in ("DOCKER_HOST", "DOCKER_TLS", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    fake = FakeDaemon({plugin_file.DEFAULT_SOCKET: NODES})
    monkeypatch.setattr(plugin_file, "connect", fake.connect)
    monkeypatch.setattr(plugin_file, "probe_line", lambda address: None)
    return fake


@pytest.fixture
def parse(tmp_path, daemon):
    """Write a source, have Ansible's loader run the plugin on it, and return the inventory."""

    def run(source="", cache=True):
        path = tmp_path / "docker_cluster.yml"
        path.write_text(f"plugin: tpaexec.docker.docker_cluster\n{source}")
        inventory, loader = InventoryData(), DataLoader()
        plugin = plugin_file.InventoryModule()
        plugin._load_name = plugin_file.InventoryModule.NAME
        plugin._redirected_names = [plugin_file.InventoryModule.NAME]  # core before 2.19 wants it
        plugin.parse(inventory, loader, str(path), cache=cache)
        if getattr(plugin, "_cache", None):
            plugin.update_cache_if_changed()
        inventory.reconcile_inventory()
        return inventory

    return run


def members(inventory):
    return {name: sorted(host.name for host in group.hosts) for name, group in inventory.groups.items() if group.hosts}


def test_groups_and_variables(parse):
    inventory = parse()
    assert members(inventory) == {
        "tag_Cluster_demo": ["due", "uno"],
        "tag_Cluster_other": ["solo"],
        "role_primary": ["solo", "uno"],
        "role_replica": ["due"],
        "role_readonly": ["due"],
        "location_main": ["solo", "uno"],
        "location_second": ["due"],
        "state_running": ["solo", "uno"],
        "state_exited": ["due"],
    }
    uno = inventory.get_host("uno").vars
    assert (uno["node"], uno["platform"], uno["ip_address"], uno["ansible_user"]) == (1, "docker", "10.45.1.2", "root")
    assert uno["ansible_connection"] == "tpaexec.docker.docker_api"
    assert uno["docker_cluster_daemon"] == "local"


def test_one_cluster(parse):
    assert sorted(parse("clusters: [other]\n").hosts) == ["solo"]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("docker_api", {"ansible_connection": "tpaexec.docker.docker_api", "ansible_host": "uno"}),
        ("docker", {"ansible_connection": "community.docker.docker", "ansible_host": "uno"}),
        ("ssh", {"ansible_connection": "ssh", "ansible_host": "10.45.1.2"}),
    ],
)
def test_connections(parse, daemon, kind, expected):
    daemon.by_host[plugin_file.DEFAULT_SOCKET] = [
        container("uno", ansible_host="elsewhere", ansible_connection="local")
    ]
    found = parse(f"connection: {kind}\n").get_host("uno").vars
    assert {key: found[key] for key in expected} == expected


def test_several_daemons(parse, daemon):
    daemon.by_host.update(
        {"tcp://east:2375": [container("uno"), container("due")], "tcp://west:2375": [container("uno")]}
    )
    inventory = parse(
        "connection: docker\n"
        "daemons:\n"
        "- {name: first, docker_host: 'tcp://east:2375'}\n"
        "- {docker_host: 'tcp://west:2375', tls: true, ca_path: /a/ca.pem}\n"
    )
    assert sorted(inventory.hosts) == ["due", "uno", "uno.west"]
    assert members(inventory)["daemon_first"] == ["due", "uno"]
    assert members(inventory)["daemon_west"] == ["uno.west"]
    assert inventory.get_host("uno").vars["ansible_docker_extra_args"] == "--host tcp://east:2375"
    west = inventory.get_host("uno.west").vars
    assert west["ansible_docker_extra_args"] == "--host tcp://west:2375 --tls --tlscacert /a/ca.pem"
    assert west["ansible_host"] == "uno"


@pytest.mark.parametrize("odd", ["ca_path: /a b/ca.pem", "tls_hostname: east.example.com"])
def test_what_the_docker_command_cannot_say_goes_by_the_api(parse, daemon, odd):
    """community.docker.docker splits its options at every blank."""
    daemon.by_host["tcp://east:2376"] = [container("uno")]
    inventory = parse(f"connection: docker\ndocker_host: tcp://east:2376\nvalidate_certs: true\n{odd}\n")
    found = inventory.get_host("uno").vars
    assert found["ansible_connection"] == "tpaexec.docker.docker_api"
    assert found["ansible_docker_docker_host"] == "tcp://east:2376"
    assert "ansible_docker_extra_args" not in found


@pytest.mark.parametrize(
    ("filters", "hosts"),
    [
        ("[{exclude: 'docker_cluster_state != \"running\"'}]", ["solo", "uno"]),
        ("[{include: 'cluster_name == \"other\"'}, {exclude: true}]", ["solo"]),
        ("[{include: 'inventory_hostname.startswith(\"d\")'}, {exclude: 'true'}]", ["due"]),
        ("[{exclude: '\"readonly\" in role'}]", ["solo", "uno"]),
        ("[{exclude: 'no_such_variable'}]", ["due", "solo", "uno"]),
    ],
)
def test_filters(parse, filters, hosts):
    assert sorted(parse(f"filters: {filters}\n").hosts) == hosts


def test_a_filter_that_cannot_be_evaluated_is_an_error_when_strict(parse):
    with pytest.raises(AnsibleError, match="no_such_variable"):
        parse("strict: true\nfilters: [{exclude: 'no_such_variable.x'}]\n")


def test_a_filter_of_another_word_is_an_error(parse):
    with pytest.raises(AnsibleError, match="include or exclude"):
        parse("filters: [{omit: 'true'}]\n")


def test_compose_groups_and_keyed_groups(parse):
    inventory = parse(
        "compose: {where: \"location ~ '-' ~ node\"}\n"
        "groups: {writable: \"'primary' in role\"}\n"
        "keyed_groups: [{key: docker_cluster_image, prefix: image}]\n"
    )
    assert inventory.get_host("due").vars["where"] == "second-2"
    assert members(inventory)["writable"] == ["solo", "uno"]
    assert members(inventory)["image_image_1"] == ["due", "solo", "uno"]


def test_what_a_daemon_says_is_never_templated(parse, daemon):
    hostile = container("uno", location=HOSTILE, note=HOSTILE, nested={"list": [HOSTILE]})
    daemon.by_host[plugin_file.DEFAULT_SOCKET] = [dict(hostile, Image=HOSTILE, Status=HOSTILE)]
    found = parse("compose: {composed: note}\n").get_host("uno").vars
    templar = Templar(DataLoader(), variables=dict(found))
    for key in ("note", "nested", "location", "docker_cluster_image", "docker_cluster_status", "composed"):
        assert templar.template(found[key]) == found[key], key
    assert templar.template(found["note"]) == HOSTILE


def test_the_cache_saves_asking(parse, daemon, tmp_path):
    source = (
        f"cache: true\ncache_plugin: jsonfile\ncache_connection: {tmp_path / 'cache'}\ncompose: {{where: location}}\n"
    )
    first = parse(source)
    second = parse(source)
    assert len(daemon.asked) == 1
    assert members(first) == members(second)
    assert first.get_host("due").vars == second.get_host("due").vars
    parse(source, cache=False)
    assert len(daemon.asked) == 2, "--flush-cache asks again"


def test_a_cache_of_other_questions_is_not_used(parse, daemon, tmp_path):
    cache = f"cache: true\ncache_plugin: jsonfile\ncache_connection: {tmp_path / 'cache'}\n"
    assert sorted(parse(cache + "clusters: [other]\n").hosts) == ["solo"]
    assert sorted(parse(cache).hosts) == ["due", "solo", "uno"], "another cluster"
    daemon.by_host["tcp://east:2375"] = [container("uno")]
    assert sorted(parse(cache + "docker_host: tcp://east:2375\n").hosts) == ["uno"], "another daemon"
    assert len(daemon.asked) == 3


CONFIG = """
cluster_name: demo
cluster_vars: {postgres_version: '15'}
docker_networks: [{name: net, ipam_config: [{subnet: 10.45.1.0/24}]}]
locations: [{Name: main}]
instance_defaults: {platform: docker, image: "image:1", location: main, vars: {ansible_user: root}}
instances:
- {Name: uno, node: 1, ip_address: 10.45.1.2}
- {Name: due, node: 2, ip_address: 10.45.1.3}
- {Name: tre, node: 3, ip_address: 10.45.1.4}
tpaexec_docker:
  hosts:
    near: {docker_host: "tcp://near:2376", tls_ca_cert: ca.pem, tls_hostname: near.example.com}
    far: {docker_host: "ssh://root@far"}
    idle: {docker_host: "ssh://idle"}
  instances: {uno: {host: near}, due: {host: far}}
"""
ID = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def over_hosts(tmp_path, daemon):
    """A cluster directory beside the source: uno on near, due on far, tre on the daemon of DOCKER_HOST."""
    (tmp_path / "demo" / ".tpaexec-docker").mkdir(parents=True)
    (tmp_path / "demo" / "config.yml").write_text(CONFIG)
    (tmp_path / "demo" / "ca.pem").write_text("PEM")
    (tmp_path / "demo" / ".tpaexec-docker" / "id").write_text(f"{ID}\n")

    def ours(name, **words):
        made = container(name, **words)
        made["Labels"]["tpaexec.docker.id"] = ID
        return made

    daemon.by_host = {
        "tcp://near:2376": [ours("uno"), container("due", node=2)],  # due is of another directory of that name
        "ssh://root@far": [ours("due", node=2), container("solo", cluster="other")],
        plugin_file.DEFAULT_SOCKET: [ours("tre", node=3)],
    }
    return daemon


def test_a_directory_names_the_daemons_and_its_nodes(parse, over_hosts, tmp_path):
    inventory = parse("cluster_dir: demo\n")
    assert sorted(inventory.hosts) == ["due", "tre", "uno"]
    assert sorted(over_hosts.asked) == sorted(over_hosts.by_host)  # and not the host on which no node is
    assert {name: members(inventory)[f"daemon_{name}"] for name in ("near", "far", "default")} == {
        "near": ["uno"], "far": ["due"], "default": ["tre"],
    }  # fmt: skip
    api = {key: value for key, value in inventory.get_host("uno").vars.items() if key.startswith("ansible_docker_")}
    assert api == {
        "ansible_docker_docker_host": "tcp://near:2376",
        "ansible_docker_tls": True,
        "ansible_docker_validate_certs": True,
        "ansible_docker_tls_hostname": "near.example.com",
        "ansible_docker_ca_cert": str(tmp_path / "demo" / "ca.pem"),
    }
    assert inventory.get_host("due").vars["ansible_docker_docker_host"] == "ssh://root@far"


def test_a_directory_whose_cluster_got_another_name(parse, over_hosts, tmp_path):
    """The nodes keep the label; the id decides."""
    (tmp_path / "demo" / "config.yml").write_text(CONFIG.replace("cluster_name: demo", "cluster_name: renamed"))
    assert sorted(parse("cluster_dir: demo\n").hosts) == ["due", "tre", "uno"]


def test_a_directory_s_nodes_by_ssh_through_their_hosts(parse, over_hosts, tmp_path):
    found = {name: parse("cluster_dir: demo\nconnection: ssh\n").get_host(name).vars for name in ("uno", "due")}
    words = shlex.split(found["due"]["ansible_ssh_common_args"])
    assert words[:4:2] == ["-o", "-o"]
    options = dict(word.split("=", 1) for word in words[1::2])
    root = tmp_path / "demo"
    assert options["UserKnownHostsFile"] == f'"{root}/known_hosts" "{root}/tpa_known_hosts"'
    assert options["ProxyCommand"].startswith("docker --host ssh://root@far exec -i due bash -c ")
    assert f"--tlscacert {root}/ca.pem" in found["uno"]["ansible_ssh_common_args"]
    assert (found["due"]["ansible_host"], found["due"]["ansible_port"]) == ("10.45.1.3", 22)
    assert found["due"]["ansible_ssh_private_key_file"] == f"{root}/id_demo"
    assert Templar(DataLoader(), variables=dict(found["due"])).template("{{ ansible_ssh_common_args }}")


def test_a_silent_host_by_its_name(parse, over_hosts, tmp_path):
    del over_hosts.by_host["ssh://root@far"]
    with pytest.raises(AnsibleError, match=r"Host far: No daemon at ssh://root@far\. Start it\."):
        parse("cluster_dir: demo\n")
    cache = f"cache: true\ncache_plugin: jsonfile\ncache_connection: {tmp_path / 'cache'}\nunreachable: warning\n"
    assert sorted(parse(f"{cache}cluster_dir: demo\n").hosts) == ["tre", "uno"]
    over_hosts.by_host["ssh://root@far"] = over_hosts.by_host["tcp://near:2376"]
    over_hosts.asked.clear()
    parse(f"{cache}cluster_dir: demo\n")
    assert len(over_hosts.asked) == 3, "half an answer is not kept"


def test_a_moved_node_has_its_own_name(parse, over_hosts, tmp_path):
    """An older container of it, on the host that it was moved from, does not take it."""
    over_hosts.by_host["tcp://near:2376"].append(over_hosts.by_host["ssh://root@far"][0])
    inventory = parse("cluster_dir: demo\n")
    assert inventory.get_host("due").vars["docker_cluster_daemon"] == "far"
    assert inventory.get_host("due.near").vars["docker_cluster_daemon"] == "near"


def test_where_a_node_was_made_is_asked_until_it_is_made_anew(parse, over_hosts, tmp_path):
    over_hosts.by_host["ssh://idle"] = over_hosts.by_host.pop("ssh://root@far")
    over_hosts.by_host["ssh://root@far"] = []
    record = {"places": {"due": {"host": "idle"}, "uno": {"host": "no-longer-there"}}}
    (tmp_path / "demo" / ".tpaexec-docker" / "record.json").write_text(json.dumps(record))
    assert parse("cluster_dir: demo\n").get_host("due").vars["docker_cluster_daemon"] == "idle"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("cluster_dir: nowhere\n", r"There is no .*nowhere/config\.yml\."),
        ("cluster_dir: demo\nclusters: [demo]\n", "clusters and cluster_dir"),
        ("cluster_dir: demo\ndaemons: [{name: a}]\n", "daemons and cluster_dir"),
    ],
)
def test_directories_that_cannot_be(parse, over_hosts, source, words):
    with pytest.raises(AnsibleError, match=words):
        parse(source)
    assert over_hosts.asked == []


def test_a_host_that_config_yml_does_not_have(parse, over_hosts, tmp_path):
    (tmp_path / "demo" / "config.yml").write_text(CONFIG.replace("host: far", "host: fra"))
    with pytest.raises(AnsibleError, match="fra"):
        parse("cluster_dir: demo\n")
    assert over_hosts.asked == []


@pytest.mark.parametrize("kind", ["ssh", "docker"])
def test_a_label_cannot_put_an_option_into_a_command(parse, daemon, kind):
    hostile = container("uno", ansible_host="-oProxyCommand=touch /tmp/tpaexec-was-here")
    hostile["NetworkSettings"]["Networks"]["net"]["IPAddress"] = "-oProxyCommand=true"
    honest = container("due", node=2, ansible_host="due.example.com")
    honest["NetworkSettings"]["Networks"] = {}
    daemon.by_host[plugin_file.DEFAULT_SOCKET] = [hostile, honest]
    inventory = parse(f"connection: {kind}\n")
    assert "ProxyCommand" not in str(inventory.get_host("uno").vars)
    assert inventory.get_host("due").vars["ansible_host"] == ("due.example.com" if kind == "ssh" else "due")


def test_a_daemon_that_does_not_answer_is_an_error_with_its_remedy(parse):
    with pytest.raises(AnsibleError, match=r"No daemon at tcp://nowhere:1\. Start it\."):
        parse("docker_host: tcp://nowhere:1\n")


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        ([{"docker_host": "tcp://a:1"}, {"docker_host": "tcp://a:2"}], "two are called a"),
        ([{"docker_hots": "tcp://a:1"}], "unknown option docker_hots"),
    ],
)
def test_daemons_that_are_told_wrongly(entries, words):
    with pytest.raises(Exception, match=words):
        plugin_file.named_daemons(entries, {})


def test_options_that_an_entry_leaves_out_come_from_above():
    found = plugin_file.named_daemons([{"name": "a", "docker_host": "tcp://a:1"}], {"timeout": 7, "tls": True})
    assert found == {"a": Address(docker_host="tcp://a:1", timeout=7, tls=True)}


@pytest.mark.parametrize(
    ("name", "accepted"),
    [
        ("docker_cluster.yml", True),
        ("my.docker_cluster.yaml", True),
        ("docker.yml", False),
        ("docker_cluster.json", False),
    ],
)
def test_which_files_are_sources(tmp_path, name, accepted):
    (tmp_path / name).write_text("plugin: tpaexec.docker.docker_cluster\n")
    assert plugin_file.InventoryModule().verify_file(str(tmp_path / name)) == accepted


def documented_sources():
    page = Path(__file__).parents[4] / "docs" / "inventory.md"
    blocks = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    return [*yaml.safe_load_all(plugin_file.EXAMPLES), *map(yaml.safe_load, blocks)]


@pytest.mark.parametrize("source", documented_sources())
def test_the_documented_sources_are_ones(parse, daemon, source, tmp_path):
    for entry in source.get("daemons", []):
        daemon.by_host[entry["docker_host"]] = NODES
    if "cluster_dir" in source:
        (tmp_path / "config.yml").write_text(CONFIG.partition("tpaexec_docker:")[0])
    if "cache_connection" in source:
        source.update(cache_connection=str(tmp_path / "cache"), cache_plugin="jsonfile")  # no collection loader here
    text = yaml.safe_dump({key: value for key, value in source.items() if key != "plugin"}) if len(source) > 1 else ""
    assert parse(text.replace("shop", "demo")).hosts  # the page's own tests have a cluster shop
    assert set(source) <= set(yaml.safe_load(plugin_file.DOCUMENTATION)["options"]) | CONSTRUCTED
