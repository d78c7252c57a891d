# SPDX-License-Identifier: GPL-3.0-or-later
# Runs the Python program that its first argument names, with the others: started with Ctrl-C held back, which is let in
# once it ends the program without a traceback. Nothing of this directory may be importable for that program.
import sys

del sys.argv[0]
sys.path[0] = sys.argv[0].rpartition("/")[0] or "."

import os.path  # noqa: E402
import runpy  # noqa: E402
import signal  # noqa: E402


def _quiet(kind, error, trace):
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


sys.excepthook = _quiet
_top = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
runpy.run_path(os.path.join(_top, "plugins", "plugin_utils", "_interrupt.py"))["never_lost"]()
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
runpy.run_path(sys.argv[0], run_name="__main__")
