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

# A cluster's whole life, through the command, by the Ansible that is first on the PATH.
short_life() {
  local dir=$1
  bin/tpaexec configure "$dir" --platform docker --os-image "$image" --data-nodes-per-location 1
  bin/tpaexec provision "$dir"
  bin/tpaexec provision "$dir" --check
  bin/tpaexec ping "$dir"
  bin/tpaexec deprovision "$dir"
}

run_leg() {
  local leg=$1 work=$CACHE/matrix/$1 python log status=0
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
  say "leg $leg: $("$work/venv/bin/ansible" --version | head -n 1), Python $("$work/venv/bin/python" -V | cut -d' ' -f2)"
  (
    cd "$work/ansible_collections/tpaexec/docker"
    export PATH=$work/venv/bin:$PATH
    python -m pytest -q tests/unit
    rm -rf "$work/cluster-${leg%@*}"
    short_life "$work/cluster-${leg%@*}"
  ) >"$log" 2>&1 </dev/null || status=$?
  if [ "$status" = 0 ]; then
    summary+=("$leg: passed ($("$work/venv/bin/ansible" --version | head -n 1), Python $("$work/venv/bin/python" -V | cut -d' ' -f2),$(grep -E '^[0-9]+ passed' "$log" | tail -n 1 | sed 's/^/ /'))")
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
