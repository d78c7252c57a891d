#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# matrix.sh LEG...: with each of these ansible-cores, on a Python it supports, the unit tests, one short cluster life, and
# the entry points for TPA's playbooks. A leg is a file matrix/requirements-LEG.txt; `LEG@3.10` names the Python.
# `LEG+trixie`: the cluster's life alone, on the Docker Engine that this suite of Debian carries.
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
  python -m pytest -q tests/unit --ignore-glob='*propert*' && life "$1" &&
    python -m pytest -q tests/integration/examples/test_tpa.py
}

# `cmd` goes through the docker command, the live inventory through the engine's API: both connections.
life() {
  local dir=$1
  rm -rf "$dir" "$dir.docker_cluster.yml" &&
    printf 'plugin: tpaexec.docker.docker_cluster\nclusters: [%s]\n' "${dir##*/}" >"$dir.docker_cluster.yml" &&
    bin/tpaexec configure "$dir" --platform docker --os-image "$image" --data-nodes-per-location 1 &&
    bin/tpaexec provision "$dir" &&
    bin/tpaexec provision "$dir" | tee "$dir.again" &&
    grep -q 'Nothing to change' "$dir.again" &&
    bin/tpaexec ping "$dir" &&
    bin/tpaexec list-containers "$dir" &&
    bin/tpaexec cmd "$dir" all -m ansible.builtin.command -a 'systemctl --version' &&
    ansible -i "$dir.docker_cluster.yml" all -m ansible.builtin.ping &&
    bin/tpaexec deprovision "$dir"
}

# 77: there is no such engine here
on_engine() {
  TPAEXEC_TEST_CACHE=$CACHE/engines python tests/tools/matrix/on_engine.py "$1" "$image" \
    bash -c 'cd "$1" && . tests/tools/matrix.sh && life "$2"' - "$PWD" "$2"
}

run_leg() {
  local leg=${1%+*} suite='' work=$CACHE/matrix/${1%+*} python what log done status=0
  local -a candidates
  [ "$leg" = "$1" ] || suite=${1#*+}
  read -ra candidates <<<"${pythons[${leg%@*}]}"
  [ "$leg" = "${leg#*@}" ] || candidates=("${leg#*@}")
  python=$(interpreter "${candidates[@]}") || {
    summary+=("$1: NOT RUN, none of Python ${candidates[*]} is on this machine")
    return 0
  }
  copy_tree "$work/ansible_collections/tpaexec/docker"
  PYTHON=$python LEAST_MINOR=10 COLLECTION=$work/ansible_collections/tpaexec/docker \
    "$TOP/tests/tools/venv.sh" "$work/venv" "tests/tools/matrix/requirements-${leg%@*}.txt"
  log=$work/log${suite:+-$suite}
  what="$("$work/venv/bin/ansible" --version | sed -n '1s/.*\[\(.*\)\].*/\1/p'), $("$work/venv/bin/python" -V), \
community.docker $("$work/venv/bin/python" -c 'import json, sysconfig; print(json.load(open(sysconfig.get_paths()["purelib"] +
    "/ansible_collections/community/docker/MANIFEST.json"))["collection_info"]["version"])')"
  say "leg $1: $what"
  (
    cd "$work/ansible_collections/tpaexec/docker"
    PATH=$work/venv/bin:$PATH
    dir=$work/matrix-${1//[.@+]/-}
    if [ -n "$suite" ]; then on_engine "$suite" "$dir"; else inside "$dir"; fi
  ) >"$log" 2>&1 </dev/null || status=$?
  case $status in
    0)
      done=$(grep -E '^[0-9]+ passed|^-- engine' "$log" | paste -sd, | sed 's/-- //; s/,/, /g')
      summary+=("$1: passed with $what: $done, and a cluster's life")
      ;;
    77) summary+=("$1: NOT RUN, $(tail -n 1 "$log")") ;;
    *)
      tail -n 60 "$log"
      summary+=("$1: FAILED, all that it said: $log")
      failed=1
      ;;
  esac
}

# Sourced for its functions by what on_engine starts.
[ "${BASH_SOURCE[0]}" = "$0" ] || return 0
failed=0
for leg; do run_leg "$leg"; done
printf -- '-- %s\n' "${summary[@]}"
exit $failed
