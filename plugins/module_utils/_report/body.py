# SPDX-License-Identifier: GPL-3.0-or-later
"""The body of the module cluster_report: look, take secrets out, lay out, write."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from typing import Any, Mapping, Optional

from .._cluster import timeline
from .._cluster.info import body as look
from .._cluster.job import record_directory
from .._directory import document
from .._directory.config_file import read_file, read_text
from .._entry import Run
from .._errors import DaemonError, PlatformError
from .._picture import graphviz
from .._picture.dot import to_dot
from .._picture.model import picture_of
from .._spec.load import read_config
from .._spec.model import Cluster
from .._spec.parse import parse_config
from . import gather
from .archive import MARK as ARCHIVE_MARK
from .archive import archive
from .model import Journal, Report, Step, drift_of, findings_of, rows_of
from .page import MARK, page
from .secrets import Veil, of_config, of_environment

DEFAULT = "report.html"
ENDINGS = (".html", ".htm")
MODE = 0o600  # the owner decides who may read it
STAMP = "%Y-%m-%d %H:%M UTC"


def body(params: dict[str, Any], run: Run) -> dict[str, Any]:
    """One run of the module."""
    root = os.path.abspath(params["cluster_dir"])
    data = read_config(read_text(root))
    cluster = parse_config(data, root, read_file)
    paths = _targets(root, params)
    now = time.time()
    report = gathered(data, cluster, params, run, now)
    text = page(report)
    contents = [text.encode("utf-8", "replace")]
    if params["archive"]:
        contents.append(archive(report, text, now))
    for path, content in zip(paths, contents) if not run.check_mode else ():
        document.write(path, content, MODE)
    well = sum(1 for node in report.nodes if node.well)
    return {
        "changed": True,
        "path": paths[0],
        "archive": paths[1] if params["archive"] else "",
        "size": len(contents[0]),
        "summary": f"Report of cluster {cluster.name}, {well} of {len(report.nodes)} nodes well: {', '.join(paths)}",
    }


def _targets(root: str, params: Mapping[str, Any]) -> list[str]:
    said = params["path"]
    if said and os.path.splitext(said)[1].lower() not in ENDINGS:
        raise PlatformError(f"{said} does not end in .html, and a report is a page.", "Name a file that does.")
    paths = [document.target(root, said, DEFAULT, MARK.encode())]
    if params["archive"]:
        beside = os.path.splitext(said or DEFAULT)[0] + ".tar.gz"
        paths.append(document.target(root, beside if said else None, beside, ARCHIVE_MARK.encode()))
    return paths


def gathered(data: Mapping[str, Any], cluster: Cluster, params: Mapping[str, Any], run: Run, now: float) -> Report:
    """All of it. What cannot be had is said in the report; it never fails for that."""
    root = os.path.abspath(params["cluster_dir"])
    result, unread = _nodes(params, run)
    with gather.daemons(cluster, params) as connected:
        seen = gather.look(cluster, connected, result.get("instances") or [], params["journals"])
    veil = _veil(root, data, cluster, seen.environments)
    kept = timeline.read(record_directory(params.get("record_dir"), root, cluster.name))
    hosts = {one.name: one.host for one in cluster.instances} if cluster.hosts else {}
    checked = params["checked"] or {}
    return Report(
        cluster=cluster.name,
        made=time.strftime(STAMP, time.gmtime(now)),
        architecture=cluster.architecture,
        nodes=tuple(rows_of(result.get("instances") or _planned(cluster), hosts, seen.health)),
        findings=findings_of(params["findings"] or [], veil),
        checks_ran=len(checked.get("ran") or []),
        not_run=tuple((str(name), veil(str(why))) for name, why in (checked.get("not_run") or {}).items()),
        drift=drift_of(result, veil),
        steps=tuple(Step(**step) for step in (kept or {}).get("steps", [])),
        run_ended=time.strftime(STAMP, time.gmtime(kept["ended"])) if kept and 0 < kept["ended"] < 1e11 else "",
        journals=tuple(_journals(seen, kept, result, veil, params["journals"])),
        versions=tuple(_versions(seen, veil)),
        unread=tuple(dict.fromkeys(veil(text) for text in (*unread, *seen.unread))),
        svg=_picture(cluster, result.get("instances"), run),
    )


def _nodes(params: Mapping[str, Any], run: Run) -> tuple[dict[str, Any], list[str]]:
    try:
        return look(dict(params), replace(run, warn=lambda _text: None)), []
    except DaemonError as error:
        return {}, [str(error)]


def _planned(cluster: Cluster) -> list[dict[str, Any]]:
    return [
        {"name": one.name, "node": one.node, "role": one.role, "location": one.location, "image": one.settings.image}
        for one in cluster.instances
    ]


def _veil(root: str, data: Mapping[str, Any], cluster: Cluster, environments: list[str]) -> Veil:
    values, named = of_config(data)
    pairs = [f"{key}={value}" for one in cluster.instances for key, value in one.settings.env.items()]
    more, more_named = of_environment([*pairs, *environments])
    try:
        with open(os.path.join(root, "vault", "vault_pass.txt"), encoding="utf-8") as file:
            more_named.append(file.read().strip())
    except (OSError, ValueError):
        pass
    return Veil([*values, *more], [*named, *more_named])


def _journals(
    seen: gather.Seen, kept: Optional[Mapping[str, Any]], result: Mapping[str, Any], veil: Veil, wanted: bool
) -> list[Journal]:
    """What nodes say that are not well, and what the last provision said of those that failed."""
    if not wanted:
        return []
    found = [Journal(node, title, veil(text)) for node, title, text in seen.journals]
    well = {item.get("name") for item in result.get("instances") or [] if item.get("status") == "running"}
    well -= {journal.node for journal in found}
    for node in (kept or {}).get("nodes", []):
        if node["error"] and node["name"] not in well:
            found.append(Journal(node["name"], "what the last provision said", veil(node["error"])))
    return found


def _versions(seen: gather.Seen, veil: Veil) -> list[tuple[str, str]]:
    found = list(gather.own_versions().items())
    for host, engine in seen.engines.items():
        prefix = f"{host}: " if len(seen.engines) > 1 else ""
        found += [(prefix + name, value) for name, value in engine.items()]
    found += [(f"image {name}", value) for name, value in seen.images.items()]
    return [(name, veil(value)) for name, value in found]


def _picture(cluster: Cluster, instances: Any, run: Run) -> str:
    picture = picture_of(cluster, instances)
    try:
        return graphviz.svg(picture, to_dot(picture), run.run_command)
    except PlatformError:
        return ""
