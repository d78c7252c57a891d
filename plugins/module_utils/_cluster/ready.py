# SPDX-License-Identifier: GPL-3.0-or-later
"""Has a node booted? One exec a node asks its systemd, waits there, and looks at the SSH keys on the way.

No Python is needed in the guest; the script is plain sh. `--wait` blocks on D-Bus where systemd has it (240 and newer),
in place of polling, which would cost a busy host more than the boot itself.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import Any, Callable, Mapping, Optional

from .._client import Daemon
from .._errors import DaemonError
from .pool import Deadline

READY = ("running", "degraded")
NOT_ENDED = 255  # for an exit code that the engine does not know: its connection broke off
SLICE = 25  # seconds of one exec, below any sensible reply timeout

PROBE = r"""
left=$1; end=$(($(date +%s) + left))
while :; do
  s=$(timeout "$left" systemctl is-system-running --wait 2>/dev/null)
  [ -n "$s" ] || s=$(systemctl is-system-running 2>/dev/null)
  case "$s" in running|degraded|maintenance|stopping) break;; esac
  left=$((end - $(date +%s))); [ "$left" -gt 0 ] || break
  sleep 0.2
done
echo "state=$s"
[ "$s" = running ] || systemctl list-units --failed --no-legend --plain 2>/dev/null | sed 's/^/failed=/'
if [ -x /usr/sbin/sshd ]; then
  echo sshd=yes
  [ -z "$TPAEXEC_KEY" ] || ! grep -qxF "$TPAEXEC_KEY" /root/.ssh/authorized_keys 2>/dev/null || echo key=yes
  host=/etc/ssh/ssh_host_rsa_key.pub
  [ -z "$TPAEXEC_HOSTKEY" ] || ! grep -qxF "$TPAEXEC_HOSTKEY" "$host" 2>/dev/null || echo hostkey=yes
fi
"""

JOURNAL = r"""
for u in $(systemctl list-units --failed --no-legend --plain 2>/dev/null | awk '{print $1}' | head -5); do
  echo "-- $u"; journalctl -b -u "$u" --no-pager -n 15 -o cat 2>/dev/null
done
echo "-- journal"; journalctl -b --no-pager -n 20 -o cat 2>/dev/null
systemctl list-jobs --no-legend 2>/dev/null | sed 's/^/waiting job: /' | head -5
"""


@dataclass(frozen=True)
class Boot:
    """What a node's systemd said."""

    state: str
    failed_units: tuple[str, ...] = ()
    sshd: bool = False
    key: bool = False
    host_key: bool = False

    @property
    def ready(self) -> bool:
        return self.state in READY


def run_in(
    daemon: Daemon, ident: str, script: str, *arguments: str, environment: Optional[Mapping[str, str]] = None
) -> tuple[int, str]:
    """Run a sh script in a node; its exit code and what it printed. Data goes in as words, never into the script."""
    command = ["/bin/sh", "-c", script, "tpaexec", *arguments]
    created = daemon.call("exec_create", ident, command, environment=dict(environment or {}), stdin=False)
    output = daemon.call("exec_start", created["Id"]) or b""
    for _look in range(20):  # its output ends a moment before it does
        code = daemon.call("exec_inspect", created["Id"]).get("ExitCode")
        if code is not None:
            break
        time.sleep(0.05)
    return (NOT_ENDED if code is None else int(code)), bytes(output).decode("utf-8", "replace")


def probe(daemon: Daemon, ident: str, seconds: float, keys: Mapping[str, str]) -> Boot:
    """One look that waits at most *seconds*. *keys*: TPAEXEC_KEY and TPAEXEC_HOSTKEY, public key lines to look for."""
    environment = {"TPAEXEC_KEY": keys.get("key", ""), "TPAEXEC_HOSTKEY": keys.get("host_key", "")}
    command = ["/bin/sh", "-c", PROBE, "tpaexec", str(max(1, int(seconds)))]
    created = daemon.call("exec_create", ident, command, environment=environment, stdin=False, stderr=False)
    output = daemon.call("exec_start", created["Id"]) or b""
    return parse_probe(bytes(output).decode("utf-8", "replace"))


def parse_probe(text: str) -> Boot:
    """The probe's lines; what is not one of them is passed over."""
    pairs = [line.strip().partition("=") for line in text.splitlines() if "=" in line]
    values = {key: value for key, _equals, value in pairs if key != "failed"}
    failed = tuple(value.split()[0] for key, _equals, value in pairs if key == "failed" and value.split())
    return Boot(
        state=values.get("state") or "unknown",
        failed_units=failed,
        sshd=values.get("sshd") == "yes",
        key=values.get("key") == "yes",
        host_key=values.get("hostkey") == "yes",
    )


def wait_booted(
    daemon: Daemon, ident: str, deadline: Deadline, keys: Mapping[str, str], sleep: Callable[[float], None]
) -> Boot:
    """Wait until systemd says running or degraded. Raises DaemonError with the reasons when it does not in time."""
    boot = Boot("unknown")
    while True:
        try:
            boot = probe(daemon, ident, min(SLICE, deadline.left(), daemon.address.timeout / 2), keys)
        except DaemonError as error:
            if error.status not in (404, 409, 500):
                raise
            state = daemon.call("inspect_container", ident).get("State") or {}
            if state.get("Status") not in ("running", "created") or deadline.passed:
                raise not_running(daemon, ident, state) from error
        if boot.ready or boot.state in ("maintenance",):
            break
        if deadline.passed:
            break
        sleep(0.2)
    if boot.ready:
        return boot
    raise _not_booted(daemon, ident, boot)


def not_running(daemon: Daemon, ident: str, state: Mapping[str, Any]) -> DaemonError:
    """Why a container that should run does not, with the last lines that it printed."""
    log = tail(daemon, ident)
    said = f" ({state.get('Error')})" if state.get("Error") else ""
    return DaemonError(
        f"Its container is {state.get('Status')}, exit code {state.get('ExitCode')}{said}: its init ended. "
        f"It printed last:\n{log}",
        "Check that the image's init is systemd and fits this host: tpaexec preflight DIR",
        "NODE_NOT_RUNNING",
    )


def _not_booted(daemon: Daemon, ident: str, boot: Boot) -> DaemonError:
    units = f" Failed units: {', '.join(boot.failed_units)}." if boot.failed_units else ""
    try:
        _code, log = run_in(daemon, ident, JOURNAL)
    except DaemonError:
        log = tail(daemon, ident)
    longer = "tpaexec provision DIR -- -e cluster_wait_timeout=600"
    remedy = f"See what it waits for in the lines above, or give it longer: {longer}"
    if boot.failed_units or boot.state == "maintenance":
        remedy = "Mend in the image what the lines above show, then make the node anew: --recreate NODE."
    return DaemonError(f"Its systemd says {boot.state}, not running.{units}\n{_clean(log)}", remedy, "NODE_NOT_BOOTED")


def tail(daemon: Daemon, ident: str, lines: int = 20) -> str:
    """The last lines of a container's console, without escape sequences."""
    try:
        output = daemon.call("logs", ident, tail=lines)
    except DaemonError as error:
        return f"(no log: {error.message})"
    return _clean(bytes(output).decode("utf-8", "replace")) or "(nothing)"


def _clean(text: str) -> str:
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f]", "", text)
    return "\n".join(line.rstrip() for line in text.splitlines() if line.strip())[-4000:]
