# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
import yaml
from _command.errors import UsageError
from _command.variables import extra_variables
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


class Loader(yaml.SafeLoader):
    """Takes `!unsafe` for what it is to Ansible: text that is no template."""


Loader.add_constructor("!unsafe", lambda loader, node: ("unsafe", loader.construct_scalar(node)))


SLOW_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def load(text: str):
    return yaml.load(text, Loader)


@SLOW_MACHINE
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_arrives_as_it_is_and_is_never_a_template(text):
    assert load(extra_variables({"cluster_dir": text, "nodes": [text]})) == {
        "cluster_dir": ("unsafe", text),
        "nodes": [("unsafe", text)],
    }


def test_other_values_keep_their_type():
    assert load(extra_variables({"a": True, "b": 3, "c": []})) == {"a": True, "b": 3, "c": []}


def test_a_name_that_is_no_unicode_is_refused():
    with pytest.raises(UsageError, match="UTF-8"):
        extra_variables({"cluster_dir": b"caf\xe9".decode("utf-8", "surrogateescape")})
