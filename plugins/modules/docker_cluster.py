#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Converge a whole cluster of systemd containers in one task."""

from __future__ import annotations

DOCUMENTATION = r"""
module: docker_cluster
short_description: Converge a whole cluster of systemd containers
version_added: 0.1.0
description:
  - Looks at what is on the Docker host, compares it with what is wanted, and brings all nodes to their state at once
    - networks, containers, boot, SSH keys.
  - Only touches what is the cluster's own - what carries its id in the label C(tpaexec.docker.id), and nodes that TPA
    made (label C(Cluster), no id) when O(instances) names them. Anything else in the way is an error that names it.
  - A node is never recreated unless O(recreate) names it, because its file system may hold a database. A setting that
    cannot be mended in place fails that node, with the reasons; the other nodes go on.
  - With several hosts in O(tpaexec_docker), all are worked on in one pool. Their network is an attachable overlay of a
    Docker Swarm that they are in already. Nodes of a host that does not answer fail with its name, the others go on.
  - Options use the words of TPA's C(config.yml).
options:
  name:
    description: The cluster's name (C(cluster_name)), matching C(^[_a-zA-Z0-9-]+$).
    type: str
    required: true
  tags:
    description: Labels of every node (C(cluster_tags)).
    type: dict
    default: {}
  networks:
    description:
      - The cluster's networks (C(docker_networks)) - C(name), C(ipam_config) with C(subnet), C(iprange), C(gateway),
        C(labels), C(enable_ipv6), C(driver_options).
    type: list
    elements: dict
    default: []
  images:
    description: Build instructions by image name (C(docker_images)). They are validated here and used by the role
      guest_image.
    type: dict
    default: {}
  instance_defaults:
    description: Keys of an instance that every instance has unless it says otherwise.
    type: dict
    default: {}
  instances:
    description: The nodes, each a dictionary with the keys of TPA's C(config.yml).
    type: list
    elements: dict
    required: true
  tpaexec_docker:
    description: What may be said beyond TPA - C(instance_defaults) and C(instances) with C(cpus), C(pids_limit),
      C(dns), C(dns_search), C(extra_hosts), C(cgroup_parent), C(host); C(locations) with C(host); and C(hosts), the
      Docker hosts by name. Without C(hosts) there is one, that of O(docker_host).
    type: dict
    default: {}
  state:
    description:
      - V(present) makes what is missing, starts what is stopped and mends what differs.
      - V(started) starts nodes that exist, and makes none.
      - V(stopped) stops nodes; lines that were added to their C(/etc/hosts) are kept for the next start.
      - V(absent) removes the nodes and networks. Named volumes stay unless O(remove_volumes=true).
    type: str
    choices: [present, started, stopped, absent]
    default: present
  nodes:
    description: Only these nodes. All of them, when empty.
    type: list
    elements: str
    default: []
  wait:
    description: V(booted) waits until systemd in every node says C(running) or C(degraded), V(started) only for the
      container.
    type: str
    choices: [booted, started]
    default: booted
  wait_timeout:
    description: Seconds that all nodes together have for booting.
    type: int
    default: 120
  recreate:
    description: Nodes to remove and make again, or V(all). A node on another host than O(tpaexec_docker) says is moved
      only so, without its data. What is in their file system, and in volumes without a name,
      is lost; named volumes and directories of the host stay.
    type: list
    elements: str
    default: []
  prune:
    description: Remove nodes of this cluster that O(instances) no longer names.
    type: bool
    default: false
  adopt:
    description: Take over by name a cluster whose id was lost.
    type: bool
    default: false
  remove_volumes:
    description: With O(state=absent), remove the named volumes that this cluster made.
    type: bool
    default: false
  parallel:
    description: How many nodes are worked on at a time.
    type: int
    default: 8
  cluster_dir:
    description:
      - The cluster directory. Relative host paths start there, and its SSH keys are made there (where they are
        missing) and put into nodes that have an sshd.
    type: path
  ssh_key_file:
    description:
      - The SSH key whose public half is put into the nodes, relative to O(cluster_dir), where C(config.yml) names one.
      - C(id_NAME) in O(cluster_dir), with the cluster's name in lower case, if not set.
    type: str
  record_dir:
    description:
      - Where the cluster's id, the record of mends and the lock are kept.
      - C(.tpaexec-docker) in O(cluster_dir) if not set; without a O(cluster_dir), C(tpaexec-docker/NAME) in the
        user's state directory.
    type: path
attributes:
  check_mode:
    support: full
    description: Reports what would be done, and touches nothing.
  diff_mode:
    support: full
    description: A line for every network and node that changes, with the reasons.
extends_documentation_fragment:
  - tpaexec.docker.connection
seealso:
  - module: tpaexec.docker.docker_cluster_info
  - module: tpaexec.docker.cluster_directory
author:
  - The tpaexec.docker developers (@tpaexec)
"""

