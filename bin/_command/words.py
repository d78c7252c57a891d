# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the command as one table: name, arguments, what runs. Nothing here does anything."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from .errors import quoted


class Argument(NamedTuple):
    """One argument: argparse's flags and settings; its `dest` is the variable that the playbook gets."""

    flags: tuple[str, ...]
    settings: dict[str, Any]


class Word(NamedTuple):
    """One word of the command."""

    name: str
    group: str
    summary: str
    examples: tuple[str, ...]
    arguments: tuple[Argument, ...]
    runs: str  # a playbook of the collection, or `!action` for what run.py does itself
    needs: str = ""  # what DIR must hold before anything starts: config.yml, or inventory
    verbatim: bool = False  # everything after the arguments is passed on untouched
    description: str = ""
    left: str = "Nothing was changed."  # what a Ctrl-C leaves behind


def _argument(*flags: str, **settings: Any) -> Argument:
    return Argument(flags, settings)


def _path(text: str) -> str:
    """Made absolute, because Ansible's idea of `here` may differ; `host1,host2,` is an inventory, no path."""
    return text if "," in text else os.path.abspath(text)


def _platform(text: str) -> str:
    if text != "docker":
        raise argparse.ArgumentTypeError(f"{quoted(text)} is not accepted here, only docker is")
    return text


def _file(endings: tuple[str, ...]) -> Callable[[str], str]:
    """A file to write, which says by its ending what it is to be."""

    def check(text: str) -> str:
        if os.path.splitext(text)[1].lower() not in endings:
            listed = f"{', '.join(endings[:-1])} or {endings[-1]}" if len(endings) > 1 else endings[0]
            raise argparse.ArgumentTypeError(f"{quoted(text)} does not end in {listed}")
        return os.path.abspath(text)

    return check


def _system(text: str) -> str:
    if text != "centos":
        name = f"{quoted(text)} is not accepted, only centos is (the image centos/systemd)"
        raise argparse.ArgumentTypeError(f"{name}; for any other system name its image: --os-image IMAGE")
    return text


MAKE, USE, SEE, KEEP, IMAGES = "Make", "Use", "See", "Keep", "Images"
SHELLS = ("bash", "zsh")
PICTURES = (".svg", ".png", ".mmd", ".dot")

DIR = _argument("cluster_dir", metavar="DIR", help="the cluster directory")
NODES = _argument("cluster_nodes", metavar="NODE", nargs="*", default=[], help="only these nodes")
IGNORE = _argument(
    "--ignore", dest="preflight_ignore", metavar="ID", nargs="+", action="extend", help="findings that don't stop it"
)
FORMAT = ("table", "json")
COMMON = (
    _argument("-v", "--verbose", dest="verbosity", action="count", default=0, help="details; -vvv is Ansible's own"),
    _argument("-q", "--quiet", action="store_true", help="only what was asked for, and errors"),
)
CHECKING = (_argument("--check", action="store_true", help="say what would be done; change nothing"),)
CHANGING = (
    *CHECKING,
    _argument("--diff", action="store_true", help="show the differences"),
)


def _format(*choices: str) -> Argument:
    return _argument("--format", dest="output", choices=choices, default=choices[0], help="the form of the output")


