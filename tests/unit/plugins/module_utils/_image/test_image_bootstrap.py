# SPDX-License-Identifier: GPL-3.0-or-later
"""What mmdebstrap is asked for, and what is said when it cannot be."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sqlite3
import subprocess
import time

import pytest
from image_fakes import FakeDaemon

from ansible_collections.tpaexec.docker.plugins.module_utils._errors import PlatformError
from ansible_collections.tpaexec.docker.plugins.module_utils._image import (
    apt_lines,
    apt_sources,
    assemble,
    bootstrap,
    bootstrap_dnf,
    distributions,
    guest_files,
    workdir,
)
from ansible_collections.tpaexec.docker.plugins.module_utils._image.bootstrap_dnf import RpmRepository
from ansible_collections.tpaexec.docker.plugins.module_utils._image.tools import Tools

DEBIAN = distributions.find_release("debian", "12")


def tools(answers=None, there=("mmdebstrap", "newuidmap"), user=0, environ=None):
    """Commands are answered from a table; what ran is kept in `.ran`."""
    ran, said = [], []

    def run(words, environ_update=None, data=None):
        ran.append((words, environ_update or {}))
        said.append(data)
        return (answers or {}).get(os.path.basename(words[0]), (0, "", ""))

    made = Tools(run, environ or {}, lambda name: f"/usr/bin/{name}" if name in there else None, lambda: user)
    object.__setattr__(made, "ran", ran)
    object.__setattr__(made, "said", said)
    return made


@pytest.mark.parametrize(
    ("name", "codename"),
    [
        ("tpaexec/debian-systemd:12", "bookworm"),
        ("tpaexec/debian-systemd:bookworm", "bookworm"),
        ("docker.io/tpaexec/debian-systemd:13", "trixie"),
        ("tpaexec/ubuntu-systemd:24.04", "noble"),
        ("tpaexec/debian-systemd:99", None),
        ("tpaexec/debian-systemd", None),
        ("evil/tpaexec/debian-systemd:12", None),
        ("registry.example/tpaexec/debian-systemd:12", None),
        ("centos/systemd", None),
    ],
)
def test_names_that_stand_for_a_release(name, codename):
    release = distributions.release_of_image(name)
    assert (release.codename if release else None) == codename


def test_root_needs_no_namespace():
    assert bootstrap.choose_mode("auto", tools(user=0)) == "root"
    assert bootstrap.choose_mode("fakechroot", tools(user=1000)) == "fakechroot"


@pytest.mark.parametrize(
    ("there", "answers", "words"),
    [
        (("mmdebstrap",), {}, "apt-get install uidmap"),
        (("mmdebstrap", "newuidmap"), {"id": (0, "nobody-known\n", "")}, "--add-subuids"),
    ],
)
def test_a_user_without_a_namespace_is_told_what_to_do(there, answers, words):
    with pytest.raises(PlatformError) as caught:
        bootstrap.choose_mode("auto", tools(answers, there, user=1000))
    assert words in str(caught.value)
    assert "as root" in str(caught.value)


def test_without_mmdebstrap():
    with pytest.raises(PlatformError, match="apt-get install mmdebstrap"):
        bootstrap.find_tool(tools(there=()))


def test_ranges_of_ids(tmp_path):
    uid, gid = tmp_path / "subuid", tmp_path / "subgid"
    uid.write_text("ann:100000:65536\n", encoding="utf-8")
    gid.write_text("1000:100000:65536\n", encoding="utf-8")
    files = (str(uid), str(gid))
    assert bootstrap.has_subids("ann", 1000, files)
    assert not bootstrap.has_subids("bob", 1001, files)
    assert not bootstrap.has_subids("ann", 1000, (str(uid), str(tmp_path / "none")))


def lines(wish, *machine):
    return bootstrap.source_lines(wish, list(machine))


def test_where_packages_come_from():
    machine = apt_sources.Source("http://m/debian", "bookworm", ("main",))
    wish = bootstrap.Wish(DEBIAN, "x:1", sources=("deb http://extra/apt bookworm main",))
    assert lines(wish, machine) == ["deb http://m/debian bookworm main", wish.sources[0]]
    wish = bootstrap.Wish(DEBIAN, "x:1", mirror="http://mine/debian", keyring="/k.gpg")
    assert lines(wish, machine) == ["deb [signed-by=/k.gpg] http://mine/debian bookworm main"]


def test_another_release_comes_from_the_machines_archive(tmp_path):
    machine = [
        apt_sources.Source("http://m/security", "bookworm-security", ("main",), str(tmp_path)),
        apt_sources.Source("http://m/debian", "bookworm", ("main",), str(tmp_path)),
    ]
    wish = bootstrap.Wish(distributions.find_release("debian", "13"), "x:1", keyring="/k.gpg")
    key = f"[signed-by={tmp_path}]"
    assert lines(wish, *machine) == [
        f"deb {key} http://m/security trixie-security main",
        f"deb {key} http://m/debian trixie main",
    ]


def test_another_distribution_needs_its_mirror():
    """Where it is, is no secret, but not ours to know: a site says it. mmdebstrap would look in Debian's archive."""
    machine = apt_sources.Source("http://m/debian", "bookworm", ("main",))
    noble = distributions.find_release("ubuntu", "24.04")
    with pytest.raises(PlatformError, match="no archive of Ubuntu") as caught:
        lines(bootstrap.Wish(noble, "x:1", keyring="/k.gpg"), machine)
    assert "`mirror`" in str(caught.value)
    assert "package ubuntu-keyring" in str(caught.value)
    wish = bootstrap.Wish(noble, "x:1", mirror="http://u/ubuntu", keyring="/k.gpg")
    assert lines(wish, machine) == ["deb [signed-by=/k.gpg] http://u/ubuntu noble main"]


