# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module of this collection in Ansible's own process, where that is the same as running it on the host.

Packing a module, starting another Python and compiling the module's sources there costs 0.3 to 0.8 s a task. For a task
that runs on the controller with Ansible's own Python, the worker that Ansible forks for it anyway can call the module's
body at once. Everywhere else, and where `tpaexec_docker_in_process` is false, the module runs as any other.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import traceback
from dataclasses import replace
from types import ModuleType
from typing import Any, Mapping, Optional

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.errors import AnsibleValidationErrorMultiple, UnsupportedError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

from ansible_collections.tpaexec.docker.plugins.module_utils import _entry
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import PlatformError
from ansible_collections.tpaexec.docker.plugins.plugin_utils import _compiled, _progress

MODULES = "ansible_collections.tpaexec.docker.plugins.modules"


class InProcessAction(ActionBase):
    """The base of an action plugin that stands beside the module of the same name."""

    _supports_async = True
    module: Optional[ModuleType] = None

    def __init_subclass__(cls, early: bool = True, **keywords: Any) -> None:
        """*early*: with the plugin, in the process that forks the workers: they find it, and what it imports, in
        memory. Else in the worker, where the task is one that most playbooks skip."""
        super().__init_subclass__(**keywords)
        if early:
            cls._load()

    @classmethod
    def _load(cls) -> None:
        # Without what it needs it is packed and sent as any module, and says itself what is missing.
        with contextlib.suppress(ImportError), _compiled.kept():
            cls.module = importlib.import_module(f"{MODULES}.{cls.__module__.rsplit('.', 1)[-1]}")

    def run(self, tmp: Any = None, task_vars: Optional[dict[str, Any]] = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        variables = task_vars or {}
        if self.module is None:
            self._load()
        if self.module is None or not self._is_here(variables):
            return self._execute_module(task_vars=task_vars, wrap_async=self._task.async_val)
        progress = _progress.of_display(self._display)
        modes = bool(self._task.check_mode), bool(self._task.diff)
        try:
            with _progress.ends_between_lines(progress):
                return call(self.module, plain(self._task.args), *modes, progress)
        except Exception as error:  # pylint: disable=broad-except
            # The form of a module that broke: its traceback is there for who asks.
            broke = f"{type(error).__name__}: {error}"
            return {"failed": True, "msg": broke, "module_stderr": traceback.format_exc(), "module_stdout": "", "rc": 1}
        finally:
            if progress:
                progress.finish()

    def _is_here(self, variables: Mapping[str, Any]) -> bool:
        """On the controller, as the same user, with the same Python and environment."""
        task = self._task
        if self._connection.transport != "local" or task.async_val or any(task.environment or []):
            return False
        if self._connection.become is not None:
            return False
        if task.delegate_to:
            variables = variables.get("ansible_delegated_vars", {}).get(task.delegate_to, {})
        interpreter = self._templar.template(variables.get("ansible_python_interpreter", ""))
        wanted = self._templar.template(variables.get("tpaexec_docker_in_process", True))
        return interpreter == sys.executable and boolean(wanted, strict=False)


def plain(value: Any) -> Any:
    """Without the marks that Ansible keeps on its own values: a module gets JSON as well."""
    return json.loads(json.dumps(value, default=str))


def call(
    module: ModuleType,
    arguments: dict[str, Any],
    check_mode: bool,
    diff_mode: bool,
    progress: Optional[_progress.Progress] = None,
) -> dict[str, Any]:
    """The result of *module*'s main."""
    results: list[dict[str, Any]] = []

    def stand_in(body: _entry.Body, argument_spec: dict[str, Any], options: dict[str, Any]) -> None:
        warnings: list[str] = []
        run = _entry.Run(check_mode, diff_mode, warnings.append, run_command)
        if progress:
            run = replace(run, progress=progress.step)
        validated = ArgumentSpecValidator(argument_spec, **options).validate(arguments)
        if validated.error_messages:
            results.append({"failed": True, "changed": False, "msg": _refusal(module, validated.errors)})
            return
        result = {"changed": False, **_entry.outcome(body, validated.validated_parameters, run)}
        results.append({**result, "warnings": [*result.get("warnings", []), *warnings]} if warnings else result)

    _entry.stand_in = stand_in
    try:
        module.main()
    finally:
        _entry.stand_in = None
    return plain(results[0])


def _refusal(module: ModuleType, errors: AnsibleValidationErrorMultiple) -> str:
    """As AnsibleModule says it."""
    said = str(errors.msg)
    if not isinstance(errors[0], UnsupportedError):
        return said
    return f"Unsupported parameters for ({module.__name__.rsplit('.', 1)[-1]}) module: {said}"


def run_command(
    arguments: list[str],
    check_rc: bool = False,
    data: Optional[str] = None,
    cwd: Optional[str] = None,
    environ_update: Optional[Mapping[str, str]] = None,
) -> tuple[int, str, str]:
    """AnsibleModule.run_command, as far as our bodies use it."""
    environ = {**os.environ, **(environ_update or {})}
    try:
        done = subprocess.run(  # noqa: S603 - a list, no shell
            arguments,
            input=data,
            stdin=subprocess.DEVNULL if data is None else None,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            cwd=cwd,
            env=environ,
            check=False,
        )
    except OSError as error:
        raise PlatformError(f"{arguments[0]} cannot be started: {error.strerror}.", "Install it.") from error
    if check_rc and done.returncode:
        raise PlatformError(
            f"{arguments[0]} failed with exit code {done.returncode}: {done.stderr.strip()}",
            "Mend what it says, and run this again.",
        )
    return done.returncode, done.stdout, done.stderr
