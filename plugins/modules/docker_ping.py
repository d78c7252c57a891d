#!/usr/bin/python
# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_ping
short_description: Ask nodes for a sign of life, all at once
version_added: "0.1.0"
author:
  - The tpaexec.docker developers (@tpaexec)
description:
  - Runs a short script in each container through the Docker daemon, all at once, and says whether the node answers
    and whether its Python is one that the running ansible-core can use.
  - A node that has no such Python answers all the same, to M(ansible.builtin.raw). It is no failure.
  - Needs neither the C(docker) command nor Python in the node. Changes nothing.
extends_documentation_fragment:
  - tpaexec.docker.connection
options:
  names:
    description:
      - The containers.
    type: list
    elements: str
    required: true
  pythons:
    description:
      - The Python that Ansible uses in each of O(names), in the same order.
      - Where it is not given or empty, the usual ones are tried.
    type: list
    elements: str
    default: []
  hosts:
    description:
      - The Docker host of each of O(names), in the same order, as the variable C(tpaexec_docker_host) of the generated
        inventory says it - C(name), C(docker_host), C(tls_ca_cert), C(tls_client_cert), C(tls_client_key),
        C(tls_hostname), C(use_ssh_client).
      - An empty one, or none, is the daemon of O(docker_host).
    type: list
    elements: dict
    default: []
  cluster_dir:
    description:
      - The cluster directory. With it, a container that is not this cluster's is not asked, though it has a node's
        name; it counts as a node that does not answer.
    type: path
  timeout:
    description:
      - Seconds to wait for an answer of the daemon.
      - If not set, the environment variable E(DOCKER_TIMEOUT) is used.
    type: int
    default: 15
attributes:
  check_mode:
    support: full
    description: Changes nothing in any mode.
"""

EXAMPLES = r"""
- name: Does everybody answer?
  tpaexec.docker.docker_ping:
    names: "{{ groups['tag_Cluster_demo'] }}"
"""

RETURN = r"""
nodes:
  description: What came of each node, in the order of O(names).
  returned: always
  type: list
  elements: dict
  contains:
    name: {description: The container., type: str}
    answers: {description: Whether it answers., type: bool}
    python: {description: The version of its Python; empty if it has none., type: str}
    usable: {description: Whether the running ansible-core can use that Python., type: bool}
    text: {description: The same for people., type: str}
report:
  description: A line for each node that answers.
  returned: always
  type: str
"""

from ansible_collections.tpaexec.docker.plugins.module_utils._argspec import connection_argument_spec
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.ping import body
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import run_module


def main() -> None:
    run_module(
        body,
        dict(
            connection_argument_spec(timeout=15),
            names=dict(type="list", elements="str", required=True),
            pythons=dict(type="list", elements="str", default=[]),
            hosts=dict(type="list", elements="dict", default=[]),
            cluster_dir=dict(type="path"),
        ),
    )


if __name__ == "__main__":
    main()
