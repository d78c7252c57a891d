# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as a .tar.gz: the page, the same for machines, and a text file a journal. Pure."""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile

from .model import Report

# Stands in gzip's header, so that an archive of ours is known by its first bytes.
MARK = "tpaexec-report.tar"
FOLDER = "report"


def archive(report: Report, page: str, when: float) -> bytes:
    """The file's content; *when* is the time that its members bear."""
    files = {"report.html": page, "report.json": json.dumps(report.as_dict(), indent=1, ensure_ascii=False) + "\n"}
    if report.svg:
        files["diagram.svg"] = report.svg + "\n"
    for number, journal in enumerate(report.journals, 1):
        name = re.sub(r"[^A-Za-z0-9.-]", "_", journal.node)[:80].lstrip(".")
        files[f"journals/{number:02}-{name}.txt"] = f"{journal.node}: {journal.title}\n\n{journal.text}\n"
    buffer = io.BytesIO()
    zipped = gzip.GzipFile(MARK, "wb", mtime=int(when), fileobj=buffer)
    with zipped, tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, text in files.items():
            content = text.encode("utf-8", "replace")
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size, member.mtime, member.mode = len(content), int(when), 0o644
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
