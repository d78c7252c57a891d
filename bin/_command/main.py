# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments to an exit code."""

from __future__ import annotations

import os
import sys

from . import environment
from .completion import completion
from .errors import CommandError, UsageError, did_you_mean
from .guard import check_before_tpa
from .parsing import parse
from .run import run_word
from .words import WORDS, find

DONE, FAILED, USAGE = 0, 1, 2


def main(argv: list[str]) -> int:
    """The command."""
    _whole_streams()
    try:
        return _main(argv, environment.restored(dict(os.environ)))
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        word = f" {argv[0]}" if argv and find(argv[0]) else ""
        print(f"'tpaexec{word} --help' shows what there is.", file=sys.stderr)
        return USAGE
    except CommandError as error:
        print(f"error: {error}", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        print(f"error: {error.strerror or error}: {error.filename or 'the current directory'}", file=sys.stderr)
        return FAILED


def _whole_streams() -> None:
    """Started with a standard stream closed (`>&-`, some cron): it leads nowhere, no other file takes its place."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            os.set_inheritable(number, True)  # where open gave that very number, dup2 did nothing
            setattr(sys, name, open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False))  # noqa: SIM115


def _main(argv: list[str], environ: dict[str, str]) -> int:
    if not argv:
        print(usage(), end="", file=sys.stderr)
        return USAGE
    if argv[0] in ("-h", "--help"):
        print(usage(), end="")
        return DONE
    if argv[0] == "--version":
        print(f"tpaexec.docker {environment.version()}")
        return DONE
    if argv[0] == "--completion":
        print(completion(argv[1] if len(argv) > 1 else ""), end="")
        return DONE
    word = find(argv[0])
    if word is None:
        return hand_over(argv, environ)
    options, rest = parse(word, argv[1:])
    return run_word(word, options, rest, environ)


def hand_over(argv: list[str], environ: dict[str, str]) -> int:
    """A word that is not ours goes to the TPA in TPA_DIR, arguments and environment as they came."""
    tpa = environ.get("TPA_DIR", "")
    command = os.path.join(tpa, "bin", "tpaexec")
    ours = os.path.realpath(os.path.join(environment.TOP, "bin", "tpaexec"))
    if tpa and os.path.realpath(command) != ours and not argv[0].startswith("-"):
        if not os.access(command, os.X_OK):
            raise CommandError(f"Set TPA_DIR to a TPA: there is no {command}, which would know the word {argv[0]!r}.")
        check_before_tpa(argv)
        sys.stdout.flush()
        os.execve(command, [command, *argv], environ)  # noqa: S606
    names = [word.name for word in WORDS]
    if argv[0].startswith("-"):
        raise UsageError(f"Unknown option {argv[0]!r}.{did_you_mean(argv[0], ['--help', '--version', '--completion'])}")
    raise UsageError(
        f"Unknown word {argv[0]!r}.{did_you_mean(argv[0], names)} TPA's own words work with TPA_DIR set to a TPA."
    )


def usage() -> str:
    """All words by what people want, on one screen."""
    lines = ["usage: tpaexec WORD DIR [options]    (clusters of systemd containers on Docker)"]
    for group in dict.fromkeys(word.group for word in WORDS):
        lines += ["", f"{group}:"]
        lines += [f"  {word.name:<17} {word.summary}" for word in WORDS if word.group == group]
    lines += [
        "",
        "'tpaexec WORD --help' explains one. Exit codes: 0 done, 1 failed, 2 wrong usage.",
        "Every other word goes to the TPA that TPA_DIR names. --completion bash|zsh.",
    ]
    return "\n".join(lines) + "\n"
