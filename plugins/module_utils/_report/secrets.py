# SPDX-License-Identifier: GPL-3.0-or-later
"""What no report may say: which values of a cluster are secrets, and text without them. Pure.

What a report shows of config.yml and of the daemon is chosen field by field. Free text (journals, errors, findings) is
not ours to choose: from that, every value that may be a secret is taken out, and what looks like one.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus

HIDDEN = "(hidden)"
# A value of at least so many characters is taken out wherever it stands; a shorter one only as a word of its own, and
# only if its key says that it is a secret: else half the words of a journal would go.
LONG, SHORT = 6, 3
KEY = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|credential|api[_-]?key|private[_-]?key|access[_-]?key"
    r"|authori[sz]ation)"
)
# What systemd, images and our own recipe put into every environment: words such as "docker" are no secrets.
HARMLESS = frozenset(("container", "PATH", "HOME", "LANG", "LC_ALL", "TERM", "TZ", "HOSTNAME", "SHELL", "USER"))
_SECRET_KEY = re.compile(KEY, re.IGNORECASE)
_PATTERNS = (
    (re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY.*?(?:-----END [A-Z0-9 ]*-----|\Z)", re.DOTALL), HIDDEN),
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/@]+@", re.IGNORECASE), rf"\1{HIDDEN}@"),
    (re.compile(r"\b(bearer)\s+[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    # Not the `Basic System` that systemd reaches.
    (re.compile(r"\b(basic)\s+(?=\S*[0-9=])[A-Za-z0-9+/=]{6,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    (
        re.compile(
            rf"([\w.-]*{KEY}[\w.-]*[\"']?\s*(?:[:=]|\bis\b)\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&)}}\]]+)", re.IGNORECASE
        ),
        rf"\1{HIDDEN}",
    ),
    # How drift tells two values of env apart: a short secret could be guessed from it.
    (re.compile(r"\bsha256:[0-9a-f]{12}\b"), HIDDEN),
)


class Veil:
    """Takes secrets out of texts. *values* may be anything that was found where secrets may stand."""

    def __init__(self, values: Iterable[str] = (), named: Iterable[str] = ()) -> None:
        """*named* are those whose key says that they are secrets: of them the short ones count, too."""
        long, words = set(), set()
        for value in values:
            long |= {form for form in _forms(value) if len(form) >= LONG}
        for value in named:
            long |= {form for form in _forms(value) if len(form) >= LONG}
            words |= {value} if SHORT <= len(value) < LONG else set()
        parts = [re.escape(value) for value in sorted(long, key=len, reverse=True)]
        parts += [rf"(?<!\w){re.escape(value)}(?!\w)" for value in sorted(words, key=len, reverse=True)]
        self._known = re.compile("|".join(parts)) if parts else None

    def __call__(self, text: str) -> str:
        """*text* with `(hidden)` in place of every secret."""
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        for pattern, instead in _PATTERNS:
            text = pattern.sub(instead, text)
        return text


def _forms(value: str) -> set[str]:
    """The value as journals write it: plain, line by line, and as JSON and addresses escape it."""
    lines = [line.strip() for line in value.splitlines()]
    return {value, value.strip(), *lines, json.dumps(value)[1:-1], quote(value, safe=""), quote_plus(value)}


def of_config(data: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """The values of config.yml that may be secrets, and those that are said to be.

    All of env, of build arguments and of log options, whatever they are called; anywhere else, what a key calls one.
    """
    values: list[str] = []
    named: list[str] = []
    for path, value in _leaves(data):
        keys = [part.lower() for part in path]
        if any(_SECRET_KEY.search(part) for part in keys):
            named.append(value)
        elif path[-1] in HARMLESS:
            continue
        elif any(part in ("env", "log_options") or part.endswith("args") for part in keys):
            values.append(value)
    return values, named


def of_environment(pairs: Iterable[str]) -> tuple[list[str], list[str]]:
    """The same of `NAME=value` lines: of a container, or of an env_file."""
    values: list[str] = []
    named: list[str] = []
    for pair in pairs:
        name, _equals, value = pair.partition("=")
        if name not in HARMLESS:
            (named if _SECRET_KEY.search(name) else values).append(value)
    return values, named


def _leaves(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, (*path, str(key)))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _leaves(item, path)
    elif value is not None and not isinstance(value, bool):
        text = str(value)
        name, equals, rest = text.partition("=")
        # env and build arguments may be lists of NAME=value
        if equals and re.fullmatch(r"\w+", name):
            yield (*path, name), rest
        yield path, text
