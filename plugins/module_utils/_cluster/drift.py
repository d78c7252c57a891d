# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of drift: how each setting reads in config.yml and in `docker inspect`, and what a difference means.

Three values decide: what config.yml wants, what was last applied (written at creation in a label, and after a mend in
the record), and what the daemon says. A key that config.yml does not declare and that was never applied by us is the
engine's default, whatever it is: no drift.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Optional

from .._spec.model import Settings

MEND = "mended in place"
RECREATE = "needs recreation"

Raw = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """One setting. `want` reads Settings, `have` reads inspect; both give the same plain JSON value.

    `partial`: the daemon adds entries of its own (the image's environment), so only what is wanted must be there.
    """

    key: str
    verdict: str
    want: Callable[[Settings], Any]
    have: Callable[[Raw], Any]
    partial: bool = False
    unset: Optional[Callable[[Any], bool]] = None


@dataclass(frozen=True)
class Drift:
    """One difference."""

    key: str
    verdict: str
    wanted: Any
    found: Any

    def __str__(self) -> str:
        return f"{self.key}: wanted {_words(self.key, self.wanted)}, found {_words(self.key, self.found)}"


def _words(key: str, value: Any) -> str:
    """As config.yml would say it."""
    if value in (None, [], {}, ""):
        return "nothing"
    if key in ("memory", "memory_reservation", "shm_size"):
        return _size(value)
    if key == "cpus":
        return f"{value / 1e9:g}"
    return str(value) if isinstance(value, (str, int, float)) else json.dumps(value, sort_keys=True)


def _size(number: int) -> str:
    """Bytes in the largest unit that leaves no rest: `512m`."""
    for unit, power in (("g", 30), ("m", 20), ("k", 10)):
        if number and number % (1 << power) == 0:
            return f"{number >> power}{unit}"
    return str(number)


def _host(raw: Raw) -> Raw:
    return raw.get("HostConfig") or {}


def _image(name: Any) -> str:
    """Podman puts `localhost/` before the name of an image that has no registry."""
    return str(name or "").removeprefix("localhost/")


def _capabilities(values: Any) -> list[str]:
    names = {str(value).upper() for value in values or []}
    return sorted(name[4:] if name.startswith("CAP_") else name for name in names)


def _options(values: Any) -> list[str]:
    """`label:disable` and `label=disable` are one."""
    return sorted(str(value).replace(":", "=", 1) if "=" not in str(value) else str(value) for value in values or [])


def _restart_want(settings: Settings) -> list[Any]:
    return [settings.restart_policy, settings.restart_retries]


def _restart_have(raw: Raw) -> list[Any]:
    policy = _host(raw).get("RestartPolicy") or {}
    return [policy.get("Name") or "no", policy.get("MaximumRetryCount") or 0]


def _ports_want(settings: Settings) -> list[str]:
    return sorted(f"{port.host_ip}:{port.host_port or ''}->{port.container}" for port in settings.published_ports)


def _ports_have(raw: Raw) -> list[str]:
    bindings = _host(raw).get("PortBindings") or {}
    return sorted(
        f"{bound.get('HostIp') or '0.0.0.0'}:{_port(bound)}->{port}"  # noqa: S104 - the engine's word for all addresses
        for port, bounds in bindings.items()
        for bound in bounds or []
    )


def _port(bound: Mapping[str, Any]) -> str:
    port = str(bound.get("HostPort") or "")
    return "" if port == "0" else port


def _ulimits_want(settings: Settings) -> list[str]:
    return sorted(f"{limit.name}={limit.soft}:{limit.hard}" for limit in settings.ulimits)


def _ulimits_have(raw: Raw) -> list[str]:
    limits = _host(raw).get("Ulimits") or []
    return sorted(f"{limit.get('Name')}={limit.get('Soft')}:{limit.get('Hard')}" for limit in limits)


def _volumes_want(settings: Settings) -> list[str]:
    return sorted(str(volume) for volume in settings.volumes)


