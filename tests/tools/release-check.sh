#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The checklist before a release: what a user gets is built, installed into an empty place, and runs the demo from there.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
cd "$TOP"
PYTHON=${PYTHON:-python3}
place=$(mktemp -d)
image=${TPAEXEC_TEST_IMAGE:-tpaexec/debian-systemd:12}
name=release-check-$$
command=$place/collections/ansible_collections/tpaexec/docker/bin/tpaexec

clean() {
  [ ! -e "$place/$name/config.yml" ] || tpaexec deprovision "$name" --remove-volumes -q || say "$name is left on the daemon"
  rm -rf "$place"
}
trap clean EXIT
# As the user of an installation: nothing of the checkout is found.
tpaexec() { (cd "$place" && env -u VIRTUAL_ENV PATH="$place/venv/bin:$PATH" HOME="$place/home" "$command" "$@"); }

version=$("$VENV/bin/python" -c 'import yaml; print(yaml.safe_load(open("galaxy.yml"))["version"])')
say "the changelog has $version, and no fragment is left over"
"$VENV/bin/antsibull-changelog" lint
"$VENV/bin/python" - "$version" <<'PYTHON' || die "run antsibull-changelog release, and commit what it writes"
import sys, yaml
releases = yaml.safe_load(open("changelogs/changelog.yaml"))["releases"]
sys.exit(sys.argv[1] not in releases)
PYTHON
grep -q "^## v${version//./\\\\.}" CHANGELOG.md || die "CHANGELOG.md has no $version: run antsibull-changelog generate"

say "the tarball is built, twice: the same files"
for number in 1 2; do "$VENV/bin/ansible-galaxy" collection build --output-path "$place/$number" . >/dev/null; done
built=$place/1/tpaexec-docker-$version.tar.gz
diff <(tar -xOf "$built" FILES.json) <(tar -xOf "${built/\/1\///2/}" FILES.json) || die "two builds differ"

say "installed into an empty place, with no server to be asked"
mkdir "$place/home"
# An environment of its own: in the checkout's, Ansible would find the checkout.
"$PYTHON" -m venv "$place/venv"
"$place/venv/bin/python" -m pip --disable-pip-version-check -qq install -r requirements.txt
"$VENV/bin/ansible-galaxy" collection install --force --offline --no-deps -p "$place/collections" "$built" >/dev/null 2>"$place/said" ||
  die "the tarball cannot be installed" "$(cat "$place/said")"
said=$(tpaexec --version)
case $said in *"$version"*) ;; *) die "the installed command says it is: $said" ;; esac

say "the demo, from there"
tpaexec configure "$name" --platform docker --os-image "$image"
tpaexec provision "$name"
tpaexec ping "$name"
tpaexec provision "$name" --check | grep -q '^changed' && die "a second provision would change something"
tpaexec deprovision "$name"
rm "$place/$name/config.yml"
say "release-check: $version may be released. By hand: tag v$version, attach build/tpaexec-docker-$version.tar.gz (make build)"
