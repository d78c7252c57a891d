#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# matrix.sh LEG...: with each of these ansible-cores, on a Python it supports, the unit tests and one short cluster life.
# A leg is a file matrix/requirements-LEG.txt; `LEG@3.10` names the Python.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# The newest Python first that each ansible-core supports on a controller; TPA itself runs 2.16 with 3.12.
declare -A pythons=(
  [2.16]="3.12 3.11 3.10" [2.18]="3.13 3.12 3.11" [2.19]="3.13 3.12 3.11" [newest]="3.14 3.13 3.12 3.11"
)
image=${TPAEXEC_TEST_IMAGE:-tpaexec/debian-systemd:12}
summary=()

interpreter() {
  local version
  for version in "$@"; do
    working_python "$version" && return
  done
  return 1
}

# In the leg's copy of the checkout, with its Ansible first on the PATH: what the pure code does was tried already by
# `make unit` with thousands of examples, so the property tests are left out.
inside() {
  local dir=$1
  python -m pytest -q tests/unit --ignore-glob='*propert*' &&
    rm -rf "$dir" &&
    bin/tpaexec configure "$dir" --platform docker --os-image "$image" --data-nodes-per-location 1 &&
    bin/tpaexec provision "$dir" &&
    bin/tpaexec provision "$dir" | tee "$dir.again" &&
    grep -q 'Nothing to change' "$dir.again" &&
    bin/tpaexec ping "$dir" &&
    bin/tpaexec list-containers "$dir" &&
    bin/tpaexec deprovision "$dir"
}

run_leg() {
  local leg=$1 work=$CACHE/matrix/$1 python what log status=0
  local -a candidates
  read -ra candidates <<<"${pythons[${leg%@*}]}"
  [ "$leg" = "${leg#*@}" ] || candidates=("${leg#*@}")
  python=$(interpreter "${candidates[@]}") || {
    summary+=("$leg: NOT RUN, none of Python ${candidates[*]} is on this machine")
    return 0
  }
  copy_tree "$work/ansible_collections/tpaexec/docker"
  PYTHON=$python LEAST_MINOR=10 COLLECTION=$work/ansible_collections/tpaexec/docker \
    "$TOP/tests/tools/venv.sh" "$work/venv" "tests/tools/matrix/requirements-${leg%@*}.txt"
  log=$work/log
  what="$("$work/venv/bin/ansible" --version | sed -n '1s/.*\[\(.*\)\].*/\1/p'), $("$work/venv/bin/python" -V)"
  say "leg $leg: $what"
  (cd "$work/ansible_collections/tpaexec/docker" && PATH=$work/venv/bin:$PATH && inside "$work/matrix-${leg//[.@]/-}") \
    >"$log" 2>&1 </dev/null || status=$?
  if [ "$status" = 0 ]; then
    summary+=("$leg: passed with $what: $(grep -E '^[0-9]+ passed' "$log"), and a cluster's life")
  else
    tail -n 60 "$log"
    summary+=("$leg: FAILED, all that it said: $log")
    failed=1
  fi
}

failed=0
for leg; do run_leg "$leg"; done
printf -- '-- %s\n' "${summary[@]}"
exit $failed
