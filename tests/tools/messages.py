# SPDX-License-Identifier: GPL-3.0-or-later
"""Every message that a user can meet, collected from the sources: `python tests/tools/messages.py` lists them.

Errors, problems of a config.yml, findings, warnings, and what roles fail with. A text is given with `{…}` for what is
filled in while it runs; a message that is handed through from elsewhere is not collected there again.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Optional

import yaml

TOP = Path(__file__).resolve().parents[2]
# How each kind is made: which argument is the message, and which the remedy (None: the message says it itself).
CALLS: dict[str, tuple[int, Optional[int]]] = {
    "PlatformError": (0, 1),
    "DaemonError": (0, 1),
    "BadValue": (0, 1),
    "Problem": (1, 2),
    "Rule": (2, 3),
    "UsageError": (0, None),
    "CommandError": (0, None),
    "AnsibleError": (0, None),
    "AnsibleParserError": (0, None),
    "AnsibleFilterError": (0, None),
    "ArgumentTypeError": (0, None),
}
METHODS: dict[str, tuple[int, Optional[int]]] = {"add": (1, 2), "finding": (0, 1), "warn": (0, None)}
WARNINGS = ("warn",)


class Message(NamedTuple):
    """One of them. `remedy` None: none is asked for apart; "": one could be given, and was not."""

    place: str
    kind: str
    text: str
    remedy: Optional[str]
    reprs: bool

    @property
    def whole(self) -> str:
        return f"{self.text} {self.remedy or ''}".strip()


def collected() -> list[Message]:
    """All of them."""
    found: list[Message] = []
    for folder in ("plugins", "bin"):
        for path in sorted((TOP / folder).rglob("*.py")):
            found += of_source(path.read_text(encoding="utf-8"), str(path.relative_to(TOP)))
    for path in sorted(TOP.glob("roles/*/tasks/*.yml")):
        found += of_tasks(path)
    return found


def of_source(source: str, name: str) -> Iterator[Message]:
    """Those of one Python file."""
    tree = ast.parse(source)
    for function in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))]:
        known = _assigned(function)
        for node in _own(function):
            if not isinstance(node, ast.Call):
                continue
            said = _said(node)
            if said is None:
                continue
            kind, message, remedy = said
            text = _text(message, known) if message is not None else None
            if text is None:
                continue
            wanted = None if kind in ("warn", *(key for key, (_m, r) in CALLS.items() if r is None)) else remedy
            given = wanted if wanted is None or isinstance(wanted, str) else _remedy(wanted, known)
            reprs = any(_has_repr(part) for part in (message, remedy) if isinstance(part, ast.AST))
            yield Message(f"{name}:{node.lineno}", kind, text, given, reprs)


def _remedy(node: ast.AST, known: dict[str, ast.expr]) -> str:
    """A remedy that is filled in while it runs is one; an empty text is none."""
    if isinstance(node, ast.Constant) and not node.value:
        return ""
    return _text(node, known) or "{…}"


def _own(function: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions in it."""
    todo = list(ast.iter_child_nodes(function))
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, ast.FunctionDef):
            todo += ast.iter_child_nodes(node)


def _assigned(function: ast.AST) -> dict[str, ast.expr]:
    """What simple names are set to in it: a message is often put together a line before."""
    found: dict[str, ast.expr] = {}
    for node in _own(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            found[node.targets[0].id] = node.value
    return found


def _said(call: ast.Call) -> Optional[tuple[str, Optional[ast.expr], object]]:
    """Kind, message and remedy of a call that makes one."""
    if isinstance(call.func, ast.Name):
        kind, places = call.func.id, CALLS.get(call.func.id)
    elif isinstance(call.func, ast.Attribute):
        kind = call.func.attr
        places = METHODS.get(kind) or CALLS.get(kind)
        if kind == "add" and len(call.args) < 2:
            return None
    else:
        return None
    if places is None:
        return None
    words = {keyword.arg: keyword.value for keyword in call.keywords}
    message = call.args[places[0]] if len(call.args) > places[0] else words.get("message")
    remedy: object = ""
    if places[1] is not None:
        remedy = call.args[places[1]] if len(call.args) > places[1] else words.get("remedy", "")
    return kind, message, remedy


def _text(node: ast.AST, known: dict[str, ast.expr], depth: int = 0) -> Optional[str]:
    """The text of an expression, None where it has none of its own."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else _filled(part, known, depth) for part in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left, known, depth), _text(node.right, known, depth)
        return None if left is None and right is None else f"{left or '{…}'}{right or '{…}'}"
    if isinstance(node, ast.IfExp):
        left, right = _text(node.body, known, depth), _text(node.orelse, known, depth)
        return left if left else right
    if isinstance(node, ast.BoolOp):
        return next((text for text in (_text(value, known, depth) for value in reversed(node.values)) if text), None)
    if isinstance(node, ast.Name) and node.id in known and depth < 3:  # set a line before
        return _text(known[node.id], known, depth + 1)
    return None


def _filled(node: ast.expr, known: dict[str, ast.expr], depth: int) -> str:
    value = node.value if isinstance(node, ast.FormattedValue) else node
    text = _text(value, known, depth) if isinstance(value, (ast.Name, ast.IfExp, ast.BoolOp)) else None
    return text if text else "{…}"


def _has_repr(node: ast.AST) -> bool:
    for part in ast.walk(node):
        if isinstance(part, ast.FormattedValue) and part.conversion in (ord("r"), ord("a")):
            return True
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in ("repr", "ascii", "vars"):
            return True
    return False


def of_tasks(path: Path) -> Iterator[Message]:
    """What the tasks of a role fail with."""

    def walk(tasks: list[dict]) -> Iterator[str]:
        for task in tasks or []:
            for key in ("block", "rescue", "always"):
                yield from walk(task.get(key) or [])
            for key in ("ansible.builtin.fail", "ansible.builtin.assert"):
                message = (task.get(key) or {}).get("msg") or (task.get(key) or {}).get("fail_msg")
                if message:
                    yield message

    for message in walk(yaml.safe_load(path.read_text(encoding="utf-8"))):
        yield Message(str(path.relative_to(TOP)), "fail", re.sub(r"\{\{.*?\}\}", "{…}", message), None, False)


if __name__ == "__main__":
    for one in collected():
        sys.stdout.write(f"{one.place} [{one.kind}]\n  {one.text}\n" + (f"  → {one.remedy}\n" if one.remedy else ""))
