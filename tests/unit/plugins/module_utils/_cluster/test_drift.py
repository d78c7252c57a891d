# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of drift on recorded replies of a real engine."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._cluster import drift
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.drift import MEND, RECREATE, TABLE, drift_of
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.labels import applied_of
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.model import Settings
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.parse import options_to_data, parse_config

DATA = Path(__file__).resolve().parents[4] / "data" / "inspect"
FILES = {"/srv/cluster/node.env": "FROM_FILE=yes\n"}
OWN = ("cpus", "pids_limit", "dns", "dns_search", "extra_hosts", "cgroup_parent")


def recorded(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    data = json.loads((DATA / f"{name}-20.10.24.json").read_text())
    return data["options"], data["inspect"]


def settings_of(options: dict[str, Any]) -> Settings:
    return parse_config(options_to_data(options), "/srv/cluster", FILES.__getitem__).instances[0].settings


def with_word(options: dict[str, Any], key: str, value: Any) -> Settings:
    """The node with one word otherwise; None takes it out."""
    options = copy.deepcopy(options)
    words = options["instances"][0]
    if key in OWN:
        words = options.setdefault("tpaexec_docker", {}).setdefault("instances", {}).setdefault(words["Name"], {})
    words.pop(key, None)
    if value is not None:
        words[key] = value
    return settings_of(options)


@pytest.mark.parametrize("name", ["plain", "every-key"])
def test_what_was_made_is_no_drift_whether_the_label_is_there_or_not(name):
    options, raw = recorded(name)
    settings = settings_of(options)
    assert drift_of(settings, applied_of(raw["Config"]["Labels"]), raw) == []
    assert drift_of(settings, {}, raw) == []


def test_podmans_name_of_an_image_without_a_registry_is_no_drift():
    options, raw = recorded("plain")
    raw["Config"]["Image"] = f"localhost/{raw['Config']['Image']}"
    assert drift_of(settings_of(options), {}, raw) == []
    raw["Config"]["Image"] += "-other"
    assert [one.key for one in drift_of(settings_of(options), {}, raw)] == ["image"]


def test_every_default_that_the_engine_filled_in_is_no_drift():
    """A config that says nothing, on the container with everything, as if somebody else had made it."""
    _options, raw = recorded("every-key")
    bare = Settings(image=raw["Config"]["Image"], declared=frozenset({"image"}))
    assert drift_of(bare, {}, raw) == []


# key · what config.yml says on the plain node · the verdict there
CHANGED: list[tuple[str, Any, str]] = [
    ("image", "other/image:1", RECREATE),
    ("restart_policy", "always", MEND),
    ("memory", "64m", MEND),
    ("memory_reservation", "32m", MEND),
    ("cpus", 0.5, MEND),
    ("pids_limit", 100, MEND),
    ("shm_size", "80m", RECREATE),
    ("privileged", True, RECREATE),
    ("env", {"A": "1"}, RECREATE),
    ("log_driver", "local", RECREATE),
    ("log_options", {"max-size": "1m"}, RECREATE),
    ("exposed_ports", [9999], RECREATE),
    ("published_ports", ["8080:80"], RECREATE),
    ("devices", ["/dev/fuse"], RECREATE),
    ("sysctls", {"net.core.somaxconn": 99}, RECREATE),
    ("ulimits", ["core=0"], RECREATE),
    ("volumes", ["data:/data"], RECREATE),
    ("docker_security_opts", ["no-new-privileges"], RECREATE),
    ("docker_cap_add", ["SYS_TIME"], RECREATE),
    ("docker_cap_drop", ["CHOWN"], RECREATE),
    ("dns", ["10.0.0.1"], RECREATE),
    ("dns_search", ["example.com"], RECREATE),
    ("extra_hosts", ["a:10.0.0.1"], RECREATE),
    ("cgroup_parent", "/elsewhere", RECREATE),
]


def test_every_row_is_in_the_table_of_this_test():
    assert [row.key for row in TABLE] == [key for key, _value, _verdict in CHANGED]


@pytest.mark.parametrize(("key", "value", "verdict"), CHANGED, ids=[row[0] for row in CHANGED])
@pytest.mark.parametrize("labelled", [True, False])
def test_each_word_that_is_added_is_drift(key, value, verdict, labelled):
    options, raw = recorded("plain")
    if key == "image":
        options["instance_defaults"].pop("image")
    applied = applied_of(raw["Config"]["Labels"]) if labelled else {}
    found = drift_of(with_word(options, key, value), applied, raw)
    assert [(item.key, item.verdict) for item in found] == [(key, verdict)]
    assert str(found[0]).startswith(f"{key}: wanted ")


# what was applied at creation, is no longer said, and is still there
FORGOTTEN = {
    "memory": RECREATE, "memory_reservation": RECREATE, "cpus": RECREATE, "pids_limit": MEND, "restart_policy": MEND,
    "shm_size": RECREATE, "published_ports": RECREATE, "devices": RECREATE, "sysctls": RECREATE, "ulimits": RECREATE,
    "docker_security_opts": RECREATE, "docker_cap_add": RECREATE, "docker_cap_drop": RECREATE, "dns": RECREATE,
    "dns_search": RECREATE, "extra_hosts": RECREATE, "cgroup_parent": RECREATE, "env": RECREATE,
    "log_options": RECREATE, "volumes": RECREATE,
}  # fmt: skip


@pytest.mark.parametrize("key", FORGOTTEN)
def test_each_word_that_is_taken_out_is_drift_by_what_was_applied(key):
    options, raw = recorded("every-key")
    applied = applied_of(raw["Config"]["Labels"])
    settings = with_word(options, key, None)
    found = {item.key: item.verdict for item in drift_of(settings, applied, raw)}
    assert found == {key: FORGOTTEN[key]}
    # nobody knows that it was ours: then it is left
    still_declared = {"env": "env_file", "volumes": "local_source_directories"}
    if key not in still_declared:
        assert drift_of(settings, {}, raw) == []


def test_a_users_own_limit_on_a_key_that_config_does_not_name_is_left():
    options, raw = recorded("plain")
    raw["HostConfig"].update(Memory=5 * 2**20, PidsLimit=5, RestartPolicy={"Name": "no", "MaximumRetryCount": 0})
    assert drift_of(settings_of(options), applied_of(raw["Config"]["Labels"]), raw) == []


def test_values_that_may_be_secret_are_veiled():
    options, raw = recorded("every-key")
    settings = with_word(options, "env", {"PASSWORD": "hunter2"})
    texts = [str(item) for item in drift_of(settings, applied_of(raw["Config"]["Labels"]), raw)]
    assert len(texts) == 1
    assert "PASSWORD" in texts[0]
    assert "hunter2" not in texts[0]
    assert "good day" not in raw["Config"]["Labels"]["tpaexec.docker.applied"]
    assert "hunter2" not in json.dumps(drift.applied_values(settings))


def test_words_that_mean_the_same_are_the_same():
    options, raw = recorded("every-key")
    words = options["instances"][0]
    words["docker_cap_add"] = ["cap_sys_ptrace", "SYS_NICE"]
    words["docker_security_opts"] = ["seccomp:unconfined", "no-new-privileges"]
    words["memory"] = "524288k"
    words["volumes"] = list(reversed(words["volumes"]))
    assert drift_of(settings_of(options), applied_of(raw["Config"]["Labels"]), raw) == []


@pytest.mark.parametrize("label", ["", "{", "[1]", "null", '"x"', "{}"])
def test_a_label_that_is_damaged_is_no_label(label):
    options, raw = recorded("every-key")
    assert applied_of({"tpaexec.docker.applied": label}) == {}
    assert drift_of(settings_of(options), applied_of({"tpaexec.docker.applied": label}), raw) == []


@pytest.mark.parametrize("hole", ["HostConfig", "Config", "NetworkSettings", "State", "Mounts"])
def test_a_reply_with_a_part_missing_makes_no_traceback(hole):
    options, raw = recorded("every-key")
    for value in (None, {}):
        drift_of(settings_of(options), {}, {**raw, hole: value})
