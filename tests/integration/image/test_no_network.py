# SPDX-License-Identifier: GPL-3.0-or-later
"""`tpaexec provision DIR --bundle FILE` with no network: an engine of its own, in a namespace with no way out."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ansible_collections.tpaexec.docker.tests.integration.engines import engine as harness
from ansible_collections.tpaexec.docker.tests.integration.engines.engine import Engine, ram_disk

pytestmark = [pytest.mark.long, pytest.mark.skipif(bool(harness.why_not()), reason=harness.why_not() or "-")]
COMMAND = str(Path(__file__).resolve().parents[3] / "bin" / "tpaexec")
CONFIG = """\
cluster_name: t-net
cluster_vars: {{postgres_version: "15"}}
docker_networks: [{{name: t-net, ipam_config: [{{subnet: 10.42.17.0/28}}]}}]
instance_defaults: {{platform: docker, image: "{image}", vars: {{ansible_user: root}}}}
instances:
- {{Name: t-net-uno, node: 1, role: [primary], ip_address: 10.42.17.2}}
- {{Name: t-net-due, node: 2, role: [replica], ip_address: 10.42.17.3, upstream: t-net-uno}}
"""


def tpaexec(*words, prefix=(), **environ):
    env = {key: value for key, value in os.environ.items() if key not in ("TPA_DIR", "NO_COLOR")}
    command = [*prefix, COMMAND, *map(str, words)]
    done = subprocess.run(command, env={**env, **environ}, capture_output=True, text=True, check=False, timeout=180)
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return done


@pytest.fixture
def shipped(guest_image, tmp_path):
    """A cluster's directory and its bundle, written where the images are."""
    directory = tmp_path / "t-net"
    directory.mkdir()
    (directory / "config.yml").write_text(CONFIG.format(image=guest_image), encoding="utf-8")
    path = tmp_path / "images.tar"
    done = tpaexec("bundle", directory, path)
    assert done.returncode == 0, done.stdout + done.stderr
    return directory, path


def damage(path, place):
    """One other byte; returns what puts it right again."""
    with open(path, "r+b") as handle:
        handle.seek(place)
        before = handle.read(1)
        handle.seek(place)
        handle.write(bytes([before[0] ^ 1]))
    return lambda: damage(path, place)


def test_from_the_bundle_alone(shipped, guest_image):
    directory, path = shipped
    with (
        ram_disk("t-net-disk", 1500) as place,
        Engine("t-net", data_root=place / "data", nameserver="127.0.0.1") as engine,
    ):
        # neither the engine nor the command has a way out: the cable to this machine is taken away, too
        harness._ip("-n", engine.netns, "link", "set", "eth0", "down")
        inside = {"prefix": ["nsenter", f"--net=/run/netns/{engine.netns}"], "DOCKER_HOST": engine.docker_host}
        assert harness._ip("-n", engine.netns, "route", "show", "default") == ""

        mend = damage(path, path.stat().st_size // 2)
        done = tpaexec("provision", directory, "--bundle", path, **inside)
        said = done.stdout + done.stderr
        assert done.returncode != 0
        words = f"The archive {path} is damaged: the checksum of {largest_member(path)} is wrong. Nothing was loaded."
        assert words in " ".join(said.split())
        assert engine.docker("images", "-aq") == ""
        assert engine.docker("ps", "-aq") == ""
        mend()

        done = tpaexec("provision", directory, "--bundle", path, **inside)
        assert done.returncode == 0, done.stdout + done.stderr
        assert sorted(engine.docker("ps", "--format", "{{.Names}} {{.Image}}").split("\n"))[-2:] == [
            f"t-net-due {guest_image}",
            f"t-net-uno {guest_image}",
        ]
        said = engine.docker("exec", "t-net-uno", "systemctl", "is-system-running", "--wait")
        assert said.strip() == "running"
        again = tpaexec("provision", directory, "--bundle", path, **inside)
        assert "Nothing to change" in again.stdout
        done = tpaexec("deprovision", directory, **inside)
        assert done.returncode == 0, done.stdout + done.stderr


def largest_member(path):
    """The member of the archive in whose middle of the file the damage is: the largest."""
    listed = subprocess.run(["tar", "-tvf", path], capture_output=True, text=True, check=True).stdout.splitlines()
    return max(listed, key=lambda line: int(line.split()[2])).split()[-1]
