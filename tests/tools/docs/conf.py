# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Sphinx for docs/. Nothing is fetched: no intersphinx, the theme is a package."""

from __future__ import annotations

from pathlib import Path

import yaml

_galaxy = yaml.safe_load((Path(__file__).resolve().parents[3] / "galaxy.yml").read_text(encoding="utf-8"))

project = "tpaexec.docker"
title = html_title = html_short_title = "tpaexec.docker"
project_copyright = "The tpaexec.docker developers, GPL-3.0-or-later"
version = release = _galaxy["version"]

extensions = ["myst_parser", "sphinx_antsibull_ext"]
# Links to headings, as the forges that show Markdown make them.
myst_heading_anchors = 4
# A dollar sign is a dollar sign, and `--` two hyphens: pages show commands.
html_use_smartypants = smartquotes = False

pygments_style = "ansible"
highlight_language = "text"
html_theme = "sphinx_ansible_theme"
html_theme_options = {"display_version": False, "documentation_home_url": "index.html"}
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
html_use_index = html_use_modindex = False
default_role = "any"

# Labels of Ansible's own guides, of which antsibull-docs writes as if they were on the same site.
OF_ANSIBLE = {"action_plugins", "ansible_configuration_settings", "callback_plugins", "common_return_values"}


def elsewhere(_app, _env, node, text):  # type: ignore[no-untyped-def] # Sphinx calls it
    """What stands in Ansible's own documentation stays plain text; every other unknown label is a warning."""
    label = node.get("reftarget", "")
    foreign = label.startswith("ansible_collections.") and not label.startswith("ansible_collections.tpaexec.docker.")
    return text if node.get("reftype") == "ref" and (foreign or label in OF_ANSIBLE) else None


def setup(app):  # type: ignore[no-untyped-def] # Sphinx calls it
    """Sphinx's hook."""
    app.connect("missing-reference", elsewhere)
