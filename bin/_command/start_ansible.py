# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the Python program that its second argument names, with the others. Nothing of this directory may be importable
for that program.

Ctrl-C is held back at first: it is let in (`now`) once it ends the program without a traceback, or (`later`) by the
program itself, which our callback does. What Ansible cannot read of its settings is said in one line.
"""

import sys

_when = sys.argv[1]
del sys.argv[:2]
sys.path[0] = sys.argv[0].rpartition("/")[0] or "."

import atexit  # noqa: E402
import gc  # noqa: E402
import importlib  # noqa: E402
import runpy  # noqa: E402
import signal  # noqa: E402

AGAIN = 0.02  # seconds


def _quiet(kind, error, trace):
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


def _never_lost(unraisable):
    """Where Python cannot raise (the hooks of a fork, a finalizer), it prints a KeyboardInterrupt as a traceback of an
    "Exception ignored" and goes on as if there had been none: here it comes again, until it is raised."""
    if not issubclass(unraisable.exc_type, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    signal.signal(signal.SIGALRM, _again)
    signal.setitimer(signal.ITIMER_REAL, AGAIN)


def _again(_number, _frame):
    raise KeyboardInterrupt


sys.excepthook = _quiet
sys.unraisablehook = _never_lost
# What Ansible loads stays to its end. To look through it for garbage again and again, and three times more when all is
# done, is a tenth of a run of seconds; a long run's garbage is still found, in larger lots.
gc.set_threshold(200_000)
atexit.register(gc.freeze)
if _when == "now":
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
try:
    importlib.import_module("ansible.constants")  # the first thing that Ansible does, which answers with a traceback
except Exception as error:
    if type(error).__module__ == "ansible.errors":  # ansible.cfg, or an ANSIBLE_* variable
        sys.exit(f"error: Mend Ansible's settings: {' '.join(str(error).split()).rstrip('.')}.")
runpy.run_path(sys.argv[0], run_name="__main__")
