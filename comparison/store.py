"""Where everything is kept: folders that hold the truth, and a database that finds it again.

    bakeoff.db                comparisons/<id>/            artefacts/<fingerprint>/            models/

Ids sort by the time of creation and stay in order even when the clock jumps back: a new one is never below the last.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from comparison.database import ACTIVE, Database
from comparison.result import CARD, Result
from core.errors import StoreError
from core.files import disk_errors, write_json, write_whole

ID_PATTERN = re.compile(r"^\d{8}-\d{6}-\d{4}-[0-9a-f]{8}$")
LOCAL_OWNER = "local"
CARD_SCHEMA = 1


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a comparison's folder: a run and a re-scoring of the same answers must not write beside each other.

    Raises:
        StoreError: another process holds it.
    """
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(f"{folder.name} is being run or scored by another process.", "Wait until that is done.") from None
        yield
    finally:
        os.close(handle)


def default_home() -> Path:
    """BAKEOFF_HOME, or the platform's folder for user data; never the working or temp folder."""
    named = os.environ.get("BAKEOFF_HOME")
    if named:
        return Path(named).expanduser().resolve()
    from platformdirs import user_data_path

    return user_data_path("bakeoff", appauthor=False)


def next_id(last: str | None, now: float, random_part: str) -> str:
    """The id after `last`: second of creation, a counter within it, and a random part that cannot be guessed."""
    stamp, count = time.strftime("%Y%m%d-%H%M%S", time.gmtime(now)), 0
    if last and stamp <= last[:15]:
        stamp, count = last[:15], int(last[16:20]) + 1
        if count > 9999:
            later = time.strptime(stamp, "%Y%m%d-%H%M%S")
            stamp, count = time.strftime("%Y%m%d-%H%M%S", time.gmtime(_utc(later) + 1)), 0
    return f"{stamp}-{count:04d}-{random_part}"


def _utc(moment: time.struct_time) -> float:
    import calendar

    return float(calendar.timegm(moment))


class Store:
    """One folder of comparisons and artefacts.

    Args:
        root: the folder; made where it does not exist.
        models: the folder of unpacked model weights, shared by all stores of a user.

    Raises:
        StoreError: the folder cannot be written, or its database is damaged or newer than this code.
    """

    def __init__(self, root: Path | None = None, models: Path | None = None) -> None:
        self.root = (root or default_home()).expanduser().resolve()
        self.models = models or default_home() / "models"
        self.comparisons = self.root / "comparisons"
        self.artefacts = self.root / "artefacts"
        try:
            with disk_errors(self.root):
                self.comparisons.mkdir(parents=True, exist_ok=True)
                self.artefacts.mkdir(exist_ok=True)
        except OSError as error:
            raise StoreError(
                f"The store {self.root} cannot be made ({error.strerror}).", "Give --store a folder that you may write to."
            ) from error
        self.database = Database(self.root / "bakeoff.db")

    def folder(self, comparison_id: str) -> Path:
        """The folder of a comparison.

        Raises:
            StoreError: there is no such comparison.
        """
        folder = self.comparisons / comparison_id
        if not ID_PATTERN.match(comparison_id) or not folder.is_dir():
            raise StoreError(
                f"There is no comparison '{comparison_id[:60]}' in {self.root}.",
                "See `python -m comparison list`, or name another --store.",
            )
        return folder

    def result(self, comparison_id: str) -> Result:
        return Result(self.folder(comparison_id))

    def add(self, connection: sqlite3.Connection, name: str, owner: str, plan_hash: str, plan_text: str) -> str:
        """Make a comparison's folder and row, within the caller's transaction, so that neither stays without the other.

        Raises:
            StoreError: the disk is full; the folder is gone again.
        """
        last: str | None = connection.execute("SELECT max(id) FROM comparisons").fetchone()[0]
        created = time.time()
        comparison_id = next_id(last, created, secrets.token_hex(4))
        card = {"schema": CARD_SCHEMA, "id": comparison_id, "name": name, "owner": owner, "created": created, "plan_hash": plan_hash}
        folder = self.comparisons / comparison_id
        try:
            with disk_errors(folder):
                folder.mkdir()
            write_whole(folder / "plan.yaml", plan_text)
            write_json(folder / CARD, card)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        row = (comparison_id, name, owner, created, plan_hash, "queued")
        connection.execute("INSERT INTO comparisons (id, name, owner, created, plan_hash, status) VALUES (?, ?, ?, ?, ?, ?)", row)
        return comparison_id

    def close(self, comparison_id: str, status: str, verdict: str = "", reason: str = "", *, unless_ended: bool = False) -> None:
        """Note how a comparison ended, and that its job is over.

        Args:
            unless_ended: leave one alone that has ended already: a signal that comes after the end changes nothing.
        """
        now = time.time()
        with self.database.write() as db:
            row = db.execute("SELECT status FROM comparisons WHERE id = ?", (comparison_id,)).fetchone()
            if unless_ended and row is not None and row["status"] not in ACTIVE:
                return
            db.execute(
                "UPDATE comparisons SET status = ?, verdict = ?, reason = ?, finished = ? WHERE id = ?",
                (status, verdict, reason, now, comparison_id),
            )
            db.execute("UPDATE jobs SET state = ?, touched = ? WHERE id = ?", (status, now, comparison_id))

    def remember(self, table: str, rows: list[tuple[str, ...]]) -> None:
        """Note under which keys known work is found (`batches`, `method_keys`, `score_keys`)."""
        if not rows:
            return
        marks = ", ".join("?" * len(rows[0]))
        with self.database.write() as db:
            db.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)

    def find(self, table: str, key: str) -> list[sqlite3.Row]:
        """Where the work with this key is kept, the latest comparison first."""
        with self.database.read() as db:
            return db.execute(f"SELECT * FROM {table} WHERE key = ? ORDER BY comparison DESC", (key,)).fetchall()

    def forget(self, table: str, comparison_id: str, method: str) -> None:
        """Take back keys of work that was thrown away."""
        with self.database.write() as db:
            db.execute(f"DELETE FROM {table} WHERE comparison = ? AND method = ?", (comparison_id, method))

    def delete(self, comparison_id: str) -> None:
        """Remove a comparison: its row first, so that nothing points into a half-removed folder. Artefacts stay for others.

        Raises:
            StoreError: it is not there, or is called active; `jobs.remove` looks first whether its process still lives.
        """
        folder = self.folder(comparison_id)
        with self.database.write() as db:
            job = db.execute("SELECT state FROM jobs WHERE id = ?", (comparison_id,)).fetchone()
            if job is not None and job["state"] in ACTIVE:
                raise StoreError(f"{comparison_id} is {job['state']}, so it cannot be deleted.", "Stop it first.")
            db.execute("DELETE FROM comparisons WHERE id = ?", (comparison_id,))
        shutil.rmtree(folder)
