#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# with-browser.sh COMMAND...: runs COMMAND when Chromium is there, in which tests of long look at the report.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
need chromium chromium fonts-dejavu-core
exec "$@"
