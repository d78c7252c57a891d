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
  - Takes the variables of P(community.docker.docker_api#connection) but C(ansible_docker_api_version), so that one can
    stand in for the other. Made for daemons on other hosts - the authority that is named is the only one that counts,
    whatever C(REQUESTS_CA_BUNDLE) and C(CURL_CA_BUNDLE) say; output of which something is missing is an error; data
    goes to a command's standard input over TLS and over the system's C(ssh) too, and has an end; a host that dies is
    noticed within about a minute, while much is sent to it within five.
  - Modules go to the container by the standard input, so that a task needs one command in place of four (see
    O(pipelining)), and files through commands of the container, so that they may lie on its tmpfs mounts.
notes:
  - In the container there must be C(/bin/sh), C(head) and C(cat).
  - Files are written and read as O(remote_user), with its rights.
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
    description: Seconds in which a become plugin must ask for its password, or begin.
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
      - Send modules by the standard input, without a file in the container.
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
import secrets
import time
from typing import Any, Callable, Iterable, Iterator, Mapping, Optional, TypeVar, cast

from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.module_utils.parsing.convert_bool import BOOLEANS_FALSE
from ansible.plugins.connection import ConnectionBase
from ansible.utils.display import Display

from ansible_collections.tpaexec.docker.plugins.module_utils._address import Address
from ansible_collections.tpaexec.docker.plugins.module_utils._client import Daemon, connect
from ansible_collections.tpaexec.docker.plugins.module_utils._enclosed import Heard, enclosed, is_whole
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError, quoted
from ansible_collections.tpaexec.docker.plugins.module_utils._exec import CHUNK, STDERR, STDOUT, Talk

display = Display()

T = TypeVar("T")
Ended = tuple[int, bytes, bytes]  # exit code, stdout, stderr
NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*")
ENDING = 10  # seconds for the exit code of a command whose output ended without its last words
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
            # As docker takes it, anything is a yes; but for what Ansible's users write for a no.
            yes = environ[name].lower() not in BOOLEANS_FALSE
            params[key] = yes if key in ("tls", "validate_certs") else environ[name]
    return Address.from_params(params, environ)


class Connection(ConnectionBase):  # type: ignore[misc]
    """One connection to the daemon for all that a task does; each command is an exec of its own."""

    transport = "tpaexec.docker.docker_api"
    has_pipelining = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._daemon: Optional[Daemon] = None

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
        command = [self._play_context.executable or "/bin/sh", "-c", to_text(cmd)]
        become = bool(sudoable and self.become and self.become.expect_prompt())
        display.vvv(f"EXEC {command}", host=self.get_option("remote_addr"))
        return self._run(command, [in_data] if in_data else (), len(in_data or b""), become=become)

    def put_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the controller into the container."""
        super().put_file(in_path, out_path)
        display.vvv(f"PUT {in_path} TO {out_path}", host=self.get_option("remote_addr"))
        try:
            with open(to_bytes(in_path), "rb") as file:
                size = os.fstat(file.fileno()).st_size
                command = ["/bin/sh", "-c", 'cat >"$1"', "sh", rooted(out_path)]
                code, _out, err = self._run(command, pieces_of(file, size), size)
        except FileNotFoundError as error:
            raise AnsibleFileNotFound(f"There is no file {in_path}.") from error
        except OSError as error:
            raise AnsibleError(f"{in_path} cannot be read: {error.strerror or error}. Correct the path.") from error
        if code:
            raise AnsibleError(
                f"{out_path} cannot be written in the container: {said_of(err)}. Take a place that its user may write "
                "to (for Ansible's own files ansible_remote_tmp), or another user (ansible_user)."
            )

    def fetch_file(self, in_path: str, out_path: str) -> None:
        """Copy a file of the container to the controller."""
        super().fetch_file(in_path, out_path)
        display.vvv(f"FETCH {in_path} TO {out_path}", host=self.get_option("remote_addr"))
        opened = False
        try:
            with open(to_bytes(out_path), "wb") as file:
                opened = True
                code, _out, err = self._run(["cat", "--", rooted(in_path)], sink=file)
            if code:
                raise AnsibleError(
                    f"{in_path} cannot be read in the container: {said_of(err)}. Correct the path, or read it as "
                    "a user who may (ansible_user)."
                )
        except BaseException as error:
            if opened and os.path.isfile(to_bytes(out_path)):  # nobody takes half a file for a whole one
                os.unlink(to_bytes(out_path))
            if isinstance(error, OSError):
                reason = error.strerror or str(error)
                raise AnsibleError(
                    f"{out_path} cannot be written: {reason}. Correct the path, or make room."
                ) from error
            raise

    def reset(self) -> None:
        """For `meta: reset_connection`."""
        self.close()

    def close(self) -> None:
        if self._daemon:
            self._daemon.close()
        self._daemon, self._connected = None, False

    def _run(
        self,
        command: list[str],
        fed: Iterable[bytes] = (),
        count: int = 0,
        sink: Optional[Any] = None,
        become: bool = False,
    ) -> Ended:
        """*count* bytes of *fed* go to the command's standard input; its stdout into *sink*, if there is one."""
        end = secrets.token_hex(8)
        said = {STDOUT: Heard(end, sink), STDERR: Heard(end)}
        stdin = bool(count or become)
        ident, talk = self._start(enclosed(command, end, count if stdin else None), stdin)
        with talk:
            if become:
                self._escalate(talk, said)
            elif stdin:
                talk.feed([b"\n"])
            talk.feed(fed)
            for stream, data in self._heard(talk):
                said[stream].add(data)
        code = self._code(ident, None if all(one.whole for one in said.values()) else ENDING)
        if code is None or not is_whole(code, *said.values()):
            raise AnsibleConnectionFailure(
                f"The output of the command in {self.get_option('remote_addr')} broke off: the container was stopped, "
                "or the connection to its daemon was cut. Look whether it has done its work, and run it again."
            )
        return code, said[STDOUT].text, said[STDERR].text

    def _start(self, command: list[str], stdin: bool) -> tuple[str, Talk]:
        environment = self.get_option("extra_env") or {}
        for name, value in environment.items():
            if isinstance(value, (bool, int, float, list, dict, type(None))):
                raise AnsibleError(f"The value of {name} in extra_env is no string: put it into quotes.")
        created = self._asked(
            self.daemon.call,
            "exec_create",
            self.get_option("remote_addr"),
            command,
            stdin=stdin,
            user=self.get_option("remote_user") or "",
            environment={str(name): to_text(str(value)) for name, value in environment.items()},
            workdir=self.get_option("working_dir") or None,
            privileged=self.get_option("privileged"),
        )
        return created["Id"], self._asked(
            self.daemon.guard, Talk, self.daemon.api, created["Id"], self.daemon.address.timeout
        )

    def _heard(self, talk: Talk, seconds: Optional[float] = None) -> Iterator[tuple[int, bytes]]:
        """The command's output; a line that breaks is an error of the connection, not of whoever writes it down."""
        frames = talk.frames(seconds)
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

    def _escalate(self, talk: Talk, said: Mapping[int, Heard]) -> None:
        """Until the become plugin's word of success, with its password if it asks for one. What was said of that is
        taken out of the output."""
        answered = False
        for stream, data in self._heard(talk, self.get_option("timeout")):
            said[stream].add(data)
            heard = said[STDOUT].text + said[STDERR].text
            began, ended = self.become.check_success(heard), [one.whole for one in said.values()]
            if (began or any(ended)) and not answered:
                talk.feed([b"\n"])
                answered = True
            if began:
                said[STDOUT].forget(before=to_bytes(self.become.success))
                said[STDERR].forget()
                return
            wrong = self.become.check_incorrect_password(heard)
            if wrong or self.become.check_missing_password(heard):
                raise AnsibleError(
                    f"The password of {self.become.name} is {'wrong' if wrong else 'missing'}. Give it by "
                    "--ask-become-pass, or as ansible_become_password from a vault."
                )
            if all(ended):  # either stream may be the first: why it ended may come after the other's last word
                return
            if self.become.check_password_prompt(heard) and not answered:
                password = self.become.get_option("become_pass", playcontext=self._play_context)
                talk.feed([to_bytes(password) + b"\n"])
                answered = True

    def _code(self, ident: str, seconds: Optional[float]) -> Optional[int]:
        """The exit code. The output may end before the command does; None: it has not ended within *seconds*."""
        pause, until = 0.01, None if seconds is None else time.monotonic() + seconds
        while True:
            try:
                code = self.daemon.call("exec_inspect", ident).get("ExitCode")
            except DaemonError as error:
                raise AnsibleConnectionFailure(
                    f"It is not known how the command in {self.get_option('remote_addr')} ended. {error}"
                ) from None
            if code is not None or (until is not None and time.monotonic() > until):
                return code if code is None else int(code)
            time.sleep(pause)
            pause = min(2 * pause, 1)

    @property
    def daemon(self) -> Daemon:
        """Every public method connects first."""
        return cast(Daemon, self._daemon)

    def _asked(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """What the daemon refuses makes the node unreachable, in words that say what to do."""
        try:
            return function(*args, **kwargs)
        except DaemonError as error:
            raise AnsibleConnectionFailure(str(explained(error, self.get_option("remote_addr")))) from None


def pieces_of(file: Any, size: int) -> Iterator[bytes]:
    """*size* bytes of a file that may be written to meanwhile."""
    while size:
        data = file.read(min(CHUNK, size))
        if not data:
            raise AnsibleError(
                f"{to_text(file.name)} became shorter while it was copied. Stop what writes to it, and copy it again."
            )
        size -= len(data)
        yield data


def explained(error: DaemonError, name: str) -> DaemonError:
    """The daemon's refusal of an exec in container *name*."""
    if error.status == 404 and "No such exec" in error.message:
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
