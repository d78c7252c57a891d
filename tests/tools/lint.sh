#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Everything that reads the sources and runs nothing of them.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$TOP"
PATH=$VENV/bin:$PATH

say ruff
ruff check --quiet .
say mypy
# By their full names, so that imports between them are followed.
mkdir -p "$CACHE/collections/ansible_collections/tpaexec"
ln -sfn "$TOP" "$CACHE/collections/ansible_collections/tpaexec/docker"
MYPYPATH=$CACHE/collections mypy --cache-dir "$CACHE/mypy" "$CACHE/collections/ansible_collections/tpaexec/docker/plugins"
say ansible-lint
ansible-lint -q --nocolor
say yamllint
yamllint --strict galaxy.yml meta playbooks roles extensions changelogs/config.yaml changelogs/fragments
say "antsibull-docs, antsibull-changelog"
antsibull-docs lint-collection-docs --plugin-docs --validate-collection-refs=self --skip-rstcheck .
antsibull-changelog lint
say reuse
# Its other module for encodings needs a library of the system.
REUSE_ENCODING_MODULE=charset_normalizer reuse lint --quiet || {
  REUSE_ENCODING_MODULE=charset_normalizer reuse lint --lines
  die "every file needs its licence: an SPDX line, or a place in REUSE.toml"
}
