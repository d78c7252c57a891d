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
  - A missing image is loaded if it is in O(archive), built if O(builds) says how, bootstrapped from its distribution's
    own packages if its name is one of ours, such as C(tpaexec/debian-systemd:12), and pulled otherwise.
  - Names that TPA's configure writes, such as C(tpa/debian:12) and C(tpa/rocky:9), are in no registry. They are
    bootstrapped where that can be done, else built on the distribution's own image.
  - Images are obtained side by side, each once. Nothing has an image's name before the whole image is there.
  - Over several hosts (O(cluster)), each image is obtained on one host that needs it, and brought from there to the
    others, all at once. They pull the very same image by its digest, or it is shipped through the machine where the
    module runs, without a file. Where another image stands behind the name on a host, it is left alone and reported.
  - Then each image is looked into, as M(tpaexec.docker.docker_image_check) does.
options:
  names:
    description:
      - Names of the images, as C(config.yml) gives them.
    type: list
    elements: str
    required: true
    aliases: [name]
  cluster:
    description:
      - The cluster, as M(tpaexec.docker.cluster_config) returns it. Where its C(tpaexec_docker.hosts) names hosts, each
        of O(names) is brought to the hosts whose nodes use it, and O(docker_host) is that of the host C(default) only.
    type: dict
  source:
    description:
      - Where missing images come from.
      - V(auto) chooses for each image, as said above.
      - V(present) obtains nothing and fails if an image is missing.
    type: str
    choices: [auto, present, pull, load, build, bootstrap]
    default: auto
  archive:
    description:
      - An archive with images, written by M(tpaexec.docker.guest_image_bundle) or by C(docker save).
      - It is verified before anything is loaded. Images that are in a bundle are made to be exactly those of the
        bundle.
    type: path
  force:
    description:
      - Obtain images again that are there already. The old image keeps its containers, and loses its name.
    type: bool
    default: false
  bootstrap:
    description:
      - How images are bootstrapped. All of it can be left out for the names that say it.
      - Needs C(mmdebstrap) where the module runs, and root or a user namespace; for the EL family C(dnf) and root.
    type: dict
    suboptions:
      distribution:
        description: The distribution, V(debian) or V(ubuntu), or V(el), V(rocky), V(almalinux), V(fedora) and the like.
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
      repositories:
        description: For the EL family, the RPM repositories to install from. All of them have to be given.
        type: list
        elements: dict
        suboptions:
          name:
            description: The repository's name.
            type: str
            required: true
          baseurl:
            description: Its address.
            type: str
            required: true
          key:
            description: File with the key that signs its packages.
            type: path
          unsigned:
            description: Packages are not signed, and are taken unverified.
            type: bool
            default: false
      mode:
        description: How C(mmdebstrap) becomes root inside the new root file system.
        type: str
        choices: [auto, root, unshare, fakechroot]
      work_dir:
        description: Directory in which the root file system is made; about 1 GB, without C(nodev) and C(noexec).
        type: path
  builds:
    description:
      - How images are built, as C(docker_images) in C(config.yml) - name to build instructions with TPAexec's keys.
      - Independent images are built side by side. The end of a build's log is shown if it fails.
    type: dict
    default: {}
  base_dir:
    description:
      - Where relative paths in O(builds) start, normally the cluster directory.
    type: path
  log_dir:
    description:
      - Where the logs of builds are kept. By default a directory of the user's among temporary files.
    type: path
  base_image:
    description:
      - Build the image on top of this one, which is obtained first, with O(repositories), O(packages), O(files),
        O(preinstall_dependencies_of) and O(package_cache). It is built again if these have changed.
    type: str
  repositories:
    description:
      - Package repositories to add.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The repository's name, and the name of its file.
        type: str
        required: true
      line:
        description: For C(apt), what follows C(deb) in a line of C(sources.list).
        type: str
      baseurl:
        description: For C(dnf) and C(yum), the address.
        type: str
      key:
        description: File with the key that signs the repository.
        type: path
  packages:
    description:
      - Packages to install.
    type: list
    elements: str
    default: []
  files:
    description:
      - Files to copy into the image.
    type: list
    elements: dict
    default: []
    suboptions:
      src:
        description: The file where the module runs.
        type: path
        required: true
      dest:
        description: Its absolute path in the image.
        type: str
        required: true
      mode:
        description: Its mode, in octal digits.
        type: str
        default: "0644"
  preinstall_dependencies_of:
    description:
      - Install what these packages depend on, but not them. A PostgreSQL server among the dependencies is left out too.
    type: list
    elements: str
    default: []
  package_cache:
    description:
      - Download these packages, with what they depend on, into the image's package cache, and do not install them.
        They can then be installed in a node that has no network.
    type: list
    elements: str
    default: []
  check:
    description:
      - Look into the images afterwards.
    type: bool
    default: true
  cache_dir:
    description:
      - A directory in which the facts of an image are kept by its id, so that an image is looked into once.
    type: path
