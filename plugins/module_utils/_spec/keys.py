# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of config.yml, each listed once."""

from __future__ import annotations

COMMON_INSTANCE_KEYS = (
    "Name", "node", "role", "platform", "location", "upstream", "backup", "tags", "vars", "volumes", "provision_only",
    "ansible_host",
)  # fmt: skip

DOCKER_INSTANCE_KEYS = (
    "image", "privileged", "restart_policy", "memory", "memory_reservation", "shm_size", "env_file", "env",
    "log_driver", "log_options", "exposed_ports", "published_ports", "devices", "networks", "sysctls", "ulimits",
    "local_source_directories", "docker_security_opts", "docker_cap_add", "docker_cap_drop", "region", "ip_address",
)  # fmt: skip

INSTANCE_KEYS = COMMON_INSTANCE_KEYS + DOCKER_INSTANCE_KEYS

# What cannot be the same for every node, and so has no place in instance_defaults.
ONE_NODE_KEYS = ("Name", "node", "ip_address")

# Keys of an instance under tpaexec_docker, where TPA does not look.
OWN_INSTANCE_KEYS = ("cpus", "pids_limit", "dns", "dns_search", "extra_hosts", "cgroup_parent", "host")
OWN_LOCATION_KEYS = ("host",)
OWN_KEYS = ("preflight", "instance_defaults", "instances", "locations", "hosts")
PREFLIGHT_KEYS = ("ignore", "waivers")
WAIVER_KEYS = ("id", "reason", "expires")
HOST_KEYS = (
    "docker_host", "tls_ca_cert", "tls_client_cert", "tls_client_key", "tls_hostname", "use_ssh_client",
    "advertise_addr",
)  # fmt: skip

NETWORK_KEYS = ("name", "labels", "enable_ipv6", "ipam_config", "driver_options")
IPAM_KEYS = ("subnet", "iprange", "gateway")
ATTACHMENT_KEYS = ("name", "ipv4_address", "ipv6_address", "aliases", "links")

IMAGE_BUILD_KEYS = (
    "base_image", "base_image_name", "base_context_path", "base_dockerfile", "base_build_args", "context_path",
    "dockerfile", "force_build", "force_tag", "nocache", "pull",
)  # fmt: skip

TOP_LEVEL_KEYS = (
    "architecture", "cluster_name", "cluster_tags", "cluster_vars", "docker_networks", "docker_images",
    "instance_defaults", "instances", "locations", "keyring_backend", "vault_name", "ssh_key_file", "cluster_ssh_port",
    "tpaexec_docker",
)  # fmt: skip

# Known to TPA, of no meaning to a Docker platform: no warning about them.
TPA_TOP_LEVEL_KEYS = (
    "ansible_tower", "tower_settings", "use_ssh_agent", "forward_ssh_agent", "cluster_tag", "compliance",
    "cluster_rules", "cluster_bucket", "cluster_ssh_user", "extra_ssh_config", "Owner", "postgres_version",
    "postgres_flavour", "tpa_version", "ssh_key_passphrase", "source_repositories", "known_hosts_file",
    "ansible_ssh_common_args",
)  # fmt: skip
