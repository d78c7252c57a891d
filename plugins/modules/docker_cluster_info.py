#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Say which nodes a cluster has and how they are."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_cluster_info
short_description: Say which nodes a cluster has and how they are
version_added: 0.1.0
description:
  - Looks at the Docker host as M(tpaexec.docker.docker_cluster) does, and changes nothing.
  - Nodes of the cluster that C(config.yml) no longer names are listed too.
options:
  cluster_dir:
    description: The cluster directory, with its C(config.yml).
    type: path
    required: true
  record_dir:
    description: Where the cluster's id is kept, if not in C(.tpaexec-docker) in O(cluster_dir).
    type: path
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
  diff_mode:
    support: none
    description: There is never a difference to show.
extends_documentation_fragment:
  - tpaexec.docker.connection
seealso:
  - module: tpaexec.docker.docker_cluster
author:
  - The tpaexec.docker developers (@tpaexec)
"""

EXAMPLES = r"""
- name: Look at a cluster
  tpaexec.docker.docker_cluster_info:
    cluster_dir: /home/me/clusters/demo
  register: demo

- name: Insist that every node runs and is as config.yml says
  ansible.builtin.assert:
    that: demo.instances | rejectattr('status', 'eq', 'running') | list | length == 0
"""

RETURN = r"""
instances:
  description: Every node.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: The node's name.
      type: str
    node:
      description: Its number, null for a node that C(config.yml) no longer names.
      type: int
    role:
      description: Its roles.
      type: list
      elements: str
    location:
      description: Its location.
      type: str
    host:
      description: The Docker host where it is, or is to be; C(default) is that of O(docker_host).
      type: str
    image:
      description: The image's name that its container was made with.
      type: str
    status:
      description: The container's status as the engine says it, C(absent), C(foreign) when someone else has the
        name, or C(unknown) when its host does not answer.
      type: str
    owner:
      description: C(ours), C(tpa) or C(foreign).
      type: str
    container_id:
      description: The container's id.
      type: str
    addresses:
      description: Its address in each network.
      type: dict
    ip_address:
      description: Its address in its first network.
      type: str
    uptime:
      description: Seconds since its start, null when it does not run.
      type: int
    drift:
      description: What provision would do to it, and why.
      type: list
      elements: str
    in_config:
      description: Whether C(config.yml) names it.
      type: bool
    warnings:
      description: What is stale.
      type: list
      elements: str
networks:
  description: The cluster's networks, with C(name), C(present), and what provision would do to them.
  returned: success
  type: list
  elements: dict
hosts:
  description: Every Docker host of the cluster, as in M(tpaexec.docker.docker_cluster).
  returned: success
  type: list
  elements: dict
problems:
  description: What stands in the way of provision.
  returned: success
  type: list
  elements: dict
cluster_name:
  description: The cluster's name.
  returned: success
  type: str
"""

from ansible_collections.tpaexec.docker.plugins.module_utils._argspec import connection_argument_spec
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.info import body
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import run_module


def main() -> None:
    run_module(
        body,
        dict(
            connection_argument_spec(),
            cluster_dir=dict(type="path", required=True),
            record_dir=dict(type="path"),
        ),
    )


if __name__ == "__main__":
    main()
