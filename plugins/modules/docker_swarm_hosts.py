#!/usr/bin/python
# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_swarm_hosts
short_description: Bring the Docker hosts of a cluster into one Swarm
version_added: "0.1.0"
author:
  - The tpaexec.docker developers (@tpaexec)
description:
  - Looks at all hosts of the cluster at once. Where they are in one Swarm already, there is nothing to do. Where they
    are not, the first becomes a manager of a new one and the others join; where there are three hosts or more, three
    of them are managers.
  - No host is ever taken out of a Swarm. Hosts in different Swarms, a locked Swarm, and one that has lost its quorum
    are refused, with what to do.
  - Before something is formed, a short-lived container on each host's network measures whether the ports of Swarm
    (2377/tcp, 7946/tcp, 7946/udp, 4789/udp) get from each host to each other, and how large a packet does.
  - Findings that leave no Swarm to work with cannot be ignored or waived.
  - Join tokens are in no result, no log and on no command line.
  - A cluster on one host costs no call to a daemon.
extends_documentation_fragment:
  - tpaexec.docker.policy
  - tpaexec.docker.connection
options:
  cluster:
    description:
      - The cluster, as M(tpaexec.docker.cluster_config) returns it. Its C(tpaexec_docker.hosts) are the hosts.
    type: dict
    required: true
  cluster_dir:
    description:
      - What relative paths in O(cluster) start from.
    type: path
  measure:
    description:
      - V(auto) measures between the hosts before something is formed and before an overlay network is made, V(always)
        in each run, V(never) not at all. In check mode nothing is measured.
    type: str
    choices: [auto, always, never]
    default: auto
  timeout:
    description:
      - Seconds to wait for one reply of a daemon. A host that does not answer is reported; the others go on.
      - If not set, the environment variable E(DOCKER_TIMEOUT) is used.
    type: int
    default: 10
attributes:
  check_mode:
    support: full
    description: Says what would be formed, and touches nothing.
  diff_mode:
    support: full
    description: A line a host that changes.
seealso:
  - module: community.docker.docker_swarm
    description: One host at a time. Its result has the join tokens in it.
"""

EXAMPLES = r"""
- name: Read config.yml
  tpaexec.docker.cluster_config:
    cluster_dir: /home/me/clusters/demo
    state: validated
  register: config

- name: Bring its hosts into one Swarm
  tpaexec.docker.docker_swarm_hosts:
    cluster: "{{ config.cluster }}"
    cluster_dir: /home/me/clusters/demo
"""

RETURN = r"""
hosts:
  description: What each host says of its Swarm, by name; empty for a cluster on one host.
  returned: always
  type: dict
  contains:
    state: {description: "V(active), V(inactive), or what else the engine says; empty without an answer.", type: str}
    role: {description: "V(manager) or V(worker).", type: str}
    address: {description: By which address the Swarm knows it., type: str}
    error: {description: Why it gives no answer., type: str}
  sample:
    h1: {state: active, role: manager, address: 192.0.2.1, error: ""}
managers:
  description: The hosts that manage the Swarm.
  returned: always
  type: list
  elements: str
ways:
  description: What was measured from host to host.
  returned: when something was measured
  type: list
  elements: dict
  contains:
    from: {description: The one that tried., type: str}
    to: {description: The one that was tried., type: str}
    mtu: {description: "The largest packet that got there, in bytes; 0 when it was not measured.", type: int}
    blocked: {description: "What was seen, by port that did not answer.", type: dict}
findings:
  description: What stands in the way, as M(tpaexec.docker.docker_preflight) returns it.
  returned: always
  type: list
  elements: dict
checked:
  description: Which checks ran, and which could not.
  returned: always
  type: dict
steps:
  description: What was done, with its seconds.
  returned: always
  type: list
  elements: dict
"""

from ansible_collections.tpaexec.docker.plugins.module_utils._entry import run_module
from ansible_collections.tpaexec.docker.plugins.module_utils._swarm.body import argument_spec, swarm_hosts


def main() -> None:
    run_module(swarm_hosts, argument_spec())


if __name__ == "__main__":
    main()
