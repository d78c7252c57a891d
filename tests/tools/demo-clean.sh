#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Removes what `make demo` made: nodes, network, directory; with IMAGE=1 the guest image too. Docker itself stays.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$TOP"
image=${TPAEXEC_TEST_IMAGE:-tpaexec/debian-systemd:12}

if [ -e demo/config.yml ]; then
  bin/tpaexec deprovision demo --remove-volumes
  rm -rf demo
  say "the demo is gone"
else
  say "there is no demo: nothing to remove"
fi
if [ "${IMAGE:-}" = 1 ]; then
  IMAGE_NAME=$image "$VENV/bin/python" - <<'PYTHON'
import os
import docker
name = os.environ["IMAGE_NAME"]
try:
    docker.from_env().images.remove(name)
    print(f"-- the image {name} is gone")
except docker.errors.ImageNotFound:
    print(f"-- there is no image {name}")
PYTHON
else
  say "Docker and the image $image stay; 'make demo-clean IMAGE=1' removes the image, too"
fi
