# SPDX-License-Identifier: GPL-3.0-or-later
"""A cluster as a picture: model → text for Graphviz or Mermaid (pure) → file."""
