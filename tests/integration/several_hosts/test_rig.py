# SPDX-License-Identifier: GPL-3.0-or-later
"""The hosts that the tests of this folder stand on are what they seem: engines of their own, reached by TLS."""

from __future__ import annotations

from ansible_collections.tpaexec.docker.plugins.module_utils._address import Address
from ansible_collections.tpaexec.docker.plugins.module_utils._client import connect


def test_each_host_is_an_engine_of_its_own(rig, guest_image):
    idents = set()
    for host in rig.hosts:
        words = rig.words(host)
        address = Address(
            words["docker_host"], tls=True, validate_certs=True, ca_path=words["tls_ca_cert"],
            client_cert=words["tls_client_cert"], client_key=words["tls_client_key"], timeout=10,
        )  # fmt: skip
        with connect(address) as daemon:
            info = daemon.call("info")
            assert info["Name"] == host
            assert daemon.call("inspect_image", guest_image)["Id"]
        idents.add(info["ID"])
    assert len(idents) == len(rig.hosts) == 3
