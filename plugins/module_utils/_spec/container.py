# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsers of the values that make a container: each takes what YAML gave and returns it parsed, or raises BadValue."""

from __future__ import annotations

import datetime
import math
import re
from typing import Any, Callable

from .model import Device, Ulimit
from .problems import BadValue, did_you_mean, show
from .values import LARGEST, label_value, one_line, string_map, text, whole_number

LEAST_MEMORY = 6 * 1024**2
_UNITS = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4, "p": 1024**5}
_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,6})?)\s*([bkmgtp]?)(?:i?b)?", re.IGNORECASE | re.ASCII)

RESTART_POLICIES = ("no", "always", "unless-stopped", "on-failure")

ULIMITS = (
    "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio",
    "rttime", "sigpending", "stack",
)  # fmt: skip

CAPABILITIES = (
    "ALL", "AUDIT_CONTROL", "AUDIT_READ", "AUDIT_WRITE", "BLOCK_SUSPEND", "BPF", "CHECKPOINT_RESTORE", "CHOWN",
    "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "IPC_LOCK", "IPC_OWNER", "KILL", "LEASE", "LINUX_IMMUTABLE",
    "MAC_ADMIN", "MAC_OVERRIDE", "MKNOD", "NET_ADMIN", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_RAW", "PERFMON",
    "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYSLOG", "SYS_ADMIN", "SYS_BOOT", "SYS_CHROOT", "SYS_MODULE",
    "SYS_NICE", "SYS_PACCT", "SYS_PTRACE", "SYS_RAWIO", "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "WAKE_ALARM",
)  # fmt: skip

# Only what the kernel keeps apart for each container: the engine refuses all others when the container starts.
IPC_SYSCTLS = (
    "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni",
    "kernel.shm_rmid_forced", "kernel.domainname",
)  # fmt: skip
_SYSCTL = re.compile(r"[a-z0-9_-]+(?:\.[A-Za-z0-9_/-]+)+", re.ASCII)
_ENV_NAME = re.compile(r"[^\s=\0]+")
_SECURITY_OPTIONS = ("seccomp", "apparmor", "label", "systempaths", "no-new-privileges")


def size(value: Any) -> int:
    """`512m`, `1g`, `1.5GiB` or a number of bytes, as bytes. 0 means no limit, as it does for the engine."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST:
        return value
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        raise BadValue(
            f"{show(value)} is no size.", 'Write a number and a unit (b, k, m, g, t), such as "512m" or "2g".'
        )
    number = int(float(match.group(1)) * _UNITS[match.group(2).lower()])
    if number > LARGEST:
        raise BadValue(f"{show(value)} is larger than any memory.", 'For example "2g".')
    return number


def memory(value: Any) -> int:
    """A limit of memory: 0 for none, else no less than the engine allows."""
    number = size(value)
    if 0 < number < LEAST_MEMORY:
        raise BadValue(f"{show(value)} is less than 6m, the least that the engine allows.", "Was a unit forgotten?")
    return number


def shm_size(value: Any) -> int:
    number = size(value)
    if not number:
        raise BadValue("A shared memory of size 0 cannot be.", 'Leave shm_size out, or write a size such as "64m".')
    return number


def cpus(value: Any) -> float:
    if isinstance(value, str) and re.fullmatch(r"\d{1,6}(\.\d{1,9})?", value.strip(), re.ASCII):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(_as_float(value)):
        raise BadValue(f"{show(value)} is no number of CPUs.", "Write a number such as 0.5 or 2.")
    if not 0.01 <= value <= 4096:
        raise BadValue(f"{show(value)} is no number of CPUs: it must be between 0.01 and 4096.")
    return float(value)


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def pids_limit(value: Any) -> int:
    """-1 is unlimited."""
    number = whole_number(value, -1, 2**22)
    if number == 0:
        raise BadValue("0 processes is no limit that a node could run with.", "Write -1 for no limit.")
    return number


def restart_policy(value: Any) -> tuple[str, int]:
    """The policy and its number of retries. YAML makes a bare `no` false: taken for the word."""
    word = "no" if value is False else value
    if not isinstance(word, str):
        raise BadValue(f"{show(value)} is no restart policy.", f"One of: {', '.join(RESTART_POLICIES)}.")
    name, colon, retries = word.partition(":")
    if name not in RESTART_POLICIES:
        near = did_you_mean(name, RESTART_POLICIES)
        raise BadValue(f"{show(value)} is no restart policy. {near}".strip(), f"One of: {', '.join(RESTART_POLICIES)}.")
    if colon and (name != "on-failure" or not re.fullmatch(r"\d{1,9}", retries, re.ASCII)):
        raise BadValue(f"{show(value)} is no restart policy.", "Only on-failure takes a number: on-failure:3.")
    return name, int(retries) if colon else 0


def capability(value: Any) -> str:
    """In capitals, without `CAP_`."""
    name = value.strip().upper() if isinstance(value, str) else ""
    name = name[4:] if name.startswith("CAP_") else name
    if name not in CAPABILITIES:
        near = did_you_mean(name, CAPABILITIES)
        raise BadValue(f"{show(value)} is no capability. {near}".strip(), "See man 7 capabilities for their names.")
    return name


def ulimit(value: Any) -> Ulimit:
    """`nofile:1024:2048` (or with `=` after the name, as `docker run` has it); -1 is unlimited."""
    usage = "Write NAME:SOFT or NAME:SOFT:HARD, such as nofile:1024:2048."
    match = (
        re.fullmatch(r"([a-z]+)[:=](-1|\d{1,18})(?::(-1|\d{1,18}))?", value, re.ASCII)
        if isinstance(value, str)
        else None
    )
    if not match:
        raise BadValue(f"{show(value)} is no ulimit.", usage)
    name, soft = match.group(1), int(match.group(2))
    hard = int(match.group(3)) if match.group(3) else soft
    if name not in ULIMITS:
        raise BadValue(f"There is no ulimit {show(name)}. {did_you_mean(name, ULIMITS)}".strip(), usage)
    if hard != -1 and (soft == -1 or soft > hard):
        raise BadValue(f"{show(value)}: the soft limit is above the hard one.", usage)
    return Ulimit(name, soft, hard)


def device(value: Any) -> Device:
    """`/dev/fuse`, `/dev/sda:/dev/xvda`, `/dev/sda:/dev/xvda:r` or `/dev/fuse:rw`."""
    parts = one_line(value).split(":") if isinstance(value, str) else []
    bad = BadValue(
        f"{show(value)} is no device.", "Write HOST_PATH[:CONTAINER_PATH[:rwm]], such as /dev/fuse:/dev/fuse:rwm."
    )
    if not 1 <= len(parts) <= 3:
        raise bad
    permissions = parts.pop() if len(parts) > 1 and not parts[-1].startswith("/") else "rwm"
    paths_good = all(part.startswith("/") and len(part) > 1 for part in parts)
    if not 1 <= len(parts) <= 2 or not paths_good or not re.fullmatch(r"(?!.*(.).*\1)[rwm]{1,3}", permissions):
        raise bad
    return Device(parts[0], parts[-1], permissions)


def sysctls(value: Any) -> dict[str, str]:
    """Names and values; only what belongs to a container's own namespaces."""
    result = string_map(value, _sysctl_value)
    for name in result:
        if not _SYSCTL.fullmatch(name):
            raise BadValue(
                f"{show(name)} is no sysctl.", "Write its dotted name, such as net.core.somaxconn.", f".{name}"
            )
        if not name.startswith(("net.", "fs.mqueue.")) and name not in IPC_SYSCTLS:
            raise BadValue(
                f"{name} belongs to the whole host: no container can set it for itself.",
                "Set it on the Docker host (sysctl -w), and take it out here.",
                f".{name}",
            )
    return result


