# SPDX-License-Identifier: GPL-3.0-or-later
"""The id, the record, the lock; and the pool."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time

import pytest

from ansible_collections.tpaexec.docker.plugins.module_utils._cluster import record
from ansible_collections.tpaexec.docker.plugins.module_utils._cluster.pool import Deadline, run_all
from ansible_collections.tpaexec.docker.plugins.module_utils._errors import DaemonError, PlatformError

IDENT = "12345678-0000-4000-8000-000000000000"


def test_an_id_is_kept_and_read(tmp_path):
    place = str(tmp_path / "deep" / "er")
    assert record.read_id(place) == ""
    record.write_id(place, IDENT)
    assert record.read_id(place) == IDENT


@pytest.mark.parametrize("content", ["", "no uuid", "\xff\xfe", f"{IDENT}\n{IDENT}"])
def test_a_damaged_id_is_an_error_that_says_what_to_do(tmp_path, content):
    (tmp_path / "id").write_bytes(content.encode("latin-1"))
    with pytest.raises(PlatformError, match=r"is not the id of a cluster.*--adopt"):
        record.read_id(str(tmp_path))


DAMAGED = ["", "{", "[]", "null", '"x"', '{"applied": 3}', '{"hosts": {"a": 1}}', '{"applied": [1]}', "\x00\xff"]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_record_is_empty(tmp_path, content):
    (tmp_path / "record.json").write_bytes(content.encode("latin-1"))
    assert record.read_record(str(tmp_path)) == record.Record()
    kept = record.Record({"a": {"memory": 1}}, {"b": ["1.2.3.4 x"]})
    record.write_record(str(tmp_path), kept)
    assert record.read_record(str(tmp_path)) == kept


def test_the_same_record_is_not_written_again(tmp_path):
    record.write_record(str(tmp_path), record.Record())
    assert list(tmp_path.iterdir()) == []
    kept = record.Record({"a": {}}, {})
    record.write_record(str(tmp_path), kept)
    before = (tmp_path / "record.json").stat().st_ino
    record.write_record(str(tmp_path), kept)
    assert (tmp_path / "record.json").stat().st_ino == before


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    record.write_id(str(tmp_path), IDENT)

    def full(_handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(record.os, "fsync", full)
    with pytest.raises(PlatformError, match=r"Cannot write to .*No space left on device"):
        record.write_id(str(tmp_path), record.new_id())
    assert ([path.name for path in tmp_path.iterdir()], record.read_id(str(tmp_path))) == (["id"], IDENT)


def test_one_holder_of_the_lock_at_a_time(tmp_path):
    said = rf"converging this cluster: process {os.getpid()}, since 20"
    with record.locked(str(tmp_path)), pytest.raises(PlatformError, match=said), record.locked(str(tmp_path)):
        pytest.fail("two holders")
    with record.locked(str(tmp_path)):
        pass
    assert (tmp_path / "lock").read_text() == ""


def hold_for_ever(place, ready):
    with record.locked(place):
        ready.set()
        time.sleep(60)


def test_a_dead_process_holds_no_lock_and_its_temporary_files_go(tmp_path):
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=hold_for_ever, args=(str(tmp_path), ready))
    process.start()
    assert ready.wait(20)
    (tmp_path / ".id.abc").write_text("half")
    (tmp_path / ".record.json.abc").write_text("half")
    process.kill()
    process.join(20)
    assert str(process.pid) in (tmp_path / "lock").read_text()
    with record.locked(str(tmp_path)):
        assert [path.name for path in tmp_path.iterdir()] == ["lock"]


def test_a_lock_whose_file_was_taken_away_is_none(tmp_path, monkeypatch):
    """The holder before removed the cluster, and the lock's file with it, between our open and our flock."""
    flock = record.fcntl.flock

    def taken_away(file, how):
        flock(file, how)
        (tmp_path / "lock").unlink()

    monkeypatch.setattr(record.fcntl, "flock", taken_away)
    with pytest.raises(PlatformError, match="Another run is converging"), record.locked(str(tmp_path)):
        pytest.fail("a lock on no file")


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PlatformError, match="Cannot write to"), record.locked(str(tmp_path / "file")):
        pytest.fail("no directory")


# -- pool


def test_results_come_in_order_and_never_more_at_a_time_than_allowed():
    now, most, guard = [0], [0], threading.Lock()
    three = threading.Barrier(3)  # 18 jobs in threes: they are at work together, or the barrier breaks

    def job(number):
        with guard:
            now[0] += 1
            most[0] = max(most[0], now[0])
        three.wait(timeout=30)
        time.sleep(0.002 * (5 - number % 5))
        with guard:
            now[0] -= 1
        return number

    assert run_all([lambda number=number: job(number) for number in range(18)], 3) == list(range(18))
    assert most[0] == 3


def test_a_job_that_fails_is_raised_after_the_others_ended():
    done = []

    def fails():
        raise DaemonError("no")

    with pytest.raises(DaemonError):
        run_all([fails, lambda: time.sleep(0.05) or done.append(1)], 2)
    assert done == [1]
    assert run_all([], 4) == []


def test_one_deadline_for_all():
    clock = iter([100.0, 104.0, 111.0, 111.0])
    deadline = Deadline.after(10, lambda: next(clock))
    assert deadline.left() == 6
    assert deadline.left() == 0
    assert deadline.passed


def test_an_id_of_another_user_is_not_to_be_removed(tmp_path):
    """After one provision as root: what helps is the right to read it."""
    (tmp_path / "id").mkdir()  # no file: root may read any
    with pytest.raises(PlatformError, match=r"Is a directory.*sudo chown") as caught:
        record.read_id(str(tmp_path))
    assert "--adopt" not in str(caught.value)
