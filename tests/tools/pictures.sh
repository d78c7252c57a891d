#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The picture in the docs, drawn by the command itself. A unit test holds docs/images/cluster.dot against the sources.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$TOP"
mkdir -p docs/images
for kind in dot svg; do
  bin/tpaexec diagram tests/data/pictured --config-only -q --output "docs/images/cluster.$kind"
done
say "docs/images: cluster.dot, cluster.svg"
