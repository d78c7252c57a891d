# SPDX-License-Identifier: GPL-3.0-or-later
"""`python tests/bench`."""

import sys

from bench import main

sys.exit(main(sys.argv[1:]))