def _sysctl_value(value: Any) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, (float, datetime.date)):
        raise BadValue(f"A number or a text is needed, not {show(value)}.", "Put it in quotes.")
    return label_value(value)


def env(value: Any) -> dict[str, str]:
    """Names and texts. Other values are refused, as TPA does: `no` and `010` would become something else."""
    result = string_map(value, _env_value)
    for name in result:
        if not _ENV_NAME.fullmatch(name):
            raise BadValue(f"{show(name)} is no name of a variable.", "It has no space and no equals sign.", f".{name}")
    return result


def _env_value(value: Any) -> str:
    if not isinstance(value, str):
        raise BadValue(f"A text is needed, not {show(value)}.", "Put the value in quotes.")
    if "\0" in value or any(0xD800 <= ord(char) <= 0xDFFF for char in value):
        raise BadValue("The value has a character that no environment can hold.", "Take it out.")
    return value


def env_file(content: str) -> dict[str, str]:
    """The lines `NAME=VALUE` of an env_file; empty ones and comments are passed over."""
    result: dict[str, str] = {}
    for number, line in enumerate((line.strip() for line in content.splitlines()), 1):
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals or not _ENV_NAME.fullmatch(name) or "\0" in value:
            raise BadValue(f"Line {number} of the env_file, {show(line)}, is not NAME=VALUE.", "Mend that file.")
        result[name] = value
    return result


def security_option(value: Any, read_file: Callable[[str], str]) -> str:
    """`no-new-privileges`, `apparmor=…`, `label=…`, `seccomp=…`: a seccomp profile is read, as the command does."""
    word = text(value)
    name, sign, rest = word.partition("=") if "=" in word else word.partition(":")
    if name not in _SECURITY_OPTIONS or (name != "no-new-privileges" and not rest) or (sign and not rest):
        near = did_you_mean(name, _SECURITY_OPTIONS)
        remedy = "For example no-new-privileges, seccomp=unconfined, apparmor=PROFILE or label=type:TYPE."
        raise BadValue(f"{show(value)} is no security option. {near}".strip(), remedy)
    if name == "seccomp" and rest not in ("unconfined", "builtin") and not rest.startswith("{"):
        return f"seccomp={read_file(rest)}"
    if name == "no-new-privileges":
        if rest not in ("", "true", "false"):
            raise BadValue(f"{show(value)}: no-new-privileges is true or false.", "Write no-new-privileges:true.")
        return word.replace(":", "=", 1) if rest else name
    return f"{name}={rest}"
