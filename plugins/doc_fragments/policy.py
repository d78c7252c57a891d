# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of what the user decides about findings, for every module that has any."""

from __future__ import annotations


class ModuleDocFragment:
    """Beside module_utils/_argspec.policy_argument_spec: one source for each option."""

    DOCUMENTATION = r"""
options:
  ignore:
    description:
      - Ids of findings that are reported as information whatever their severity. C(docs/checks.md) lists all ids.
    type: list
    elements: str
    default: []
  strict:
    description:
      - Turn warnings into errors.
    type: bool
    default: false
  waivers:
    description:
      - Findings accepted until a day, for a reason. Each is a map of C(id), C(reason) and C(expires) (C(YYYY-MM-DD)).
      - A malformed or expired waiver is an error.
    type: list
    elements: raw
    default: []
"""
