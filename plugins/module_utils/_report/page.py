# SPDX-License-Identifier: GPL-3.0-or-later
"""A Report as one HTML page that needs nothing else: no script, no network. Pure; every text is escaped here."""

from __future__ import annotations

from html import escape
from typing import Iterable, Iterator

from .._picture.model import MEANS
from .chart import chart
from .model import SEVERITIES, NodeRow, Report
from .style import sheet

MARK = "tpaexec report"
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
NO_PICTURE = "There is no picture: Graphviz (package graphviz) is not installed where this report was made."
NO_RUN = "No provision with steps is on record in this cluster directory."
NO_JOURNALS = "Every node that was looked at is well: there is no journal to read."
PROMISE = (
    "Chosen facts only: no key, password, environment, build argument or variable of config.yml is in it. In journals "
    "and messages, values that may be secrets were taken out; they are text of your own services: read them before you "
    "send this."
)


def page(report: Report) -> str:
    """The whole document."""
    title = f"Cluster {report.cluster}: report of {report.made}"
    return "\n".join(
        [
            "<!DOCTYPE html>",
            f"<!-- {MARK} -->",
            '<html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            '<meta name="referrer" content="no-referrer">',
            f"<title>{escape(title)}</title>",
            f"<style>{sheet()}</style></head><body>",
            *_header(report),
            "<main>",
            *_sections(report),
            "</main>",
            f"<footer><p>{escape(PROMISE)}</p></footer>",
            "</body></html>",
            "",
        ]
    )


def _header(report: Report) -> Iterator[str]:
    about = " · ".join(part for part in (f"Report of {report.made}", report.architecture, _nodes(report)) if part)
    yield f"<header><h1>Cluster {escape(report.cluster)}</h1>"
    yield f'<p class="faint">{escape(about)}</p><ul class="chips">'
    yield from (f'<li class="{kind}">{escape(text)}</li>' for kind, text in chips(report))
    yield "</ul></header>"


def _nodes(report: Report) -> str:
    return f"{len(report.nodes)} node{'' if len(report.nodes) == 1 else 's'}"


def chips(report: Report) -> list[tuple[str, str]]:
    """The verdict in a line: class and text."""
    well = sum(1 for node in report.nodes if node.well)
    found = [("good" if well == len(report.nodes) else "bad", f"{well} of {len(report.nodes)} nodes well")]
    for severity in SEVERITIES[:2]:
        count = report.count(severity)
        if count:
            found.append((severity, f"{count} {severity}{'' if count == 1 else 's'}"))
    if not report.findings or not (report.count("error") or report.count("warning")):
        found.append(("good", "preflight clean") if report.checks_ran else ("off", "no preflight"))
    found.append(("warning", "drift") if report.drift else ("good", "no drift"))
    if report.unread:
        found.append(("bad", "not all could be read"))
    return found


def _sections(report: Report) -> Iterator[str]:
    for text in report.unread:
        yield f'<div class="finding error"><h3>Could not be read</h3><p>{escape(text)}</p></div>'
    yield "<h2>Picture</h2>"
    wide = ' class="wide"' if len(report.nodes) > 4 else ""
    yield f"<figure{wide}>{report.svg}</figure>" if report.svg else f'<p class="faint">{NO_PICTURE}</p>'
    yield "<h2>Nodes</h2>"
    yield from _table(report.nodes)
    yield "<h2>Preflight</h2>"
    yield from _findings(report)
    yield "<h2>Drift</h2>"
    yield from _drift(report)
    yield "<h2>Last provision</h2>"
    yield from _timeline(report)
    yield "<h2>Journals</h2>"
    yield from _journals(report)
    yield '<h2>Versions</h2><dl class="facts">'
    yield from (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in report.versions)
    yield "</dl>"