WORDS: tuple[Word, ...] = (
    Word(
        "configure",
        MAKE,
        "lay out a new cluster directory with its config.yml",
        (
            "tpaexec configure demo --platform docker --os-image tpaexec/debian-systemd:12",
            "tpaexec configure demo --platform docker --os centos --location-names paris berlin",
        ),
        (
            DIR,
            _argument("--platform", dest="configure_platform", required=True, type=_platform, help="docker"),
            _argument("--cluster-name", dest="configure_cluster_name", metavar="NAME", help="default: DIR's last part"),
            _argument("--architecture", dest="configure_architecture", metavar="M1", help="default: M1"),
            _argument(
                "--os", dest="configure_os", metavar="centos", type=_system, help="centos: the image centos/systemd"
            ),
            _argument("--os-image", dest="configure_os_image", metavar="IMAGE", help="any image whose init is systemd"),
            _argument("--data-nodes-per-location", dest="configure_data_nodes_per_location", metavar="N", type=int),
            _argument("--location-names", dest="configure_location_names", metavar="NAME", nargs="+", action="extend"),
            _argument("--postgres-version", dest="configure_postgres_version", metavar="V"),
            _argument("--failover-manager", dest="configure_failover_manager", metavar="repmgr|patroni|efm"),
            _argument("--network", dest="configure_network", metavar="CIDR", help="where the subnet is taken from"),
            _argument("--subnet-prefix", dest="configure_subnet_prefix", metavar="P", type=int, help="its size: /P"),
            _argument("--exclude-subnets-from", dest="configure_exclude_subnets_from", metavar="DIR", type=_path),
            _argument("--hostnames-from", dest="configure_hostnames_from", metavar="FILE", type=_path),
            _argument(
                "--docker-hosts",
                dest="configure_docker_hosts",
                metavar="FILE",
                type=_path,
                help="spread the nodes over these Docker hosts",
            ),
            _argument(
                "--allow-host-majority",
                dest="configure_allow_host_majority",
                action="store_true",
                help="though the loss of one host takes the majority of a location's voters",
            ),
            *CHANGING,
            *COMMON,
        ),
        "configure",
        left="There is a whole config.yml or none.",
    ),
    Word(
        "preflight",
        MAKE,
        "check this host: every finding, with its remedy",
        ("tpaexec preflight", "tpaexec preflight demo --format json", "tpaexec preflight -i hosts.ini --strict"),
        (
            _argument("cluster_dir", metavar="DIR", nargs="?", help="check what this cluster needs, too"),
            _argument("-i", "--inventory", type=_path, metavar="INVENTORY", help="check the hosts of this inventory"),
            _format("table", "json", "junit"),
            IGNORE,
            _argument("--strict", dest="preflight_strict", action="store_true", help="warnings are errors"),
            _argument("--canary", dest="preflight_canary", action="store_true", help="boot one throw-away container"),
            *COMMON,
        ),
        "preflight",
        needs="config.yml",
    ),
    Word(
        "provision",
        MAKE,
        "make and boot the nodes, write the files; repeatable",
        ("tpaexec provision demo", "tpaexec provision demo --check --diff", "tpaexec provision demo --recreate kalf"),
        (
            DIR,
            _argument(
                "--recreate",
                dest="cluster_recreate",
                metavar="NODE",
                nargs="+",
                action="extend",
                help="nodes whose container may be made anew, or 'all'; what they hold is lost",
            ),
            _argument(
                "--prune", dest="cluster_prune", action="store_true", help="remove nodes dropped from config.yml"
            ),
            _argument("--adopt", dest="cluster_adopt", action="store_true", help="take over this cluster by its name"),
            IGNORE,
            _argument("--bundle", dest="guest_image_bundle", metavar="FILE", type=_path, help="take images from here"),
            *CHANGING,
            *COMMON,
        ),
        "provision",
        needs="config.yml",
        left="What was made stays; 'tpaexec deprovision' removes it.",
    ),
    Word(
        "install-docker",
        MAKE,
        "install Docker from the distribution's packages",
        ("tpaexec install-docker", "tpaexec install-docker -- --ask-become-pass"),
        (*CHANGING, *COMMON),
        "install_docker",
        left="Packages may be half installed; the package manager says how to mend that.",
    ),
    Word(
        "ping",
        USE,
        "see whether every node answers",
        ("tpaexec ping demo", "tpaexec ping demo --format json"),
        (DIR, _format(*FORMAT), *COMMON),
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
        verbatim=True,
        description="Run an Ansible module on the nodes that PATTERN names (default: all): what 'ansible' takes.",
    ),
    Word(
        "playbook",
        USE,
        "run a playbook on the cluster",
        ("tpaexec playbook demo deploy.yml --limit kalf",),
        (DIR,),
        "!playbook",
        needs="inventory",
        verbatim=True,
        description="Run FILE (relative to DIR, else to here) on the cluster, with the options of 'ansible-playbook'.",
    ),
    Word(
        "ssh",
        USE,
        "log in to a node, or run a command there",
        ("tpaexec ssh demo kalf", "tpaexec ssh demo kalf systemctl --failed"),
        (DIR, _argument("node", metavar="NODE", help="the node's name")),
        "!ssh",
        needs="ssh_config",
        verbatim=True,
        description="Log in to NODE, or run what follows there.",
    ),
    Word(
        "list-containers",
        SEE,
        "nodes, addresses, state",
        ("tpaexec list-containers demo", "tpaexec list-containers demo --format json"),
        (DIR, _format(*FORMAT), *COMMON),
        "list_containers",
        needs="config.yml",
    ),
    Word(
        "diagram",
        SEE,
        "draw the cluster: locations, nodes, arrows, networks",
        ("tpaexec diagram demo", "tpaexec diagram demo --output demo.mmd --config-only"),
        (
            DIR,
            _argument(
                "--output",
                dest="diagram_output",
                metavar="FILE",
                type=_file(PICTURES),
                help="FILE.svg, .png, .mmd (Mermaid) or .dot (Graphviz); default: DIR/diagram.svg",
            ),
            _argument(
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
            _argument(
                "--output",
                dest="report_output",
                metavar="FILE",
                type=_file((".html",)),
                help="FILE.html; default: DIR/report.html",
            ),
            _argument(
                "--archive", dest="report_archive", action="store_true", help="a .tar.gz beside it, with all of it"
            ),
            _argument(
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
    Word(
        "start-containers",
        KEEP,
        "start stopped nodes",
        ("tpaexec start-containers demo", "tpaexec start-containers demo kalf"),
        (DIR, NODES, *CHANGING, *COMMON),
        "start_containers",
        needs="config.yml",
        left="Nodes that were started run.",
    ),
    Word(
        "stop-containers",
        KEEP,
        "stop nodes; they keep their data and addresses",
        ("tpaexec stop-containers demo", "tpaexec stop-containers demo kalf"),
        (DIR, NODES, *CHANGING, *COMMON),
        "stop_containers",
        needs="config.yml",
        left="Nodes that were stopped stay so.",
    ),
    Word(
        "deprovision",
        KEEP,
        "remove nodes and generated files, keep config.yml",
        ("tpaexec deprovision demo", "tpaexec deprovision demo --remove-volumes"),
        (
            DIR,
            _argument(
                "--remove-volumes",
                dest="cluster_remove_volumes",
                action="store_true",
                help="named volumes too: what they hold is lost",
            ),
            *CHANGING,
            *COMMON,
        ),
        "deprovision",
        needs="config.yml",
        left="What was removed is gone, the rest and config.yml stay.",
    ),
    Word(
        "images",
        IMAGES,
        "list the guest images made here, and who uses them",
        ("tpaexec images", "tpaexec images --format json", "tpaexec images --prune --check"),
        (
            _argument("--prune", dest="guest_image_prune", action="store_true", help="remove those that nothing uses"),
            _format(*FORMAT),
            *CHANGING,
            *COMMON,
        ),
        "images",
        left="Images that were removed are gone, all others stay.",
    ),
    Word(
        "bundle",
        IMAGES,
        "write all images of a cluster into one archive",
        ("tpaexec bundle demo demo-images.tar", "tpaexec bundle demo demo-images.tar --check"),
        (
            DIR,
            _argument("guest_image_bundle_file", metavar="FILE", type=_path, help="the archive to write"),
            *CHANGING,
            *COMMON,
        ),
        "bundle",
        needs="config.yml",
        left="There is a whole archive or none; images that were made stay.",
    ),
    Word(
        "completion",
        KEEP,
        "completion of words, options and nodes for bash or zsh",
        ("tpaexec completion bash", "tpaexec completion zsh"),
        (_argument("shell", metavar="SHELL", choices=SHELLS, help="bash or zsh"),),
        "!completion",
        description='Print a script. In ~/.bashrc: eval "$(tpaexec completion bash)"; in ~/.zshrc, after compinit: '
        'eval "$(tpaexec completion zsh)".',
    ),
)

# What is no variable of a playbook.
OWN = frozenset({"check", "diff", "verbosity", "quiet", "output", "inventory"})


def find(name: str) -> Word | None:
    """The word of that name."""
    return next((word for word in WORDS if word.name == name), None)
