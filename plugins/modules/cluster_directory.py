#!/usr/bin/python
# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_directory
short_description: Write the files of a cluster directory that TPAexec works with
version_added: "0.1.0"
author:
  - The tpaexec.docker developers (@tpaexec)
description:
  - Writes what C(tpaexec provision) leaves in a cluster directory beside C(config.yml) - the inventory, C(ssh_config),
    C(tpa_known_hosts), the SSH key pair and host keys, the vault passphrase - or removes it.
  - The files are those that TPAexec itself writes, so its other commands work on the directory.
  - Each file is written beside its place and renamed. A file that is right already is not touched. The user's own files
    are never touched, and no symbolic link is followed out of the directory.
  - Runs on the controller, where the cluster directory is. It does not talk to a Docker daemon.
options:
  cluster_dir:
    description:
      - The cluster directory, with its C(config.yml).
    type: path
    required: true
  state:
    description:
      - V(present) writes the files.
      - V(absent) removes the generated files. C(config.yml), the user's own files and a key that C(ssh_key_file) names
        stay. Passwords that TPAexec's deploy encrypted go with the passphrase that they were encrypted with.
    type: str
    choices: [present, absent]
    default: present
  instances:
    description:
      - The O(instances) that M(tpaexec.docker.docker_cluster) returned.
      - Required if O(state=present).
    type: list
    elements: dict
  config_hash:
    description:
      - The hash of C(config.yml), as M(tpaexec.docker.cluster_config) returned it when provisioning began.
      - If C(config.yml) has changed since, the module fails and writes nothing.
      - Required if O(state=present).
    type: str
attributes:
  check_mode:
    support: full
    description: Can run in check mode and report what would be changed, without writing anything.
  diff_mode:
    support: full
    description: Shows the files before and after. Private keys and the vault passphrase are not shown.
requirements:
  - ssh-keygen, where keys have to be made
  - PyYAML
"""

EXAMPLES = r"""
- name: Read and validate config.yml
  tpaexec.docker.cluster_config:
    cluster_dir: /home/me/clusters/demo
  register: config

- name: Converge the nodes
  tpaexec.docker.docker_cluster:
    name: "{{ config.cluster.name }}"
    tags: "{{ config.cluster.tags }}"
    networks: "{{ config.cluster.networks }}"
    instance_defaults: "{{ config.cluster.instance_defaults }}"
    instances: "{{ config.cluster.instances }}"
    cluster_dir: /home/me/clusters/demo
  register: converged

- name: Write the inventory, ssh_config and the other files
  tpaexec.docker.cluster_directory:
    cluster_dir: /home/me/clusters/demo
    instances: "{{ converged.instances }}"
    config_hash: "{{ config.config_hash }}"

- name: Remove the generated files again
  tpaexec.docker.cluster_directory:
    cluster_dir: /home/me/clusters/demo
    state: absent
"""

RETURN = r"""
cluster_dir:
  description: The cluster directory, with every link in its path followed.
  returned: success
  type: str
  sample: /home/me/clusters/demo
created:
  description: Files that were made, relative to the directory.
  returned: success
  type: list
  elements: str
  sample: [id_demo, id_demo.pub, inventory/00-demo]
updated:
  description: Files whose text or mode was changed.
  returned: success
  type: list
  elements: str
  sample: []
removed:
  description: Files that were removed; with O(state=present), those of nodes that C(config.yml) no longer has.
  returned: success
  type: list
  elements: str
  sample: []
"""

from ansible_collections.tpaexec.docker.plugins.module_utils._directory.body import body
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import run_module


def main() -> None:
    run_module(
        body,
        dict(
            cluster_dir=dict(type="path", required=True),
            state=dict(type="str", choices=["present", "absent"], default="present"),
            instances=dict(type="list", elements="dict"),
            config_hash=dict(type="str"),
        ),
        required_if=[("state", "present", ("instances", "config_hash"))],
    )


if __name__ == "__main__":
    main()
