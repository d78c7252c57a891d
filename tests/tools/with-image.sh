#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# with-image.sh COMMAND...: runs COMMAND when the guest image is there. A missing one is made by this collection's own
# role: from the distribution's packages, for which mmdebstrap is installed where it is missing.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
image=${TPAEXEC_TEST_IMAGE:-tpaexec/debian-systemd:12}

have_image() {
  IMAGE=$image "$VENV/bin/python" -c 'import docker, os; docker.from_env().images.get(os.environ["IMAGE"])' 2>"$CACHE/image.log"
}

as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  else
    say "this needs root, using sudo: $*"
    sudo "$@"
  fi
}

install_mmdebstrap() {
  command -v apt-get >/dev/null || die "mmdebstrap is needed to make $image, and there is no apt-get here:" \
    "install it, or pull an image with systemd and name it in TPAEXEC_TEST_IMAGE"
  say "installing mmdebstrap, which makes the guest image"
  # uidmap: what mmdebstrap needs to work without being root.
  { as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends mmdebstrap uidmap; } </dev/null >"$CACHE/mmdebstrap.log" 2>&1 ||
    die "mmdebstrap could not be installed; what apt-get said: $CACHE/mmdebstrap.log" "$(tail -n 3 "$CACHE/mmdebstrap.log")"
}

if ! have_image; then
  command -v mmdebstrap >/dev/null || install_mmdebstrap
  say "making the guest image $image (a minute or two, once)"
  ANSIBLE_LOCALHOST_WARNING=False ANSIBLE_INVENTORY_UNPARSED_WARNING=False "$VENV/bin/ansible" localhost \
    -m ansible.builtin.include_role -a name=tpaexec.docker.guest_image -e "{\"guest_image_names\": [\"$image\"]}" \
    </dev/null >"$CACHE/image.log" 2>&1 || die "$image could not be made; all that was said: $CACHE/image.log" "$(cat "$CACHE/image.log")"
  have_image || die "$image was made, and is not there: $(tail -n 3 "$CACHE/image.log")"
fi
exec "$@"
