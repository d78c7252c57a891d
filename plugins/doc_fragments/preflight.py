# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of what docker_preflight and docker_storage_check have in common."""

from __future__ import annotations


class ModuleDocFragment:
    """Beside module_utils/_checks/body.py: one source for each option."""

    DOCUMENTATION = r"""
description:
  - The module runs every check, reports every finding with what was seen, why it matters and what mends it, and
    fails once, at the end, when errors remain. C(docs/checks.md) lists all ids.
  - A check that cannot run is reported in RV(ignore:checked.not_run) with the reason.
  - It changes nothing, and answers within O(timeout) whatever the daemon does (the canary has a limit of its own).
options:
  timeout:
    description:
      - Seconds that the whole module may take.
      - If not set, the environment variable E(DOCKER_TIMEOUT) is used.
    type: int
    default: 10
  cluster:
    description:
      - What a cluster needs, as M(tpaexec.docker.cluster_config) returns it in
        RV(tpaexec.docker.cluster_config#module:cluster).
      - With it, subnets, published ports, names, images and capacity are checked. Without it, the host alone.
      - What its C(tpaexec_docker.preflight) ignores or waives is added to O(ignore) and O(waivers).
    type: dict
  cluster_dir:
    description:
      - The cluster directory, when it is on the host where the module runs - its C(.tpaexec-docker/id) tells which
        networks, ports and containers are the cluster's own and no finding.
    type: path
  cluster_id:
    description:
      - The id itself, where O(cluster_dir) is on another host.
    type: str
  adopt:
    description:
      - What carries the cluster's name counts as its own whatever its id is, as C(provision --adopt) takes it over.
    type: bool
    default: false
  title:
    description:
      - What the report calls the host, besides the daemon's name and address.
    type: str
    default: ""
  nodes:
    description:
      - How many nodes there should be room for, when no O(cluster) is given.
    type: int
    default: 3
  format:
    description:
      - The form of RV(ignore:report).
    type: str
    choices: [table, json, junit]
    default: table
  color:
    description:
      - Colour the table.
    type: bool
    default: false
  severity:
    description:
      - The severity of the finding C(LOOP_LVM).
    type: str
    choices: [warning, error]
    default: warning
    aliases: [loop_lvm_severity]
  images:
    description:
      - Look into the cluster's images that are on the engine already. A container that never starts is made for that,
        and removed, unless the facts are in O(image_cache_dir), or it runs in check mode.
    type: bool
    default: true
  image_cache_dir:
    description:
      - Where facts of images are kept, by the image's id.
    type: path
  unreachable:
    description:
      - Where the C(tpaexec_docker.hosts) of O(cluster) name several hosts, each is checked, and the hosts against each
        other; O(docker_host) is then that of the host C(default) only.
      - How much a host that does not answer weighs while another one does. All that is found of it is a warning
        with V(warning).
    type: str
    choices: [warning, error]
    default: error
"""
