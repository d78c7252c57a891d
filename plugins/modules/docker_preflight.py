#!/usr/bin/python
# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_preflight
short_description: Check that a Docker host can run a cluster of systemd containers
version_added: "0.1.0"
author:
  - The tpaexec.docker developers (@tpaexec)
description:
  - Can this user talk to the daemon without sudo, and can its host run systemd nodes? Access, engine, cgroups, limits,
    network, images and capacity are checked.
extends_documentation_fragment:
  - tpaexec.docker.preflight
  - tpaexec.docker.policy
  - tpaexec.docker.connection
options:
  storage:
    description:
      - Run the checks of M(tpaexec.docker.docker_storage_check) as well, in the same task.
    type: bool
    default: false
  cli:
    description:
      - Check the C(docker) command on the host where the module runs. The C(docker) connection needs it on the
        controller.
    type: bool
    default: true
  parallel:
    description:
      - How many calls will be made at once, for the check of an C(ssh://) daemon's limits. V(0) is not known.
    type: int
    default: 0
  canary:
    description:
      - Start, boot and remove one throw-away container, which proves the host end to end. Not done in check mode.
    type: bool
    default: false
  canary_image:
    description:
      - The image of the canary. If not set, the first of the cluster's images that is on the engine, else one that this
        collection made.
    type: str
  canary_mirror:
    description:
      - A package mirror that the canary has to reach, a URL or C(host:port).
    type: str
    default: ""
  canary_timeout:
    description:
      - Seconds that the canary may take, besides O(timeout).
    type: int
    default: 60
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode. In check mode no container is made to look into an image, and no canary.
"""

EXAMPLES = r"""
- name: Check this host
  tpaexec.docker.docker_preflight:

- name: Check a host for a cluster, storage included, and let one finding pass
  tpaexec.docker.docker_preflight:
    storage: true
    cluster: "{{ config.cluster }}"
    cluster_dir: /home/me/clusters/demo
    ignore: [INOTIFY_LOW]
    waivers:
      - {id: DISK_LOW, reason: the new disk is ordered, expires: "2030-01-31"}

- name: Prove a host end to end
  tpaexec.docker.docker_preflight:
    canary: true
    canary_image: tpaexec/debian-systemd:12
"""

RETURN = r"""
server_version:
  description: The engine's version, as C(docker version --format '{{.Server.Version}}') prints it.
  returned: always, null when there is no daemon
  type: str
  sample: 20.10.24+dfsg1
driver:
  description: The storage driver.
  returned: always, null when there is no daemon
  type: str
  sample: overlay2
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
  sample:
    - id: INOTIFY_LOW
      severity: warning
      message: fs.inotify.max_user_instances is 128; 16 nodes need about 144.
      remedy: sudo sysctl -w fs.inotify.max_user_instances=1024
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

from ansible_collections.tpaexec.docker.plugins.module_utils._checks.body import preflight, preflight_argument_spec
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import run_module


def main() -> None:
    run_module(preflight, preflight_argument_spec())


if __name__ == "__main__":
    main()
