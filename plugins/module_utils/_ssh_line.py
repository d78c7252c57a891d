# SPDX-License-Identifier: GPL-3.0-or-later
"""ssh:// through the system's ssh, made fit for a module: it never asks, never waits for ever, and says what is wrong.

The SDK starts `ssh` with our standard error and without a time limit: a host that swallows packets then holds the
Ansible task even after the module has ended, and an unknown host key shows as nothing but a broken pipe.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import re
import subprocess
import sys
import tempfile
import types
from typing import Any, ClassVar, Iterator, Optional

from ._errors import DaemonError

SSHCONN = "docker.transport.sshconn"


@contextlib.contextmanager
def put_off() -> Iterator[None]:
    """Around the SDK's import: paramiko, half of what that costs (0.1 s of every provision), comes with the first ssh://.

    For everyone else in this process the SDK is as it always is.
    """
    if "docker" in sys.modules:
        yield
        return
    stand_in: Any = types.ModuleType(SSHCONN)
    stand_in.SSHHTTPAdapter = _adapter
    sys.modules[SSHCONN] = stand_in
    try:
        yield
    finally:
        sys.modules.pop(SSHCONN, None)


def _adapter(*args: Any, **keywords: Any) -> Any:
    try:
        sshconn = importlib.import_module(SSHCONN)
    except ImportError as error:
        raise NameError("SSHHTTPAdapter") from error  # by which the SDK knows that there is no paramiko
    return sshconn.SSHHTTPAdapter(*args, **keywords)


def prepare(docker_host: str, use_ssh_client: bool, timeout: int) -> None:
    """Before the SDK connects: it imports paramiko even when the system's ssh does the work."""
    if not docker_host.startswith("ssh://"):
        return
    if not importlib.util.find_spec("paramiko"):
        raise DaemonError(
            f"The Docker SDK for Python needs the package paramiko for {docker_host}.",
            f"Install it for the interpreter that runs the module: {sys.executable} -m pip install 'docker[ssh]'",
            "SDK_MISSING",
        )
    if use_ssh_client:
        sshconn: Any = importlib.import_module(SSHCONN)
        if not hasattr(sshconn.SSHSocket, "timeouts"):
            sshconn.SSHSocket = _line_class(sshconn.SSHSocket)
        sshconn.SSHSocket.timeouts[_host(docker_host)] = timeout


def failure(docker_host: str) -> Optional[DaemonError]:
    """What the system's ssh complained of last when it went to this *docker_host*."""
    line = getattr(sys.modules.get(SSHCONN), "SSHSocket", None)
    errors = getattr(line, "said", {}).get(_host(docker_host))
    if errors is None:
        return None
    errors.seek(0)
    lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    if not lines:
        return None
    return refused(docker_host, "", lines[-1].strip().rstrip("."))


def refused(docker_host: str, kind: str, reason: str) -> DaemonError:
    """In words on ssh, for the system's and for paramiko, whose exception is of this *kind*."""
    login = docker_host.replace("ssh://", "", 1).rstrip("/")
    user, colon, port = login.rpartition(":")
    words = f"-p {port} {user}" if colon and port.isdigit() else login
    remedy = f"Try it by hand, it must not ask anything: ssh -o BatchMode=yes {words} docker version"
    if kind == "BadHostKeyException":  # its own words show both keys at length
        reason = "the host's key is not the one that is known here"
        forget = f"ssh-keygen -R {_host(docker_host)}"
        remedy = f"If the host was made anew, forget its old key ({forget}), then: ssh {words}"
    elif re.search(r"known_hosts|[Hh]ost key verification", reason):
        remedy = f"Log in once by hand and accept the host's key: ssh {words}"
    elif re.search(r"[Aa]uthentication|passphrase|encrypted|Permission denied", reason):
        remedy = (
            f"Give this user a key that logs in without a question: ssh-copy-id {words}. A key with a passphrase "
            "goes into ssh-agent (ssh-add)."
        )
    return DaemonError(f"ssh to the Docker host {docker_host} failed: {reason}.", remedy, "DAEMON_NOT_RUNNING")


def _line_class(base: Any) -> Any:
    class Line(base):  # type: ignore[misc]
        """The SDK's socket over an ssh process, with ssh's own words kept in `said`, by host."""

        timeouts: ClassVar[dict[str, int]] = {}
        said: ClassVar[dict[str, Any]] = {}

        def connect(self, *_args: Any, **_kwargs: Any) -> None:
            limit = f"ConnectTimeout={self.timeouts.get(self.host, 30)}"
            login = [*(["-l", self.user] if self.user else []), *(["-p", self.port] if self.port else [])]
            # a host that is gone is noticed in a minute
            words = ["BatchMode=yes", limit, "ServerAliveInterval=15", "ServerAliveCountMax=4"]
            options = [part for word in words for part in ("-o", word)]
            command = ["ssh", *options, *login, "--", self.host, "docker system dial-stdio"]
            self.said[self.host] = errors = tempfile.TemporaryFile()  # noqa: SIM115 # pylint: disable=consider-using-with
            self.proc = subprocess.Popen(  # noqa: S603 # pylint: disable=consider-using-with # lives as long as we do
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
            )

        def close(self) -> None:
            """The SDK's own flushes first, which fails where ssh has ended already: after every exec."""
            process: Any = self.proc
            if process is None:
                return
            # Its output stays open: a reply may still be read from it.
            with contextlib.suppress(OSError, ValueError):
                process.stdin.close()
            with contextlib.suppress(OSError):
                process.terminate()

    return Line


def _host(docker_host: str) -> str:
    """`ssh://user@host:22` → host, as the SDK's socket calls it."""
    return re.sub(r"^ssh://(?:[^@/]*@)?", "", docker_host).split("/")[0].split(":")[0]
