# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that several modules share, each documented by a doc fragment of the same name."""

from __future__ import annotations

from typing import Any

from ansible.module_utils.basic import env_fallback


def _env(name: str) -> dict[str, Any]:
    return {"fallback": (env_fallback, [name])}


def connection_argument_spec(timeout: int = 60) -> dict[str, Any]:
    """The options by which a module reaches a daemon; *timeout* is the default, in seconds, of one reply."""
    return dict(
        docker_host=dict(type="str", default="unix:///var/run/docker.sock", **_env("DOCKER_HOST")),
        tls=dict(type="bool", default=False, **_env("DOCKER_TLS")),
        validate_certs=dict(type="bool", default=False, aliases=["tls_verify"], **_env("DOCKER_TLS_VERIFY")),
        tls_hostname=dict(type="str", **_env("DOCKER_TLS_HOSTNAME")),
        ca_path=dict(type="path", aliases=["ca_cert", "tls_ca_cert", "cacert_path"]),
        client_cert=dict(type="path", aliases=["tls_client_cert", "cert_path"]),
        client_key=dict(type="path", aliases=["tls_client_key", "key_path"], no_log=False),
        use_ssh_client=dict(type="bool", default=False),
        timeout=dict(type="int", default=timeout, **_env("DOCKER_TIMEOUT")),
    )


def policy_argument_spec() -> dict[str, Any]:
    """What the user decides about findings; documented by the doc fragment tpaexec.docker.policy."""
    return dict(
        ignore=dict(type="list", elements="str", default=[]),
        strict=dict(type="bool", default=False),
        waivers=dict(type="list", elements="raw", default=[]),
    )
