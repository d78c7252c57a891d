# SPDX-License-Identifier: GPL-3.0-or-later
"""The one door between AnsibleModule and the rest: parameters in, result or fail_json out."""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass
from typing import Any, Callable, Optional

from ansible.module_utils.basic import AnsibleModule

from ._errors import PlatformError


@dataclass(frozen=True)
class Run:
    """What a body may know of the run it is in."""

    check_mode: bool
    diff_mode: bool
    warn: Callable[[str], None]
    run_command: Callable[..., tuple[int, str, str]]
    # Told of every step while it happens: target, step, and its seconds when it ended (None when it begins).
    progress: Callable[[str, str, Optional[float]], None] = lambda *_step: None


Body = Callable[[dict[str, Any], Run], dict[str, Any]]

# Takes AnsibleModule's place where an action plugin runs a body in Ansible's own process (plugin_utils/_in_process.py).
stand_in: Optional[Callable[[Body, dict[str, Any], dict[str, Any]], None]] = None


def run_module(body: Body, argument_spec: dict[str, Any], **module_options: Any) -> None:
    """Run *body* as an Ansible module that supports check mode.

    *body* gets the parameters and a `Run`, and returns the result. A result with `failed: True` and `msg` ends the
    module through fail_json; a `PlatformError` likewise; anything else is a defect, and says so without a traceback.
    """
    if stand_in is not None:
        stand_in(body, argument_spec, module_options)
        return
    module = AnsibleModule(argument_spec=argument_spec, supports_check_mode=True, **module_options)
    # pylint: disable-next=protected-access
    run = Run(module.check_mode, module._diff, module.warn, module.run_command)
    result = outcome(body, module.params, run)
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


def outcome(body: Body, params: dict[str, Any], run: Run) -> dict[str, Any]:
    """What *body* returns, or a failed result made of what ended it. Ansible shows `exception` to who asks (-vvv)."""
    try:
        return body(params, run)
    except PlatformError as error:
        return {"changed": False, **error.result(), "failed": True, "msg": str(error)}
    except Exception as error:  # pylint: disable=broad-except
        return {"changed": False, "failed": True, "msg": _defect(error), "exception": traceback.format_exc()}


def _defect(error: Exception) -> str:
    """One line on a failure that nobody thought of: never a traceback, and where to look."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""
    said = " ".join(str(error).split())[:300]
    what = f"{type(error).__name__}{where}: {said}"
    return f"This is a defect of tpaexec.docker, please report it with what -vvv shows: {what}"
