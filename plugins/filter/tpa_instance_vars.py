# SPDX-License-Identifier: GPL-3.0-or-later
# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The filter tpa_instance_vars."""

from __future__ import annotations

DOCUMENTATION = r"""
name: tpa_instance_vars
short_description: What TPA's inventory writer wants to know of the nodes
version_added: 0.1.0
author: The tpaexec.docker developers
description:
  - Makes the fact C(instance_vars), which a platform of TPA leaves behind when it has provisioned, of TPA's
    C(docker_instances) and what M(tpaexec.docker.docker_cluster) returned for them.
positional: converged
options:
  _input:
    description: TPA's C(docker_instances) - instances with their defaults merged in.
    type: list
    elements: dict
    required: true
  converged:
    description: The RV(tpaexec.docker.docker_cluster#module:instances) that the task returned.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Set instance variables
  ansible.builtin.set_fact:
    instance_vars: "{{ docker_instances | tpaexec.docker.tpa_instance_vars(cluster_result.instances) }}"
"""

RETURN = r"""
_value:
  description: For each node C(Name), C(node), C(platform), C(add_to_inventory), and C(vars) for the inventory.
  type: list
  elements: dict
"""

from typing import Any, Callable, Mapping, Sequence

from ansible.errors import AnsibleFilterError

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import PlatformError
from ansible_collections.tpaexec.docker.plugins.plugin_utils._tpa import instance_vars


def tpa_instance_vars(
    instances: Sequence[Mapping[str, Any]], converged: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    try:
        return instance_vars(instances, converged)
    except PlatformError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {"tpa_instance_vars": tpa_instance_vars}
