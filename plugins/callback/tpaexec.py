# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
name: tpaexec
type: stdout
short_description: What C(tpaexec) prints
version_added: "0.1.0"
author:
  - The tpaexec.docker developers (@tpaexec)
description:
  - A line a step, findings with their remedies, a table of the nodes; of a failure its message alone, on stderr.
  - The command C(tpaexec) uses it. Whoever runs C(ansible-playbook) keeps the output they chose.
  - A result's field C(summary) takes the place of the task's name, C(findings) are listed, the last C(instances)
    become the table, and when that is what was asked for, C(report) is printed as it is.
options:
  format:
    description:
      - V(json) and V(junit) print one document on standard output, at the end, and nothing else.
    type: str
    choices: [table, json, junit]
    default: table
    env:
      - name: TPAEXEC_DOCKER_FORMAT
  quiet:
    description: Whether to leave out everything but errors and, for playbooks that only look, the result.
    type: bool
    default: false
    env:
      - name: TPAEXEC_DOCKER_QUIET
"""

import os
import signal
import time
from typing import Any

from ansible import constants as C
from ansible import context
from ansible.plugins.callback import CallbackBase
from ansible.utils.color import stringc

from ansible_collections.tpaexec.docker.plugins.plugin_utils import _machine, _patient, _report

# Playbooks that only look: their result is what was asked for, quiet or not.
LOOKING = {"list_containers", "preflight", "ping", "images"}
# Actions that steer: they are no step, unless they fail.
STEERING = {"set_fact", "assert", "fail", "meta", "validate_argument_spec", "debug", "include_vars"}
STEERING |= {"include_role", "import_role", "include_tasks", "import_tasks", "import_playbook"}
TRACEBACK = "Traceback (most recent call last)"
BROKEN = (
    *("Task failed: Module failed: ", "Module failed: "),
    *("MODULE FAILURE", "Unexpected failure during module execution"),
)
OWN_DEFECT = "This is a defect of tpaexec.docker"  # module_utils/_entry.py
DEFECT = "Please report this defect, with the output of the same command with -v"
MARKS = {"ok": C.COLOR_OK, "changed": C.COLOR_CHANGED, "would": C.COLOR_CHANGED}


class CallbackModule(CallbackBase):
    """See DOCUMENTATION."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "tpaexec.docker.tpaexec"

    def __init__(self) -> None:
        super().__init__()
        self._began = time.monotonic()
        self._word = ""
        self._hosts: dict[str, dict[str, Any]] = {}
        self._changed = self._failed = False
        self._said: set[str] = set()

    # -- what Ansible calls

    def v2_playbook_on_start(self, playbook: Any) -> None:
        # The command starts us with SIGINT blocked: before this, it would have met Python's imports and a traceback.
        _patient.interrupt_in_one_line(self._display)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        _patient.outlive_readers()
        # pylint: disable-next=protected-access
        self._word = os.path.basename(str(playbook._file_name)).rsplit(".", 1)[0]

    def v2_runner_on_ok(self, result: Any) -> None:
        data = _data(result)
        self._keep(result, data)
        self._warnings(data)
        if data.get("changed"):
            self._changed = True
        self._step(result, data)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        data = _data(result)
        if ignore_errors:
            self._detail(result, data)
            return
        self._failed = True
        self._keep(result, {**data, "failed": True})
        self._warnings(data)
        self._error(result, data)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        data = _data(result)
        # pylint: disable-next=protected-access
        if _task(result).ignore_unreachable:
            self._detail(result, data)
            return
        self._failed = True
        self._keep(result, {**data, "failed": True})
        self._error(result, data)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """A step that was not needed is no news."""

    def v2_on_file_diff(self, result: Any) -> None:
        diff = _data(result).get("diff")
        # pylint: disable-next=protected-access
        if diff and self._display_is_table() and not self._quiet() and (text := self._get_diff(diff)):
            self._out(text.rstrip("\n"))

    def v2_playbook_on_no_hosts_matched(self) -> None:
        self._failed = True
        text = "Name an inventory with hosts: there is none to work on."
        self._display.display(f"error: {text}", stderr=True)
        if not self._hosts:  # to Ansible that is a success: what was to be checked was not
            self._hosts["localhost"] = {"failed": True, "msg": text}
            self.v2_playbook_on_stats(None)
            raise SystemExit(1)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        form = self.get_option("format")
        if form == "json":
            self._out(_machine.as_json(self._hosts or {"localhost": {}}, self._changed))
        elif form == "junit":
            self._out(_machine.as_junit(self._hosts))
        else:
            self._tables()

    # -- what it prints

    def _step(self, result: Any, data: dict[str, Any]) -> None:
        if self._display_is_table():
            if self._word in LOOKING and data.get("report"):
                self._out(str(data["report"]))
            elif not self._quiet():
                self._line(result, data)
                self._findings(data)
        self._detail(result, data)

    def _line(self, result: Any, data: dict[str, Any]) -> None:
        task = _task(result)
        action = str(task.action).rsplit(".", 1)[-1]
        if action == "debug" and "msg" in data:
            self._out(str(data["msg"]))
        name = data.get("summary") or task.name
        if action in STEERING or not name or self._is_only_a_look(result):
            return
        mark = "ok" if not data.get("changed") else "would" if context.CLIARGS.get("check") else "changed"
        changed = "" if data.get("summary") else _report.what_changed(data)
        detail = f": {changed}" if changed else ""
        self._out(f"{stringc(f'{mark:<9}', MARKS[mark])}{self._host(result)}{name}{detail}")

    def _is_only_a_look(self, result: Any) -> bool:
        """Its result is printed; that it was got is no step."""
        return self._word in LOOKING and (self._word != "ping" or _host_name(result) == "localhost")

    def _findings(self, data: dict[str, Any]) -> None:
        findings = [one for one in data.get("findings") or [] if isinstance(one, dict)]
        for line in _report.finding_lines([one for one in findings if one.get("severity") != "info"], stringc):
            self._out(" " * 9 + line)

    def _error(self, result: Any, data: dict[str, Any]) -> None:
        if self._display_is_table() and self._word in LOOKING and data.get("report"):
            self._out(str(data["report"]))
        message = _message(data)
        self._display.display(f"{self._prefix(result)}{message}", color=C.COLOR_ERROR, stderr=True)
        self._detail(result, data)

    def _detail(self, result: Any, data: dict[str, Any]) -> None:
        """With -v, the result, to standard error: it never mixes with what was asked for.

        `cluster` is config.yml over again, with the passwords that an env may hold: that stays out of logs.
        """
        if self._display.verbosity:
            shown = {key: data[key] for key in data if key not in ("diff", "cluster", "exception")}
            text = self._dump_results(shown, indent=2)
            self._display.display(f"{_task(result).get_name()} => {text}", color=C.COLOR_VERBOSE, stderr=True)
            if data.get("exception") and (_is_defect(data) or self._display.verbosity > 2):
                self._display.display(str(data["exception"]).strip(), color=C.COLOR_VERBOSE, stderr=True)

    def _warnings(self, data: dict[str, Any]) -> None:
        for warning in data.get("warnings") or []:
            text = (
                warning if isinstance(warning, str) else str(getattr(getattr(warning, "event", None), "msg", warning))
            )
            if text not in self._said:
                self._said.add(text)
                self._display.display(f"warning: {text}", color=C.COLOR_WARN, stderr=True)

    def _tables(self) -> None:
        looking = self._word in LOOKING
        if self._quiet() and not looking:
            return
        for result in self._hosts.values():
            instances = [one for one in result.get("instances") or [] if isinstance(one, dict)]
            if any(one.get("status") != "absent" for one in instances):
                if not looking:
                    self._out("")
                for line in _report.node_table(instances):
                    self._out(line)
        if not self._failed and not looking:
            self._out(self._conclusion())

    def _conclusion(self) -> str:
        took = f"{time.monotonic() - self._began:.1f} s"
        if not self._changed:
            return f"Nothing to change: all is as it should be ({took})."
        if context.CLIARGS.get("check"):
            return f"This was a check: nothing was touched ({took})."
        return f"Done in {took}."

    # -- small things

    def _out(self, text: str) -> None:
        self._display.display(text)

    def _quiet(self) -> bool:
        return bool(self.get_option("quiet"))

    def _display_is_table(self) -> bool:
        return str(self.get_option("format")) == "table"

    def _host(self, result: Any) -> str:
        name = _host_name(result)
        return "" if name == "localhost" else f"{name}: "

    def _prefix(self, result: Any) -> str:
        return f"error: {self._host(result)}"

    def _keep(self, result: Any, data: dict[str, Any]) -> None:
        _machine.merged(self._hosts.setdefault(_host_name(result), {}), data)


