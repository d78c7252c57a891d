# SPDX-License-Identifier: GPL-3.0-or-later
"""The page: everything is in it, it is well-formed, it fetches nothing, and no text becomes markup."""

from __future__ import annotations

import io
import json
import re
import tarfile
from html.parser import HTMLParser

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._report.archive import MARK as ARCHIVE_MARK
from ansible_collections.tpaexec.docker.plugins.module_utils._report.archive import archive
from ansible_collections.tpaexec.docker.plugins.module_utils._report.chart import chart, ticks
from ansible_collections.tpaexec.docker.plugins.module_utils._report.model import (
    Report,
    Step,
    drift_of,
    findings_of,
    rows_of,
)
from ansible_collections.tpaexec.docker.plugins.module_utils._report.page import age, chips, page
from ansible_collections.tpaexec.docker.plugins.module_utils._report.secrets import Veil

from .conftest import EVIL, full

VOID = {"meta", "br"}
EVERYTHING = (
    "marigold", "10.33.59.114", "demo: 10.33.59.114", "DISK_LOW", "sudo docker system df", "512m", "stopped",
    "20.10.24", "running, systemd degraded", "Failed to mount", "nobody knows", "2 h", "2 days", "failed after 9.0 s",
    "1 of 3 nodes well", "not in config.yml", "Host west does not answer.",
)  # fmt: skip


class Reader(HTMLParser):
    """Tags in order, texts, and whether every tag is closed in its turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_everything_is_there():
    text = " ".join(Reader(page(full())).texts)
    for said in EVERYTHING:
        assert said in text, said


def test_nothing_of_an_empty_report_is_missing_a_word():
    text = " ".join(Reader(page(Report("demo", "now"))).texts)
    for said in ("Graphviz", "It did not run", "as config.yml says", "No provision", "no journal", "no preflight"):
        assert said in text, said


def test_hostile_texts_stay_texts():
    hostile, tame = Reader(page(full(EVIL))), Reader(page(full("tame")))
    assert [tag for tag, _attrs in hostile.tags] == [tag for tag, _attrs in tame.tags]
    assert {key for _tag, attrs in hostile.tags for key in attrs} == {key for _tag, attrs in tame.tags for key in attrs}
    assert page(full(EVIL)).encode("utf-8", "replace")


def test_nothing_is_fetched_and_nothing_runs():
    reader = Reader(page(full()))
    assert not {tag for tag, _attrs in reader.tags} & {"script", "link", "img", "iframe", "object", "a", "form"}
    names = {key for _tag, attrs in reader.tags for key in attrs}
    assert not [name for name in names if name.startswith("on") or name in ("src", "href", "srcset", "action")]
    style = "".join(reader.texts[:3])
    assert "url(" not in style
    assert "@import" not in style
    policy = next(attrs["content"] for tag, attrs in reader.tags if attrs.get("http-equiv"))
    assert policy.startswith("default-src 'none'")
    assert not re.search(r"https?://", page(full()))


def test_bars_stand_where_they_were_in_time():
    drawn = chart(full().steps, ["marigold", "canyon"])
    assert re.findall(r'class="(\w+)" style="left:([\d.]+)%;width:([\d.]+)%"', drawn)[1:4] == [
        ("create", "2.11", "1.05"), ("start", "3.16", "5.26"), ("boot", "8.42", "7.37"),
    ]  # fmt: skip
    assert drawn.index("network demo") < drawn.index("marigold") < drawn.index("canyon")
    assert drawn.count('class="failed"') == 2  # the bar and the legend
    assert chart((), []) == ""
    assert chart((Step("x", "y", 0, 0),), []) == ""


@pytest.mark.parametrize("whole", [0.001, 0.5, 1.0, 3.2, 59.9, 1000, 99999])
def test_ticks_are_few_and_in_order(whole):
    found = ticks(whole)
    assert found[0] == 0
    assert found[-1] == whole
    assert found == sorted(found)
    assert 2 <= len(found) <= 8


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7200, "2 h"), (86400 * 3, "3 days"), (None, ""), (-1, ""), ("x", "")],
)
def test_age(seconds, said):
    assert age(seconds) == said


def test_verdicts():
    assert ("bad", "1 of 3 nodes well") in chips(full())
    assert ("good", "preflight clean") in chips(Report("x", "now", checks_ran=3))


def test_the_archive_holds_the_page_data_and_journals_in_its_own_folder():
    report = full(EVIL)
    content = archive(report, page(report), 1795552970.0)
    assert ARCHIVE_MARK.encode() in content[:100]
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        names = tar.getnames()
        assert names[:2] == ["report/report.html", "report/report.json"]
        assert all(re.fullmatch(r"report/[\w./-]+", name) and "/." not in name for name in names), names
        assert len([name for name in names if "/journals/" in name]) == 2
        data = json.loads(tar.extractfile("report/report.json").read())
    assert data["nodes"][1]["status"] == "exited"
    assert "svg" not in data


def test_only_chosen_fields_of_results_are_taken():
    odd = {"secret_field": "swordfish", "data": {"x": "swordfish"}}
    found = findings_of(
        [{**odd, "id": "A", "severity": "odd", "message": "m"}, {"id": "B", "severity": "error"}, "x"], Veil()
    )
    assert [(one.id, one.severity) for one in found] == [("B", "error"), ("A", "info")]
    rows = rows_of(
        [{**odd, "name": "uno", "status": "running", "env": {"A": "swordfish"}, "owner": "swordfish"}], {}, {}
    )
    result = {"instances": [{**odd, "name": "uno", "status": "absent"}],
              "networks": [{**odd, "name": "n", "present": False}],
              "problems": [{"place": "", "message": "PASSWORD=swordfish", "remedy": "Do."}]}  # fmt: skip
    drift = drift_of(result, Veil())
    assert "swordfish" not in repr((found, rows, drift))
    assert [name for name, _reasons in drift] == ["uno", "network n", "in the way"]
