#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The site of docs/ in build/docs: the pages as they are, and reference pages made from modules, roles and the command.
# Warnings are errors, links inside the site are checked, nothing is fetched from the network.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$TOP"
PATH=$VENV/bin:$PATH
pages=$CACHE/docs/pages
made=$CACHE/docs/made

rm -rf "$pages" "$made" build/docs
mkdir -p "$pages/reference" "$made" build
# antsibull-docs writes into no folder that others can write.
chmod go-w "$pages/reference" "$made"

cp docs/*.md CHANGELOG.md CONTRIBUTING.md SECURITY.md "$pages"
# Pictures of a page, where it has any.
[ ! -d docs/images ] || cp -r docs/images "$pages"
# Others link to it already.
[ -e docs/several-hosts.md ] || printf '# Several hosts\n\nThis page is being written.\n' >"$pages/several-hosts.md"
# What holds in a checkout holds on the site: these pages lie beside each other there.
sed -i -e 's#](\.\./\(CONTRIBUTING\|SECURITY\|CHANGELOG\)\.md#](\1.md#g' "$pages"/*.md
sed -i -e 's#](docs/\([a-z-]*\)\.md#](\1.md#g' "$pages"/{CONTRIBUTING,SECURITY}.md
python tests/tools/docs/words.py "$pages/command-words.md"
antsibull-docs collection --use-current --fail-on-error --squash-hierarchy --no-add-antsibull-docs-version \
  --cleanup everything --dest-dir "$made" tpaexec.docker >"$CACHE/docs/antsibull.log" 2>&1 ||
  die "antsibull-docs could not document the collection" "$(cat "$CACHE/docs/antsibull.log")"
cp "$made"/*.rst "$pages/reference"

sphinx-build --quiet --fail-on-warning --keep-going --builder html --conf-dir tests/tools/docs \
  --doctree-dir "$CACHE/docs/trees" "$pages" build/docs
python tests/tools/docs/links.py build/docs
say "the site is in build/docs: open build/docs/index.html"
