#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# with-machine.sh COMMAND...: runs COMMAND where virtual machines can be made. That needs root; other users' tests say so.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
if [ "$(id -u)" = 0 ]; then
  need qemu-system-x86_64 qemu-system-x86
  need mmdebstrap mmdebstrap
fi
exec "$@"
