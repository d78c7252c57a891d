# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge to the daemon: the only file that imports the Docker SDK.

`connect` returns a `Daemon`; every call goes through `Daemon.call`, where the SDK's exceptions become `DaemonError`
with the ids of the catalogue of checks. Why a connection fails is found by looking at the socket ourselves: the SDK
wraps the errno in text.
"""

from __future__ import annotations

import errno
import json
import os
import re
import socket
import sys
import traceback
from functools import partial
from typing import Any, Callable, Iterator, Mapping

from . import _ssh_line
from ._address import Address
from ._errors import DaemonError
from ._exec import Talk
from ._socket_access import explain_denied, other_socket
from ._tls import explain, require_files

try:
    with _ssh_line.put_off():
        import docker
        import docker.constants
        import docker.errors
        import docker.tls
    import requests.exceptions

    SDK_ERROR = ""
    SDK_VERSION = str(docker.__version__)
except ImportError:
    SDK_ERROR = traceback.format_exc()
    SDK_VERSION = ""

SDK_LEAST = (7, 1, 0)
GONE = (errno.ECONNREFUSED, errno.ENOENT, errno.ECONNRESET, errno.ETIMEDOUT)
EXEC_SILENCE = 60  # seconds that a command in a container may print nothing


def sdk_version(text: str) -> tuple[int, ...]:
    """`7.1.0` → (7, 1, 0); what is not a number ends it."""
    return tuple(int(part) for part in re.findall(r"\d+", text)[:3])


def sdk_api() -> str:
    """The newest API version that the SDK was made for; "" without an SDK."""
    return "" if SDK_ERROR else str(docker.constants.DEFAULT_DOCKER_API_VERSION)


def require_sdk() -> None:
    """The SDK is there and new enough, or a DaemonError with the pip command for this very interpreter."""
    pip = f"Install it for the interpreter that runs the module: {sys.executable} -m pip install 'docker>=7.1.0'"
    if SDK_ERROR:
        reason = SDK_ERROR.strip().splitlines()[-1]
        seen = f"The Docker SDK for Python (package docker) cannot be imported: {reason}."
        raise DaemonError(seen, pip, "SDK_MISSING")
    if sdk_version(SDK_VERSION) < SDK_LEAST:
        raise DaemonError(f"The Docker SDK for Python is {SDK_VERSION}; 7.1.0 or newer is needed.", pip, "SDK_TOO_OLD")


def probe_socket(address: Address) -> None:
    """Open and close the unix socket, and say exactly why that fails: no file, no listener, no permission."""
    path = address.socket_path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(address.timeout)
            probe.connect(path)
    except OSError as error:
        raise _socket_error(path, error, address.timeout) from error


def _socket_error(path: str, error: OSError, timeout: int) -> DaemonError:
    if isinstance(error, socket.timeout) or error.errno in (errno.EAGAIN, errno.ETIMEDOUT):
        return _hung(f"unix://{path}", timeout)
    if error.errno in (errno.EACCES, errno.EPERM):
        return explain_denied(path)
    seen = {
        errno.ENOENT: f"There is no socket {path}",
        errno.ECONNREFUSED: f"Nothing listens on the socket {path}",
        errno.ENOTSOCK: f"{path} is not a socket",
    }.get(error.errno or 0, f"The socket {path} cannot be opened ({error.strerror or error})")
    return _not_running(seen)


def _not_running(seen: str) -> DaemonError:
    start = "sudo systemctl start docker" if os.path.isdir("/run/systemd/system") else "sudo dockerd &"
    return DaemonError(
        f"The Docker daemon is not running: {seen}.",
        f"Start it: {start} (where Docker is not installed: tpaexec install-docker, or the playbook "
        "tpaexec.docker.install_docker). "
        + (other_socket(os.environ) or "If it listens elsewhere, set DOCKER_HOST (or `docker_host`)."),
        "DAEMON_NOT_RUNNING",
    )


def _hung(where: str, timeout: int) -> DaemonError:
    return DaemonError(
        f"The Docker daemon at {where} accepted the connection and gave no answer within {timeout} s.",
        "Look at its log (journalctl -u docker), and restart it if it hangs; or give it longer: DOCKER_TIMEOUT=120 in "
        "the environment, option `timeout` of the modules.",
        "DAEMON_HUNG",
    )


class Daemon:
    """One daemon. `api` is the SDK's low-level client; all calls go through `call` or `stream`."""

    def __init__(self, api: Any, address: Address) -> None:
        self.api = api
        self.address = address

    def call(self, method: str, *args: Any, **kwargs: Any) -> Any:
        """`api.<method>(...)`, with the SDK's exceptions as DaemonError (`status` 404, 409, … where HTTP said so)."""
        return self.guard(getattr(self.api, method), *args, **kwargs)

    def guard(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call *function* and translate what the SDK and requests raise."""
        try:
            return function(*args, **kwargs)
        except DaemonError:
            raise
        except Exception as error:  # pylint: disable=broad-except
            raise translate(error, self.address) from error

    def stream(self, method: str, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """Like `call` for a method that returns an iterator: errors that come while reading are translated too."""
        iterator = iter(self.call(method, *args, **kwargs))
        while True:
            try:
                item = self.guard(next, iterator, None)
            except DaemonError:
                raise
            if item is None:
                return
            yield item

    def update_container(self, ident: str, body: Mapping[str, Any]) -> None:
        """`POST /containers/{id}/update` in the API's own words: the SDK knows neither NanoCpus nor PidsLimit."""

        def post() -> None:
            url = self.api._url("/containers/{0}/update", ident)
            self.api._raise_for_status(self.api._post_json(url, data=dict(body)))

        self.guard(post)

    def close(self) -> None:
        self.api.close()

    def __enter__(self) -> Daemon:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def connect(address: Address, pool: int = 10) -> Daemon:
    """A Daemon that answered `/version`. *pool* is how many connections may be kept (one a thread)."""
    require_sdk()
    if address.socket_path:
        probe_socket(address)
    try:
        if address.docker_host.startswith("ssh://"):
            api = _ssh_line.within(address.docker_host, address.timeout, partial(_make_api, address, pool))
        else:
            api = _make_api(address, pool)
    except Exception as error:  # pylint: disable=broad-except
        said = _ssh_line.failure(address.docker_host) if address.use_ssh_client else None
        raise said or translate(error, address) from error
    return Daemon(api, address)


def _make_api(address: Address, pool: int) -> Any:
    _ssh_line.prepare(address.docker_host, address.use_ssh_client, address.timeout)
    tls: Any = False
    host = address.docker_host
    if address.uses_tls:
        require_files(address)
        pair = (address.client_cert, address.client_key) if address.client_cert and address.client_key else None
        tls = docker.tls.TLSConfig(client_cert=pair, ca_cert=address.ca_path, verify=address.validate_certs)
        host = re.sub(r"^(tcp|http)://", "https://", host)

    class Api(docker.APIClient):  # type: ignore[misc]
        """The given CA is the one that counts: REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE must not override it."""

        @property
        def trust_env(self) -> bool:
            # A socket needs no proxy; looking for one at every call is a third of what the call costs us.
            return not (address.uses_tls or address.local)

        @trust_env.setter
        def trust_env(self, value: bool) -> None:
            """requests.Session sets it in its constructor; the address decides."""

        def _retrieve_server_version(self) -> str:
            """The first request, made by the constructor: the name must be known before."""
            if address.uses_tls and address.tls_hostname:
                adapter = self.get_adapter(self.base_url)
                adapter.poolmanager.connection_pool_kw["assert_hostname"] = address.tls_hostname
            return str(super()._retrieve_server_version())

        def exec_start(self, exec_id: str) -> bytes:
            """All that the command prints, of both streams in the order in which it came."""
            silence = max(address.timeout, EXEC_SILENCE)
            with Talk(self, exec_id, silence) as talk:
                try:
                    return b"".join(data for _stream, data in talk.frames(silence))
                except (socket.timeout, TimeoutError) as error:
                    if error.errno:  # the connection's, not ours
                        raise
                    raise DaemonError(
                        f"A command in a container printed nothing for {silence} s, and did not end.",
                        "See what the container does: docker top, docker logs.",
                        "DAEMON_ERROR",
                    ) from error

    api = Api(
        base_url=host,
        version="auto",
        timeout=address.timeout,
        tls=tls,
        num_pools=pool,
        max_pool_size=pool,
        use_ssh_client=address.use_ssh_client,
    )
    return api


def translate(error: BaseException, address: Address) -> DaemonError:
    """What the SDK, requests or the system raised, as a DaemonError that says what to do."""
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, DaemonError):
            return cause
    if SDK_ERROR:
        return DaemonError(f"The call to the Docker daemon failed: {error}.", "Run again with -v for the details.")
    for cause in chain:
        if isinstance(cause, docker.errors.APIError):
            return _api_error(cause)
    where = address.docker_host
    for cause in chain:
        ours = getattr(cause, "errno", None) != errno.ETIMEDOUT  # else the kernel has given the host up
        if ours and isinstance(cause, (requests.exceptions.ReadTimeout, socket.timeout, TimeoutError)):
            return _hung(where, address.timeout)
    return _connection_error(chain, address)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception, its causes, and the exceptions in their arguments (requests keeps the errno there)."""
    seen: set[int] = set()
    todo: list[BaseException] = [error]
    while todo:
        current = todo.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        nested = [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
        todo.extend(item for item in nested if isinstance(item, BaseException))


def _api_error(error: Any) -> DaemonError:
    status = error.response.status_code if error.response is not None else 0
    text = str(error.explanation or error).strip().rstrip(".")
    return DaemonError(f"The Docker daemon refused: {text}.", "", "DAEMON_ERROR", status)


def _away(seen: str) -> DaemonError:
    """For a daemon on another machine."""
    return DaemonError(
        seen,
        "See whether that host and its daemon run (there: systemctl status docker), then run this again. If it listens "
        "elsewhere, correct DOCKER_HOST (or `docker_host`).",
        "DAEMON_NOT_RUNNING",
    )


def _connection_error(chain: list[BaseException], address: Address) -> DaemonError:
    text = "; ".join(dict.fromkeys(str(cause) for cause in chain))[:600]
    where = address.docker_host
    if re.search(r"EOF occurred in violation|UNEXPECTED_EOF|Remote end closed connection", text):
        seen = "broke off the connection"
        return _not_running(f"{where} {seen}") if address.local else _away(f"The Docker daemon at {where} {seen}.")
    if re.search(r"certificate|SSL|TLS", text):
        return explain(where, _last_reason(chain), chain, address.client_cert, address.timeout)
    if "API versions below" in text:
        return DaemonError(
            f"The Docker daemon at {where} is too old: {_last_reason(chain)}.",
            "Upgrade Docker there to 20.10 or newer.",
            "ENGINE_TOO_OLD",
        )
    if re.search(r"client version .* is too (old|new)|[Mm]inimum supported", text):
        return DaemonError(
            f"The Docker daemon at {where} and the SDK {SDK_VERSION} share no API version: {_last_reason(chain)}.",
            f"Upgrade the SDK: {sys.executable} -m pip install --upgrade docker",
            "API_TOO_NEW",
        )
    return _no_daemon(chain, text, address)


def _no_daemon(chain: list[BaseException], text: str, address: Address) -> DaemonError:
    """Nothing answers at the address, or something that is no daemon."""
    where = address.docker_host
    for cause in chain:
        if isinstance(cause, OSError) and cause.errno in GONE:
            seen = os.strerror(cause.errno or 0)
            if address.local:
                return _not_running(f"{where}: {seen}")
            return _away(f"The Docker daemon at {where} does not answer: {seen}.")
    if any(isinstance(cause, json.JSONDecodeError) for cause in chain):
        return DaemonError(
            f"What answers at {where} is no Docker daemon: its reply is not JSON ({_last_reason(chain)}).",
            "Check DOCKER_HOST (or `docker_host`): something else may listen there.",
        )
    if where.startswith("ssh://"):
        return _ssh_line.refused(where, type(chain[-1]).__name__, _last_reason(chain))
    seen = f"The Docker daemon at {where} cannot be reached"
    remedy = "Check DOCKER_HOST (or `docker_host`), and that the daemon runs and listens there."
    if "Invalid bind address" in text:
        seen = f"{where} is no address of a Docker daemon"
        remedy = (
            "Write DOCKER_HOST (or `docker_host`) as unix:///var/run/docker.sock, tcp://HOST:2376 or ssh://USER@HOST."
        )
    return DaemonError(f"{seen}: {_last_reason(chain)}.", remedy, "DAEMON_NOT_RUNNING")


def _last_reason(chain: list[BaseException]) -> str:
    """The innermost exception's words: the outer ones only repeat it inside a repr."""
    last = chain[-1]
    words = str(getattr(last, "strerror", None) or last)
    return re.sub(r"^\[Errno \S+\] ", "", words.strip()).rstrip(".") or type(last).__name__
