# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter molecule_cluster."""

from __future__ import annotations

DOCUMENTATION = r"""
name: molecule_cluster
short_description: The options of docker_cluster for a molecule.yml
version_added: 0.1.0
author: The tpaexec.docker developers
description:
  - Maps the C(platforms) of a C(molecule.yml) to the instances of M(tpaexec.docker.docker_cluster).
  - A platform may have every key of an instance in TPA's C(config.yml), the keys of C(tpaexec_docker.instances), and
    the usual names of molecule's other drivers, where they mean the same.
  - What is said for the whole cluster stands under C(driver.tpaexec_docker) - C(cluster_name), C(subnet),
    C(docker_networks), C(instance_defaults). Without a subnet the engine chooses one that is free.
positional: directory, ephemeral_directory
options:
  _input:
    description: The content of C(molecule.yml), as molecule's variable C(molecule_yml) has it.
    type: dict
    required: true
  directory:
    description: The scenario's directory. It makes the cluster's name unique.
    type: path
    required: true
  ephemeral_directory:
    description: The directory that molecule keeps for the scenario; with C(--parallel) for each run.
    type: path
    required: true
"""

EXAMPLES = r"""
- name: Create the platforms
  vars:
    where: "{{ molecule_ephemeral_directory }}"
    cluster: "{{ molecule_yml | tpaexec.docker.molecule_cluster(molecule_scenario_directory, where) }}"
  tpaexec.docker.docker_cluster:
    name: "{{ cluster.name }}"
    networks: "{{ cluster.networks }}"
    instance_defaults: "{{ cluster.instance_defaults }}"
    instances: "{{ cluster.instances }}"
    tpaexec_docker: "{{ cluster.tpaexec_docker }}"
"""

RETURN = r"""
_value:
  description: Options of M(tpaexec.docker.docker_cluster) - and C(images), the names of the images that they need.
  type: dict
"""

from typing import Any, Callable, Mapping

from ansible.errors import AnsibleFilterError

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import PlatformError
from ansible_collections.tpaexec.docker.plugins.plugin_utils._molecule import cluster_options


def molecule_cluster(molecule: Mapping[str, Any], directory: str, ephemeral_directory: str) -> dict[str, Any]:
    try:
        return cluster_options(molecule, directory, ephemeral_directory)
    except PlatformError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"molecule_cluster": molecule_cluster}
