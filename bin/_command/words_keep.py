# SPDX-License-Identifier: GPL-3.0-or-later
"""The words with which nodes, images and the command itself are kept."""

from __future__ import annotations

from .arguments import CHANGING, COMMON, DIR, FORMAT, IGNORE, IMAGES, KEEP, NODES, SHELLS, Word, argument, form, path

KEEPING: tuple[Word, ...] = (
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
            argument(
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
            argument("--prune", dest="guest_image_prune", action="store_true", help="remove those that nothing uses"),
            form(*FORMAT),
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
            argument("guest_image_bundle_file", metavar="FILE", type=path, help="the archive to write"),
            IGNORE,
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
        (argument("shell", metavar="SHELL", choices=SHELLS, help="bash or zsh"),),
        "!completion",
        description="Print a script that completes words, options, values and nodes.\n"
        'For bash, in ~/.bashrc: eval "$(tpaexec completion bash)"\n'
        'For zsh, in ~/.zshrc, after compinit: eval "$(tpaexec completion zsh)"',
    ),
)