EXAMPLES = r"""
- name: Two nodes, booted
  tpaexec.docker.docker_cluster:
    name: pair
    networks:
      - name: pair
        ipam_config:
          - subnet: 10.33.200.0/28
    instance_defaults:
      image: tpaexec/debian-systemd:12
    instances:
      - {Name: one, node: 1, ip_address: 10.33.200.2, role: [primary]}
      - {Name: two, node: 2, ip_address: 10.33.200.3, role: [replica], upstream: one}
  register: pair

- name: Remove them
  tpaexec.docker.docker_cluster:
    name: pair
    networks:
      - name: pair
        ipam_config:
          - subnet: 10.33.200.0/28
    instance_defaults:
      image: tpaexec/debian-systemd:12
    instances:
      - {Name: one, node: 1, ip_address: 10.33.200.2, role: [primary]}
      - {Name: two, node: 2, ip_address: 10.33.200.3, role: [replica], upstream: one}
    state: absent
"""

RETURN = r"""
instances:
  description: Every node, in the order of O(instances); on failure too.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The node's name.
      type: str
    node:
      description: Its number.
      type: int
    role:
      description: Its roles.
      type: list
      elements: str
    location:
      description: Its location.
      type: str
    host:
      description: The Docker host where it is, or where it is to be; C(default) is that of O(docker_host).
      type: str
    image:
      description: Its image, as O(instances) names it.
      type: str
    status:
      description:
        - C(running) or C(degraded) as systemd says, C(stopped), C(absent), C(blocked) or C(failed).
        - In check mode the container's own status, as it is now.
      type: str
    changed:
      description: Whether something was done to it.
      type: bool
    steps:
      description: What was, or in check mode would be, done.
      type: list
      elements: str
    reasons:
      description: Why.
      type: list
      elements: str
    warnings:
      description: What is stale - a newer image behind the name, a better recipe, a node that TPA made.
      type: list
      elements: str
    addresses:
      description: Its address in each network.
      type: dict
    ip_address:
      description: Its address in its first network.
      type: str
    container_id:
      description: The container's id.
      type: str
    ssh:
      description: Whether the cluster's SSH key is in it.
      type: bool
    seconds:
      description: Seconds that each step took.
      type: dict
    failed_units:
      description: Units that failed to start.
      type: list
      elements: str
    error:
      description: What went wrong, and what to do.
      type: str
networks:
  description: Every network of the cluster, with C(name), C(action), C(changed) and C(reasons).
  returned: success
  type: list
  elements: dict
steps:
  description:
    - All that was done, in order, with C(target), C(step), C(seconds), and C(at), the seconds from the beginning.
    - A step that failed has C(failed).
  returned: success
  type: list
  elements: dict
recipe:
  description: How containers are made on this host so that systemd boots, with C(id), C(why) and C(proven).
  returned: success
  type: dict
hosts:
  description:
    - Every Docker host of the cluster with C(name), C(nodes), C(answers) and C(error); of one that answers C(engine),
      C(recipe), C(swarm) (its state) and C(manager), too.
  returned: success
  type: list
  elements: dict
cluster_name:
  description: The cluster's name.
  returned: success
  type: str
"""

from ansible_collections.tpaexec.docker.plugins.module_utils._argspec import connection_argument_spec
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.converge import body
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import run_module


def main() -> None:
    run_module(
        body,
        dict(
            connection_argument_spec(),
            name=dict(type="str", required=True),
            tags=dict(type="dict", default={}),
            networks=dict(type="list", elements="dict", default=[]),
            images=dict(type="dict", default={}),
            instance_defaults=dict(type="dict", default={}),
            instances=dict(type="list", elements="dict", required=True),
            tpaexec_docker=dict(type="dict", default={}),
            state=dict(type="str", choices=["present", "started", "stopped", "absent"], default="present"),
            nodes=dict(type="list", elements="str", default=[]),
            wait=dict(type="str", choices=["booted", "started"], default="booted"),
            wait_timeout=dict(type="int", default=120),
            recreate=dict(type="list", elements="str", default=[]),
            prune=dict(type="bool", default=False),
            adopt=dict(type="bool", default=False),
            remove_volumes=dict(type="bool", default=False),
            parallel=dict(type="int", default=8),
            cluster_dir=dict(type="path"),
            ssh_key_file=dict(type="str", no_log=False),
            record_dir=dict(type="path"),
        ),
    )


if __name__ == "__main__":
    main()
