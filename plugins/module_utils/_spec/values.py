# SPDX-License-Identifier: GPL-3.0-or-later
"""Parsers of values that many keys have: texts, numbers, maps. Each returns the value parsed, or raises BadValue."""

from __future__ import annotations

import datetime
import re
from typing import Any, Callable, Mapping, Optional

from .problems import BadValue, show

LARGEST = 2**63 - 1


def text(value: Any) -> str:
    """One line of text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise BadValue(f"Text is needed, not {show(value)}.")
    return one_line(value)


def one_line(value: str) -> str:
    """The text, if it can stand in a file of ours and in an argument of the engine."""
    if any(ord(char) < 32 or ord(char) == 127 or 0xD800 <= ord(char) <= 0xDFFF for char in value):
        raise BadValue(f"{show(value)} has a line break or a control character.", "Write it on one line.")
    return value


def label_value(value: Any) -> str:
    """A label's, a tag's or an option's value: any plain value, as YAML writes it."""
    if isinstance(value, str):
        return one_line(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if isinstance(value, float) or (isinstance(value, int) and value.bit_length() <= 64):
        return str(value)
    raise BadValue(f"A text or a number is needed, not {show(value)}.")


def string_map(value: Any, parse: Callable[[Any], str] = label_value) -> dict[str, str]:
    """A map of names to texts; *parse* makes the text of each value."""
    if not isinstance(value, dict):
        raise BadValue(f"A map of names to values is needed, not {show(value)}.", "Write it as `NAME: VALUE` lines.")
    result: dict[str, str] = {}
    found: list[BadValue] = []
    for key, item in value.items():
        try:
            name = _map_key(key)
        except BadValue as bad:
            found.append(bad)
            continue
        try:
            result[name] = parse(item)
        except BadValue as bad:
            found.append(BadValue(bad.message, bad.remedy, f".{name}{bad.below}"))
    if found:
        found[0].others = found[1:]
        raise found[0]
    return result


def _map_key(key: Any) -> str:
    if isinstance(key, (str, int)) and not isinstance(key, bool) and show(key) != "a huge number" and str(key).strip():
        return one_line(str(key))
    raise BadValue(f"{show(key)} cannot be a name.", "Write it as a word, in quotes if need be.")


def boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else value
    if word in ("yes", "true", "on"):
        return True
    if word in ("no", "false", "off"):
        return False
    raise BadValue(f"true or false is needed, not {show(value)}.")


def whole_number(value: Any, least: int = 0, most: int = LARGEST) -> int:
    """An integer between the bounds; digits in quotes count, since Jinja makes them of numbers."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value.strip(), re.ASCII):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadValue(f"A whole number is needed, not {show(value)}.")
    if not least <= value <= most:
        span = f"between {least} and {most}" if most < LARGEST else f"{least} or more"
        raise BadValue(f"{show(value)} is out of range: it must be {span}.")
    return value


def finding_id(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*", value, re.ASCII):
        raise BadValue(f"{show(value)} is no id of a finding.", "Ids are in capitals, such as LOOP_LVM.")
    return value


def day(value: Any) -> str:
    """A date, as YYYY-MM-DD."""
    if isinstance(value, datetime.datetime):
        value = value.date()
    if isinstance(value, datetime.date):
        return value.isoformat()
    try:
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
            return datetime.date(*(int(part) for part in value.split("-"))).isoformat()
    except ValueError:
        pass
    raise BadValue(f"{show(value)} is no day.", "Write it as YYYY-MM-DD.")


def first_repeated(names: list[str]) -> Optional[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return None


def mapping(value: Any) -> Mapping[str, Any]:
    """A map, its keys looked at by whoever reads it."""
    if not isinstance(value, dict):
        raise BadValue(f"A map is needed, not {show(value)}.")
    return value