@pytest.mark.parametrize(
    "words",
    [
        {"sources": ("END", "touch /tmp/entered")},
        {"sources": ("deb http://x y main\nEND\ntouch /tmp/entered",)},
        {"mirror": "http://m/debian\nEND\ntouch /tmp/entered\n"},
        {"sources": ("https://me:secret@mirror.example/debian",)},
    ],
)
def test_what_is_no_line_of_sources_list_never_reaches_a_script(monkeypatch, words):
    monkeypatch.setattr(bootstrap, "find_tool", lambda tools: "/usr/bin/mmdebstrap")
    monkeypatch.setattr(bootstrap, "choose_mode", lambda mode, tools: "root")
    wish = bootstrap.Wish(DEBIAN, "x:1", **{"mirror": "http://m/debian", **words})
    with pytest.raises(PlatformError, match=r"is not a line of sources\.list\. Correct `sources`") as caught:
        bootstrap.with_mmdebstrap(wish, "amd64", tools())
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "line", ["deb\t[arch=amd64]\thttp://[::1]:80/a ./", "deb-src http://x y main", "deb [trusted=yes] file:///a b c"]
)
def test_lines_of_sources_list(line):
    apt_lines.check([line])


def test_a_key_whose_path_begins_another_path(tmp_path):
    given = ["deb [signed-by=/srv/a,/srv/a&b] http://x/srv/a y main"]
    copies = {"/srv/a": f"{tmp_path}/key-0", "/srv/a&b": f"{tmp_path}/key-1"}
    for copy in copies.values():
        with open(copy, "w", encoding="utf-8") as handle:
            handle.write("key")
    (tmp_path / "root/etc/apt").mkdir(parents=True)
    script = f"set -eu; root={tmp_path}/root\n{apt_lines.guest_script(given, copies)}"
    subprocess.run(["sh", "-c", script], check=True)
    there = (tmp_path / "root/etc/apt/sources.list").read_text(encoding="utf-8")
    assert there == "deb [signed-by=/etc/apt/keyrings/0-a,/etc/apt/keyrings/1-a_b] http://x/srv/a y main\n"


