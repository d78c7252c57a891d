# SPDX-License-Identifier: GPL-3.0-or-later
"""The yardstick: the same containers, by a plain threaded program on the Docker SDK.

What a sensible person would write: one network, a pool of threads, and in each create, start, wait for systemd. It
looks at nothing first, keeps no record, installs no keys, and is run as a process of its own.

    plain_sdk.py up|down SPEC.json
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

import docker

READY = ("running", "degraded")
WAIT = ["/bin/sh", "-c", "systemctl is-system-running --wait 2>/dev/null || true"]


def up(client: docker.APIClient, spec: dict[str, Any], each: Callable[..., Any]) -> None:
    pool = {"Subnet": spec["subnet"]}
    client.create_network(spec["network"], driver="bridge", ipam={"Driver": "default", "Config": [pool]})
    each(lambda node: make(client, node), spec["nodes"])


def make(client: docker.APIClient, node: dict[str, Any]) -> None:
    ident = client.create_container_from_config(node["body"], node["name"])["Id"]
    client.start(ident)
    end = time.monotonic() + 120
    while True:
        if ask(client, ident) in READY:
            return
        if time.monotonic() > end:
            raise SystemExit(f"{node['name']} did not boot")
        time.sleep(0.2)


def ask(client: docker.APIClient, ident: str) -> str:
    created = client.exec_create(ident, WAIT, stdin=False)
    return client.exec_start(created["Id"]).decode().strip()


def down(client: docker.APIClient, spec: dict[str, Any], each: Callable[..., Any]) -> None:
    each(lambda node: client.remove_container(node["name"], force=True, v=True), spec["nodes"])
    client.remove_network(spec["network"])


def main(action: str, path: str) -> None:
    with open(path, encoding="utf-8") as file:
        spec = json.load(file)
    kwargs = docker.utils.kwargs_from_env()
    client = docker.APIClient(version="auto", num_pools=spec["pool"] + 2, timeout=120, **kwargs)
    with ThreadPoolExecutor(max_workers=spec["pool"]) as pool:
        {"up": up, "down": down}[action](client, spec, lambda work, items: list(pool.map(work, items)))


if __name__ == "__main__":
    main(*sys.argv[1:])