def _table(nodes: Iterable[NodeRow]) -> Iterator[str]:
    heads = ("Node", "Role", "Location", "Host", "State", "Address", "Image", "Up for")
    rows = [_cells(node) for node in nodes]
    kept = [index for index in range(len(heads)) if any(row[index] for row in rows)]
    yield (
        '<div class="table"><table><thead><tr>'
        + "".join(f"<th>{heads[index]}</th>" for index in kept)
        + "</tr></thead><tbody>"
    )
    for row in rows:
        yield "<tr>" + "".join(f'<td data-label="{heads[index]}">{row[index]}</td>' for index in kept) + "</tr>"
    yield "</tbody></table></div>"


def _cells(node: NodeRow) -> list[str]:
    """As HTML, in the order of the heads."""
    several = len(node.addresses) > 1
    addresses = [f"{network}: {address}" if several else address for network, address in node.addresses]
    kind = "good" if node.well else "off" if node.status in ("exited", "created", "absent") else "bad"
    word = MEANS.get(node.status, node.status)
    state = word if node.health in ("", node.status) else f"{word}, systemd {node.health}"
    number = f' <span class="faint">{escape(node.number)}</span>' if node.number else ""
    note = "" if node.in_config else ' <span class="faint">not in config.yml</span>'
    return [
        f"<span><b>{escape(node.name)}</b>{number}{note}</span>",
        escape(", ".join(node.roles)),
        escape(node.location),
        escape("" if node.host == "default" else node.host),
        f'<span class="{kind}">● {escape(state)}</span>',
        f"<span>{'<br>'.join(escape(address) for address in addresses)}</span>" if addresses else "",
        escape(node.image),
        escape(age(node.uptime)),
    ]


def age(seconds: object) -> str:
    """`3 days`, `5 h`, `12 min`, `40 s`."""
    if not isinstance(seconds, (int, float)) or seconds < 0:
        return ""
    for size, unit in ((2 * 86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // (86400 if unit == 'days' else size))} {unit}"
    return f"{int(seconds)} s"


def _findings(report: Report) -> Iterator[str]:
    if not report.findings:
        yield '<p class="good">Nothing was found.</p>' if report.checks_ran else '<p class="faint">It did not run.</p>'
    for finding in report.findings:
        yield f'<div class="finding {finding.severity}"><h3>{finding.severity}: {escape(finding.id)}</h3>'
        yield f"<p>{escape(finding.message)}</p>"
        yield f'<p class="remedy">{escape(finding.remedy)}</p></div>' if finding.remedy else "</div>"
    if report.checks_ran:
        yield f'<p class="faint">{report.checks_ran} checks ran, {len(report.not_run)} could not.</p>'
    if report.not_run:
        rows = "\n".join(f"{name}: {reason}" for name, reason in report.not_run)
        yield f"<details><summary>What could not be checked, and why</summary><pre>{escape(rows)}</pre></details>"


def _drift(report: Report) -> Iterator[str]:
    if not report.drift:
        yield '<p class="good">All that could be seen is as config.yml says.</p>'
        return
    for name, reasons in report.drift:
        yield f'<div class="finding warning"><h3>{escape(name)}</h3>'
        yield "".join(f"<p>{escape(reason)}</p>" for reason in reasons) + "</div>"


def _timeline(report: Report) -> Iterator[str]:
    drawn = chart(report.steps, [node.name for node in report.nodes])
    if not drawn:
        yield f'<p class="faint">{NO_RUN}</p>'
        return
    if report.run_ended:
        yield f'<p class="faint">It ended {escape(report.run_ended)}. Seconds from the first look at the engine.</p>'
    yield drawn


def _journals(report: Report) -> Iterator[str]:
    if not report.journals:
        yield f'<p class="good">{NO_JOURNALS}</p>'
    for journal in report.journals:
        head = f"{escape(journal.node)} <span class='faint'>{escape(journal.title)}</span>"
        yield f"<details open><summary>{head}</summary><pre>{escape(journal.text)}</pre></details>"
