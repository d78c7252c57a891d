# SPDX-License-Identifier: GPL-3.0-or-later
"""Completion for bash and zsh, made from the table of words: `eval "$(tpaexec completion bash)"`."""

from __future__ import annotations

from .arguments import SHELLS, Word
from .errors import UsageError, quoted
from .words import WORDS

BASH = """\
# bash completion of tpaexec; in ~/.bashrc: eval "$(tpaexec completion bash)"
_tpaexec() {
  local current=${COMP_WORDS[COMP_CWORD]} word=${COMP_WORDS[1]} options=
  local dir=${COMP_WORDS[2]/#\\~/$HOME}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "%(words)s --help --version" -- "$current"))
    return
  fi
  case "${COMP_WORDS[COMP_CWORD-1]}" in
    --format)
      case "$word" in
%(formats)s
      esac ;;
    %(files)s)
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -f -- "$current"))
      return ;;
    completion) options="%(shells)s" ;;
  esac
  if [ -z "$options" ] && [ "${current#-}" != "$current" ]; then
    case "$word" in
%(cases)s
    esac
  fi
  if [ -n "$options" ]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  elif [ "$COMP_CWORD" -gt 2 ] && [ -f "$dir/ssh_config" ]; then
    # Names only: compgen would run what a stranger's file has in $(...).
    COMPREPLY=($(compgen -W "$(sed -n 's/^Host \\([A-Za-z0-9._-]*\\)$/\\1/p' "$dir/ssh_config")" -- "$current"))
  else
    compopt -o filenames 2>/dev/null
    COMPREPLY=($(compgen -d -- "$current"))
  fi
}
complete -o default -F _tpaexec tpaexec
"""

ZSH = """\
# zsh completion of tpaexec; in ~/.zshrc, after compinit: eval "$(tpaexec completion zsh)"
autoload -U +X bashcompinit && bashcompinit
"""


def completion(shell: str) -> str:
    """The script for *shell*."""
    if shell not in SHELLS:
        raise UsageError(f"Name a shell that there is completion for, bash or zsh: {quoted(shell)} is none.")
    cases = "\n".join(f'      {word.name}) options="{" ".join(options(word))}" ;;' for word in WORDS)
    formats = {
        word.name: argument.settings["choices"]
        for word in WORDS
        for argument in word.arguments
        if "--format" in argument.flags
    }
    script = BASH % {
        "words": " ".join(word.name for word in WORDS),
        "formats": "\n".join(f'        {name}) options="{" ".join(choices)}" ;;' for name, choices in formats.items()),
        "cases": cases,
        "files": "|".join(dict.fromkeys(flag for word in WORDS for flag in file_options(word))),
        "shells": " ".join(SHELLS),
    }
    return script if shell == "bash" else ZSH + script


def options(word: Word) -> list[str]:
    """The long options of *word*."""
    return ["--help", *(flag for argument in word.arguments for flag in argument.flags if flag.startswith("--"))]


def file_options(word: Word) -> list[str]:
    """The options of *word* whose value is a file or a directory."""
    files = [one for one in word.arguments if one.settings.get("metavar") in ("FILE", "DIR", "INVENTORY")]
    return [flag for argument in files for flag in argument.flags if flag.startswith("-")]
