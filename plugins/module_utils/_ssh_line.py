# SPDX-License-Identifier: GPL-3.0-or-later
"""ssh:// made fit for a module: it never asks, never waits for ever, and says what is wrong.

The SDK starts `ssh` with our standard error and without a time limit: a host that swallows packets then holds the
Ansible task even after the module has ended, and an unknown host key shows as nothing but a broken pipe. paramiko gets
no limits either, and waits as long as the kernel does.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import inspect
import logging
import re
import shlex
import socket
import subprocess
import sys
import tempfile
import types
from typing import Any, Callable, ClassVar, Iterator, Optional, TypeVar

from ._background import Late, Task, Until
from ._errors import DaemonError

SSHCONN = "docker.transport.sshconn"
LINE_TIMEOUT = 10  # seconds for a TCP connection: a host that is up takes milliseconds

T = TypeVar("T")
Place = tuple[str, str, str]  # user ("": not said), host, port; several daemons may be behind one name


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
    sshconn: Any = importlib.import_module(SSHCONN)
    if use_ssh_client and "[" in docker_host:  # the SDK takes the address apart at its colons
        raise DaemonError(
            f"The Docker SDK for Python cannot go by the system's ssh to an IPv6 address ({docker_host}).",
            "Give it a name (HostName in ~/.ssh/config, or /etc/hosts) and write that, or leave use_ssh_client out.",
            "DAEMON_NOT_RUNNING",
        )
    if use_ssh_client:
        if not hasattr(sshconn.SSHSocket, "timeouts"):
            sshconn.SSHSocket = _line_class(sshconn.SSHSocket)
        sshconn.SSHSocket.timeouts[_place(docker_host)] = timeout
    else:
        if not hasattr(sshconn.SSHHTTPAdapter, "timeouts"):
            _limit(sshconn.SSHHTTPAdapter)
        sshconn.SSHHTTPAdapter.timeouts[_place(docker_host)] = timeout


def within(docker_host: str, seconds: float, function: Callable[[], T]) -> T:
    """*function*, which goes by ssh: what is silent between the steps that have limits of their own is left behind."""
    try:
        return Task(function).result(Until.after(seconds))
    except Late as late:
        raise DaemonError(
            f"No answer from {docker_host} within {seconds:g} s.",
            "Look at that host, its sshd and its Docker daemon, or give it longer: DOCKER_TIMEOUT=120 in the "
            "environment.",
            "DAEMON_HUNG",
        ) from late


def _limit(adapter: Any) -> None:
    """The SDK's adapter for paramiko, with limits for the hosts in its `timeouts`. What goes wrong is in exceptions:
    paramiko's log would get between a task's output."""
    logging.getLogger("paramiko").addHandler(logging.NullHandler())
    create, connect = adapter._create_paramiko_client, adapter._connect

    def limited(self: Any, base_url: str) -> None:
        create(self, base_url)
        seconds = adapter.timeouts.get(_place(base_url))
        if seconds:
            known = inspect.signature(self.ssh_client.connect).parameters  # channel_timeout: paramiko 3.1 and newer
            kinds = [kind for kind in ("banner_timeout", "auth_timeout", "channel_timeout") if kind in known]
            self.ssh_params.update(dict.fromkeys(kinds, seconds), timeout=min(LINE_TIMEOUT, seconds))

    def connected(self: Any) -> None:
        try:
            connect(self)
        except (socket.timeout, TimeoutError) as error:
            where = f"{self.ssh_params['hostname']}, port {self.ssh_params['port'] or 22}"
            raise DaemonError(
                f"The Docker host does not answer to ssh ({where}).",
                "Is it switched on, its cable plugged in, its firewall open for this machine?",
                "DAEMON_NOT_RUNNING",
            ) from error

    adapter.timeouts = {}
    adapter._create_paramiko_client, adapter._connect = limited, connected


def failure(docker_host: str) -> Optional[DaemonError]:
    """What the system's ssh complained of last when it went to this *docker_host*."""
    line = getattr(sys.modules.get(SSHCONN), "SSHSocket", None)
    errors = getattr(line, "said", {}).get(_place(docker_host))
    if errors is None:
        return None
    errors.seek(0)
    text = errors.read().decode("utf-8", "replace").strip()
    return refused(docker_host, *_gist(text)) if text else None


def _gist(text: str) -> tuple[str, str]:
    """A kind for `refused`, and the line that says why: ssh tells the reason of its last line in a frame above it."""
    last = text.splitlines()[-1].strip().rstrip(".")
    if "IDENTIFICATION HAS CHANGED" in text and "Host key verification failed" in last:
        return "BadHostKeyException", last
    unprotected = re.search(r"^Permissions \d+ for '(.+)' are too open", text, re.MULTILINE)
    if unprotected and "Permission denied" in last:
        return "UnprotectedKey", unprotected.group(1)
    return "", last


def refused(docker_host: str, kind: str, reason: str) -> DaemonError:
    """In words on ssh, for the system's and for paramiko, whose exception is of this *kind*."""
    login = docker_host.replace("ssh://", "", 1).rstrip("/")
    user, colon, port = login.rpartition(":")
    words = f"-p {port} {user}" if colon and port.isdigit() else login
    remedy = f"Try it by hand, it must not ask anything: ssh -o BatchMode=yes {words} docker version"
    if kind == "BadHostKeyException":  # its own words show both keys at length
        reason = "the host's key is not the one that is known here"
        known = f"'[{_host(docker_host)}]:{port}'" if words.startswith("-p ") and port != "22" else _host(docker_host)
        forget = f"ssh-keygen -R {known}"
        remedy = f"If the host was made anew, forget its old key ({forget}), then: ssh {words}"
    elif kind == "UnprotectedKey":
        remedy = f"Make it this user's alone: chmod 600 {shlex.quote(reason)}"
        reason = f"others may read the private key {reason}, so ssh does not use it"
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
        """The SDK's socket over an ssh process, with ssh's own words kept in `said`, by place."""

        timeouts: ClassVar[dict[Place, int]] = {}
        said: ClassVar[dict[Place, Any]] = {}

        def connect(self, *_args: Any, **_kwargs: Any) -> None:
            place = (self.user or "", self.host, self.port or "22")
            limit = f"ConnectTimeout={min(LINE_TIMEOUT, self.timeouts.get(place, LINE_TIMEOUT))}"
            login = [*(["-l", self.user] if self.user else []), *(["-p", self.port] if self.port else [])]
            # a host that is gone is noticed in a minute
            words = ["BatchMode=yes", limit, "ServerAliveInterval=15", "ServerAliveCountMax=4"]
            options = [part for word in words for part in ("-o", word)]
            command = ["ssh", *options, *login, "--", self.host, "docker system dial-stdio"]
            self.said[place] = errors = tempfile.TemporaryFile()  # noqa: SIM115 # pylint: disable=consider-using-with
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
    return _place(docker_host)[1]


def _place(docker_host: str) -> Place:
    """`ssh://user@host` → its parts; the SDK writes the port that is not said."""
    login = re.sub(r"^ssh://", "", docker_host).split("/")[0]
    user, _at, where = login.rpartition("@")
    host, _colon, port = where.partition(":")
    return user, host, port or "22"
