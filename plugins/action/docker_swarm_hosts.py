# SPDX-License-Identifier: GPL-3.0-or-later
"""The module docker_swarm_hosts, without a process of its own where that changes nothing."""

from __future__ import annotations

from ansible_collections.tpaexec.docker.plugins.plugin_utils._in_process import InProcessAction


class ActionModule(InProcessAction, early=False):
    """See plugin_utils/_in_process.py. A cluster on one host skips it."""