@pytest.mark.parametrize(
    ("line", "is_signed"),
    [
        ("deb http://a b c", "deb [signed-by=/k] http://a b c"),
        ("deb [arch=amd64] http://a b c", "deb [arch=amd64 signed-by=/k] http://a b c"),
        ("deb [signed-by=/other] http://a b c", "deb [signed-by=/other] http://a b c"),
        ("deb [trusted=yes] file:///a ./", "deb [trusted=yes] file:///a ./"),
    ],
)
def test_a_keyring_is_said_in_the_line(line, is_signed):
    assert apt_lines.signed(line, "/k") == is_signed


def test_lines_as_apt_reads_them_here_and_in_the_guest(tmp_path):
    given = ["deb [arch=amd64 signed-by=/srv/a.key,/k] file:/srv/apt ./", "deb http://x y main"]
    copies = {"/srv/a.key": f"{tmp_path}/key-0.key"}
    assert apt_lines.keys(given) == ["/srv/a.key", "/k"]
    assert apt_lines.here(given, copies) == [
        f"deb [arch=amd64 signed-by={tmp_path}/key-0.key,/k] copy:/srv/apt ./",
        "deb http://x y main",
    ]
    assert [apt_lines.index_of(line) for line in given] == ["file:/srv/apt/./InRelease", "http://x/dists/y/InRelease"]
    (tmp_path / "key-0.key").write_text("key", encoding="utf-8")
    (tmp_path / "root/etc/apt").mkdir(parents=True)
    script = f"set -eu; root={tmp_path}/root\n{apt_lines.guest_script(given, copies)}"
    subprocess.run(["sh", "-c", script], check=True)
    there = (tmp_path / "root/etc/apt/sources.list").read_text(encoding="utf-8").splitlines()
    assert there == [given[0].replace("/srv/a.key", "/etc/apt/keyrings/0-a.key"), given[1]]
    assert (tmp_path / "root/etc/apt/keyrings/0-a.key").read_text(encoding="utf-8") == "key"


@pytest.mark.parametrize(
    ("distribution", "version", "fits"),
    [("centos", "7", False), ("rocky", "8.10", False), ("rocky", "9", True), ("el", "10", True), ("fedora", "8", True)],
)
def test_a_release_whose_rpm_could_not_read_its_own_database(distribution, version, fits):
    repositories = [RpmRepository("local", "file:///srv/rpm", unsigned=True)]
    release = distributions.find_release(distribution, version)
    if fits:
        assert bootstrap_dnf.check(repositories, tools(there=("dnf",)), release)
    else:
        with pytest.raises(PlatformError, match="cannot be bootstrapped: its rpm"):
            bootstrap_dnf.check(repositories, tools(there=("dnf",)), release)


def test_rpms_database_is_one_file(tmp_path):
    folder = tmp_path / "var/lib/rpm"
    folder.mkdir(parents=True)
    path = folder / "rpmdb.sqlite"
    writer = sqlite3.connect(path)
    writer.execute("PRAGMA journal_mode=WAL")
    writer.execute("CREATE TABLE Packages (blob TEXT)")
    writer.execute("INSERT INTO Packages VALUES ('systemd')")
    writer.commit()
    copies = {path.name: path.read_bytes() for path in folder.iterdir()}
    writer.close()
    for name, data in copies.items():
        (folder / name).write_bytes(data)
    assert len(copies) == 3
    bootstrap_dnf.settle(str(tmp_path))
    assert [one.name for one in folder.iterdir()] == ["rpmdb.sqlite"]
    with contextlib.closing(sqlite3.connect(path)) as reader:
        assert reader.execute("SELECT blob FROM Packages").fetchall() == [("systemd",)]


def test_no_password_in_a_label():
    for secret in ("secret", "sec@ret", "@"):
        line = apt_sources.without_password(f"deb https://me:{secret}@mirror.example/debian bookworm main")
        assert line == "deb https://mirror.example/debian bookworm main"
    plain = "deb https://mirror.example/a@b bookworm main"
    assert apt_sources.without_password(plain) == plain


