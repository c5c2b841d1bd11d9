"""Jobs whose process is gone without a word: found out by pid and start mark, marked as interrupted, and what is left of their group is ended."""

from __future__ import annotations

import os
import sqlite3
import time

from comparison import process
from comparison.store import Store

SPAWN_S = 60.0
LOST = "The process ended without a word: it was killed, or the machine ran out of memory. Resume goes on where it was."


def refresh(store: Store) -> None:
    """Mark what is called active and has no living process as interrupted. Writes only where there is something to mark."""
    with store.database.read() as db:
        dead = _dead(db)
    if dead:
        with store.database.write() as db:
            sweep(db)


def end_orphans(store: Store) -> None:
    """End what is left of groups whose leader was killed: a trainer without its run would compute beside the next one.

    Each is looked at until it is gone, and then forgotten, so that its number is never asked for again.
    """
    with store.database.read() as db:
        rows = db.execute("SELECT id, pid, mark FROM jobs WHERE state = 'interrupted' AND pid IS NOT NULL").fetchall()
    for row in rows:
        place = (row["pid"], row["mark"])
        if row["pid"] == os.getpgrp() or process.alive(*place) or (process.ours(*place) and not process.end_group(row["pid"])):
            continue
        with store.database.write() as db:
            db.execute("UPDATE jobs SET pid = NULL WHERE id = ? AND state = 'interrupted' AND pid = ? AND mark = ?", (row["id"], *place))


def _dead(db: sqlite3.Connection) -> list[str]:
    rows = db.execute("SELECT id, pid, mark, touched FROM jobs WHERE state IN ('queued', 'running')").fetchall()
    now = time.time()
    return [
        row["id"] for row in rows if (now - row["touched"] > SPAWN_S if row["pid"] is None else not process.alive(row["pid"], row["mark"]))
    ]


def sweep(db: sqlite3.Connection) -> None:
    """The same as `refresh`, within the caller's transaction."""
    for comparison_id in _dead(db):
        db.execute("UPDATE jobs SET state = 'interrupted' WHERE id = ?", (comparison_id,))
        db.execute("UPDATE comparisons SET status = 'interrupted', reason = ? WHERE id = ?", (LOST, comparison_id))
