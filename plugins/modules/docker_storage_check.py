#!/usr/bin/python
# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_storage_check
short_description: Check a Docker host's storage driver and the space under it
version_added: "0.1.0"
author:
  - The tpaexec.docker developers (@tpaexec)
description:
  - Finds the lvm-loop scheme (devicemapper on loop devices), which is not suitable for production, and every other
    storage driver or file system that makes trouble for databases in containers. Says what is in use otherwise.
extends_documentation_fragment:
  - tpaexec.docker.preflight
  - tpaexec.docker.policy
  - tpaexec.docker.connection
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
seealso:
  - name: Storage drivers
    description: Docker's page on storage drivers.
    link: https://docs.docker.com/storage/storagedriver/
  - name: Configuring lvm-direct for production
    description: Docker's page on devicemapper.
    link: https://docs.docker.com/storage/storagedriver/device-mapper-driver/#configure-direct-lvm-mode-for-production
"""

EXAMPLES = r"""
- name: Check the storage of a Docker host
  tpaexec.docker.docker_storage_check:
  delegate_to: docker1.example.com
  register: storage

- name: Refuse the lvm-loop scheme
  tpaexec.docker.docker_storage_check:
    severity: error
"""

RETURN = r"""
driver:
  description: The storage driver.
  returned: always, null when there is no daemon
  type: str
  sample: overlay2
server_version:
  description: The engine's version.
  returned: always, null when there is no daemon
  type: str
  sample: 20.10.24+dfsg1
storage:
  description: What is known of the storage; null what is not.
  returned: always
  type: dict
  contains:
    driver: {description: The storage driver., type: str}
    status: {description: The driver's own status as the daemon shows it., type: dict}
    backing_filesystem: {description: The file system below., type: str}
    d_type: {description: Whether it has d_type., type: bool}
    loop: {description: Loop devices and loop files of devicemapper., type: dict}
    data: {description: "Used, total and available bytes of a thin pool's data.", type: dict}
    metadata: {description: "Used, total and available bytes of a thin pool's metadata.", type: dict}
    data_root: {description: Where the engine keeps its data., type: str}
    containerd_store: {description: Whether images are in containerd's store., type: bool}
    filesystems:
      description: The data root's and containerd's file systems with type, mount options, free bytes and inodes.
      type: list
      elements: dict
findings:
  description: All findings, in the order of the checks.
  returned: always
  type: list
  elements: dict
  contains:
    id: {description: Stable for ever., type: str}
    severity: {description: "V(error), V(warning) or V(info).", type: str}
    message: {description: What was seen and why it matters., type: str}
    remedy: {description: What mends it., type: str}
checked:
  description: Which checks ran, and which could not.
  returned: always
  type: dict
  contains:
    ran: {description: Ids., type: list, elements: str}
    not_run: {description: The reason by id., type: dict}
facts:
  description:
    - Typed facts - engine, storage, host, filesystems, capacity. What is not known is null, its reason in C(unknown).
  returned: always
  type: dict
report:
  description: The findings in O(format).
  returned: always
  type: str
"""

from ansible_collections.tpaexec.docker.plugins.module_utils._checks.body import common_argument_spec, storage_check
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import run_module


def main() -> None:
    run_module(storage_check, common_argument_spec())


if __name__ == "__main__":
    main()