def test_the_date_of_the_newest_archive(tmp_path):
    dates = iter(["Sat, 22 Nov 2025 10:00:00 UTC", "Sun, 23 Nov 2025 02:09:05 UTC"])

    def run(words):
        with open(words[3], "w", encoding="utf-8") as handle:
            handle.write(f"Origin: Debian\nDate: {next(dates)}\nValid-Until: never\n")
        return 0, "", ""

    lines = ["deb http://m/d bookworm main", "deb [signed-by=/k] http://m/d bookworm-updates main"]
    assert bootstrap.archive_date(lines, Tools(run, {}), str(tmp_path)) == 1763863745
    assert bootstrap.archive_date(lines, Tools(run, {"SOURCE_DATE_EPOCH": "17"}), str(tmp_path)) == 17


def test_no_password_on_a_command_line(tmp_path):
    """Neither where the archive's date is asked for nor where mmdebstrap runs; and in no file that others can read."""
    line = "deb https://me:s%40cret@m.example:8443/d bookworm main"
    (tmp_path / "layer.tar").write_bytes(b"files")
    seen = []

    def run(words, environ_update=None, data=None):
        seen.append((words, data))
        for path in tmp_path.iterdir():
            if "cret" in path.read_text(encoding="utf-8"):
                assert path.stat().st_mode & 0o077 == 0, path
        if "apt-helper" in words[0]:
            login = next(word for word in words if word.startswith("Dir::Etc::netrc=")).partition("=")[2]
            with open(login, encoding="utf-8") as handle:
                index = "https://m.example:8443/d/dists/bookworm/InRelease"
                assert handle.read() == f"machine {index} login me password s@cret\n"
            with open(words[-1], "w", encoding="utf-8") as handle:
                handle.write("Date: Sun, 23 Nov 2025 02:09:05 UTC\n")
        return 0, "", ""

    made = Tools(run, {}, lambda name: None, lambda: 0)
    assert bootstrap.archive_date([line], made, str(tmp_path)) == 1763863745
    plan = bootstrap.Plan("/usr/bin/mmdebstrap", "root", "amd64", (line,), 7, str(tmp_path))
    bootstrap.make_layer(plan, bootstrap.Wish(DEBIAN, "x:1"), made)
    assert not [word for words, _data in seen for word in words if "cret" in word]
    assert seen[-1][1] == line
    assert not (tmp_path / "auth.conf").exists()


def test_the_guest_keeps_passwords_from_its_users(tmp_path):
    login = "me:s%40cret@"
    given = [f"deb [arch=amd64] https://{login}m/d x main", f"deb https://{login}m/e ./", "deb http://n/d x main"]
    given += [*given[:1], "deb https://token@m/f x main"]
    (tmp_path / "root/etc/apt").mkdir(parents=True)
    subprocess.run(["sh", "-c", f"set -eu; root={tmp_path}/root\n{apt_lines.guest_script(given, {})}"], check=True)
    there = (tmp_path / "root/etc/apt/sources.list").read_text(encoding="utf-8").splitlines()
    for home in (f"{login}m/d", f"{login}m/e", "token@m/f"):
        given = [line.replace(home, f"{home.partition('@')[2]}/") for line in given]
    assert there == given
    logins = sorted((tmp_path / "root/etc/apt/auth.conf.d").iterdir())
    assert [path.stat().st_mode & 0o777 for path in logins] == [0o600] * 3
    assert (tmp_path / "root/etc/apt/sources.list").stat().st_mode & 0o777 == 0o644
    entries = [f"machine https://m/{home}/ login me password s@cret\n" for home in ("d", "e")]
    entries.append("machine https://m/f/ login token password \n")
    assert [path.read_text(encoding="utf-8") for path in logins] == entries


def test_an_address_without_a_login_is_as_it_was():
    for url in ("http://m/d/dists/x/InRelease", "file:/srv/apt/./InRelease", "http://[bad", "http://a%20b:c@d/e"):
        assert apt_lines.login_apart(url) == (url, "")


