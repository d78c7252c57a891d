#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The pictures in the docs: a cluster, drawn by the command itself, and the house of docs/architecture.md. Unit tests hold
# both .dot files against the sources. The benchmark's curves are drawn by `make bench`.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$TOP"
mkdir -p docs/images
for kind in dot svg; do
  bin/tpaexec diagram tests/data/pictured --config-only -q --output "docs/images/cluster.$kind"
done
dot -Tsvg docs/images/house.dot -o docs/images/house.svg
say "docs/images: cluster.dot, cluster.svg, house.svg"
