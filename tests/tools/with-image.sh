#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# with-image.sh COMMAND...: runs COMMAND when the guest image is there. A missing one is made by this collection's own
# role: from the distribution's packages. What that and a cluster's keys need is installed where it is missing.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
image=${TPAEXEC_TEST_IMAGE:-tpaexec/debian-systemd:12}

have_image() {
  IMAGE=$image "$VENV/bin/python" -c 'import docker, os; docker.from_env().images.get(os.environ["IMAGE"])' 2>"$CACHE/image.log"
}

need ssh-keygen openssh-client
# Tests sign a small archive of packages.
need gpg gpg gpg-agent
# Pictures: a font goes with it, or a PNG has no text.
need dot graphviz fonts-dejavu-core
if ! have_image; then
  # uidmap: what mmdebstrap needs to work without being root.
  need mmdebstrap mmdebstrap uidmap
  say "making the guest image $image (a minute or two, once)"
  ANSIBLE_LOCALHOST_WARNING=False ANSIBLE_INVENTORY_UNPARSED_WARNING=False "$VENV/bin/ansible" localhost \
    -m ansible.builtin.include_role -a name=tpaexec.docker.guest_image -e "{\"guest_image_names\": [\"$image\"]}" \
    </dev/null >"$CACHE/image.log" 2>&1 || die "$image could not be made; all that was said: $CACHE/image.log" "$(cat "$CACHE/image.log")"
  have_image || die "$image was made, and is not there: $(tail -n 3 "$CACHE/image.log")"
fi
exec "$@"
