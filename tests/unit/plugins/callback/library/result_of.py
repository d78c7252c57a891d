#!/usr/bin/python
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module for tests: returns, fails or breaks as it is told."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule


def main() -> None:
    module = AnsibleModule(argument_spec={"result": {"type": "dict"}}, supports_check_mode=True)
    result = module.params["result"]
    for warning in result.pop("warn", []):
        module.warn(warning)
    if result.get("broken"):
        raise RuntimeError(result["broken"])
    if result.get("failed"):
        module.fail_json(**result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
