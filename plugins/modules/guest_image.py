#!/usr/bin/python
# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: guest_image
short_description: Obtain the images of nodes, and check that they are fit
version_added: "0.1.0"
author:
  - The tpaexec.docker developers (@tpaexec)
description:
  - Makes sure that images are on the engine. What is there already is left alone.
  - A missing image is built if O(builds) says how, bootstrapped from its distribution's own packages if its name
    is one of ours, such as C(tpaexec/debian-systemd:12), and pulled otherwise.
  - Images are obtained side by side, each once. Nothing has an image's name before the whole image is there.
  - Then each image is looked into, as M(tpaexec.docker.docker_image_check) does.
options:
  names:
    description:
      - Names of the images, as C(config.yml) gives them.
    type: list
    elements: str
    required: true
    aliases: [name]
  source:
    description:
      - Where missing images come from.
      - V(auto) chooses for each image, as said above.
      - V(present) obtains nothing and fails if an image is missing.
    type: str
    choices: [auto, present, pull, build, bootstrap]
    default: auto
  force:
    description:
      - Obtain images again that are there already. The old image keeps its containers, and loses its name.
    type: bool
    default: false
  bootstrap:
    description:
      - How images are bootstrapped. All of it can be left out for the names that say it.
      - Needs C(mmdebstrap) where the module runs, and root or a user namespace.
    type: dict
    suboptions:
      distribution:
        description: The distribution, V(debian) or V(ubuntu).
        type: str
      release:
        description: Its version or codename.
        type: str
      mirror:
        description: Address of the package archive. By default the one that the machine itself uses.
        type: str
      keyring:
        description: File with the keys that sign the archive. By default the distribution's.
        type: path
      packages:
        description: Packages to install beside those that a guest needs.
        type: list
        elements: str
      sources:
        description: More package sources, each a line as in C(sources.list).
        type: list
        elements: str
      mode:
        description: How C(mmdebstrap) becomes root inside the new root file system.
        type: str
        choices: [auto, root, unshare, fakechroot]
      work_dir:
        description: Directory in which the root file system is made; about 1 GB, without C(nodev) and C(noexec).
        type: path
  check:
    description:
      - Look into the images afterwards.
    type: bool
    default: true
  ignore:
    description:
      - Ids of findings that are reported as information, though they are errors or warnings.
    type: list
    elements: str
    default: []
  strict:
    description:
      - Warnings count as errors.
    type: bool
    default: false
  cache_dir:
    description:
      - A directory in which the facts of an image are kept by its id, so that an image is looked into once.
    type: path
extends_documentation_fragment:
  - tpaexec.docker.connection
attributes:
  check_mode:
    support: full
    description: Reports what would be obtained; touches nothing. Images that are there are checked.
  diff_mode:
    support: full
    description: Shows the images that are new.
"""

EXAMPLES = r"""
- name: A guest image with no registry
  tpaexec.docker.guest_image:
    names: [tpaexec/debian-systemd:12]

- name: The same with more packages, from a mirror of the site
  tpaexec.docker.guest_image:
    names: [site/debian:12]
    source: bootstrap
    bootstrap:
      distribution: debian
      release: "12"
      mirror: https://mirror.example.com/debian
      packages: [rsync, less]

- name: Pull an image by its digest
  tpaexec.docker.guest_image:
    names: ["registry.example.com/site/el9@sha256:0000000000000000000000000000000000000000000000000000000000000000"]
"""

RETURN = r"""
images:
  description: What became of each image.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description: The image's name.
      type: str
    source:
      description: V(present), or how it was obtained.
      type: str
    image_id:
      description: The image's id; empty in check mode, when it is not there yet.
      type: str
    changed:
      description: Whether another image stands behind the name now.
      type: bool
    error:
      description: Why it could not be obtained.
      type: str
    error_id:
      description: The id of that error.
      type: str
findings:
  description: As M(tpaexec.docker.docker_image_check) returns them.
  returned: always
  type: list
  elements: dict
checked:
  description: Which ids were checked, and which could not be, with the reason.
  returned: always
  type: dict
facts:
  description: What is in each image, as M(tpaexec.docker.docker_image_check) returns it.
  returned: when O(check=true) and all images could be obtained
  type: list
  elements: dict
"""

from ansible_collections.tpaexec.docker.plugins.module_utils._argspec import connection_argument_spec
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import run_module
from ansible_collections.tpaexec.docker.plugins.module_utils._image.body import guest_image_body


def bootstrap_spec() -> dict:
    return dict(
        distribution=dict(type="str"),
        release=dict(type="str"),
        mirror=dict(type="str"),
        keyring=dict(type="path", no_log=False),
        packages=dict(type="list", elements="str"),
        sources=dict(type="list", elements="str"),
        mode=dict(type="str", choices=["auto", "root", "unshare", "fakechroot"]),
        work_dir=dict(type="path"),
    )


def main() -> None:
    run_module(
        guest_image_body,
        dict(
            connection_argument_spec(),
            names=dict(type="list", elements="str", required=True, aliases=["name"]),
            source=dict(type="str", default="auto", choices=["auto", "present", "pull", "build", "bootstrap"]),
            force=dict(type="bool", default=False),
            bootstrap=dict(type="dict", options=bootstrap_spec()),
            check=dict(type="bool", default=True),
            ignore=dict(type="list", elements="str", default=[]),
            strict=dict(type="bool", default=False),
            cache_dir=dict(type="path"),
        ),
    )


if __name__ == "__main__":
    main()
