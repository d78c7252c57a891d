#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# sanity.sh [ansible-test's words...]: ansible-test sanity on a copy of what git would see, under the path it insists on.
# Its virtual environments stay under .cache/, the user's home is not touched.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
work=$CACHE/sanity
tree=$work/ansible_collections/tpaexec/docker

# One run at a time: they share the copy and the environments.
mkdir -p "$work"
exec 8>"$work/lock"
flock 8
copy_tree "$tree"

# ansible-test runs everything with HOME, and drops most of the environment: pip's own settings are handed on as a file.
home=$work/home
mkdir -p "$home/.config/pip" "$home/.ansible/test/cache"
for file in "${XDG_CONFIG_HOME:-$HOME/.config}/pip/pip.conf" "$HOME/.pip/pip.conf"; do
  [ ! -f "$file" ] || cp "$file" "$home/.config/pip/pip.conf"
done
# It would download a pip for its environments; Python carries one. The file's name is the one that it looks for.
pip=$("$VENV/bin/python" - <<'PYTHON'
from types import SimpleNamespace
from ansible_test._internal.python_requirements import get_venv_packages
print(get_venv_packages(SimpleNamespace(version="3.11"))["pip"].replace(".", "_"))
PYTHON
)
cat >"$home/.ansible/test/cache/get_pip_$pip.py" <<'PYTHON'
import ensurepip
ensurepip.bootstrap(default_pip=True)
PYTHON

# It takes every python3.X on the PATH, and a pyenv shim there may lead nowhere: it gets those that run, and no shims.
rm -rf "$work/bin"
mkdir -p "$work/bin"
for minor in 9 10 11 12 13 14; do
  if found=$(working_python "3.$minor"); then ln -s "$found" "$work/bin/python3.$minor"; fi
done
path=$work/bin:$(printf '%s' "$PATH" | tr ':' '\n' | grep -v '/shims$' | paste -sd:)

cd "$tree"
git init -q .
# What pip says while it makes the environments is kept, and not shown.
HOME=$home PATH=$path "$VENV/bin/ansible-test" sanity --requirements --python default --color no "$@" 2>&1 |
  tee "$work/log" | grep --line-buffered -E '^(Running|ERROR|FATAL|WARNING: (Skip|Required)|See doc|[a-z-]+( --python [0-9.]+)?$)' ||
  die "ansible-test sanity failed; all that it said: $work/log"
