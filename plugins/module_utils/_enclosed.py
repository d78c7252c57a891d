# SPDX-License-Identifier: GPL-3.0-or-later
"""A command that a shell script of ours runs: by a word at the end of each stream it is known that nothing is missing.

The standard input cannot be closed on every line (TLS closes both directions), so it is counted: one line, a password
or empty, and as many bytes as there are. `read` takes no byte too many.
"""

from __future__ import annotations

import re
from typing import Any, Optional, Sequence

RUN = 'end=$1; shift 2; "$@"; code=$?; printf %s "$end"; printf %s "$end" >&2; exit $code'
FEED = (
    'end=$1 count=$2; shift 2; { IFS= read -r line; [ -z "$line" ] || printf "%s\\n" "$line"; [ "$count" = 0 ] || '
    'head -c "$count"; } | { "$@"; code=$?; printf %s "$end"; printf %s "$end" >&2; exit $code; }'
)
NOT_STARTED = re.compile(rb"OCI runtime exec failed|unable to find user|no such file or directory|not found")


def enclosed(command: Sequence[str], end: str, count: Optional[int] = None) -> list[str]:
    """*command*, after which both streams say *end*. It gets *count* bytes after the first line; None: no input."""
    return ["/bin/sh", "-c", RUN if count is None else FEED, "sh", end, str(count or 0), *command]


class Heard:
    """One stream of a command, which ends with the word *end*; that is not part of it. *sink*: a file that takes it."""

    def __init__(self, end: str, sink: Optional[Any] = None) -> None:
        self._end, self._sink, self._data, self.whole = end.encode(), sink, bytearray(), False

    def add(self, data: bytes) -> None:
        new = max(0, len(self._data) - len(self._end))
        self._data += data
        at = -1 if self.whole else self._data.find(self._end, new)
        if at >= 0:  # what comes later is of processes that it left behind
            del self._data[at : at + len(self._end)]
            self.whole = True
        if self._sink:
            kept = 0 if self.whole else len(self._end)  # it may have begun
            self._sink.write(self._data[: max(0, len(self._data) - kept)])
            del self._data[: max(0, len(self._data) - kept)]

    def forget(self, before: bytes = b"") -> None:
        """What it said until now, or before this word."""
        del self._data[: max(0, self._data.find(before)) if before else len(self._data)]

    @property
    def text(self) -> bytes:
        return bytes(self._data)


def is_whole(code: int, *heard: Heard) -> bool:
    """Whether all was heard of a command that ended with *code*; of one that could not be started there is no more."""
    if all(one.whole for one in heard):
        return True
    return code in (126, 127) and bool(NOT_STARTED.search(b"".join(one.text for one in heard)))
