# SPDX-License-Identifier: GPL-3.0-or-later
"""What the connection plugin decides by itself; real nodes: tests/integration/several_hosts/test_connection.py."""

from __future__ import annotations

from typing import Any, Optional

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleConnectionFailure, AnsibleError, AnsibleFileNotFound
from ansible.playbook.play_context import PlayContext

from ansible_collections.tpaexec.docker.plugins.connection import docker_api
from ansible_collections.tpaexec.docker.plugins.module_utils._address import DEFAULT_SOCKET, Address
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError
from ansible_collections.tpaexec.docker.plugins.module_utils._exec import STDERR, STDOUT

ENVIRON = {"DOCKER_HOST": "tcp://env:2376", "DOCKER_TLS_VERIFY": "1", "DOCKER_TLS_HOSTNAME": "env.example.com"}


@pytest.fixture(scope="session", autouse=True)
def _options() -> None:
    """Tell Ansible's configuration the plugin's options, as its loader would; a test needs no collection path then."""
    options = yaml.safe_load(docker_api.DOCUMENTATION)["options"]
    constants.config.initialize_plugin_configuration_definitions("connection", "docker_api", options)


class Become:
    """A become plugin as ansible-core's are, for which the words are given."""

    name, success = "sudo", "BECOME-SUCCESS-x"

    def __init__(self, password: Optional[str] = "secret") -> None:
        self.password = password

    def get_option(self, name: str, **_kwargs: Any) -> Optional[str]:
        assert name == "become_pass"
        return self.password

    def expect_prompt(self) -> bool:
        return bool(self.password)

    def check_success(self, heard: bytes) -> bool:
        return b"BECOME-SUCCESS" in heard

    def check_password_prompt(self, heard: bytes) -> bool:
        return b"password:" in heard

    def check_incorrect_password(self, heard: bytes) -> bool:
        return b"Sorry, try again" in heard

    def check_missing_password(self, heard: bytes) -> bool:
        return b"a password is required" in heard


class Line:
    """A started exec, whose command says these frames."""

    def __init__(self, *frames: Any, broken: Optional[Exception] = None) -> None:
        self.said, self.broken = iter(frames), broken
        self.written: list[bytes] = []
        self.waited: list[Optional[float]] = []

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def frames(self, seconds: Optional[float] = None) -> Any:
        self.waited.append(seconds)
        for stream, data in self.said:
            yield stream, data.replace(b"END", self.end)
        if self.broken:
            raise self.broken

    def feed(self, pieces: Any) -> None:
        self.written += pieces


