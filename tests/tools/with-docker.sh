#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# with-docker.sh COMMAND...: runs COMMAND where it can talk to a Docker daemon. Where none answers, Docker is installed
# from the distribution's packages and started, by this collection's own playbook.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

# answers · denied (there, but not for this user) · absent
state() {
  "$VENV/bin/python" - <<'PYTHON' 2>"$CACHE/daemon-state.log"
import docker, sys
def said(error):
    while error:
        yield repr(error)
        error = error.__cause__ or error.__context__
try:
    docker.from_env(timeout=10).ping()
    print("answers")
except Exception as error:
    print("\n".join(said(error)), file=sys.stderr)
    print("denied" if any("PermissionError" in text for text in said(error)) else "absent")
PYTHON
}

# A user who has just been put into the group docker has it only in new sessions: sg makes one.
through_group() { [ -z "${WITH_DOCKER_GROUP:-}" ] && command -v sg >/dev/null && id -nG "$(id -un)" | grep -qw docker; }

install_engine() {
  local -a options=()
  local users=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "no Docker daemon answers, and installing one needs root: run as root, or install sudo"
    say "installing Docker needs root: using sudo, and putting $(id -un) into the group docker (that is root on this host)"
    users=("$(id -un)")
    if ! sudo -n true 2>/dev/null; then
      [ -t 0 ] || die "sudo asks for a password and there is no terminal: run 'sudo true' first, or this as root"
      options+=(--ask-become-pass)
    fi
  fi
  # As JSON: a path may hold anything.
  options+=(-e "$("$VENV/bin/python" -c 'import json, sys; print(json.dumps(
    {"engine_start_without_systemd": True, "engine_log_file": sys.argv[1], "engine_users": sys.argv[2:]}))' \
    "$CACHE/dockerd.log" "${users[@]}")")
  # Only what is changed is shown.
  ANSIBLE_DISPLAY_OK_HOSTS=False ANSIBLE_DISPLAY_SKIPPED_HOSTS=False \
    ANSIBLE_LOCALHOST_WARNING=False ANSIBLE_INVENTORY_UNPARSED_WARNING=False \
    "$VENV/bin/ansible-playbook" tpaexec.docker.install_docker "${options[@]}"
}

found=$(state)
if [ "$found" = absent ]; then
  [ -z "${DOCKER_HOST:-}" ] || die "no daemon answers at DOCKER_HOST=$DOCKER_HOST: start it, or unset DOCKER_HOST" \
    "$(tail -n 1 "$CACHE/daemon-state.log")"
  say "no Docker daemon answers: installing it from the distribution's packages and starting it"
  install_engine
  found=$(state)
fi
case $found in
  answers) exec "$@" ;;
  denied)
    if through_group; then
      export WITH_DOCKER_GROUP=1
      # And back to the own group as the first one: files shall be the user's, and newuidmap insists on it.
      exec sg docker -c "$(printf '%q ' exec sg "$(id -gn)" -c "$(printf '%q ' exec "$0" "$@")")"
    fi
    die "this user may not talk to the Docker daemon: sudo usermod -a -G docker \"\$(id -un)\"" \
      "then log in again. Who is in that group is root on this host."
    ;;
  *) die "Docker was installed, but its daemon does not answer: look into $CACHE/dockerd.log or 'journalctl -u docker'" \
    "$(tail -n 1 "$CACHE/daemon-state.log")" ;;
esac
