#!/usr/bin/python
# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_image_check
short_description: Look into images and judge whether they are fit to be nodes
version_added: "0.1.0"
author:
  - The tpaexec.docker developers (@tpaexec)
description:
  - Looks into images without running anything of them, and reports whether they can be nodes of a cluster - systemd is
    there, PostgreSQL is not preinstalled, nothing is baked in that nodes must not share.
  - It reads a few files of a container that is never started and is removed afterwards. It changes nothing else, and an
    image of several GB takes no longer than a small one.
  - PostgreSQL's dependencies and a filled package cache are welcome, and are reported.
options:
  images:
    description:
      - Names or ids of the images. Each must be on the engine already.
    type: list
    elements: str
    required: true
    aliases: [image]
  cache_dir:
    description:
      - A directory in which the facts of an image are kept by its id, so that an image is looked into once.
    type: path
extends_documentation_fragment:
  - tpaexec.docker.policy
  - tpaexec.docker.connection
attributes:
  check_mode:
    support: full
    description: The module changes nothing, and does the same in check mode.
  diff_mode:
    support: none
    description: The module changes nothing.
"""

EXAMPLES = r"""
- name: Check an image
  tpaexec.docker.docker_image_check:
    images: [registry.example.com/site/el9-systemd:3]

- name: Accept that PostgreSQL is preinstalled
  tpaexec.docker.docker_image_check:
    images: [registry.example.com/site/with-postgres:1]
    ignore: [POSTGRES_PREINSTALLED]
"""

RETURN = r"""
findings:
  description: What was found, each with an id that is stable for ever.
  returned: always
  type: list
  elements: dict
  contains:
    id:
      description: The finding's id, as in docs/checks.md.
      type: str
    severity:
      description: V(error), V(warning) or V(info).
      type: str
    message:
      description: What was seen and why it matters.
      type: str
    remedy:
      description: What mends it.
      type: str
    image:
      description: The image's name.
      type: str
checked:
  description: Which ids were checked, and which could not be, with the reason.
  returned: always
  type: dict
  sample: {ran: [IMAGE_NO_SYSTEMD, POSTGRES_PREINSTALLED], not_run: {}}
facts:
  description: What is in each image.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The name that was asked for.
      type: str
    image_id:
      description: The image's id.
      type: str
    architecture:
      description: The architecture, in the engine's words.
      type: str
    os_id:
      description: The distribution, C(ID) of os-release.
      type: str
    os_version:
      description: Its version, C(VERSION_ID) of os-release.
      type: str
    has_systemd:
      description: Whether systemd is in the image.
      type: bool
    systemd_version:
      description: The version of systemd, where it can be told.
      type: int
    init:
      description: What a container of the image runs.
      type: str
    stop_signal:
      description: The signal that the image asks to be stopped with.
      type: str
    sshd:
      description: Whether an SSH server is in the image.
      type: bool
    package_manager:
      description: V(apt), V(dnf), V(yum), V(zypper) or empty.
      type: str
    package_cache:
      description: Where downloaded packages are, how many, and how large.
      type: dict
    pythons:
      description: Python interpreters, with their versions.
      type: list
      elements: dict
"""

from ansible_collections.tpaexec.docker.plugins.module_utils._argspec import (
    connection_argument_spec,
    policy_argument_spec,
)
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import run_module
from ansible_collections.tpaexec.docker.plugins.module_utils._image.check_body import check_body


def main() -> None:
    run_module(
        check_body,
        dict(
            connection_argument_spec(),
            images=dict(type="list", elements="str", required=True, aliases=["image"]),
            **policy_argument_spec(),
            cache_dir=dict(type="path"),
        ),
    )


if __name__ == "__main__":
    main()
