# SPDX-License-Identifier: GPL-3.0-or-later
"""A report to send: gather (edges) → Report → one HTML page (pure) → file and archive. No secret is in it."""
