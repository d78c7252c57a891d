# SPDX-License-Identifier: GPL-3.0-or-later
"""A virtual machine with a Docker daemon, for what this machine's own kernel cannot show: Debian's kernel and packages.

Its disk is made by mmdebstrap once a suite and kept in the cache; what a run writes to it is thrown away. It is
emulated (TCG): no /dev/kvm is needed, and a boot takes a minute. The daemon is reached through a port of 127.0.0.1.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

import docker

from ansible_collections.tpaexec.docker.plugins.module_utils._image import apt_sources
from ansible_collections.tpaexec.docker.tests.tools import packages

HERE = Path(__file__).resolve().parent
NEEDED = ("qemu-system-x86_64", "mmdebstrap", "mke2fs")
PACKAGES = (
    "apparmor", "ca-certificates", "dbus", "docker.io", "initramfs-tools", "iproute2", "iptables", "kmod",
    "linux-image-cloud-amd64", "systemd", "systemd-sysv", "udev", "zstd",
)  # fmt: skip
# A machine whose clock is ahead of a testing suite's last publication is no reason to refuse it.
CHECK = '--aptopt=Acquire::Check-Valid-Until "false"'
MASKED = (
    "apt-daily.timer", "apt-daily-upgrade.timer", "docker.service", "docker.socket", "dpkg-db-backup.timer",
    "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer", "getty@.service",
    "systemd-logind.service",
)  # fmt: skip


class NoMachine(Exception):
    """It cannot be made here, or did not come up; the text says why."""


def why_not() -> str:
    """Why no virtual machine can be made here; "" when one can."""
    if os.geteuid():
        return "making a virtual machine's disk needs root"
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = [name for name in NEEDED if not shutil.which(name, path=path)]
    return f"a virtual machine needs {', '.join(missing)}" if missing else ""


def disk_of(suite: str) -> Path:
    """The folder with disk, kernel and initrd of *suite*; made when it is not there. Raises NoMachine."""
    cache = packages.cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    place = cache / f"vm-{suite}"
    with open(cache / f"vm-{suite}.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.is_dir():
            with tempfile.TemporaryDirectory(dir=cache, prefix=f"vm-{suite}-") as work:
                _make(suite, Path(work))
                (Path(work) / "done").rename(place)
    return place


def _make(suite: str, work: Path) -> None:
    root, done = work / "root", work / "done"
    done.mkdir()
    lines = [source.line() for source in apt_sources.for_release(apt_sources.read(), suite)]
    lines = lines or [line.strip() for line in packages._source_lines(suite)]
    command = ["mmdebstrap", "--mode=root", "--variant=minbase", CHECK, f"--include={','.join(PACKAGES)}"]
    _run([*command, suite, str(root), *lines])
    units = root / "etc/systemd/system"
    for unit in MASKED:
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")
    shutil.copy(HERE / "files" / "guest-docker", root / "usr/local/sbin/guest-docker")
    shutil.copy(HERE / "files" / "guest-docker.service", units)
    (units / "multi-user.target.wants").mkdir(exist_ok=True)
    (units / "multi-user.target.wants" / "guest-docker.service").symlink_to("../guest-docker.service")
    (root / "etc/fstab").write_text("/dev/vda / ext4 defaults 0 0\n", encoding="utf-8")
    for name, pattern in (("kernel", "vmlinuz-*"), ("initrd", "initrd.img-*")):
        shutil.copy(next((root / "boot").glob(pattern)), done / name)
    _run(["mke2fs", "-q", "-t", "ext4", "-d", str(root), str(done / "disk"), "6G"])


def _run(command: list[str]) -> None:
    environ = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    if done.returncode:
        raise NoMachine(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")


@contextmanager
def machine(suite: str, words: str, log: Path, patience: float = 600) -> Iterator[str]:
    """Boots *suite* with *words* more on the kernel's command line; the address of its daemon. Ends with the block."""
    place, port = disk_of(suite), _free_port()
    command = ["qemu-system-x86_64", "-accel", "tcg,thread=multi", "-cpu", "max", "-m", "2560", "-smp", "2"]
    command += ["-nodefaults", "-nographic", "-no-reboot", "-serial", "stdio"]
    command += ["-kernel", str(place / "kernel"), "-initrd", str(place / "initrd")]
    command += ["-drive", f"file={place / 'disk'},if=virtio,format=raw,snapshot=on"]
    command += ["-nic", f"user,model=virtio-net-pci,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:2375"]
    command += ["-append", f"root=/dev/vda rw console=ttyS0 panic=-1 {words}"]
    # setpriv: a test run that is killed takes its machines with it
    with open(log, "wb") as output, subprocess.Popen(
        ["setpriv", "--pdeathsig", "KILL", *command], stdin=subprocess.DEVNULL, stdout=output, stderr=output
    ) as process:  # fmt: skip
        try:
            _await(port, process, log, time.monotonic() + patience)
            yield f"tcp://127.0.0.1:{port}"
        finally:
            process.kill()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _await(port: int, process: subprocess.Popen[bytes], log: Path, until: float) -> None:
    client = docker.APIClient(f"tcp://127.0.0.1:{port}", version="1.41", timeout=5)
    while True:
        try:
            client.version()
            return
        except Exception as error:  # whatever is said before a daemon is there
            if process.poll() is not None or time.monotonic() > until:
                said = log.read_text(encoding="utf-8", errors="replace")[-3000:]
                raise NoMachine(f"no daemon answers in the virtual machine:\n{said}") from error
            time.sleep(1)
        finally:
            client.close()
