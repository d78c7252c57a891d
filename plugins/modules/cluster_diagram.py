#!/usr/bin/python
# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Draw a cluster as a picture."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_diagram
short_description: Draw a cluster as a picture
version_added: "0.1.0"
author:
  - The tpaexec.docker developers (@tpaexec)
description:
  - Locations as boxes, in them the nodes with roles, addresses and state; arrows from where data is replicated or
    backed up to where it goes; networks with their subnets; Docker hosts, where C(config.yml) names several.
  - SVG and PNG are drawn by Graphviz (package C(graphviz)), on the host where the module runs. Mermaid and Graphviz's
    own text need nothing.
  - The file is written in one step. The default file is written over only if this module made it; a file that
    O(path) names is written over whatever it is.
options:
  cluster_dir:
    description: The cluster directory, with its C(config.yml).
    type: path
    required: true
  path:
    description:
      - The file to write. Its ending says what - C(.svg), C(.png), C(.mmd) for Mermaid, C(.dot) for Graphviz.
      - C(diagram.svg) in O(cluster_dir), if not set.
    type: path
  live:
    description:
      - Whether to ask the daemon how the nodes are. Where it does not answer, a warning says so, and what C(config.yml)
        says is drawn.
    type: bool
    default: true
  record_dir:
    description: Where the cluster's id is kept, if not in C(.tpaexec-docker) in O(cluster_dir).
    type: path
  timeout:
    description: Seconds that one reply of the daemon may take.
    type: int
    default: 10
attributes:
  check_mode:
    support: full
    description: Says whether the file would change.
  diff_mode:
    support: none
    description: The file is a picture.
extends_documentation_fragment:
  - tpaexec.docker.connection
seealso:
  - module: tpaexec.docker.docker_cluster_info
  - module: tpaexec.docker.cluster_report
"""

EXAMPLES = r"""
- name: A picture of the cluster as it is
  tpaexec.docker.cluster_diagram:
    cluster_dir: /home/me/clusters/demo

- name: A flow chart for a page on GitHub or GitLab, of what config.yml says
  tpaexec.docker.cluster_diagram:
    cluster_dir: /home/me/clusters/demo
    path: /home/me/clusters/demo/cluster.mmd
    live: false
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
format:
  description: What was written - C(svg), C(png), C(dot) or C(mermaid).
  returned: success
  type: str
live:
  description: Whether it shows the nodes as they are; else it shows what C(config.yml) says.
  returned: success
  type: bool
"""

from ansible_collections.tpaexec.docker.plugins.module_utils._argspec import connection_argument_spec
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import run_module
from ansible_collections.tpaexec.docker.plugins.module_utils._picture.body import body


def main() -> None:
    run_module(
        body,
        dict(
            connection_argument_spec(timeout=10),
            cluster_dir=dict(type="path", required=True),
            path=dict(type="path"),
            live=dict(type="bool", default=True),
            record_dir=dict(type="path"),
        ),
    )


if __name__ == "__main__":
    main()
