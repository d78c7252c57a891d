# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge to Graphviz: its program `dot` makes SVG and PNG of a picture's text."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from typing import Callable

from .._errors import PlatformError
from .dot import MARK, escaped
from .model import Picture

PROGRAM = "dot"
OPTIONS = {"svg": ["-Tsvg"], "png": ["-Tpng", "-Gdpi=144"]}
INSTALL = (
    "Install the package graphviz (sudo apt-get install graphviz, or sudo dnf install graphviz). "
    "A picture as text needs nothing: --output FILE.mmd for Mermaid, --output FILE.dot for Graphviz."
)

Command = Callable[..., tuple[int, str, str]]


AS_TEXT = "Mend what it says, or have it as text: --output FILE.mmd (Mermaid) or FILE.dot."


def available() -> bool:
    """Graphviz is installed."""
    return shutil.which(PROGRAM) is not None


def drawn(text: str, kind: str, run_command: Command) -> bytes:
    """The picture that Graphviz makes of *text*; *kind* is svg or png."""
    if not available():
        raise PlatformError("Graphviz, which draws pictures, is not installed: there is no program dot.", INSTALL)
    with tempfile.TemporaryDirectory(prefix="tpaexec-diagram-") as folder:
        target = os.path.join(folder, "picture")
        code, _out, said = run_command([PROGRAM, *OPTIONS[kind], "-o", target], data=text)
        if code or not os.path.exists(target):
            reason = (said.strip().splitlines() or [f"exit code {code}"])[-1]
            raise PlatformError(f"Graphviz could not draw the picture as {kind}: {reason}.", AS_TEXT)
        with open(target, "rb") as file:
            return file.read()


def svg(picture: Picture, text: str, run_command: Command) -> str:
    """One SVG element that can stand in a page: a title for who hears it, and no names of Graphviz's own."""
    raw = drawn(text, "svg", run_command).decode("utf-8")
    body = raw[raw.index("<svg") :]
    body = re.sub(r"<title>[^<]*</title>\n?|<!--.*?-->\n?", "", body, flags=re.DOTALL)
    title = f"<title>{escaped(f'Cluster {picture.cluster}, {picture.subtitle}')}</title>"
    opening = re.compile(r"<svg ([^>]*)>")
    return opening.sub(lambda match: f'<svg role="img" {match[1]}>\n<!-- {MARK} -->\n{title}', body, count=1)
