# SPDX-License-Identifier: GPL-3.0-or-later
"""The image names that TPA's configure writes: `tpa/rocky:9`, its default, `tpa/debian:12` and their like.

No registry has them: TPA builds each on the distribution's own image. Whoever owned `tpa` on a public registry could
stand behind such a name, so it is never pulled. Pure: which image stands under it, and the build context of a guest.
"""

from __future__ import annotations

from typing import Mapping, Optional

from .distributions import COMMON, DNF, Release, find_release
from .guest_files import guest_script

PREFIX = "tpa/"

# The distribution's own image, by the part of the name before the colon; {} is the version.
BASES = {
    "almalinux": "almalinux:{}",
    "centos": "centos:{}",
    "debian": "debian:{}",
    "oraclelinux": "oraclelinux:{}",
    "redhat": "rockylinux/rockylinux:{}",
    "rocky": "rockylinux/rockylinux:{}",
    "sles": "registry.suse.com/bci/bci-base:{}",
    "ubuntu": "ubuntu:{}",
}
# TPA's own choices where the version says something else than the image's tag.
VERSIONS = {"sles": {"15": "15.6"}}
LATEST = {"almalinux": "9", "debian": "11", "oraclelinux": "9", "redhat": "9", "rocky": "9", "ubuntu": "24.04"}
SAME_AS = {"redhat": "rocky"}

# Mounted by the engine while it builds: they cannot be removed, and are in no layer.
MOUNTED = ("etc/hostname", "etc/resolv.conf")
YUM = tuple(name for name in DNF if name not in ("dnf", "python3"))  # EL7 has its Python 2.7 already
ZYPPER = ("systemd", "dbus-1", "python3", "openssh-server", "sudo", "iproute2", "gawk")


def is_tpa(name: str) -> bool:
    return name.startswith(PREFIX)


def parts(name: str) -> Optional[tuple[str, str]]:
    """Distribution and version of a name of TPA's; None where it is none, or TPA does not know it either."""
    if not is_tpa(name):
        return None
    label, _colon, version = name[len(PREFIX) :].partition(":")
    version = version or "latest"
    if label not in BASES or (version == "latest" and label not in LATEST):
        return None
    return label, LATEST[label] if version == "latest" else version


def base_image(name: str) -> str:
    """The distribution's image that this one of TPA's is built on; "" where there is none."""
    found = parts(name)
    if not found:
        return ""
    label, version = found
    if found == ("redhat", "7"):
        return "centos:7"
    return BASES[label].format(VERSIONS.get(label, {}).get(version, version))


def release(name: str) -> Optional[Release]:
    """The release whose packages the image is made of, where it can be bootstrapped at all."""
    found = parts(name)
    return find_release(SAME_AS.get(found[0], found[0]), found[1]) if found else None


def context(base: str) -> Mapping[str, bytes]:
    """The build context: path → content."""
    files = {"packages.sh": packages_script(), "guest.sh": guest_script(MOUNTED), "Dockerfile": dockerfile(base)}
    return {path: text.encode() for path, text in files.items()}


def dockerfile(base: str) -> str:
    """The scripts are gone from the finished file system."""
    return (
        f"FROM {base}\nUSER root\nCOPY . /.tpaexec-guest/\n"
        'RUN sh /.tpaexec-guest/packages.sh && sh /.tpaexec-guest/guest.sh "" && rm -rf /.tpaexec-guest\n'
        'ENV container=docker\nSTOPSIGNAL RTMIN+3\nCMD ["/sbin/init"]\n'
    )


def packages_script() -> str:
    """What a guest needs, by the package manager that is there."""
    return f"""\
set -eu
has() {{ command -v "$1" >/dev/null; }}
if has apt-get; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends {" ".join(COMMON)}
    apt-get clean
    rm -rf /var/lib/apt/lists/*
elif has dnf; then
    dnf install -y -q --setopt=install_weak_deps=False {" ".join(DNF)}
    dnf clean all -q
elif has yum; then
    yum install -y -q {" ".join(YUM)}
    yum clean all -q
elif has zypper; then
    zypper -n -q install --no-recommends {" ".join(ZYPPER)}
    zypper -q clean -a
else
    echo "the base image has no package manager that is known here (apt, dnf, yum, zypper)" >&2
    exit 1
fi
[ -e /sbin/init ] || ln -s /usr/lib/systemd/systemd /sbin/init
"""
