"""The store's SQLite file: who runs what, who may see what, and where known work is found again. Never bulk text.

Everything in it but the live processes can be rebuilt from the folders (`reindex`), so it is written after them: a kill between the
two loses a shortcut, never an answer. One connection for each operation, so that threads and processes need no common state.
"""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import StoreError

SCHEMA_VERSION = 1
BUSY_TIMEOUT_S = 30.0
ACTIVE = ("queued", "running")

TABLES = """
CREATE TABLE IF NOT EXISTS comparisons (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, owner TEXT NOT NULL, created REAL NOT NULL, plan_hash TEXT NOT NULL,
    status TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', verdict TEXT NOT NULL DEFAULT '', finished REAL);
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY REFERENCES comparisons(id) ON DELETE CASCADE, owner TEXT NOT NULL, plan_hash TEXT NOT NULL,
    state TEXT NOT NULL, ticket INTEGER NOT NULL, pid INTEGER, mark TEXT NOT NULL DEFAULT '', touched REAL NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS one_active_job ON jobs(owner, plan_hash) WHERE state IN ('queued', 'running');
CREATE TABLE IF NOT EXISTS shares (
    digest TEXT PRIMARY KEY, comparison TEXT NOT NULL REFERENCES comparisons(id) ON DELETE CASCADE, report TEXT NOT NULL,
    with_rows INTEGER NOT NULL, owner TEXT NOT NULL, created REAL NOT NULL, expires REAL, revoked INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS batches (
    key TEXT NOT NULL, comparison TEXT NOT NULL REFERENCES comparisons(id) ON DELETE CASCADE, method TEXT NOT NULL,
    PRIMARY KEY (key, comparison, method)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS method_keys (
    key TEXT NOT NULL, comparison TEXT NOT NULL REFERENCES comparisons(id) ON DELETE CASCADE, method TEXT NOT NULL,
    PRIMARY KEY (key, comparison, method)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS score_keys (
    key TEXT NOT NULL, comparison TEXT NOT NULL REFERENCES comparisons(id) ON DELETE CASCADE, method TEXT NOT NULL,
    metric TEXT NOT NULL, PRIMARY KEY (key, comparison, method, metric)) WITHOUT ROWID;
"""


@contextmanager
def database_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite says about a full, damaged or locked file into plain words.

    Raises:
        StoreError: as above.
    """
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        text = str(error)
        if "disk is full" in text or "disk I/O" in text:
            raise StoreError(
                f"Disk full while writing {path.name}.", "Free some space and resume; nothing half-written was kept."
            ) from error
        if "malformed" in text or "not a database" in text:
            advice = f"Move {path} aside and run `python -m comparison reindex`: it is rebuilt from the folders."
            raise StoreError(f"The store's database {path.name} is damaged ({text}).", advice) from error
        if "locked" in text:
            raise StoreError(
                f"The store's database {path.name} was locked for over {BUSY_TIMEOUT_S:.0f} s.", "See which process holds it."
            ) from error
        if "readonly" in text or "unable to open" in text:
            raise StoreError(
                f"The store's database {path} cannot be written ({text}).", "Give --store a folder that you may write to."
            ) from error
        raise


class Database:
    """`bakeoff.db` of one store.

    Raises:
        StoreError: the file was written by newer code, is damaged, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with database_errors(path), self._open() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA_VERSION:
                raise StoreError(
                    f"The store {path.parent} has schema {version}; this code knows up to {SCHEMA_VERSION}.",
                    "Update Bakeoff, or use another --store.",
                )
            if version < SCHEMA_VERSION:
                self._create(connection)

    def _create(self, connection: sqlite3.Connection) -> None:
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            warnings.warn(f"{self.path}: this disk does not support WAL; using journal mode '{mode}', one writer at a time.", stacklevel=3)
        connection.executescript(f"BEGIN IMMEDIATE; {TABLES} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = NORMAL")
            yield connection
        finally:
            connection.close()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A connection for looking things up."""
        with database_errors(self.path), self._open() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that holds the write lock from its first line, so that what is read in it still holds when it is written."""
        with database_errors(self.path), self._open() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                if connection.in_transaction:  # a full disk has rolled it back already
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
