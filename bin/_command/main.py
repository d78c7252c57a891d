# SPDX-License-Identifier: GPL-3.0-or-later
"""From the arguments to an exit code."""

from __future__ import annotations

import os
import sys

from . import environment
from .completion import completion
from .errors import CommandError, UsageError, did_you_mean, quoted, say
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
        say(error)
        word = f" {argv[0]}" if argv and find(argv[0]) else ""
        print(f"'tpaexec{word} --help' shows what there is.", file=sys.stderr)
        return USAGE
    except CommandError as error:
        say(error)
        return FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except OSError as error:
        say(f"Mend {error.filename or 'the current directory'}: {error.strerror or error}.")
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
            word = quoted(argv[0])
            raise CommandError(f"Set TPA_DIR to a TPA: there is no {command}, which would know the word {word}.")
        check_before_tpa(argv)
        sys.stdout.flush()
        os.execve(command, [command, *argv], environ)  # noqa: S606
    names = [word.name for word in WORDS]
    if argv[0].startswith("-"):
        known = did_you_mean(argv[0], ["--help", "--version"])
        raise UsageError(f"Unknown option {quoted(argv[0])}.{known} Put a word first: tpaexec WORD DIR [options].")
    raise UsageError(
        f"Unknown word {quoted(argv[0])}.{did_you_mean(argv[0], names)} TPA's own words work with TPA_DIR set to a TPA."
    )


def usage() -> str:
    """All words by what people want, on one screen."""
    lines = ["usage: tpaexec WORD DIR [options]      clusters of systemd containers on Docker", ""]
    for group in dict.fromkeys(word.group for word in WORDS):
        words = [word for word in WORDS if word.group == group]
        lines += [f"{'' if number else group:<8}{word.name:<18}{word.summary}" for number, word in enumerate(words)]
    lines += [
        "",
        "'tpaexec WORD --help' explains one, with examples; --version says which this is.",
        "Exit codes: 0 done, 1 failed, 2 wrong usage. With TPA_DIR, TPA's own words too.",
    ]
    return "\n".join(lines) + "\n"
