# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments of one word, by argparse: complete errors, nothing abbreviated, "did you mean"."""

from __future__ import annotations

import argparse
import re
from typing import Any, NoReturn

from .arguments import Word
from .errors import UsageError, did_you_mean, quoted


class Parser(argparse.ArgumentParser):
    """Raises UsageError instead of ending the program."""

    def error(self, message: str) -> NoReturn:
        if message.startswith("unrecognized arguments: "):
            raise UsageError(self._unknown(message.split(": ", 1)[1]))
        if message.startswith("the following arguments are required: "):
            raise UsageError(f"Give {message.split(': ', 1)[1]}: it is missing.")
        of_one = re.match(r"argument (\S+): (.*)", message, re.DOTALL)
        if of_one:
            raise UsageError(self._of_argument(of_one[1], of_one[2]))
        raise UsageError(f"{message[:1].upper()}{message[1:]}.")

    def _of_argument(self, name: str, message: str) -> str:
        """argparse's own words on one argument's value, as a thing to do."""
        name = name.rpartition("/")[2]
        wrong = re.match(r"invalid choice: '?(.*?)'? \(choose from", message, re.DOTALL)
        if wrong:
            choices = next(list(map(str, one.choices)) for one in self._actions if one.choices and _named(one, name))
            hint = did_you_mean(wrong[1], choices)
            return f"Give {name} one of {', '.join(choices)}: {quoted(wrong[1])} is none.{hint}"
        if message.startswith("expected "):
            return f"Give {name} a value: {message}."
        number = re.match(r"invalid int value: '?(.*?)'?$", message, re.DOTALL)
        return f"Mend {name}: {f'{quoted(number[1])} is no whole number' if number else message}."

    def _unknown(self, rest: str) -> str:
        first = rest.split(maxsplit=1)[0]
        if not first.startswith("-"):
            return f"Leave out {quoted(rest)}: this word takes no more arguments."
        options = [option for option in self._option_string_actions if option.startswith("--")]
        hint = did_you_mean(first.split("=")[0], options)
        return f"Unknown option {quoted(first)}.{hint} Options for ansible-playbook itself go behind '--'."


def _named(action: argparse.Action, name: str) -> bool:
    return name in (*action.option_strings, action.metavar, action.dest)


def parser_of(word: Word) -> Parser:
    """The parser of one word; made only when that word is used."""
    # Here argparse knows nothing of what is passed on.
    own = " ".join(str(one.settings.get("metavar")) for one in word.arguments)
    behind = "" if word.runs.startswith("!") else "\n\nOptions for ansible-playbook itself go behind '--'."
    parser = Parser(
        prog=f"tpaexec {word.name}",
        usage=f"tpaexec {word.name} [-h] {own} {word.verbatim}" if word.verbatim else None,
        description=word.description or f"{word.summary[:1].upper()}{word.summary[1:]}.",
        epilog="Example:\n  " + "\n  ".join(word.examples) + behind,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for argument in word.arguments:
        parser.add_argument(*argument.flags, **argument.settings)
    return parser


def parse(word: Word, argv: list[str]) -> tuple[dict[str, Any], list[str]]:
    """The options of *word* and what stands behind `--`, or, for a word that passes on, everything after its own."""
    parser = parser_of(word)
    if word.verbatim:
        own, rest = _split(argv, len(word.arguments))
        return vars(parser.parse_args(own)), rest
    rest = []
    if "--" in argv:
        cut = argv.index("--")
        argv, rest = argv[:cut], argv[cut + 1 :]
    return vars(parser.parse_intermixed_args(argv)), rest


def _split(argv: list[str], count: int) -> tuple[list[str], list[str]]:
    """The word's own *count* arguments and the rest untouched; `--help` only where an own argument could stand."""
    own = argv[:count]
    if any(argument in ("-h", "--help") for argument in own):
        return ["--help"], []
    return own, argv[count:]
