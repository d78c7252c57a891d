# SPDX-License-Identifier: GPL-3.0-or-later
"""The veil: known secrets in every form, what looks like one, and no more than that."""

from __future__ import annotations

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._report.secrets import (
    HIDDEN,
    Veil,
    of_config,
    of_environment,
)

CONFIG = {
    "cluster_name": "demo",
    "cluster_vars": {"postgres_version": "15", "postgres_password": "pg-secret", "nested": [{"api_token": 8675309}]},
    "docker_images": {"x/y:1": {"base_build_args": {"MIRROR": "mirror-user-cred"}, "dockerfile": "Dockerfile"}},
    "instance_defaults": {"env": {"PLAIN": "plain-env-value", "container": "docker"}, "image": "x/y:1"},
    "instances": [
        {"Name": "uno", "env": {"DB": "other env"}, "log_options": {"splunk-url": "log-option-value"}},
        {"Name": "due", "vars": {"harmless": "harmless value", "pin_secret": "4711"}},
    ],
    "unknown_key": {"private_key": "line one of it\nline two of it"},
}


def veil() -> Veil:
    values, named = of_config(CONFIG)
    more, more_named = of_environment(["MORE=from the container", "X_TOKEN=abc", "container=docker", "odd"])
    return Veil([*values, *more], [*named, *more_named])


PLANTED = ["pg-secret", "8675309", "mirror-user-cred", "plain-env-value", "other env", "log-option-value", "4711"]
PLANTED += ["line one of it", "line two of it", "from the container"]


@pytest.mark.parametrize("secret", PLANTED)
@pytest.mark.parametrize("around", ["{}", "got {} from env", "x={};", 'args: ["{}"]', "prefix{}suffix"])
def test_a_planted_value_is_taken_out(secret: str, around: str):
    text = around.format(secret)
    if len(secret) < 6 and around == "prefix{}suffix":
        return  # of the short ones, only whole words
    assert secret not in veil()(text)
    assert HIDDEN in veil()(text)


def test_escaped_forms_go_too():
    found = Veil([], ['with "quotes" & spaces'])
    for form in ('with \\"quotes\\" & spaces', "with%20%22quotes%22%20%26%20spaces", "with+%22quotes%22+%26+spaces"):
        assert "quotes" not in found(f"GET /?x={form} 200")


KEPT = [
    "harmless value", "15 rows in docker", "Reached target basic.target - Basic System.", "abcdef", "x/y:1 is running",
    "memory: wanted 512m, found nothing", "sha256:f4af7a4b24d7aaaa", "https://docs.docker.com/engine/install/", "47110",
]  # fmt: skip


@pytest.mark.parametrize("text", KEPT)
def test_the_rest_stays(text: str):
    assert veil()(text) == text


LOOKS = [
    ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1r\n-----END OPENSSH PRIVATE KEY-----\nafter", "b3BlbnNzaC1r"),
    ("-----BEGIN RSA PRIVATE KEY-----\ncut off in the middle", "cut off"),
    ("https://me:swordfish@proxy.example.com:3128/", "swordfish"),
    ("Authorization: Bearer abcdef.ghi", "abcdef"),
    ("Proxy-Authorization: Basic bWU6c3dvcmRmaXNo", "bWU6c3dvcmRmaXNo"),
    ("PGPASSWORD=swordfish psql", "swordfish"),
    ('{"password": "sword fish"}', "sword fish"),
    ("--api-key=swordfish", "swordfish"),
    ("password is swordfish", "swordfish"),
    ("aws_secret_access_key: swordfish", "swordfish"),
    ('env: wanted {"A": "sha256:0123456789ab"}', "0123456789ab"),
]


@pytest.mark.parametrize(("text", "secret"), LOOKS, ids=lambda value: value[:20])
def test_what_looks_like_a_secret_is_one(text: str, secret: str):
    assert secret not in Veil()(text)
    assert HIDDEN in Veil()(text)


def test_a_long_journal_takes_no_time():
    text = "password " * 20000 + "-----BEGIN " * 1000 + "a://" * 20000
    assert Veil(["x" * 50] * 500, ["y" * 5])(text)