extends_documentation_fragment:
  - tpaexec.docker.policy
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

- name: A site's image, from which PostgreSQL is deployed without a network
  tpaexec.docker.guest_image:
    names: [site/debian-postgres:12]
    base_image: tpaexec/debian-systemd:12
    packages: [rsync]
    preinstall_dependencies_of: [postgresql-15]
    package_cache: [postgresql-15]

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
    hosts:
      description: What became of it on each host - C(source), C(image_id), C(changed), C(seconds), C(error).
      returned: over several hosts
      type: dict
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

from ansible_collections.tpaexec.docker.plugins.module_utils._argspec import (
    connection_argument_spec,
    policy_argument_spec,
)
from ansible_collections.tpaexec.docker.plugins.module_utils._entry import run_module
from ansible_collections.tpaexec.docker.plugins.module_utils._image.body import guest_image_body


def bootstrap_spec() -> dict:
    repository = dict(
        name=dict(type="str", required=True),
        baseurl=dict(type="str", required=True),
        key=dict(type="path", no_log=False),
        unsigned=dict(type="bool", default=False),
    )
    return dict(
        repositories=dict(type="list", elements="dict", options=repository),
        distribution=dict(type="str"),
        release=dict(type="str"),
        mirror=dict(type="str"),
        keyring=dict(type="path", no_log=False),
        packages=dict(type="list", elements="str"),
        sources=dict(type="list", elements="str"),
        mode=dict(type="str", choices=["auto", "root", "unshare", "fakechroot"]),
        work_dir=dict(type="path"),
    )


def site_spec() -> dict:
    def names() -> dict:
        return dict(type="list", elements="str", default=[])

    repository = dict(
        name=dict(type="str", required=True),
        line=dict(type="str"),
        baseurl=dict(type="str"),
        key=dict(type="path", no_log=False),
    )
    one_file = dict(
        src=dict(type="path", required=True),
        dest=dict(type="str", required=True),
        mode=dict(type="str", default="0644"),
    )
    return dict(
        base_image=dict(type="str"),
        repositories=dict(type="list", elements="dict", default=[], options=repository),
        packages=names(),
        files=dict(type="list", elements="dict", default=[], options=one_file),
        preinstall_dependencies_of=names(),
        package_cache=names(),
    )


def main() -> None:
    run_module(
        guest_image_body,
        dict(
            connection_argument_spec(),
            names=dict(type="list", elements="str", required=True, aliases=["name"]),
            cluster=dict(type="dict"),
            source=dict(type="str", default="auto", choices=["auto", "present", "pull", "load", "build", "bootstrap"]),
            archive=dict(type="path"),
            force=dict(type="bool", default=False),
            bootstrap=dict(type="dict", options=bootstrap_spec()),
            builds=dict(type="dict", default={}),
            base_dir=dict(type="path"),
            log_dir=dict(type="path"),
            **site_spec(),
            check=dict(type="bool", default=True),
            **policy_argument_spec(),
            cache_dir=dict(type="path"),
        ),
    )


if __name__ == "__main__":
    main()
