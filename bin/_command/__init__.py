# SPDX-License-Identifier: GPL-3.0-or-later
"""What bin/tpaexec does: main → words → parsing → run, on the standard library alone."""