def _volumes_have(raw: Raw) -> list[str]:
    """Bind strings as they were given, and the targets of anonymous volumes."""
    anonymous = [
        f"{mount.get('Target')}{':ro' if mount.get('ReadOnly') else ''}"
        for mount in _host(raw).get("Mounts") or []
        if mount.get("Type") == "volume"
    ]
    return sorted([*(str(bind) for bind in _host(raw).get("Binds") or []), *anonymous])


def _devices_want(settings: Settings) -> list[str]:
    return sorted(f"{device.host_path}:{device.container_path}:{device.permissions}" for device in settings.devices)


def _devices_have(raw: Raw) -> list[str]:
    devices = _host(raw).get("Devices") or []
    return sorted(
        f"{device.get('PathOnHost')}:{device.get('PathInContainer')}:{device.get('CgroupPermissions')}"
        for device in devices
    )


def _veiled(values: Mapping[str, Any]) -> dict[str, str]:
    """Values that may be secrets, as digests: comparable, and fit for a label, a diff and a message."""
    digests = {key: hashlib.sha256(str(value).encode()).hexdigest()[:12] for key, value in values.items()}
    return {key: f"sha256:{digest}" for key, digest in digests.items()}


def _env_have(raw: Raw) -> dict[str, str]:
    pairs = (str(item).partition("=") for item in (raw.get("Config") or {}).get("Env") or [])
    return _veiled({key: value for key, _equals, value in pairs})


def _cpus_want(settings: Settings) -> Optional[int]:
    return None if settings.cpus is None else round(settings.cpus * 1e9)


def _pids_have(raw: Raw) -> Optional[int]:
    limit = _host(raw).get("PidsLimit")
    return limit if limit and limit > 0 else None


def _log_driver_have(raw: Raw) -> Any:
    return (_host(raw).get("LogConfig") or {}).get("Type") or None


def _log_options_have(raw: Raw) -> dict[str, str]:
    return _veiled((_host(raw).get("LogConfig") or {}).get("Config") or {})


def _exposed_have(raw: Raw) -> list[str]:
    return sorted((raw.get("Config") or {}).get("ExposedPorts") or {})


def _number(key: str) -> Callable[[Raw], Any]:
    return lambda raw: _host(raw).get(key) or None


def _items(key: str) -> Callable[[Raw], Any]:
    return lambda raw: list(_host(raw).get(key) or [])


def _extra_hosts_have(raw: Raw) -> list[str]:
    return sorted(str(item) for item in _host(raw).get("ExtraHosts") or [])


# key · what a difference means · config.yml's value · inspect's value
TABLE: tuple[Row, ...] = (
    Row("image", RECREATE, lambda s: _image(s.image), lambda raw: _image((raw.get("Config") or {}).get("Image"))),
    Row("restart_policy", MEND, _restart_want, _restart_have),
    Row("memory", MEND, lambda s: s.memory, _number("Memory")),
    Row("memory_reservation", MEND, lambda s: s.memory_reservation, _number("MemoryReservation")),
    Row("cpus", MEND, _cpus_want, _number("NanoCpus")),
    Row("pids_limit", MEND, lambda s: s.pids_limit if s.pids_limit and s.pids_limit > 0 else None, _pids_have),
    Row("shm_size", RECREATE, lambda s: s.shm_size, _number("ShmSize")),
    Row("privileged", RECREATE, lambda s: s.privileged, lambda raw: bool(_host(raw).get("Privileged"))),
    Row("env", RECREATE, lambda s: _veiled(s.env), _env_have, partial=True),
    Row("log_driver", RECREATE, lambda s: s.log_driver, _log_driver_have),
    Row("log_options", RECREATE, lambda s: _veiled(s.log_options), _log_options_have, partial=True),
    Row("exposed_ports", RECREATE, lambda s: sorted(map(str, s.exposed_ports)), _exposed_have, partial=True),
    Row("published_ports", RECREATE, _ports_want, _ports_have),
    Row("devices", RECREATE, _devices_want, _devices_have),
    Row("sysctls", RECREATE, lambda s: dict(s.sysctls), lambda raw: dict(_host(raw).get("Sysctls") or {}),
        partial=True),
    Row("ulimits", RECREATE, _ulimits_want, _ulimits_have, partial=True),
    Row("volumes", RECREATE, _volumes_want, _volumes_have, partial=True),
    Row("docker_security_opts", RECREATE, lambda s: _options(s.security_opts),
        lambda raw: _options(_host(raw).get("SecurityOpt")), partial=True),
    Row("docker_cap_add", RECREATE, lambda s: _capabilities(s.cap_add),
        lambda raw: _capabilities(_host(raw).get("CapAdd"))),
    Row("docker_cap_drop", RECREATE, lambda s: _capabilities(s.cap_drop),
        lambda raw: _capabilities(_host(raw).get("CapDrop"))),
    Row("dns", RECREATE, lambda s: list(s.dns), _items("Dns")),
    Row("dns_search", RECREATE, lambda s: list(s.dns_search), _items("DnsSearch")),
    Row("extra_hosts", RECREATE, lambda s: sorted(s.extra_hosts), _extra_hosts_have),
    Row("cgroup_parent", RECREATE, lambda s: s.cgroup_parent, lambda raw: _host(raw).get("CgroupParent") or None),
)  # fmt: skip

