# SPDX-License-Identifier: GPL-3.0-or-later
"""on_engine.py SUITE IMAGE COMMAND...: runs COMMAND, DOCKER_HOST at an engine of another Debian suite that has IMAGE.

Exit code 77, and the reason on standard error, where such an engine cannot be had.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ansible_collections.tpaexec.docker.tests.integration.engines import engine as harness
from ansible_collections.tpaexec.docker.tests.tools import packages

NOT_RUN = 77
# The newest suite's engine with the image store of its own time.
CONFIGS = {"forky": {"features": {"containerd-snapshotter": True}}}


def main(suite: str, image: str, *command: str) -> int:
    reason = harness.why_not()
    if reason:
        print(reason, file=sys.stderr)
        return NOT_RUN
    try:
        root = packages.engine(suite)
    except packages.Unavailable as error:
        print(error, file=sys.stderr)
        return NOT_RUN
    name = f"t-m{suite}{os.getpid()}"
    with (
        tempfile.TemporaryDirectory() as place,
        harness.ram_disk(f"{name}-d", 3072) as disk,
        harness.Engine(name, unpacked=root, data_root=disk / "data", config=CONFIGS.get(suite, {})) as engine,
    ):
        archive = Path(place) / "image.tar"
        subprocess.run(["docker", "save", "-o", str(archive), image], check=True)
        engine.load(archive)
        archive.unlink()
        print(f"-- engine {engine.docker('version', '--format', '{{.Server.Version}}').strip()}", flush=True)
        return subprocess.run(command, env={**os.environ, "DOCKER_HOST": engine.docker_host}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
