# SPDX-License-Identifier: GPL-3.0-or-later
"""The report in a real browser, headless: it fits a phone, nothing in it runs; pictures of it are kept to be seen."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._picture import graphviz
from ansible_collections.tpaexec.docker.plugins.module_utils._picture.dot import to_dot
from ansible_collections.tpaexec.docker.plugins.module_utils._picture.model import picture_of
from ansible_collections.tpaexec.docker.plugins.module_utils._report.model import (
    Finding,
    Journal,
    NodeRow,
    Report,
    Step,
)
from ansible_collections.tpaexec.docker.plugins.module_utils._report.page import page
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.load import read_config
from ansible_collections.tpaexec.docker.plugins.module_utils._spec.parse import parse_config
from ansible_collections.tpaexec.docker.plugins.plugin_utils._in_process import run_command

pytestmark = pytest.mark.long
TOP = Path(__file__).resolve().parents[3]
SHOTS = TOP / ".cache" / "screenshots"
EVIL = "<script>window.pwned=1</script><img src=x onerror='window.pwned=1'>"
MEASURE = """
addEventListener("load", () => setTimeout(() => {
  const found = {};
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, root = page.documentElement;
    found[frame.id] = {
      wide: root.scrollWidth, room: root.clientWidth, scripts: page.querySelectorAll("script,img").length,
      pwned: !!frame.contentWindow.pwned, nodes: page.querySelectorAll("tbody tr").length,
      bars: [...page.querySelectorAll(".track i")].filter(bar => bar.getBoundingClientRect().width > 1).length,
      picture: page.querySelector("figure svg").getBoundingClientRect().width,
    };
  }
  document.title = JSON.stringify(found);
}, 200));
"""


def report() -> Report:
    text = (TOP / "tests/data/pictured/config.yml").read_text()
    cluster = parse_config(read_config(text), "/", open)
    states = {"lagoon": "exited", "basalt": "restarting"}
    live = [{"name": one.name, "status": states.get(one.name, "running")} for one in cluster.instances]
    picture = picture_of(cluster, live)
    rows = [
        NodeRow(
            node.name,
            node.number,
            node.roles,
            node.location,
            "",
            node.state,
            "",
            node.addresses,
            "tpaexec/debian:12",
            9,
        )
        for node in picture.nodes
    ]
    steps = [
        Step(row.name, step, at + index / 5, 0.4 + index / 20, failed=row.name == "basalt" and step == "boot")
        for index, row in enumerate(rows)
        for step, at in (("create", 0.0), ("start", 0.5), ("boot", 1.4))
    ]
    return Report(
        cluster="demo",
        made="2026-11-24 20:43 UTC",
        architecture="M1",
        nodes=tuple(rows),
        findings=(
            Finding("DISK_LOW", "error", f"Nothing is free. {EVIL}", "sudo docker system df"),
            Finding("SUBNET_OVERLAP", "warning", "An endless word: " + "x" * 400, "Take another."),
        ),
        checks_ran=71,
        drift=(("canyon", ("memory: wanted 512m, found nothing",)),),
        steps=tuple(steps),
        run_ended="2026-11-24 20:40 UTC",
        journals=(Journal("basalt", "console", f"{EVIL}\n" + "a long line " * 60),),
        versions=(("tpaexec.docker", "0.1.0"), ("Docker Engine", "20.10.24, API 1.41")),
        svg=graphviz.svg(picture, to_dot(picture), run_command),
    )


@pytest.fixture(scope="module")
def written() -> Path:
    SHOTS.mkdir(parents=True, exist_ok=True)
    target = SHOTS / "report.html"
    target.write_text(page(report()))
    return target


def chromium(profile: Path, *argv: str) -> str:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, "install the package chromium, or run `make test-long`, which does"
    command = [
        program,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--hide-scrollbars",
        f"--user-data-dir={profile}",
    ]
    # Not a pipe: helpers of the browser may outlive it and would keep one open.
    with (profile.parent / "out").open("w+") as out:
        subprocess.run([*command, *argv], stdout=out, stderr=subprocess.DEVNULL, check=True, timeout=120)
        out.seek(0)
        return out.read()


def test_it_fits_a_phone_and_a_desk_and_nothing_runs(written: Path, tmp_path: Path):
    inside = html.escape(written.read_text())
    frames = "".join(
        f'<iframe id="w{width}" width="{width}" height="900" style="border:0" srcdoc="{inside}"></iframe>'
        for width in (320, 390, 1280)
    )
    wrapper = tmp_path / "wrapper.html"
    wrapper.write_text(f"<!DOCTYPE html><meta charset=utf-8><script>{MEASURE}</script>{frames}")
    dom = chromium(tmp_path / "profile", "--virtual-time-budget=5000", "--dump-dom", wrapper.as_uri())
    title = re.search(r"<title>(.*?)</title>", dom, re.DOTALL)
    assert title, dom[:500]
    found = json.loads(html.unescape(title[1]))
    assert set(found) == {"w320", "w390", "w1280"}
    for width, seen in found.items():
        assert seen["wide"] <= seen["room"], (width, seen)
        assert (seen["scripts"], seen["pwned"]) == (0, False), (width, seen)
        assert (seen["nodes"], seen["bars"]) == (6, 18), (width, seen)
        assert seen["picture"] > 250, (width, seen)


@pytest.mark.parametrize(("name", "size", "more"), [
    ("desk", (1280, 3000), []),
    ("phone", (500, 4600), []),
    ("phone-dark", (500, 4600), ["--blink-settings=preferredColorScheme=0"]),
])  # fmt: skip
def test_screenshots(written: Path, tmp_path: Path, name: str, size: tuple[int, int], more: list[str]):
    target = SHOTS / f"{name}.png"
    target.unlink(missing_ok=True)
    began = time.monotonic()
    chromium(
        tmp_path / "profile", *more, f"--window-size={size[0]},{size[1]}", f"--screenshot={target}", written.as_uri()
    )
    content = target.read_bytes()
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(content[16:20], "big") == size[0]
    assert len(content) > 50_000, f"an empty page? after {time.monotonic() - began:.1f} s: {target}"
