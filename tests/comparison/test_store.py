"""Ids, the database, and what can go wrong with a disk."""

from __future__ import annotations

import errno
import multiprocessing
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparison import jobs
from comparison.answers import read_answers
from comparison.database import SCHEMA_VERSION, Database
from comparison.plan import Plan
from comparison.run import run
from comparison.store import ID_PATTERN, Store, default_home, next_id
from core.errors import StoreError

FORK = multiprocessing.get_context("fork")
Complete = Callable[..., tuple[str, list[Any]]]


@given(clock=st.lists(st.integers(0, 2_000_000_000), min_size=2, max_size=30))
def test_ids_rise_whatever_the_clock_does(clock: list[int]) -> None:
    """F37: the clock jumps back, or stands still."""
    ids: list[str] = []
    for now in clock:
        ids.append(next_id(ids[-1] if ids else None, now, "00000000"))
    assert ids == sorted(set(ids))
    assert all(ID_PATTERN.match(i) for i in ids)


def test_the_counter_of_a_second_never_runs_over() -> None:
    """F37."""
    assert next_id("20260101-235959-9999-00000000", 0, "11111111") == "20260102-000000-0000-11111111"


def test_two_comparisons_of_one_second_keep_their_order(store: Store, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """F37: two runs in the same second, then an hour back."""
    ids = []
    for now in (1_700_000_000.0, 1_700_000_000.2, 1_699_996_400.0):
        monkeypatch.setattr("comparison.store.time.time", lambda now=now: now)
        with store.database.write() as db:
            ids.append(store.add(db, "n", "o", plan.hash, plan.to_yaml()))
    assert ids == sorted(set(ids))


def test_home_is_named_by_the_environment_or_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BAKEOFF_HOME", str(tmp_path / "here"))
    assert default_home() == tmp_path / "here"
    monkeypatch.delenv("BAKEOFF_HOME")
    assert default_home() not in (Path.cwd(), Path("/tmp"))
    assert default_home().name == "bakeoff"


def test_a_newer_store_is_refused(store: Store) -> None:
    """F38: old code refuses a newer schema."""
    connection = sqlite3.connect(store.root / "bakeoff.db")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(StoreError, match="Update Bakeoff"):
        Store(store.root)


def test_a_damaged_database_names_the_way_out(store: Store) -> None:
    """F38: a plain message with the recovery step."""
    path = store.root / "bakeoff.db"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreError, match="reindex"):
        Store(store.root)


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="--store"):
        Store(tmp_path / "file" / "below")


def add_keys(path: Path, name: str, count: int) -> None:
    database = Database(path)
    for n in range(count):
        with database.write() as db:
            db.execute(
                "INSERT INTO comparisons (id, name, owner, created, plan_hash, status) VALUES (?, 'n', 'o', 0, 'h', 'done')",
                (f"{name}-{n}",),
            )


def test_many_writers_lose_nothing_and_never_meet_a_locked_database(tmp_path: Path) -> None:
    """F7, smaller: 8 threads and 2 processes, 60 rows each, a reader looping."""
    path = tmp_path / "bakeoff.db"
    database = Database(path)
    failures: list[BaseException] = []

    def write(name: str) -> None:
        try:
            add_keys(path, name, 60)
        except BaseException as error:
            failures.append(error)

    processes = [FORK.Process(target=add_keys, args=(path, f"p{n}", 60)) for n in range(2)]
    for child in processes:
        child.start()
    threads = [threading.Thread(target=write, args=(f"t{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        with database.read() as db:
            db.execute("SELECT count(*) FROM comparisons").fetchone()
        time.sleep(0.005)
    for child in processes:
        child.join(60)
    assert failures == []
    assert [child.exitcode for child in processes] == [0, 0]
    with database.read() as db:
        assert db.execute("SELECT count(*) FROM comparisons").fetchone()[0] == 600
        assert db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"


def test_a_failed_transaction_leaves_nothing(store: Store, plan: Plan) -> None:
    with pytest.raises(RuntimeError), store.database.write() as db:
        store.add(db, "n", "o", plan.hash, plan.to_yaml())
        raise RuntimeError("stop")
    assert jobs.listing(store) == []


class Disk:
    """fsync that finds the disk full at its n-th call, once."""

    def __init__(self, full_at: int) -> None:
        self.calls, self.full_at = 0, full_at

    def __call__(self, handle: int) -> None:
        self.calls += 1
        if self.calls == self.full_at:
            raise OSError(errno.ENOSPC, "No space left on device")


def test_disk_full_at_any_write_keeps_what_was_whole(
    complete: Complete, plan: Plan, store: Store, tmp_path: Path, files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F5: at write n for n = 1..20; the run says "disk full" and, with room again, goes on to the same bytes."""
    whole = files(store.folder(complete(plan)[0]))
    for n in range(1, 21):
        other = Store(tmp_path / f"full-{n}")
        comparison_id = jobs.admit(other, plan, handle=jobs.own_handle()).id
        disk = Disk(n)
        with monkeypatch.context() as patched:
            patched.setattr("os.fsync", disk)
            with pytest.raises(StoreError, match="Disk full"):
                list(run(plan, other, comparison_id))
        folder = other.folder(comparison_id)
        assert jobs.status(other, comparison_id).state == "failed"
        assert "Disk full" in jobs.status(other, comparison_id).reason
        assert not (folder / "report.json").exists()
        for path in folder.glob("answers/*.gz"):
            assert read_answers(folder, path.name.partition(".")[0]).complete
        jobs.requeue(other, comparison_id, jobs.own_handle())
        list(run(plan, other, comparison_id))
        assert files(folder) == whole


def test_a_full_disk_under_the_database_is_said_plainly(store: Store, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """F5: in the database's write, too; what was there can still be read."""
    comparison_id = jobs.admit(store, plan, handle=jobs.own_handle()).id
    real = sqlite3.connect

    def full(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = real(*arguments, **options)
        connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")
        return connection

    with monkeypatch.context() as patched:
        patched.setattr("comparison.database.sqlite3.connect", full)
        with pytest.raises(StoreError, match="Disk full"):
            store.remember("batches", [(f"{n:064d}", comparison_id, "m" * 40) for n in range(2000)])
        assert jobs.listing(store)[0]["id"] == comparison_id
    assert store.find("batches", "0" * 64) == []


def test_disk_full_when_a_comparison_is_made_leaves_no_folder(store: Store, plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """F5: nothing is half stored."""
    monkeypatch.setattr("os.fsync", Disk(2))
    with pytest.raises(StoreError, match="Disk full"):
        jobs.admit(store, plan)
    monkeypatch.undo()
    assert list(store.comparisons.iterdir()) == []
    assert jobs.listing(store) == []
