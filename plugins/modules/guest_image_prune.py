#!/usr/bin/python
# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: guest_image_prune
short_description: Remove the images that this collection made and nothing uses
version_added: "0.1.0"
author:
  - The tpaexec.docker developers (@tpaexec)
description:
  - Removes images that M(tpaexec.docker.guest_image) bootstrapped or built, if no container uses them, running or not,
    and no image in use was built on top of them.
  - Images that were pulled or loaded, and anything else without this collection's label, are never touched.
extends_documentation_fragment:
  - tpaexec.docker.connection
attributes:
  check_mode:
    support: full
    description: Says what would be removed.
  diff_mode:
    support: full
    description: Shows the images that go.
"""

EXAMPLES = r"""
- name: Make room
  tpaexec.docker.guest_image_prune:
"""

RETURN = r"""
removed:
  description: The images that were removed, as M(tpaexec.docker.guest_image_info) describes them.
  returned: success
  type: list
  elements: dict
kept:
  description: The images of ours that are in use.
  returned: success
  type: list
  elements: dict
report:
  description: The same for people.
  returned: success
  type: str
"""

from ansible_collections.tpaexec.docker.plugins.module_utils._argspec import connection_argument_spec
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import run_module
from ansible_collections.tpaexec.docker.plugins.module_utils._image.inventory import prune_body


def main() -> None:
    run_module(prune_body, connection_argument_spec())


if __name__ == "__main__":
    main()