ROWS = {row.key: row for row in TABLE}
EMPTY: tuple[Any, ...] = (None, [], {}, "", False)
# An update of these to "no limit" is no update for the engine: 0 means "leave as it is" there.
NOT_LIFTED = frozenset({"memory", "memory_reservation", "cpus"})
# config.yml spells two keys for one list of mounts, and two for one environment.
SPELLINGS = {"volumes": ("volumes", "local_source_directories"), "env": ("env", "env_file")}


def applied_values(settings: Settings) -> dict[str, Any]:
    """What creation applies, key by key: what the label records. Only what is said, so that defaults stay free."""
    return {row.key: row.want(settings) for row in TABLE if _declared(row.key, settings)}


def _declared(key: str, settings: Settings) -> bool:
    return key == "image" or any(name in settings.declared for name in SPELLINGS.get(key, (key,)))


def drift_of(settings: Settings, applied: Mapping[str, Any], raw: Raw) -> list[Drift]:
    """All differences of one container, in the table's order. *applied* is empty for a node that we did not make."""
    found = []
    for row in TABLE:
        drift = _one(row, settings, applied, raw)
        if drift:
            found.append(drift)
    return found


def _one(row: Row, settings: Settings, applied: Mapping[str, Any], raw: Raw) -> Optional[Drift]:
    wanted, have, before = row.want(settings), row.have(raw), applied.get(row.key)
    declared = _declared(row.key, settings)
    if not declared and before in EMPTY:
        return None
    if row.partial:
        if _contains(have, wanted) and not _left_over(have, wanted, before):
            return None
    elif have == wanted or (wanted in EMPTY and (have in EMPTY or have != before)):
        return None
    verdict = RECREATE if row.key in NOT_LIFTED and wanted is None else row.verdict
    return Drift(row.key, verdict, wanted, _shown(row, have, wanted, before))


def _contains(have: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return all(have.get(key) == value for key, value in wanted.items())
    return set(wanted) <= set(have)


def _left_over(have: Any, wanted: Any, before: Any) -> bool:
    """Something that we once applied, is no longer wanted, and is still there."""
    if not before:
        return False
    if isinstance(before, Mapping):
        return any(key not in wanted and have.get(key) == value for key, value in before.items())
    return any(item not in wanted and item in have for item in before)


def _shown(row: Row, have: Any, wanted: Any, before: Any) -> Any:
    """What a message shows of the daemon's side: not the parts that are the engine's own."""
    if not row.partial:
        return have
    relevant = [*wanted, *(before or [])]
    if isinstance(have, Mapping):
        return {key: have[key] for key in relevant if key in have}
    return sorted({item for item in have if item in relevant})
