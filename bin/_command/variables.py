# SPDX-License-Identifier: GPL-3.0-or-later
"""Words from the command line as Ansible's extra variables, without any of them being evaluated."""

from __future__ import annotations

import json
from typing import Any

from .errors import UsageError, quoted


def extra_variables(variables: dict[str, Any]) -> str:
    """*variables* as a value of -e in which no text is ever taken for a template."""
    pairs = (f"{_quoted(name)}: {_unsafe(value)}" for name, value in variables.items())
    return "{" + ", ".join(pairs) + "}"


def _unsafe(value: Any) -> str:
    if isinstance(value, str):
        return f"!unsafe {_quoted(value)}"
    if isinstance(value, list):
        return "[" + ", ".join(_unsafe(item) for item in value) + "]"
    return json.dumps(value)


def _quoted(text: str) -> str:
    """A YAML double-quoted scalar in ASCII; JSON's surrogate pairs would be two characters to YAML."""

    def one(character: str) -> str:
        number = ord(character)
        if 0xD800 <= number <= 0xDFFF:
            raise UsageError(f"Use names in UTF-8: {quoted(text)} is not.")
        if character in '"\\':
            return f"\\{character}"
        return character if 32 <= number < 127 else f"\\U{number:08x}"

    return '"' + "".join(one(character) for character in text) + '"'
