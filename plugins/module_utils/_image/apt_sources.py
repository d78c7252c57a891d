# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine's own apt sources: from where it gets its packages, a bootstrap gets them too. Pure, but for `read`."""

from __future__ import annotations

import glob
import os
import re
import shlex
from dataclasses import dataclass, replace

SUFFIXES = ("", "-updates", "-security")


@dataclass(frozen=True)
class Source:
    """One archive: `deb [signed-by=…] uri suite components`."""

    uri: str
    suite: str
    components: tuple[str, ...]
    signed_by: str = ""

    def line(self) -> str:
        """As a line of sources.list."""
        options = f"[signed-by={self.signed_by}] " if self.signed_by else ""
        return f"deb {options}{self.uri} {self.suite} {' '.join(self.components)}".rstrip()


def without_password(line: str) -> str:
    """An address, or a line with one, fit for a label. A password may have an @ in it."""
    return re.sub(r"://[^/\s]+@", "://", line)


def parse_list(text: str) -> list[Source]:
    """The one-line format. Source packages and commented lines are left out."""
    found = []
    for raw in text.splitlines():
        match = re.match(r"^\s*deb\s+(?:\[(?P<options>[^\]]*)\]\s*)?(?P<rest>[^#\[]+)", raw)
        if not match:
            continue
        words = match.group("rest").split()
        if len(words) < 2:
            continue
        options = dict(item.split("=", 1) for item in shlex.split(match.group("options") or "") if "=" in item)
        found.append(Source(words[0], words[1], tuple(words[2:]), options.get("signed-by", "")))
    return found


def parse_deb822(text: str) -> list[Source]:
    """The stanza format. A key written into the stanza itself is left out: mmdebstrap finds the distribution's."""
    found = []
    for stanza in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
        fields = {
            key.lower(): " ".join(value.split())
            for key, value in re.findall(r"(?m)^([A-Za-z0-9-]+):(.*(?:\n[ \t].*)*)", stanza)
        }
        if fields.get("enabled", "yes").lower() in ("no", "false") or "deb" not in fields.get("types", "").split():
            continue
        signed_by = fields.get("signed-by", "")
        signed_by = signed_by if re.fullmatch(r"/\S+", signed_by) else ""
        components = tuple(fields.get("components", "").split())
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                found.append(Source(uri, suite, components, signed_by))
    return found


def read(etc: str = "/etc/apt") -> list[Source]:
    """Every enabled source of this machine."""
    found: list[Source] = []
    names = [os.path.join(etc, "sources.list")]
    names += sorted(glob.glob(os.path.join(etc, "sources.list.d", "*.list")))
    names += sorted(glob.glob(os.path.join(etc, "sources.list.d", "*.sources")))
    for name in names:
        try:
            with open(name, encoding="utf-8", errors="replace") as handle:
                text = handle.read()
        except OSError:
            continue
        found += parse_deb822(text) if name.endswith(".sources") else parse_list(text)
    return found


def for_release(sources: list[Source], codename: str) -> list[Source]:
    """Those of one release, its updates and its security fixes; empty when the release itself is not among them.

    Only archives of the distribution itself: a third party's repository may use the same suite names, but is known
    by having no `main`.
    """
    wanted = [codename + suffix for suffix in SUFFIXES]
    mine = [source for source in sources if source.suite in wanted and "main" in source.components]
    homes = {source.uri.rstrip("/") for source in mine if source.suite == codename}
    updates = {source.uri.rstrip("/") for source in mine if source.suite == f"{codename}-updates"}
    # an archive with a suite and its -updates is the distribution's; others with `main` may be third parties
    base = [uri for uri in homes if not updates or uri in updates]
    if not base:
        return []
    kept = [source for source in mine if source.suite != codename or source.uri.rstrip("/") in base]
    return [replace(source, signed_by=source.signed_by if os.path.exists(source.signed_by) else "") for source in kept]