def _data(result: Any) -> dict[str, Any]:
    """The result's data: `result` since ansible-core 2.19, `_result` before."""
    found = getattr(result, "result", None)
    # pylint: disable-next=protected-access
    return dict(result._result if found is None else found)


def _task(result: Any) -> Any:
    found = getattr(result, "task", None)
    # pylint: disable-next=protected-access
    return result._task if found is None else found


def _host_name(result: Any) -> str:
    found = getattr(result, "host", None)
    # pylint: disable-next=protected-access
    return str((result._host if found is None else found).get_name())


def _is_defect(data: dict[str, Any]) -> bool:
    """Something broke, as against a failure told in its own words: with -v Ansible adds a traceback to both."""
    message = str(data.get("msg") or "").strip()
    output = f"{data.get('module_stderr') or ''}{data.get('module_stdout') or ''}"
    return message.startswith((*BROKEN, OWN_DEFECT)) or TRACEBACK in output


def _message(data: dict[str, Any]) -> str:
    """What a person needs of a failure; a module that broke is named as what it is, without its traceback."""
    message = str(data.get("msg") or "").strip()
    for before in BROKEN[:2]:
        if message.startswith(before):
            return f"{DEFECT}: {message[len(before) :]}"
    details = [str(data.get(key) or "") for key in ("exception", "module_stderr", "module_stdout")]
    if _is_defect(data) and not message.startswith(OWN_DEFECT) and any(text.strip() for text in details):
        last = next(text for text in details if text.strip()).strip().splitlines()[-1]
        return f"{DEFECT}: {last}"
    if details[1] or details[2]:
        return f"{message} (run again with -v for the details)"
    return message or "It failed without saying why; run again with -v for the details."
