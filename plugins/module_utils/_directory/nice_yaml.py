# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML as Ansible's filter to_nice_yaml writes it, which a module cannot call."""

from __future__ import annotations

import sys
from typing import Any, Mapping

from .._errors import PlatformError

try:
    import yaml
except ImportError:
    HAS_YAML = False
else:
    HAS_YAML = True

    # The C emitter where there is one, as in Ansible: the two differ in what they quote and how they fold
    class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        """No anchors: TPA's templating copies what YAML's aliases share."""

        def ignore_aliases(self, data: Any) -> bool:
            return True


def nice_yaml(data: Mapping[str, Any], indent: int = 2) -> str:
    """*data* (plain) to the byte as to_nice_yaml gives it: keys sorted, lines folded at 80."""
    if not HAS_YAML:
        raise PlatformError(
            "PyYAML is missing for the interpreter that runs the module.",
            f"Install it: {sys.executable} -m pip install pyyaml",
        )
    return str(yaml.dump(data, Dumper=_Dumper, indent=indent, allow_unicode=True, default_flow_style=False))
