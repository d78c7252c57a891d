# SPDX-License-Identifier: GPL-3.0-or-later
"""links.py DIR: every link inside a site of HTML pages leads to a file, and to an anchor, that is there."""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """The links and the anchors of one page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.anchors |= {name for name in (found.get("id"), found.get("name")) if name}
        for key in ("href", "src"):
            if tag != "base" and found.get(key):
                self.links.append(str(found[key]))


def broken(site: Path) -> list[str]:
    """One line a link that leads nowhere."""
    pages = {path: Page(path) for path in sorted(site.resolve().rglob("*.html"))}
    said = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                said.append(f"{path.name}: {link}: there is no such file")
            elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].anchors:
                said.append(f"{path.name}: {link}: there is no such anchor")
    return said if pages else [f"{site}: there is no page"]


if __name__ == "__main__":
    found = broken(Path(sys.argv[1]))
    print("\n".join(found), file=sys.stderr, end="\n" if found else "")
    sys.exit(1 if found else 0)
