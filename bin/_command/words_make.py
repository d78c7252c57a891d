# SPDX-License-Identifier: GPL-3.0-or-later
"""The words with which a cluster is made."""

from __future__ import annotations

from .arguments import CHANGING, COMMON, DIR, IGNORE, MAKE, Word, argument, form, path, platform, system

MAKING: tuple[Word, ...] = (
    Word(
        "configure",
        MAKE,
        "lay out a new cluster directory with its config.yml",
        (
            "tpaexec configure demo --platform docker --os-image tpaexec/debian-systemd:12",
            "tpaexec configure demo --platform docker --os centos --location-names oslo ulm",
        ),
        (
            DIR,
            argument(
                "--platform",
                dest="configure_platform",
                metavar="docker",
                required=True,
                type=platform,
                help="which platform; here it is docker",
            ),
            argument("--cluster-name", dest="configure_cluster_name", metavar="NAME", help="default: DIR's last part"),
            argument("--architecture", dest="configure_architecture", metavar="M1", help="default: M1"),
            argument(
                "--os", dest="configure_os", metavar="centos", type=system, help="centos: the image centos/systemd"
            ),
            argument("--os-image", dest="configure_os_image", metavar="IMAGE", help="any image whose init is systemd"),
            argument(
                "--data-nodes-per-location",
                dest="configure_data_nodes_per_location",
                metavar="N",
                type=int,
                help="nodes with PostgreSQL in each location; default: 2",
            ),
            argument(
                "--location-names",
                dest="configure_location_names",
                metavar="NAME",
                nargs="+",
                action="extend",
                help="the first one has the primary; default: main",
            ),
            argument("--postgres-version", dest="configure_postgres_version", metavar="V", help="default: 15"),
            argument(
                "--failover-manager",
                dest="configure_failover_manager",
                metavar="NAME",
                help="repmgr, patroni or efm; default: repmgr",
            ),
            argument("--network", dest="configure_network", metavar="CIDR", help="where the subnet is taken from"),
            argument("--subnet-prefix", dest="configure_subnet_prefix", metavar="P", type=int, help="its size: /P"),
            argument(
                "--exclude-subnets-from",
                dest="configure_exclude_subnets_from",
                metavar="DIR",
                type=path,
                help="a directory with clusters, whose subnets and names are left free",
            ),
            argument(
                "--hostnames-from",
                dest="configure_hostnames_from",
                metavar="FILE",
                type=path,
                help="take the nodes' names from this file",
            ),
            argument(
                "--docker-hosts",
                dest="configure_docker_hosts",
                metavar="FILE",
                type=path,
                help="spread the nodes over these Docker hosts",
            ),
            argument(
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
            argument("cluster_dir", metavar="DIR", nargs="?", help="check what this cluster needs, too"),
            argument("-i", "--inventory", type=path, metavar="INVENTORY", help="check the hosts of this inventory"),
            form("table", "json", "junit"),
            IGNORE,
            argument("--strict", dest="preflight_strict", action="store_true", help="warnings are errors"),
            argument("--canary", dest="preflight_canary", action="store_true", help="boot one throw-away container"),
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
            argument(
                "--recreate",
                dest="cluster_recreate",
                metavar="NODE",
                nargs="+",
                action="extend",
                help="nodes whose container may be made anew, or 'all'; what they hold is lost",
            ),
            argument("--prune", dest="cluster_prune", action="store_true", help="remove nodes dropped from config.yml"),
            argument("--adopt", dest="cluster_adopt", action="store_true", help="take over this cluster by its name"),
            IGNORE,
            argument("--bundle", dest="guest_image_bundle", metavar="FILE", type=path, help="take images from here"),
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
)
