# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the scripts beside it: where things are, and how they speak.
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
CACHE=$TOP/.cache
# The virtual environment to work with; the matrix gives its own.
VENV=${VENV:-$TOP/.venv}

say() { printf '%s\n' "-- $*"; }
die() { printf '%s\n' "error: $1" "${@:2}" >&2; exit 1; }
mkdir -p "$CACHE"
