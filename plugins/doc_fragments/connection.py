# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of the connection options, shared by every module that talks to a daemon."""

from __future__ import annotations


class ModuleDocFragment:
    """Beside module_utils/_argspec.py: one source for each option."""

    DOCUMENTATION = r"""
options:
  docker_host:
    description:
      - URL of the Docker daemon, C(unix://), C(tcp://) or C(ssh://).
      - If not set, the environment variable E(DOCKER_HOST) is used.
    type: str
    default: unix:///var/run/docker.sock
  tls:
    description:
      - Use TLS without verifying the daemon's certificate. O(validate_certs=true) takes precedence.
      - If not set, the environment variable E(DOCKER_TLS) is used.
    type: bool
    default: false
  validate_certs:
    description:
      - Use TLS and verify the daemon's certificate.
      - If not set, the environment variable E(DOCKER_TLS_VERIFY) is used.
    type: bool
    default: false
    aliases: [tls_verify]
  tls_hostname:
    description:
      - The name expected in the daemon's certificate, when it is not the host in O(docker_host).
      - If not set, the environment variable E(DOCKER_TLS_HOSTNAME) is used.
    type: str
  ca_path:
    description:
      - The certificate of the authority that signed the daemon's certificate.
      - If not set, C(ca.pem) in the directory that E(DOCKER_CERT_PATH) names is used.
    type: path
    aliases: [ca_cert, tls_ca_cert, cacert_path]
  client_cert:
    description:
      - The client's TLS certificate.
      - If not set, C(cert.pem) in the directory that E(DOCKER_CERT_PATH) names is used.
    type: path
    aliases: [tls_client_cert, cert_path]
  client_key:
    description:
      - The client's TLS key.
      - If not set, C(key.pem) in the directory that E(DOCKER_CERT_PATH) names is used.
    type: path
    aliases: [tls_client_key, key_path]
  use_ssh_client:
    description:
      - For C(ssh://), use the system's C(ssh) in place of paramiko.
    type: bool
    default: false
  timeout:
    description:
      - Seconds to wait for one reply of the daemon.
      - If not set, the environment variable E(DOCKER_TIMEOUT) is used.
    type: int
    default: 60
requirements:
  - Python >= 3.9 on the host where the module runs
  - Docker SDK for Python (package C(docker)) >= 7.1.0
  - Docker Engine >= 20.10
"""
