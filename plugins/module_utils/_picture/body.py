# SPDX-License-Identifier: GPL-3.0-or-later
"""The body of the module cluster_diagram: config.yml and what is there → picture → file."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Mapping, Optional, Sequence

from .._cluster.info import body as look
from .._directory import document
from .._directory.config_file import read_file, read_text
from .._entry import Run
from .._errors import DaemonError, PlatformError
from .._spec.load import read_config
from .._spec.parse import parse_config
from . import graphviz
from .dot import MARK, to_dot
from .mermaid import to_mermaid
from .model import Picture, picture_of

DEFAULT = "diagram.svg"
KINDS = {".svg": "svg", ".png": "png", ".dot": "dot", ".gv": "dot", ".mmd": "mermaid", ".mermaid": "mermaid"}


def body(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """One run of the module."""
    root = os.path.abspath(params["cluster_dir"])
    kind = kind_of(params["path"] or DEFAULT)
    cluster = parse_config(read_config(read_text(root)), root, read_file)
    path = document.target(root, params["path"], DEFAULT, MARK.encode())
    picture = picture_of(cluster, seen(params, run) if params["live"] else None)
    content = rendered(picture, kind, run)
    changed = document.read(path) != content
    if changed and not run.check_mode:
        document.write(path, content, 0o644)
    return {
        "changed": changed,
        "path": path,
        "format": kind,
        "live": picture.live,
        "summary": f"Cluster {cluster.name} as a picture ({picture.subtitle}): {path}",
    }


def kind_of(path: str) -> str:
    """What to write, by the file's ending."""
    kind = KINDS.get(os.path.splitext(path)[1].lower())
    if kind is None:
        raise PlatformError(
            f"{path} has no ending that says what to write.", "Use .svg, .png, .mmd (Mermaid) or .dot (Graphviz)."
        )
    return kind


def seen(params: Mapping[str, Any], run: Run) -> Optional[Sequence[Mapping[str, Any]]]:
    """The nodes as they are, or None, said as a warning, where the daemon does not answer."""
    try:
        found: Sequence[Mapping[str, Any]] = look(dict(params), replace(run, warn=lambda _text: None))["instances"]
        return found
    except DaemonError as error:
        run.warn(f"Only what config.yml says is drawn, not how the nodes are. {error}")
        return None


def rendered(picture: Picture, kind: str, run: Run) -> bytes:
    """The file's content."""
    if kind == "mermaid":
        return to_mermaid(picture).encode()
    text = to_dot(picture)
    if kind == "dot":
        return text.encode()
    if kind == "svg":
        return (graphviz.svg(picture, text, run.run_command) + "\n").encode()
    return graphviz.drawn(text, kind, run.run_command)
