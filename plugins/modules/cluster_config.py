#!/usr/bin/python
# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_config
short_description: Read and validate a cluster's config.yml, or lay out a new one
version_added: "0.1.0"
author:
  - The tpaexec.docker developers (@tpaexec)
description:
  - With O(state=validated), reads C(config.yml) in a cluster directory, checks every word of it, and returns it as the
    options of M(tpaexec.docker.docker_cluster). All that is wrong is reported at once, each with its place, such as
    C(instances[2].ip_address). Changes nothing.
  - With O(state=present), lays out a cluster of TPA's architecture M1 with a free subnet, and writes C(config.yml).
    One that is there is never overwritten.
  - C(config.yml) is read as plain data. It is never templated, and Ansible's tags C(!vault) and C(!unsafe) are refused.
    Variables that need them belong into a file of your own, under C(inventory/group_vars/).
  - Runs on the controller, where the cluster directory is.
options:
  cluster_dir:
    description:
      - The cluster directory.
      - With O(state=present), it is made if it is missing.
    type: path
    required: true
  state:
    description:
      - V(validated) reads C(config.yml) and checks it, and checks that the directory can be written.
      - V(present) writes a new C(config.yml).
    type: str
    choices: [validated, present]
    default: validated
  cluster_name:
    description:
      - The new cluster's name, of letters, digits, V(_) and V(-).
      - If not set, the last part of O(cluster_dir).
    type: str
  platform:
    description:
      - The platform of the new cluster. Only V(docker) is accepted.
    type: str
    default: docker
  architecture:
    description:
      - The architecture of the new cluster. Only V(M1) is accepted.
    type: str
    default: M1
  os:
    description:
      - The nodes' system by name. Only V(centos) is accepted, which is the image C(centos/systemd).
      - Mutually exclusive with O(os_image).
    type: str
  os_image:
    description:
      - The nodes' image. Any image whose init is systemd.
      - If neither this nor O(os) is set, C(centos/systemd) is used.
    type: str
  data_nodes_per_location:
    description:
      - How many nodes of each location have a database.
    type: int
    default: 2
  location_names:
    description:
      - The names of the locations. The primary is in the first one.
      - If not set, there is one location, V(main).
    type: list
    elements: str
  postgres_version:
    description:
      - The major version of PostgreSQL that a later deploy installs.
    type: str
    default: "15"
  failover_manager:
    description:
      - What a later deploy lets watch over the primary - V(repmgr), V(patroni) or V(efm).
      - V(patroni) adds three nodes for etcd, and runs in one location only.
    type: str
    default: repmgr
  network:
    description:
      - The IPv4 network that the subnet is taken from.
    type: str
    default: 10.33.0.0/16
  subnet_prefix:
    description:
      - The subnet's size, as the number of bits of its prefix. Refused if the nodes do not fit.
      - If not set, V(28), or less when the nodes do not fit.
    type: int
  exclude_subnets_from:
    description:
      - Directories that are, or hold, cluster directories. The subnets and the names of nodes that their C(config.yml)
        files have are left free.
      - If not set, the directory that O(cluster_dir) is in.
    type: list
    elements: path
  hostnames_from:
    description:
      - A file with one name of a node a line, taken in its order.
      - If not set, names are chosen by chance from a list of words.
    type: path
  docker_hosts:
    description:
      - A YAML file with a map of Docker hosts, as it stands under C(tpaexec_docker.hosts) in C(config.yml). Its
        relative paths start from the file's own directory.
      - The nodes of each location are spread over them. Where there are enough, each location has hosts of its own.
      - If not set, all nodes are on the one daemon that E(DOCKER_HOST) names.
    type: path
  allow_host_majority:
    description:
      - Spread the nodes over O(docker_hosts) though the loss of one host takes the majority of a location's voters,
        which is refused otherwise. Voters are, for V(patroni), the nodes of etcd, else the data nodes and the witness.
    type: bool
    default: false
  timeout:
    description:
      - Seconds to wait for one reply of the daemon, which is asked for the subnets in use. No more than 5 are waited
        here.
      - If not set, the environment variable E(DOCKER_TIMEOUT) is used.
    type: int
    default: 5
notes:
  - With O(state=present), the daemon's networks and the host's routes are looked at. Where there is no daemon, the
    module warns that subnets in use could not be seen, and goes on.