def test_the_command(tmp_path):
    made = tools()
    (tmp_path / "layer.tar").write_bytes(b"files")
    wish = bootstrap.Wish(DEBIAN, "x:1", packages=("rsync",))
    plan = bootstrap.Plan("/usr/bin/mmdebstrap", "root", "amd64", ("deb http://m/d bookworm main",), 7, str(tmp_path))
    layer = bootstrap.make_layer(plan, wish, made)
    words, environment = made.ran[0]
    assert words[:4] == ["/usr/bin/mmdebstrap", "--mode=root", "--variant=minbase", "--architectures=amd64"]
    assert "--include=dbus,iproute2,openssh-server,python3,rsync,sudo,systemd,systemd-sysv" in words
    assert "--skip=cleanup/apt" in words
    assert words[-3:] == ["bookworm", str(tmp_path / "layer.tar"), "-"]
    assert made.said[0] == "deb http://m/d bookworm main"
    assert environment["SOURCE_DATE_EPOCH"] == "7"
    assert layer.size == 5


@pytest.mark.parametrize(
    ("log", "remedy"),
    [
        ("E: Unable to locate package nonsense", "names in `packages`"),
        ("W: GPG error: NO_PUBKEY 0E98404D386FA1D9", "correct `keyring`"),
        ("E: Failed to fetch x  Hash Sum mismatch", "not what its archive says"),
        ("Could not resolve 'mirror.example'", "`mirror`"),
        ("tar: write error: No space left on device", "`work_dir`"),
        ("I: mode unshare\nE: Conflicting values set for option Signed-By regarding source x", "the same key"),
        ("E: unshare() failed: Operation not permitted", "as root"),
        ("I: the unshare mode\nE: something else", "log above"),
    ],
)
def test_a_failure_is_told_with_its_log(tmp_path, log, remedy):
    plan = bootstrap.Plan("/usr/bin/mmdebstrap", "root", "amd64", (), 0, str(tmp_path))
    many = "\n".join(f"line {number}" for number in range(100))
    with pytest.raises(PlatformError) as caught:
        bootstrap.make_layer(plan, bootstrap.Wish(DEBIAN, "x:1"), tools({"mmdebstrap": (1, "", f"{many}\n{log}")}))
    assert log in str(caught.value)
    assert "line 99" in str(caught.value)
    assert "line 50\n" not in str(caught.value)
    assert remedy in str(caught.value)


@pytest.mark.parametrize(
    ("log", "remedy"),
    [
        ("Importing GPG key 0x1\nError: GPG check FAILED", "another key than the one given"),
        ("Package x.rpm is not signed", "another key than the one given"),
        ("Importing GPG key 0x1\nError: Transaction failed", "log above"),
        ("At least 4MB more space needed on the / filesystem.", "`work_dir`"),
        ("database or disk is full\nTraceback (most recent call last):\n  File x\n    y\nrpm.error: z", "`work_dir`"),
        ('Package "x" has incorrect checksum', "not what its repository says"),
        ("Curl error (6): Cannot download repomd.xml", "the network"),
        ("Unable to find a match: x", "names in `packages`"),
    ],
)
def test_why_dnf_gave_up(tmp_path, log, remedy):
    plan = bootstrap_dnf.RpmPlan("9", ("x",), (RpmRepository("a", "http://a/", unsigned=True),), str(tmp_path))
    with pytest.raises(PlatformError) as caught:
        bootstrap_dnf.make_layer("dnf", plan, tools({"dnf": (1, "", log)}, there=()))
    assert remedy in str(caught.value)
    assert log.splitlines()[-1] in str(caught.value)
    assert "Traceback" not in str(caught.value)
    assert "File x" not in str(caught.value)