class Engine:
    """The daemon: execs are made, and end with these answers to inspections."""

    address = Address("tcp://h:2376")
    api = None

    def __init__(self, line: Any, *codes: Any) -> None:
        self.line, self.codes = line, list(codes or [0])
        self.created: list[tuple[list[str], dict[str, Any]]] = []

    def call(self, method: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        if method == "exec_create":
            self.created.append((args[1], kwargs))
            if isinstance(self.line, Line):
                self.line.end = args[1][4].encode()
            return {"Id": "e1"}
        code = self.codes.pop(0)
        if isinstance(code, Exception):
            raise code
        return {"ExitCode": code}

    def guard(self, _function: Any, *_args: Any) -> Any:
        if isinstance(self.line, Exception):
            raise self.line
        return self.line

    def close(self) -> None:
        pass


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a connection to a node on an engine."""

    def make(engine: Any, **options: Any) -> Any:
        monkeypatch.setattr(docker_api, "connect", lambda _address: engine)
        found = docker_api.Connection(PlayContext())
        found._load_name = "docker_api"
        found.set_options(var_options={"inventory_hostname": "n1", **options})
        return found

    return make


@pytest.mark.parametrize(
    ("said", "environ", "expected"),
    [
        ({}, {}, Address(DEFAULT_SOCKET)),
        ({}, ENVIRON, Address("tcp://env:2376", validate_certs=True, tls_hostname="env.example.com")),
        ({"docker_host": "tcp://h:2375"}, ENVIRON, Address("tcp://h:2375")),
        ({"docker_host": "tcp://h:2376", "tls": True}, ENVIRON, Address("tcp://h:2376", tls=True)),
        ({"reply_timeout": 5}, {"DOCKER_HOST": "h:1", "DOCKER_TLS": "1"}, Address("tcp://h:1", tls=True, timeout=5)),
        ({}, {"DOCKER_TLS_VERIFY": ""}, Address(DEFAULT_SOCKET)),
        ({}, {"DOCKER_HOST": "h:1", "DOCKER_TLS_VERIFY": "tcp"}, Address("tcp://h:1", validate_certs=True)),
        ({}, {"DOCKER_HOST": "h:1", "DOCKER_TLS_VERIFY": "False"}, Address("tcp://h:1")),
    ],
)  # fmt: skip
def test_the_environment_is_meant_for_the_daemon_that_it_names(
    said: dict[str, Any], environ: dict[str, str], expected: Address
) -> None:
    assert docker_api.address_of(said.get, environ) == expected


@pytest.mark.parametrize("name", ["../n1", "a b", "", "-v", "n1/../../images"])
def test_what_is_no_name_goes_nowhere(node: Any, name: str) -> None:
    with pytest.raises(AnsibleError, match="is no name of a container"):
        node(Engine(Line()), ansible_host=name).exec_command("true")


def test_a_command_is_run_as_it_is(node: Any) -> None:
    line = Line((STDOUT, b"a\n"), (STDERR, b"b\nEND"), (STDOUT, b"cEND"), (STDOUT, b"late"))
    engine = Engine(line, None, 3)
    found = node(engine, ansible_docker_extra_env={"A": "1"}, ansible_user="joe", ansible_docker_working_dir="/srv")
    assert found.exec_command("echo 'x y'") == (3, b"a\nclate", b"b\n")
    [(command, how)] = engine.created
    assert command[:2] == ["/bin/sh", "-c"]
    assert command[5:] == ["0", "/bin/sh", "-c", "echo 'x y'"]
    assert how == {"stdin": False, "user": "joe", "environment": {"A": "1"}, "workdir": "/srv", "privileged": False}
    assert (line.waited, line.written) == ([None], [])


def test_a_module_is_counted_for_the_command_that_reads_it(node: Any) -> None:
    engine = Engine(Line((STDOUT, b"END"), (STDERR, b"END")))
    node(engine).exec_command("python3 -", in_data=b"12345")
    [(command, how)] = engine.created
    assert command[5:] == ["5", "/bin/sh", "-c", "python3 -"]
    assert how["stdin"]
    assert engine.line.written == [b"\n", b"12345"]


LECTURE = (STDERR, b"We trust you have received the usual lecture\n")


@pytest.mark.parametrize(
    ("frames", "written"),
    [
        ([LECTURE, (STDERR, b"pass"), (STDERR, b"word:"), (STDOUT, b"BECOME-SUCCESS-x\n")], [b"secret\n", b"12345"]),
        ([(STDOUT, b"BECOME-SUCCESS-x\n")], [b"\n", b"12345"]),  # no password is asked for
    ],
)
def test_a_password_is_given_if_it_is_asked_for(node: Any, frames: list[Any], written: list[bytes]) -> None:
    line = Line(*frames, (STDOUT, b"root\nEND"), (STDERR, b"oopsEND"))
    found = node(Engine(line))
    found.become = Become()
    assert found.exec_command("sudo id", in_data=b"12345") == (0, b"BECOME-SUCCESS-x\nroot\n", b"oops")
    assert line.written == written
    assert line.waited == [10, None]


def test_a_become_plugin_that_is_not_there(node: Any) -> None:
    line = Line((STDERR, b"sudo: not foundEND"), (STDOUT, b"END"))
    found = node(Engine(line, 127))
    found.become = Become()
    assert found.exec_command("sudo id") == (127, b"", b"sudo: not found")
    assert line.written == [b"\n"]


@pytest.mark.parametrize(
    "frames",
    [[], [(STDOUT, b"whole?END")], [(STDOUT, b"END"), (STDERR, b"EN")], [(STDOUT, b"END")]],
)
def test_what_is_missing_is_missed(node: Any, frames: list[Any]) -> None:
    with pytest.raises(AnsibleConnectionFailure, match="The output of the command in n1 broke off"):
        node(Engine(Line(*frames))).exec_command("true")


def test_a_command_that_goes_on_after_its_line_has_ended(node: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not waited for: its last words cannot come any more."""
    now = [0.0]
    monkeypatch.setattr(docker_api.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(docker_api.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    with pytest.raises(AnsibleConnectionFailure, match="The output of the command in n1 broke off"):
        node(Engine(Line((STDOUT, b"begun")), *[None] * 1000)).exec_command("sleep 9999")
    assert 10 < now[0] < 12
    engine = Engine(Line((STDOUT, b"END"), (STDERR, b"END")), *[None] * 100, 3)  # all was heard: it ends
    assert node(engine).exec_command("true")[0] == 3


def test_a_command_that_the_engine_could_not_start(node: Any) -> None:
    said = b"OCI runtime exec failed: exec failed: chdir to cwd"
    assert node(Engine(Line((STDOUT, said)), 126)).exec_command("true") == (126, said, b"")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (Line((STDERR, b"password:"), (STDERR, b"Sorry, try again.")), "The password of sudo is wrong. Give it by"),
        (
            Line((STDERR, b"password:"), (STDOUT, b"END"), (STDERR, b"Sorry, try again.\nEND")),
            "The password of sudo is wrong. Give it by",
        ),
        (Line((STDERR, b"sudo: a password is required")), "The password of sudo is missing. Give it by"),
        (Line(broken=TimeoutError("timed out")), "neither asked for the password nor began within 10 s"),
        (Line(broken=OSError(110, "Connection timed out")), "tcp://h:2376 broke while a command ran in n1"),
        (Line(broken=EOFError()), "broke while a command ran in n1"),
    ],
)
def test_what_may_go_wrong_on_the_way_to_another_user(node: Any, line: Line, said: str) -> None:
    found = node(Engine(line))
    found.become = Become()
    with pytest.raises(AnsibleError, match=said):
        found.exec_command("sudo id", sudoable=True)


def test_a_become_plugin_without_a_password_is_not_waited_for(node: Any) -> None:
    line = Line((STDERR, b"password:END"), (STDOUT, b"END"))
    found = node(Engine(line))
    found.become = Become(password=None)
    assert found.exec_command("sudo id")[2] == b"password:"
    assert line.waited == [None]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (DaemonError("No such container: n1", status=404), "There is no container n1 on this Docker host"),
        (DaemonError("No such container: tpaexec-1", status=404), "There is no container n1 on this Docker host"),
        (DaemonError("Container n1 is paused.", status=409), "Container n1 is paused. Start it: docker start n1"),
        (DaemonError("It does not answer.", "Start it."), "It does not answer. Start it."),
    ],
)
def test_refusals_say_what_to_do(node: Any, error: DaemonError, said: str) -> None:
    with pytest.raises(AnsibleConnectionFailure, match=said):
        node(Engine(error)).exec_command("true")


