# SPDX-License-Identifier: GPL-3.0-or-later
"""A report with everything in it, and one whose every text is hostile."""

from __future__ import annotations

from ansible_collections.tpaexec.docker.plugins.module_utils._report.model import (
    Finding,
    Journal,
    NodeRow,
    Report,
    Step,
)

EVIL = "<script>window.pwned=1</script><img src=x onerror=pwned()>\"'></pre></style>&lt;{{ 1 }}\x1b[31m\ud800"


def full(text: str = "") -> Report:
    """*text* in place of every word, where it is given."""

    def word(usual: str) -> str:
        return text or usual

    uno, due = word("marigold"), word("canyon")
    return Report(
        cluster=word("demo"),
        made="2026-11-24 20:43 UTC",
        architecture=word("M1"),
        nodes=(
            NodeRow(uno, word("1"), (word("primary"),), word("paris"), word("east"), word("running"), word("running"),
                    ((word("demo"), word("10.33.59.114")), ("second", "10.34.0.2")), word("tpaexec/debian:12"), 7200),
            NodeRow(due, "2", ("replica",), "berlin", "west", "exited", "", (("demo", "10.33.59.115"),), "i:1", None,
                    False),
            NodeRow("carrot", "3", ("barman",), "berlin", "west", "running", "degraded", (), "i:1", 200000),
        ),
        findings=(
            Finding(word("DISK_LOW"), "error", word("No space."), word("sudo docker system df")),
            Finding(word("CLI_SKEW"), "warning", word("Two versions."), ""),
        ),
        checks_ran=71,
        not_run=((word("PORT_IN_USE"), word("nobody knows")),),
        drift=((due, (word("memory: wanted 512m, found nothing"),)),),
        steps=(
            Step(word("network demo"), "create", 0.0, 0.2),
            Step(uno, "create", 0.2, 0.1), Step(uno, "start", 0.3, 0.5), Step(uno, "boot", 0.8, 0.7),
            Step(due, "create", 0.2, 0.2), Step(due, word("connect more"), 0.4, 0.1),
            Step(due, "start", 0.5, 9.0, failed=True),
        ),
        run_ended="2026-11-24 20:40 UTC",
        journals=(Journal(due, word("console"), word("Failed to mount /x.\nOops.")), Journal("../../x", "t", "y")),
        versions=((word("tpaexec.docker"), word("0.1.0")), ("Docker Engine", "20.10.24, API 1.41")),
        unread=(word("Host west does not answer."),),
    )  # fmt: skip