def test_a_scriptlet_that_had_no_room_is_no_success(tmp_path):
    plan = bootstrap_dnf.RpmPlan("9", (), (), str(tmp_path))
    said = {"dnf": (0, "warning: %post(a) scriptlet failed: No space left on device\nComplete!", "")}
    with pytest.raises(PlatformError, match="The disk is full"):
        bootstrap_dnf.run(tools(said), ["dnf"], plan, "dnf could not install the guest")


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left"), sqlite3.OperationalError("disk is full")])
def test_no_room_for_what_is_written_here(error):
    with pytest.raises(PlatformError, match="TMPDIR=/a/larger/place"), workdir.room("x:1"):
        raise error
    with pytest.raises(OSError, match="other"), workdir.room("x:1"):
        raise OSError(errno.EIO, "other")


def test_who_waited_for_the_lock_finds_it_made(tmp_path):
    daemon = FakeDaemon({"x:1": {"Id": "sha256:made"}})
    daemon._info = lambda: {"Architecture": "x86_64"}
    made = tools()
    assert bootstrap.bootstrap(daemon, bootstrap.Wish(DEBIAN, "x:1", work_dir=str(tmp_path)), made) == "sha256:made"
    assert made.ran == []


def test_the_work_folder_is_emptied_and_removed(tmp_path):
    with workdir.locked("a/b:1", str(tmp_path)) as folder:
        left = os.path.join(folder, "left")
        open(left, "w", encoding="utf-8").close()
    assert not os.path.exists(folder)
    os.mkdir(folder)  # as a killed run leaves it
    open(left, "w", encoding="utf-8").close()
    with workdir.locked("a/b:1", str(tmp_path)) as folder:
        assert os.listdir(folder) == []