def test_how_a_command_ended_may_remain_unknown(node: Any) -> None:
    engine = Engine(Line(), None, DaemonError("No such exec instance", status=404))
    with pytest.raises(AnsibleConnectionFailure, match="not known how the command in n1 ended"):
        node(engine).exec_command("true")


@pytest.mark.parametrize("value", [1, True, None, 1.5, ["a"], {"a": "b"}])
def test_values_of_the_environment_are_strings(node: Any, value: Any) -> None:
    with pytest.raises(AnsibleError, match="The value of A in extra_env is no string"):
        node(Engine(Line()), ansible_docker_extra_env={"A": value}).exec_command("true")


def test_a_vaults_value_is_one_though_its_type_is_of_its_own(node: Any) -> None:
    class Vaulted:
        def __str__(self) -> str:
            return "secret"

    engine = Engine(Line((STDOUT, b"END"), (STDERR, b"END")))
    node(engine, ansible_docker_extra_env={"A": Vaulted()}).exec_command("true")
    assert engine.created[0][1]["environment"] == {"A": "secret"}


def test_files(node: Any, tmp_path: Any) -> None:
    (tmp_path / "in").write_bytes(b"data")
    end = [(STDOUT, b"END"), (STDERR, b"oopsEND")]
    engine = Engine(Line(*end), 0, 0, 1, 1)
    found = node(engine)
    found.put_file(str(tmp_path / "in"), "tmp/x y")
    assert engine.line.written == [b"\n", b"data"]
    engine.line = Line((STDOUT, b"da"), (STDERR, b"oops"), (STDOUT, b"ta"), *end)
    found.fetch_file("/tmp/../tmp/x", str(tmp_path / "out"))
    assert (tmp_path / "out").read_bytes() == b"data"
    assert [command[-2:] for command, _how in engine.created] == [["sh", "/tmp/x y"], ["--", "/tmp/x"]]
    with pytest.raises(AnsibleFileNotFound, match="There is no file"):
        found.put_file(str(tmp_path / "nothing"), "/tmp/x")
    with pytest.raises(AnsibleError, match=f"{tmp_path} cannot be read: Is a directory"):
        found.put_file(str(tmp_path), "/tmp/x")
    engine.line = Line(*end)
    with pytest.raises(AnsibleError, match="/tmp/x cannot be written in the container: oops"):
        found.put_file(str(tmp_path / "in"), "/tmp/x")
    engine.line = Line((STDOUT, b"half"), *end)
    with pytest.raises(AnsibleError, match="/tmp/x cannot be read in the container: oops"):
        found.fetch_file("/tmp/x", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    engine.line, engine.codes = Line((STDOUT, b"half")), [0]
    with pytest.raises(AnsibleConnectionFailure, match="broke off"):
        found.fetch_file("/tmp/x", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    with pytest.raises(AnsibleError, match="cannot be written: No such file or directory"):
        found.fetch_file("/tmp/x", str(tmp_path / "nowhere" / "out"))


def test_a_file_that_may_not_be_written_stays(node: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").write_text("mine")

    def denied(*_args: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", denied)
    with pytest.raises(AnsibleError, match="cannot be written: Permission denied"):
        node(Engine(Line())).fetch_file("/tmp/x", str(tmp_path / "out"))
    monkeypatch.undo()
    assert (tmp_path / "out").read_text() == "mine"


def test_a_file_that_becomes_shorter(tmp_path: Any) -> None:
    (tmp_path / "log").write_bytes(b"12345")
    with (tmp_path / "log").open("rb") as file:
        assert list(docker_api.pieces_of(file, 3)) == [b"123"]
        with pytest.raises(AnsibleError, match="became shorter while it was copied"):
            list(docker_api.pieces_of(file, 3))


def test_reset_connects_anew(node: Any) -> None:
    engine = Engine(Line((STDOUT, b"END"), (STDERR, b"END")), 0, 0)
    found = node(engine)
    found.exec_command("true")
    found.reset()
    assert not found.connected
    engine.line = Line((STDOUT, b"END"), (STDERR, b"END"))
    assert found.exec_command("true")[0] == 0
