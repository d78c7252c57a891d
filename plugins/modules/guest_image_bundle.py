#!/usr/bin/python
# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: guest_image_bundle
short_description: Write images into one archive, with checksums
version_added: "0.1.0"
author:
  - The tpaexec.docker developers (@tpaexec)
description:
  - Writes every image of a cluster into one file, for a machine that has no network.
  - The archive is what C(docker save) writes, and a list of every part's checksum and every image's layers at its end.
    C(docker load) takes it as well.
  - The file appears under its name when it is whole.
options:
  names:
    description:
      - Names of the images, with a tag. Each must be on the engine already.
    type: list
    elements: str
    required: true
  path:
    description:
      - The file to write, where the module runs.
    type: path
    required: true
  cluster:
    description:
      - The cluster's name, for the record.
    type: str
    default: ""
  force:
    description:
      - Write it again though a bundle of just these images is there.
    type: bool
    default: false
extends_documentation_fragment:
  - tpaexec.docker.connection
attributes:
  check_mode:
    support: full
    description: Says whether a file would be written.
  diff_mode:
    support: none
    description: The file is an archive.
"""

EXAMPLES = r"""
- name: Take a cluster's images along
  tpaexec.docker.guest_image_bundle:
    names: [tpaexec/debian-systemd:12]
    path: /media/usb/demo.tar

- name: On the other machine
  tpaexec.docker.guest_image:
    names: [tpaexec/debian-systemd:12]
    archive: /media/usb/demo.tar
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
size:
  description: Its size in bytes; 0 in check mode.
  returned: success
  type: int
images:
  description: The images in it.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The image's name.
      type: str
    id:
      description: Its id on the engine that it was taken from.
      type: str
    digests:
      description: Its digests in registries.
      type: list
      elements: str
    layers:
      description: The SHA-256 of each layer's files.
      type: list
      elements: str
"""

from ansible_collections.tpaexec.docker.plugins.module_utils._argspec import connection_argument_spec
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import run_module
from ansible_collections.tpaexec.docker.plugins.module_utils._image.bundle_body import bundle_body


def main() -> None:
    run_module(
        bundle_body,
        dict(
            connection_argument_spec(),
            names=dict(type="list", elements="str", required=True),
            path=dict(type="path", required=True),
            cluster=dict(type="str", default=""),
            force=dict(type="bool", default=False),
        ),
    )


if __name__ == "__main__":
    main()