def test_an_unwritable_work_folder(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(PlatformError, match="work_dir"), workdir.locked("a:1", str(tmp_path / "file")):
        pass


def test_the_archive_that_the_engine_loads(tmp_path):
    tar = tmp_path / "layer.tar"
    tar.write_bytes(b"x" * 1000)
    image = assemble.NewImage("a/b:1", "amd64", 0, "made here", {"k": "v"})
    layer = assemble.read_layer(str(tar))
    whole = tmp_path / "whole.tar"
    whole.write_bytes(b"".join(assemble.archive(image, layer)))
    out = subprocess.run(["tar", "-xOf", whole, "manifest.json"], capture_output=True, check=True).stdout
    manifest = json.loads(out)[0]
    assert manifest["RepoTags"] == ["a/b:1"]
    config = json.loads(
        subprocess.run(["tar", "-xOf", whole, manifest["Config"]], capture_output=True, check=True).stdout
    )
    assert config["config"]["StopSignal"] == "SIGRTMIN+3"
    assert config["config"]["Cmd"] == ["/sbin/init"]
    assert config["config"]["Labels"] == {"k": "v"}
    assert config["created"] == "1970-01-01T00:00:00Z"
    assert config["rootfs"]["diff_ids"] == [f"sha256:{layer.digest}"]
    assert len(whole.read_bytes()) % 512 == 0


def test_the_same_input_gives_the_same_image(tmp_path):
    tar = tmp_path / "layer.tar"
    tar.write_bytes(b"x" * 1000)
    layer = assemble.read_layer(str(tar))
    first, second = (
        assemble.NewImage("n:1", "amd64", 5, "c", dict(pairs)) for pairs in ({"a": "1", "b": "2"}, {"b": "2", "a": "1"})
    )
    assert assemble.image_json(first, layer) == assemble.image_json(second, layer)


def test_the_script_on_a_root_file_system(tmp_path):
    """Run for real: it needs nothing but a POSIX shell."""
    for folder in ("usr/sbin", "etc/ssh", "var/log/apt", "var/lib/dbus", "var/cache/debconf"):
        (tmp_path / folder).mkdir(parents=True)
    for name in ("usr/sbin/sshd", "etc/ssh/ssh_host_rsa_key", "var/log/apt/history.log", "var/lib/dbus/machine-id"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    (tmp_path / "etc/machine-id").write_text("0123\n", encoding="utf-8")
    subprocess.run(["sh", "-s", str(tmp_path)], input=guest_files.guest_script(), text=True, check=True)
    system = tmp_path / "etc/systemd/system"
    assert os.readlink(system / "systemd-logind.service") == "/dev/null"
    assert os.readlink(tmp_path / "etc/systemd/system-generators/systemd-gpt-auto-generator") == "/dev/null"
    assert (tmp_path / "etc/machine-id").read_text(encoding="utf-8") == ""
    assert not (tmp_path / "etc/ssh/ssh_host_rsa_key").exists()
    assert not (tmp_path / "var/log/apt/history.log").exists()
    assert (system / guest_files.HOST_KEYS_NAME).read_text(encoding="utf-8") == guest_files.HOST_KEYS_UNIT
    assert (system / "multi-user.target.wants" / guest_files.HOST_KEYS_NAME).is_symlink()
    assert (tmp_path / "etc/.updated").stat().st_mtime == (tmp_path / "usr").stat().st_mtime


def test_what_a_cluster_needs_is_not_masked():
    needed = {"ssh.service", "dbus.service", "systemd-journald.service", "systemd-tmpfiles-setup.service"}
    needed |= {"systemd-user-sessions.service", "cron.service", "multi-user.target", "network.target"}
    assert not needed & set(guest_files.MASKED_UNITS)


def test_processes_that_make_an_image_end_with_it():
    """A shell with a child that heeds no SIGTERM."""
    stubborn = "trap '' TERM; sleep 60 & wait; sleep 60"
    with subprocess.Popen(["sh", "-c", stubborn]) as process:
        deadline = time.monotonic() + 60
        while not workdir.descendants(process.pid) and time.monotonic() < deadline:
            time.sleep(0.02)
        all_of_them = [process.pid, *workdir.descendants(process.pid)]
        assert len(all_of_them) == 2
        began = time.monotonic()
        workdir.end(all_of_them, patience=1)
        assert time.monotonic() - began >= 1  # they were asked first
    assert process.returncode == -9
    assert not any(workdir.alive(one) for one in all_of_them)


@pytest.mark.parametrize(
    ("there", "user", "before"),
    [
        (("setsid", "setpriv", "unshare"), 0, ["setsid", "--wait", "setpriv", "--pdeathsig", "KILL", "unshare"]),
        (("setsid", "setpriv", "unshare"), 1000, ["setsid", "--wait", "setpriv", "--pdeathsig", "TERM", "mmdebstrap"]),
        (("setpriv",), 0, ["mmdebstrap"]),
    ],
)
def test_a_command_and_its_mounts_end_with_the_module(there, user, before):
    words = tools(there=there, user=user).ends_with_us(["mmdebstrap", "--version"])
    assert words[: len(before)] == before
    assert words[-2:] == ["mmdebstrap", "--version"]


def test_what_is_mounted_in_the_folder_is_never_removed(tmp_path, monkeypatch):
    table = tmp_path / "mounts"
    table.write_text(
        "proc /w/a/proc proc ro 0 0\nproc /w/ab/proc proc ro 0 0\nt /w/a/proc/x tmpfs rw 0 0\n", encoding="utf-8"
    )
    assert workdir.mounts_in("/w/a", str(table)) == ["/w/a/proc/x", "/w/a/proc"]
    monkeypatch.setattr(workdir, "mounts_in", lambda folder: [f"{folder}/proc"])
    (tmp_path / "kept").mkdir()
    with pytest.raises(PlatformError, match="sudo umount"):
        workdir.remove(str(tmp_path / "kept"))
    assert (tmp_path / "kept").is_dir()


def test_a_command_that_hangs_up_on_its_process_group_does_not_hit_the_module():
    def run(words, environ_update=None):
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout, done.stderr

    words = Tools(run).ends_with_us(["sh", "-c", "kill -HUP 0; sleep 5"])
    if words[0] == "setsid":
        assert run(words)[0] != 0  # it ended, and we did not
