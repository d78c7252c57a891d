# Copyright: the tpaexec.docker developers
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tasks in containers, through the daemon's API: see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: docker_api
short_description: Run tasks in containers of any Docker host, without the docker command
version_added: "0.1.0"
author:
  - The tpaexec.docker developers (@tpaexec)
description:
  - Runs commands in a running container, and copies files to it and from it, through the API of its Docker daemon.
  - Takes the variables of P(community.docker.docker_api#connection), so that one can stand in for the other. Made for
    daemons on other hosts - the authority that is named is the only one that counts, whatever C(REQUESTS_CA_BUNDLE)
    and C(CURL_CA_BUNDLE) say; nothing of what a command prints is lost on a slow line; data goes to a command's
    standard input over TLS and over the system's C(ssh) too; a host that dies is noticed within about a minute.
  - Modules go to the container by the standard input, so that a task needs one command in place of four (see
    O(pipelining)), and files through commands of the container, so that they may lie on its tmpfs mounts.
notes:
  - In the container there must be C(sh), C(head) and C(cat).
  - A daemon that O(docker_host) names is reached with what is said of it here alone. Where O(docker_host) is not given,
    E(DOCKER_HOST), E(DOCKER_TLS), E(DOCKER_TLS_VERIFY), E(DOCKER_TLS_HOSTNAME) and E(DOCKER_CERT_PATH) of the
    environment say what is not given.
options:
  remote_addr:
    description: Name or id of the container.
    type: str
    default: inventory_hostname
    vars:
      - name: inventory_hostname
      - name: ansible_host
      - name: ansible_docker_host
  remote_user:
    description: User in the container, by name or number. The image's own, if not given.
    type: str
    ini:
      - section: defaults
        key: remote_user
    env:
      - name: ANSIBLE_REMOTE_USER
    cli:
      - name: user
    keyword:
      - name: remote_user
    vars:
      - name: ansible_user
      - name: ansible_docker_user
  docker_host:
    description:
      - URL of the Docker daemon, C(unix://), C(tcp://) or C(ssh://). E(DOCKER_HOST), else
        C(unix:///var/run/docker.sock), if not given.
    type: str
    vars:
      - name: ansible_docker_docker_host
  tls:
    description: Use TLS without verifying the daemon's certificate. O(validate_certs=true) takes precedence.
    type: bool
    vars:
      - name: ansible_docker_tls
  validate_certs:
    description: Use TLS and verify the daemon's certificate.
    type: bool
    vars:
      - name: ansible_docker_validate_certs
  tls_hostname:
    description: The name expected in the daemon's certificate, when it is not the host in O(docker_host).
    type: str
    vars:
      - name: ansible_docker_tls_hostname
  ca_path:
    description: The certificate of the authority that signed the daemon's certificate.
    type: path
    vars:
      - name: ansible_docker_ca_cert
      - name: ansible_docker_ca_path
  client_cert:
    description: The client's TLS certificate.
    type: path
    vars:
      - name: ansible_docker_client_cert
  client_key:
    description: The client's TLS key.
    type: path
    vars:
      - name: ansible_docker_client_key
  use_ssh_client:
    description: For C(ssh://), use the system's C(ssh) in place of paramiko.
    type: bool
    vars:
      - name: ansible_docker_use_ssh_client
  reply_timeout:
    description:
      - Seconds to wait for one reply of the daemon. A command may run and be silent as long as it needs.
    type: int
    default: 60
    env:
      - name: DOCKER_TIMEOUT
    vars:
      - name: ansible_docker_timeout
  timeout:
    description: Seconds to wait for the password prompt of a become plugin.
    type: int
    default: 10
    env:
      - name: ANSIBLE_TIMEOUT
    ini:
      - section: defaults
        key: timeout
    cli:
      - name: timeout
    vars:
      - name: ansible_timeout
  pipelining:
    description:
      - Send modules by the standard input, without a file in the container. Is not done where C(become) asks for a
        password.
    type: bool
    default: true
    env:
      - name: ANSIBLE_PIPELINING
    ini:
      - section: connection
        key: pipelining
      - section: defaults
        key: pipelining
    vars:
      - name: ansible_pipelining
  extra_env:
    description: Environment variables of every command, by name; values are strings.
    type: dict
    vars:
      - name: ansible_docker_extra_env
  working_dir:
    description: The directory in the container in which commands run. The image's own, if not given.
    type: str
    vars:
      - name: ansible_docker_working_dir
  privileged:
    description: Run commands with all capabilities, as C(docker exec --privileged) does.
    type: bool
    default: false
    vars:
      - name: ansible_docker_privileged
requirements:
  - Docker SDK for Python (package C(docker)) >= 7.1.0 on the controller
"""

EXAMPLES = r"""
- name: Nodes on a daemon with TLS, which has another name in its certificate
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Add a node
      ansible.builtin.add_host:
        name: demo-1
        ansible_connection: tpaexec.docker.docker_api
        ansible_docker_docker_host: tcp://192.0.2.1:2376
        ansible_docker_validate_certs: true
        ansible_docker_tls_hostname: east.example.com
        ansible_docker_ca_cert: /etc/docker/ca.pem
"""

import os
import re
import time
from itertools import chain
from typing import Any, Callable, Iterable, Iterator, Mapping, Optional, TypeVar

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

from ansible_collections.tpaexec.docker.plugins.module_utils._address import Address
from ansible_collections.tpaexec.docker.plugins.module_utils._client import Daemon, connect
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError, quoted
from ansible_collections.tpaexec.docker.plugins.module_utils._exec import CHUNK, STDERR, STDOUT, Talk

display = Display()

T = TypeVar("T")
Ended = tuple[int, bytes, bytes]  # exit code, stdout, stderr
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
# The standard input cannot be closed on every line: what reads it is told how many bytes there are.
FEED = 'head -c "$1" | "$2" -c "$3"'
PUT = 'head -c "$1" >"$2"'
ENVIRONMENT = {
    "docker_host": "DOCKER_HOST",
    "tls": "DOCKER_TLS",
    "validate_certs": "DOCKER_TLS_VERIFY",
    "tls_hostname": "DOCKER_TLS_HOSTNAME",
}


def address_of(said: Callable[[str], Any], environ: Mapping[str, str]) -> Address:
    """From the options. The environment is meant for the daemon that it names, and for no other."""
    params = {key: said("reply_timeout" if key == "timeout" else key) for key in Address.__dataclass_fields__}
    if params["docker_host"]:
        return Address.from_params(params, {})
    for key, name in ENVIRONMENT.items():
        if params[key] is None and environ.get(name):
            params[key] = boolean(environ[name]) if key in ("tls", "validate_certs") else environ[name]
    return Address.from_params(params, environ)


class Connection(ConnectionBase):  # type: ignore[misc]
    """One connection to the daemon for all that a task does; each command is an exec of its own."""

    transport = "tpaexec.docker.docker_api"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._daemon: Optional[Daemon] = None

    @property
    def has_pipelining(self) -> bool:
        """A command that reads a password is not fed a module by the same standard input. This is asked before the
        become plugin has been: whether it will prompt can be told from there being a password alone."""
        return not (self.become and self._password())

    def _password(self) -> Optional[str]:
        found: Optional[str] = self.become.get_option("become_pass", playcontext=self._play_context)
        return found

    def _connect(self) -> Connection:
        if self._daemon is None:
            name = str(self.get_option("remote_addr"))
            if not NAME.fullmatch(name):
                raise AnsibleError(f"{quoted(name)} is no name of a container. Say it in ansible_host.")
            self._daemon = self._asked(connect, address_of(self.get_option, os.environ))
            self._connected = True
        return self

    def exec_command(
        self, cmd: str, in_data: Optional[bytes] = None, sudoable: bool = True
    ) -> tuple[int, bytes, bytes]:
        """Run *cmd* with the shell; its exit code, stdout and stderr."""
        super().exec_command(cmd, in_data=in_data, sudoable=sudoable)
        shell, script = self._play_context.executable or "/bin/sh", to_text(cmd)
        become = bool(sudoable and self.become and self.become.expect_prompt())
        command = [shell, "-c", script]
        if in_data:
            command = ["/bin/sh", "-c", FEED, "sh", str(len(in_data)), shell, script]
        display.vvv(f"EXEC {command}", host=self.get_option("remote_addr"))
        return self._run(command, [in_data] if in_data else (), become=become)

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the controller into the container."""
        super().put_file(in_path, out_path)
        display.vvv(f"PUT {in_path} TO {out_path}", host=self.get_option("remote_addr"))
        try:
            with open(to_bytes(in_path), "rb") as file:
                command = ["/bin/sh", "-c", PUT, "sh", str(os.fstat(file.fileno()).st_size), rooted(out_path)]
                code, _out, err = self._run(command, iter(lambda: file.read(CHUNK), b""))
        except FileNotFoundError as error:
            raise AnsibleFileNotFound(f"There is no file {in_path}.") from error
        if code:
            raise AnsibleError(
                f"{out_path} cannot be written in the container: {said_of(err)}. Take a place that its user may write "
                "to (for Ansible's own files ansible_remote_tmp), or another user (ansible_user)."
            )

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the container to the controller."""
        super().fetch_file(in_path, out_path)
        display.vvv(f"FETCH {in_path} TO {out_path}", host=self.get_option("remote_addr"))
        try:
            with open(to_bytes(out_path), "wb") as file:
                code, _out, err = self._run(["cat", "--", rooted(in_path)], sink=file)
            if code:
                raise AnsibleError(
                    f"{in_path} cannot be read in the container: {said_of(err)}. Correct the path, or read it as "
                    "a user who may (ansible_user)."
                )
        except AnsibleError:
            os.unlink(to_bytes(out_path))  # nobody takes half a file for a whole one
            raise

    def close(self) -> None:
        if self._daemon:
            self._daemon.close()
        self._daemon, self._connected = None, False

    def _run(
        self, command: list[str], fed: Iterable[bytes] = (), sink: Optional[Any] = None, become: bool = False
    ) -> Ended:
        """*fed* goes to the command's standard input; its stdout into *sink*, if there is one."""
        pieces = iter(fed)
        first = next(pieces, b"")
        said = {STDOUT: bytearray(), STDERR: bytearray()}
        ident, talk = self._start(command, stdin=bool(first or become))
        with talk:
            frames = self._heard(talk)
            if become:
                talk.limit(self.get_option("timeout"))
                self._escalate(talk, frames, said)
            talk.limit(None)
            for data in chain([first], pieces) if first else ():
                self._tell(talk, data)
            for stream, data in frames:
                if sink and stream == STDOUT:
                    sink.write(data)
                else:
                    said.setdefault(stream, bytearray()).extend(data)
        return self._code(ident), bytes(said[STDOUT]), bytes(said[STDERR])

    def _start(self, command: list[str], stdin: bool) -> tuple[str, Talk]:
        environment = self.get_option("extra_env") or {}
        for name, value in environment.items():
            if not isinstance(value, str):
                raise AnsibleError(f"The value of {name} in extra_env is no string: put it into quotes.")
        created = self._asked(
            self.daemon.call,
            "exec_create",
            self.get_option("remote_addr"),
            command,
            stdin=stdin,
            user=self.get_option("remote_user") or "",
            environment=dict(environment),
            workdir=self.get_option("working_dir") or None,
            privileged=self.get_option("privileged"),
        )
        return created["Id"], self._asked(
            self.daemon.guard, Talk, self.daemon.api, created["Id"], self.daemon.address.timeout
        )

    def _tell(self, talk: Talk, data: bytes) -> None:
        try:
            talk.write(data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # the command has ended without reading it all, and says why itself
        except OSError as error:
            raise self._broken(error) from None

    def _heard(self, talk: Talk) -> Iterator[tuple[int, bytes]]:
        """The command's output; a line that breaks is an error of the connection, not of whoever writes it down."""
        frames = talk.frames()
        while True:
            try:
                frame = next(frames, None)
            except (OSError, EOFError) as error:
                raise self._broken(error) from None
            if frame is None:
                return
            yield frame

    def _broken(self, error: Exception) -> AnsibleError:
        name, where = self.get_option("remote_addr"), self.daemon.address.docker_host
        if isinstance(error, TimeoutError) and not error.errno:
            return AnsibleError(
                f"{self.become.name} in {name} neither asked for the password nor began within "
                f"{self.get_option('timeout')} s. Try it by hand, or give it longer: ANSIBLE_TIMEOUT=60."
            )
        return AnsibleConnectionFailure(
            f"The connection to the Docker daemon at {where} broke while a command ran in {name}: {error}. See whether "
            "that host and its daemon run, then run this again."
        )

    def _escalate(self, talk: Talk, frames: Iterator[tuple[int, bytes]], said: dict[int, bytearray]) -> None:
        """Until the become plugin's word of success, with its password if it asks for one."""
        answered = b""
        for stream, data in frames:
            said[stream].extend(data)
            heard = bytes(said[STDOUT] + said[STDERR])
            if self.become.check_success(heard):
                return
            wrong = self.become.check_incorrect_password(heard)
            if wrong or self.become.check_missing_password(heard):
                raise AnsibleError(
                    f"The password of {self.become.name} is {'wrong' if wrong else 'missing'}. Give it by "
                    "--ask-become-pass, or as ansible_become_password from a vault."
                )
            if self.become.check_password_prompt(heard) and not answered:
                answered = to_bytes(self._password() or "") + b"\n"
                self._tell(talk, answered)

    def _code(self, ident: str) -> int:
        """The exit code. The output may end before the command does."""
        pause = 0.01
        while True:
            try:
                code = self.daemon.call("exec_inspect", ident).get("ExitCode")
            except DaemonError as error:
                raise AnsibleConnectionFailure(
                    f"It is not known how the command in {self.get_option('remote_addr')} ended. {error}"
                ) from None
            if code is not None:
                return int(code)
            time.sleep(pause)
            pause = min(2 * pause, 1)

    @property
    def daemon(self) -> Daemon:
        assert self._daemon, "every public method connects first"
        return self._daemon

    def _asked(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """What the daemon refuses makes the node unreachable, in words that say what to do."""
        try:
            return function(*args, **kwargs)
        except DaemonError as error:
            raise AnsibleConnectionFailure(str(explained(error, self.get_option("remote_addr")))) from None


def explained(error: DaemonError, name: str) -> DaemonError:
    """The daemon's refusal of an exec in container *name*."""
    if error.status == 404 and "exec" in error.message:
        seen = (
            f"The Docker daemon knows nothing any more of the command that ran in {name}: it was restarted meanwhile."
        )
        return DaemonError(seen, "Run this again.")
    if error.status == 404:
        return DaemonError(
            f"There is no container {name} on this Docker host.",
            "If it is a node of a cluster directory, make it (tpaexec provision DIR). Else name it by ansible_host; "
            "see docker ps --all.",
        )
    if error.status == 409:
        return DaemonError(
            f"No command can run in {name}. {error.message}",
            f"Start it: docker start {name} (all nodes of a cluster directory: tpaexec start-containers DIR). If it is "
            f"paused: docker unpause {name}.",
        )
    return error


def said_of(stderr: bytes) -> str:
    return to_text(stderr).strip().rstrip(".") or "it was not said why"


def rooted(path: str) -> str:
    """A relative path starts from / as it does with the other connections to containers."""
    return os.path.normpath(os.path.join("/", path))
