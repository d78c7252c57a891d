#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# venv.sh DIR REQUIREMENTS...: make or refresh a virtual environment in which ansible finds this checkout as tpaexec.docker.
# Does nothing when nothing changed. PYTHON chooses the interpreter.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
python=${PYTHON:-python3}
dir=$1
shift
# So that `-r` inside a requirements file and relative names mean the same from everywhere.
cd "$TOP"

command -v "$python" >/dev/null || die "$python is not here: install python3 (3.11 or newer) or name one with PYTHON="
version=$("$python" -c 'import sys; print("%d.%d.%d" % sys.version_info[:3])')
"$python" -c "import sys; sys.exit(sys.version_info < (3, ${LEAST_MINOR:-11}))" ||
  die "$python is Python $version, and these requirements need 3.${LEAST_MINOR:-11} or newer: name one with PYTHON="

exec 9>"$CACHE/venv.lock"
flock 9
home="$version $TOP"
if [ "$(cat "$dir/.made-by" 2>/dev/null)" != "$home" ] || ! "$dir/bin/python" -c '' 2>/dev/null; then
  say "making ${dir#"$TOP"/} with Python $version"
  "$python" -m venv --clear "$dir" >"$CACHE/venv.log" 2>&1 || {
    rm -rf "$dir"
    die "python could not make a virtual environment: install python3-venv" "$(tail -n 5 "$CACHE/venv.log")"
  }
  printf '%s' "$home" >"$dir/.made-by"
fi

wanted=$(cat requirements.txt "$@" | sha256sum | cut -d' ' -f1)
stamp=$dir/.installed-$(printf '%s-' "${@##*/}")
if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
  say "installing ${*##*/} into ${dir#"$TOP"/}"
  "$dir/bin/python" -m pip --disable-pip-version-check -qq install $(printf -- '-r %s ' "$@") ||
    die "pip could not install ${*##*/} (see above); is a package index within reach?"
  printf '%s' "$wanted" >"$stamp"
fi

# The link that makes the checkout (or COLLECTION, a copy) a collection for everything in this environment, wherever it lies.
collection=${COLLECTION:-$TOP}
collections=$("$dir/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/ansible_collections
mkdir -p "$collections/tpaexec"
[ "$(readlink "$collections/tpaexec/docker")" = "$collection" ] || ln -sfn "$collection" "$collections/tpaexec/docker"
