#!/usr/bin/python
# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write a report of a cluster that can be sent to somebody."""

from __future__ import annotations

DOCUMENTATION = r"""
module: cluster_report
short_description: Write a report of a cluster that can be sent to somebody
version_added: "0.1.0"
author:
  - The tpaexec.docker developers (@tpaexec)
description:
  - One HTML page that needs nothing else - the picture, the nodes, preflight's findings, drift, the last provision's
    timeline, journals of nodes that are not well, versions. It has no script, and reads on a phone, light and dark.
  - What is in it was chosen field by field. Keys, passwords, C(env), build arguments and variables of C(config.yml) are
    not in it. From journals and messages, the values of those, and what looks like a password or a key, are taken out.
  - What cannot be looked at (a daemon that does not answer, no Graphviz) is said in the report, and does not fail it.
  - The files are written in one step, for the owner alone (mode 0600). The default file is written over only if this
    module made it; a file that O(path) names is written over whatever it is.
options:
  cluster_dir:
    description: The cluster directory, with its C(config.yml).
    type: path
    required: true
  path:
    description: The file to write, C(report.html) in O(cluster_dir) if not set. It ends in C(.html).
    type: path
  archive:
    description: Whether to write a C(.tar.gz) beside it, with the page, the same as JSON, and the journals as files.
    type: bool
    default: false
  journals:
    description: Whether to read the journals of nodes that are not well. They are text of the nodes' own services.
    type: bool
    default: true
  findings:
    description: The findings that M(tpaexec.docker.docker_preflight) returned.
    type: list
    elements: dict
    default: []
  checked:
    description: What it returned as C(checked).
    type: dict
    default: {}
  record_dir:
    description: Where the cluster's id and its last run are kept, if not in C(.tpaexec-docker) in O(cluster_dir).
    type: path
  timeout:
    description: Seconds that one reply of the daemon may take.
    type: int
    default: 10
attributes:
  check_mode:
    support: full
    description: Looks at everything, and writes nothing.
  diff_mode:
    support: none
    description: The file is a page.
extends_documentation_fragment:
  - tpaexec.docker.connection
seealso:
  - module: tpaexec.docker.cluster_diagram
  - module: tpaexec.docker.docker_preflight
"""

EXAMPLES = r"""
- name: Check the host
  tpaexec.docker.docker_preflight:
    storage: true
  register: preflight

- name: A report of the cluster, and the archive to send
  tpaexec.docker.cluster_report:
    cluster_dir: /home/me/clusters/demo
    archive: true
    findings: "{{ preflight.findings }}"
    checked: "{{ preflight.checked }}"
"""

RETURN = r"""
path:
  description: The page.
  returned: success
  type: str
archive:
  description: The archive, empty without one.
  returned: success
  type: str
size:
  description: The page's size in bytes.
  returned: success
  type: int
"""

from ansible_collections.tpaexec.docker.plugins.module_utils._argspec import connection_argument_spec
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import run_module
from ansible_collections.tpaexec.docker.plugins.module_utils._report.body import body


def main() -> None:
    run_module(
        body,
        dict(
            connection_argument_spec(timeout=10),
            cluster_dir=dict(type="path", required=True),
            path=dict(type="path"),
            archive=dict(type="bool", default=False),
            journals=dict(type="bool", default=True),
            findings=dict(type="list", elements="dict", default=[]),
            checked=dict(type="dict", default={}),
            record_dir=dict(type="path"),
        ),
    )


if __name__ == "__main__":
    main()
