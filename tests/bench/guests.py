# SPDX-License-Identifier: GPL-3.0-or-later
"""How much CPU time a bootstrapped guest spends until it runs, beside the same release with nothing masked.

    guests.py [--rounds N] [--image NAME] [--output FILE]

The plain guest is our image with everything taken back that makes it fast. CPU time is the container's own, as the
engine counts it (its cgroup), one second after systemd says that it runs.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import docker

from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.body import create_body
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.host import HostFacts
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.recipe import cook
from ansible_collections.tpaexec.docker.plugins.module_utils._image.guest_files import HOST_KEYS_NAME
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.model import Instance, Settings

TOP = Path(__file__).resolve().parents[2]
GOAL = 1.3
PLAIN = f"""\
FROM %s
RUN find /etc/systemd/system /etc/systemd/system-generators -lname /dev/null -delete \\
 && rm -f /etc/systemd/system/default.target /etc/.updated /var/.updated \\
 && find /etc/systemd/system -name {HOST_KEYS_NAME} -delete \\
 && ssh-keygen -A
"""


def plain_image(client: docker.DockerClient, image: str) -> str:
    """The same release's systemd and openssh, as the packages leave them."""
    text = io.BytesIO((PLAIN % image).encode())
    return str(client.images.build(fileobj=text, rm=True, forcerm=True)[0].id)


def boot(client: docker.DockerClient, image: str) -> tuple[float, float, str]:
    """CPU seconds, wall seconds, and `systemd-analyze blame`."""
    host = HostFacts.from_api(client.version(), client.info())
    name = f"bench-guest-{uuid.uuid4().hex[:8]}"
    instance = Instance(name, 1, Settings(image))
    body = create_body(instance, cook(instance, host, uuid.uuid4().hex), {})
    ident = client.api.create_container_from_config(body, name)["Id"]
    container = client.containers.get(ident)
    try:
        started = time.monotonic()
        container.start()
        while True:
            _status, output = container.exec_run("systemctl is-system-running --wait")
            if output.strip() in (b"running", b"degraded"):
                break
            if time.monotonic() - started > 60:
                raise SystemExit(f"error: {image} did not boot: {output.decode()}")
            time.sleep(0.05)
        wall = time.monotonic() - started
        time.sleep(1)
        stats = client.api.stats(ident, stream=False, one_shot=True)
        used = stats["cpu_stats"]["cpu_usage"]["total_usage"] / 1e9
        blame = container.exec_run("systemd-analyze --no-pager blame").output.decode()
        return used, wall, blame
    finally:
        container.remove(force=True, v=True)


def measure(client: docker.DockerClient, image: str, rounds: int) -> dict[str, Any]:
    """Both in turn, so that a busy machine is as hard on one as on the other."""
    plain = plain_image(client, image)
    samples: dict[str, list[tuple[float, float, str]]] = {"bootstrapped": [], "plain": []}
    try:
        for _round in range(rounds):
            for key, what in (("bootstrapped", image), ("plain", plain)):
                samples[key].append(boot(client, what))
    finally:
        client.images.remove(plain, force=True)
    found: dict[str, Any] = {"image": image, "rounds": rounds, "goal": GOAL}
    for key, rows in samples.items():
        cpu, wall = statistics.median(row[0] for row in rows), statistics.median(row[1] for row in rows)
        found[key] = {"cpu_seconds": round(cpu, 3), "wall_seconds": round(wall, 3), "blame": rows[-1][2]}
    found["ratio"] = round(found["plain"]["cpu_seconds"] / found["bootstrapped"]["cpu_seconds"], 2)
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--image", default=os.environ.get("TPAEXEC_TEST_IMAGE", "tpaexec/debian-systemd:12"))
    parser.add_argument("--output", type=Path, default=TOP / "build" / "bench-guests.json")
    parser.add_argument("--blame", action="store_true", help="show what takes the time in both")
    options = parser.parse_args(arguments)
    found = measure(docker.from_env(), options.image, options.rounds)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{'guest':<14}{'CPU s':>8}{'wall s':>8}")
    for key in ("plain", "bootstrapped"):
        print(f"{key:<14}{found[key]['cpu_seconds']:>8.3f}{found[key]['wall_seconds']:>8.3f}")
        print(found[key]["blame"] if options.blame else "", end="")
    good = found["ratio"] >= GOAL
    print(f"ratio {found['ratio']} (to reach: {GOAL}): {'ok' if good else 'FAIL'}; written: {options.output}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
