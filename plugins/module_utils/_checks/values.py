# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what others wrote: whatever the type, the answer is a plain value or "unknown", never an exception."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, Optional, Union

IpNetwork = Union[IPv4Network, IPv6Network]
LONGEST = 4096
_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "p": 10**15}
_BINARY = {"": 1, "k": 2**10, "m": 2**20, "g": 2**30, "t": 2**40, "p": 2**50}


def text(value: Any, longest: int = LONGEST) -> str:
    """A string without what could steer a terminal; "" for any other type."""
    if not isinstance(value, str):
        return ""
    cut = value[:longest].encode("utf-8", "replace").decode("utf-8")
    return "".join(char if char.isprintable() or char in "\n\t" else "?" for char in cut)


def flag(value: Any) -> Optional[bool]:
    """A boolean; None (unknown) for any other type, and for a field that is not there: absent is not false."""
    return value if isinstance(value, bool) else None


def number(value: Any) -> Optional[int]:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def texts(value: Any) -> tuple[str, ...]:
    items = value if isinstance(value, (list, tuple)) else ()
    return tuple(text(item) for item in items if isinstance(item, str))


def mapping(value: Any) -> dict[str, Any]:
    return {key: item for key, item in value.items() if isinstance(key, str)} if isinstance(value, dict) else {}


def sequence(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []


def pairs(value: Any) -> dict[str, str]:
    """`[["key", "value"], …]` as `/info` writes DriverStatus; rows of another shape are left out."""
    rows = [row for row in sequence(value) if isinstance(row, (list, tuple)) and len(row) == 2]
    return {text(row[0]): text(row[1]) for row in rows if isinstance(row[0], str) and isinstance(row[1], str)}


def version(value: Any) -> tuple[int, ...]:
    """`20.10.24+dfsg1` → (20, 10, 24); () when there is no number at the front."""
    match = re.match(r"v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?", text(value))
    return tuple(int(part) for part in match.groups() if part) if match else ()


def size(value: Any, binary: bool = False) -> Optional[int]:
    """`65.54kB` → 65540 (the engine's decimal text); with *binary*, `512m` → 512 MiB (config.yml's)."""
    match = re.match(r"^\s*(\d{1,15}(?:\.\d{1,9})?)\s*([kmgtp]?)(i?)b?\s*$", text(value), re.IGNORECASE)
    if not match:
        return None
    units = _BINARY if binary or match.group(3) else _UNITS
    return int(float(match.group(1)) * units[match.group(2).lower()])


def epoch(value: Any) -> Optional[float]:
    """`2026-11-23T23:36:36.837544199Z` → seconds since 1970."""
    match = re.match(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$", text(value))
    if not match:
        return None
    zone = "+00:00" if match.group(3) == "Z" else match.group(3)
    try:
        moment = datetime.fromisoformat(match.group(1) + zone).astimezone(timezone.utc)
        return moment.timestamp() + float(match.group(2) or 0)
    except (ValueError, OverflowError):
        return None


def subnet(value: Any) -> Optional[IpNetwork]:
    try:
        return ip_network(text(value), strict=False)
    except ValueError:
        return None


def without_password(url: str) -> str:
    """A proxy's address as it may be shown."""
    return re.sub(r"//[^/]*@", "//***@", text(url))


def human(count: float) -> str:
    """Bytes for people: `12.3 GiB`."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(count) < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
