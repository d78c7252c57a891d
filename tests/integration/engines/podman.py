# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian's own Podman, unpacked privately, with its Docker-compatible socket, for as long as a `with` block lasts.

As engine.py does with dockerd: private network, mounts and processes, so that the end of one process ends all of it.
The containers' runtime is this machine's runc: Debian's podman takes runc as well as crun, and crun refuses a host
whose cgroups are v1 and v2 at once.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Optional

from ansible_collections.tpaexec.docker.tests.tools import packages

from . import engine, leftovers

PACKAGES = (
    "podman", "conmon", "golang-github-containers-common", "golang-github-containers-image", "netavark",
    "aardvark-dns", "libsubid4", "libgpgme11", "libassuan0",
)  # fmt: skip
SETTINGS = """\
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc=20000:20000"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
conmon_path = ["{root}/usr/bin/conmon"]
helper_binaries_dir = ["{root}/usr/lib/podman"]
runtime = "runc"
[engine.runtimes]
runc = ["{runc}"]
[network]
network_backend = "netavark"
network_config_dir = "{home}/networks"
"""
STORAGE = '[storage]\ndriver = "overlay"\ngraphroot = "{home}/data"\nrunroot = "/run/containers"\n'


class Podman:
    """`with Podman("podman") as podman:` - see `podman.docker_host`."""

    def __init__(self, name: str) -> None:
        self.home = engine.base_dir() / name
        self.socket = self.home / "s"
        self.docker_host = f"unix://{self.socket}"

    def __enter__(self) -> Podman:
        root = packages.unpack(packages.own_suite(), PACKAGES)
        leftovers.sweep(engine.base_dir())
        leftovers.claim(self.home)
        try:
            self.process = subprocess.Popen(self._words(root), stdin=subprocess.DEVNULL, start_new_session=True)
            self._await()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: Optional[type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if hasattr(self, "process"):
            self.process.kill()
            self.process.wait()
        leftovers.clear(self.home, None)
        # Its parent of all cgroups; one that is in use cannot be removed.
        for parent in leftovers.CGROUPS.glob("*/libpod_parent"):
            for folder in sorted(parent.rglob("*/"), reverse=True):
                leftovers._rmdir(folder)
            leftovers._rmdir(parent)

    def _words(self, root: Path) -> list[str]:
        # What a process of this machine may have at most: more is refused where root lacks CAP_SYS_RESOURCE.
        files = min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 1048576)
        found = {"root": root, "home": self.home, "files": files, "runc": shutil.which("runc", path=engine_path(""))}
        (self.home / "containers.conf").write_text(SETTINGS.format(**found), encoding="utf-8")
        (self.home / "storage.conf").write_text(STORAGE.format(**found), encoding="utf-8")
        policy = self.home / ".config/containers/policy.json"
        policy.parent.mkdir(parents=True)
        shutil.copy(root / "etc/containers/policy.json", policy)
        service = f"{root}/usr/bin/podman system service -t 0 {self.docker_host}"
        env = {
            "HOME": str(self.home),
            "PATH": engine_path(f"{root}/usr/bin:"),
            "CONTAINERS_CONF": str(self.home / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.home / "storage.conf"),
            "LD_LIBRARY_PATH": ":".join(str(path) for path in root.glob("usr/lib/*-linux-gnu")),
        }
        order = {"command": ["sh", "-c", f"ip link set lo up && exec {service}"], "binds": [], "env": env}
        return [
            "setpriv", "--pdeathsig", "KILL", "unshare", "--net", "--mount", "--propagation", "private", "--pid",
            "--fork", "--kill-child=KILL", "--mount-proc", sys.executable, str(engine.HERE / "inside.py"),
            json.dumps(order),
        ]  # fmt: skip

    def _await(self) -> None:
        deadline = time.monotonic() + 30
        while not engine.answers(str(self.socket)):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise engine.EngineFailed("Podman's service does not answer")
            time.sleep(0.05)


def engine_path(first: str) -> str:
    return f"{first}/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
