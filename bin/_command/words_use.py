# SPDX-License-Identifier: GPL-3.0-or-later
"""The words with which a cluster is used and looked at."""

from __future__ import annotations

from .arguments import CHECKING, COMMON, DIR, FORMAT, PICTURES, SEE, USE, Word, a_file, argument, form

USING: tuple[Word, ...] = (
    Word(
        "ping",
        USE,
        "see whether every node answers",
        ("tpaexec ping demo", "tpaexec ping demo --format json"),
        (DIR, form(*FORMAT), *COMMON),
        "ping",
        needs="inventory",
    ),
    Word(
        "cmd",
        USE,
        "run an Ansible module on nodes, as 'ansible' does",
        ("tpaexec cmd demo -a 'uptime'", "tpaexec cmd demo kalf -m ansible.builtin.setup"),
        (DIR,),
        "!cmd",
        needs="inventory",
        verbatim="[PATTERN] [options of 'ansible']",
        description="Run an Ansible module on the nodes that PATTERN names; default: all.",
    ),
    Word(
        "playbook",
        USE,
        "run a playbook on the cluster",
        ("tpaexec playbook demo deploy.yml --limit kalf",),
        (DIR,),
        "!playbook",
        needs="inventory",
        verbatim="FILE [options of 'ansible-playbook']",
        description="Run the playbook FILE on the cluster. FILE is looked for in DIR, then here.",
    ),
    Word(
        "ssh",
        USE,
        "log in to a node, or run a command there",
        ("tpaexec ssh demo kalf", "tpaexec ssh demo kalf systemctl --failed"),
        (DIR, argument("node", metavar="NODE", help="the node's name")),
        "!ssh",
        needs="ssh_config",
        verbatim="[COMMAND]",
        description="Log in to NODE, or run COMMAND there.",
    ),
    Word(
        "list-containers",
        SEE,
        "nodes, addresses, state",
        ("tpaexec list-containers demo", "tpaexec list-containers demo --format json"),
        (DIR, form(*FORMAT), *COMMON),
        "list_containers",
        needs="config.yml",
        description="Show the nodes of the cluster: roles, addresses, state.",
    ),
    Word(
        "diagram",
        SEE,
        "draw the cluster: locations, nodes, arrows, networks",
        ("tpaexec diagram demo", "tpaexec diagram demo --output demo.mmd --config-only"),
        (
            DIR,
            argument(
                "--output",
                dest="diagram_output",
                metavar="FILE",
                type=a_file(PICTURES),
                help="FILE.svg, .png, .mmd (Mermaid) or .dot (Graphviz); default: DIR/diagram.svg",
            ),
            argument(
                "--config-only",
                dest="diagram_config_only",
                action="store_true",
                help="what config.yml says; the daemon is not asked how the nodes are",
            ),
            *CHECKING,
            *COMMON,
        ),
        "diagram",
        needs="config.yml",
        left="The picture is as it was.",
    ),
    Word(
        "report",
        SEE,
        "write one page to send: picture, findings, journals",
        ("tpaexec report demo", "tpaexec report demo --output /tmp/demo.html --archive"),
        (
            DIR,
            argument(
                "--output",
                dest="report_output",
                metavar="FILE",
                type=a_file((".html",)),
                help="FILE.html; default: DIR/report.html",
            ),
            argument(
                "--archive", dest="report_archive", action="store_true", help="a .tar.gz beside it, with all of it"
            ),
            argument(
                "--no-journals",
                dest="report_no_journals",
                action="store_true",
                help="leave out what the nodes' own services said",
            ),
            *CHECKING,
            *COMMON,
        ),
        "report",
        needs="config.yml",
        left="The report is as it was.",
    ),
)
