# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the scripts beside it: where things are, and how they speak.
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
CACHE=$TOP/.cache
# The virtual environment to work with; the matrix gives its own.
VENV=${VENV:-$TOP/.venv}

say() { printf '%s\n' "-- $*"; }
die() { printf '%s\n' "error: $1" "${@:2}" >&2; exit 1; }
mkdir -p "$CACHE"

# working_python 3.12: an interpreter of that version that runs, on the PATH or among pyenv's; fails where there is none.
working_python() {
  local candidate
  for candidate in $(type -ap "python$1") "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1"*/bin/python3 /usr/local/bin/"python$1"; do
    # A pyenv shim is on the PATH and may lead nowhere.
    if [ "$("$candidate" -c 'import ensurepip, sys, venv; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$1" ]; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  return 1
}

# copy_tree DIR: the checkout as git would have it, uncommitted work included, and nothing that git ignores.
copy_tree() {
  local file
  rm -rf "$1"
  mkdir -p "$1"
  # A file that is deleted and not yet committed is still listed.
  (cd "$TOP" && git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
    [ ! -e "$file" ] || printf '%s\0' "$file"
  done | xargs -0 cp --parents -P -t "$1")
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# need PROGRAM PACKAGE...: installs the packages where the program is missing.
need() {
  local program=$1
  shift
  ! command -v "$program" >/dev/null || return 0
  command -v apt-get >/dev/null || die "$program is missing, and there is no apt-get here: install it ($*)"
  say "$program is missing: installing $*$([ "$(id -u)" = 0 ] || echo ', which needs root: using sudo')"
  { as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "$@"; } >"$CACHE/packages.log" 2>&1 ||
    die "$* could not be installed; what was said: $CACHE/packages.log" "$(tail -n 3 "$CACHE/packages.log")"
}
