#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A cluster of three booted nodes in ./demo, by the two commands that a user would type. Run again, it changes nothing.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$TOP"
image=${TPAEXEC_TEST_IMAGE:-tpaexec/debian-systemd:12}

typed() { printf '\n$ %s\n' "$*"; "$@"; }

if [ -e demo/config.yml ]; then
  say "demo/config.yml is there already: left as it is"
else
  typed bin/tpaexec configure demo --platform docker --os-image "$image"
fi
typed bin/tpaexec provision demo

first=$("$VENV/bin/python" -c 'import yaml; print(yaml.safe_load(open("demo/config.yml"))["instances"][0]["Name"])')
cat <<TEXT

Try next${WITH_DOCKER_GROUP:+ (after a new login, or \`newgrp docker\`: you are in the group docker only from then on)}:
  bin/tpaexec ping demo
  bin/tpaexec cmd demo -a 'systemctl is-system-running'
  bin/tpaexec ssh demo ${first}
TEXT