attributes:
  check_mode:
    support: full
    description: Can run in check mode and report what would be written, without writing it.
  diff_mode:
    support: full
    description: Shows the new C(config.yml).
extends_documentation_fragment:
  - tpaexec.docker.connection
requirements:
  - PyYAML
"""

EXAMPLES = r"""
- name: Read and validate config.yml
  tpaexec.docker.cluster_config:
    cluster_dir: /home/me/clusters/demo
  register: config

- name: Converge what it describes
  tpaexec.docker.docker_cluster:
    name: "{{ config.cluster.name }}"
    tags: "{{ config.cluster.tags }}"
    networks: "{{ config.cluster.networks }}"
    instance_defaults: "{{ config.cluster.instance_defaults }}"
    instances: "{{ config.cluster.instances }}"
    record_dir: /home/me/clusters/demo

- name: Lay out a new cluster in two places
  tpaexec.docker.cluster_config:
    cluster_dir: /home/me/clusters/demo
    state: present
    os_image: tpaexec/debian-systemd:12
    location_names: [paris, berlin]
"""

RETURN = r"""
cluster:
  description: What config.yml describes, as the options of M(tpaexec.docker.docker_cluster), in config.yml's own words.
  returned: if O(state=validated)
  type: dict
  contains:
    name:
      description: The cluster's name.
      type: str
    tags:
      description: C(cluster_tags).
      type: dict
    networks:
      description: C(docker_networks).
      type: list
      elements: dict
    images:
      description: C(docker_images).
      type: dict
    instance_defaults:
      description: C(instance_defaults).
      type: dict
    instances:
      description: C(instances), each with what its location says.
      type: list
      elements: dict
    tpaexec_docker:
      description: What is said beyond TPA.
      type: dict
cluster_name:
  description: The cluster's name.
  returned: success
  type: str
  sample: demo
config_file:
  description: The file that was written.
  returned: if O(state=present)
  type: str
  sample: /home/me/clusters/demo/config.yml
config_hash:
  description: The hash of config.yml by which TPA knows whether it was provisioned as it is.
  returned: success
  type: str
  sample: 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae
image_names:
  description: The images that the nodes need, each once, in order.
  returned: success
  type: list
  elements: str
  sample: [centos/systemd]
instances:
  description: The nodes that were laid out, each with its name, its number, its roles, and its Docker host.
  returned: if O(state=present)
  type: list
  elements: dict
  sample: [{"name": "heron", "node": 1, "role": ["primary"], "host": "default"}]
problems:
  description: All that is wrong with config.yml, or with the options.
  returned: if there are any
  type: list
  elements: dict
  sample:
    - place: instances[2].ip_address
      message: 10.33.1.1 is the gateway of the subnet 10.33.1.0/28.
      remedy: Choose a free address of the subnet.
ssh_key_file:
  description: The cluster's SSH key, relative to the cluster directory.
  returned: if O(state=validated)
  type: str
  sample: id_demo
subnet:
  description: The subnet that was chosen.
  returned: if O(state=present)
  type: str
  sample: 10.33.14.16/28
"""

from ansible_collections.tpaexec.docker.plugins.module_utils._argspec import connection_argument_spec
from ansible_collections.tpaexec.docker.plugins.module_utils._directory.config_file import body
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import run_module


def main() -> None:
    run_module(
        body,
        dict(
            connection_argument_spec(timeout=5),
            cluster_dir=dict(type="path", required=True),
            state=dict(type="str", choices=["validated", "present"], default="validated"),
            cluster_name=dict(type="str"),
            platform=dict(type="str", default="docker"),
            architecture=dict(type="str", default="M1"),
            os=dict(type="str"),
            os_image=dict(type="str"),
            data_nodes_per_location=dict(type="int", default=2),
            location_names=dict(type="list", elements="str"),
            postgres_version=dict(type="str", default="15"),
            failover_manager=dict(type="str", default="repmgr"),
            network=dict(type="str", default="10.33.0.0/16"),
            subnet_prefix=dict(type="int"),
            exclude_subnets_from=dict(type="list", elements="path"),
            hostnames_from=dict(type="path"),
            docker_hosts=dict(type="path"),
            allow_host_majority=dict(type="bool", default=False),
        ),
    )


if __name__ == "__main__":
    main()
