#!/usr/bin/python
# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: guest_image_info
short_description: List the images that this collection made
version_added: "0.1.0"
author:
  - The tpaexec.docker developers (@tpaexec)
description:
  - Lists the images that M(tpaexec.docker.guest_image) bootstrapped or built, with their size, their age and the
    clusters that use them. They are known by their labels.
extends_documentation_fragment:
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
- name: Which images are there?
  tpaexec.docker.guest_image_info:
  register: mine
"""

RETURN = r"""
images:
  description: The images, the largest first.
  returned: success
  type: list
  elements: dict
  contains:
    image_id:
      description: The image's id.
      type: str
    names:
      description: Its names; an older build has none.
      type: list
      elements: str
    source:
      description: V(bootstrap), V(build) or V(site).
      type: str
    size:
      description: Its size in bytes.
      type: int
    since:
      description: When it came to this engine, in seconds since 1970.
      type: float
    clusters:
      description: Clusters that use it.
      type: list
      elements: str
    containers:
      description: Containers that use it.
      type: list
      elements: str
    base_of:
      description: Images in use that were built on top of it.
      type: list
      elements: str
    used:
      description: Whether anything uses it.
      type: bool
report:
  description: The same as a table.
  returned: success
  type: str
"""

from ansible_collections.tpaexec.docker.plugins.module_utils._argspec import connection_argument_spec
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import run_module
from ansible_collections.tpaexec.docker.plugins.module_utils._image.inventory import info_body


def main() -> None:
    run_module(info_body, connection_argument_spec())


if __name__ == "__main__":
    main()
