"""Jobs: runs as processes whose state is on disk, so that the app can be closed, reloaded or killed beside them.

    queued ──► running ──► done | failed | cancelled          interrupted: the process is gone and never said how it ended

The database says who waits and who runs, with pid and start mark; a dead process is never called running. The same plan of the same owner
is one job while it is active: the unique index `one_active_job` sees to it, however many press Run at once.
"""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from comparison import lost, process
from comparison.database import ACTIVE
from comparison.engines.base import Engine, Handle
from comparison.engines.local import LocalEngine
from comparison.plan import Plan
from comparison.store import LOCAL_OWNER, Store, alone
from core.errors import Cancelled, StoreError


class Admission(NamedTuple):
    """The job of a plan; `new` is False where it was active already."""

    id: str
    new: bool


@dataclass(frozen=True)
class JobStatus:
    """A job as it is now. `position` counts from 1 for queued ones, else 0."""

    id: str
    state: str
    position: int
    reason: str
    pid: int | None

    @property
    def active(self) -> bool:
        return self.state in ACTIVE


def admit(store: Store, plan: Plan, owner: str = LOCAL_OWNER, handle: Handle | None = None) -> Admission:
    """A job for the plan: the active one of this owner, or a new one with its folder.

    Args:
        handle: the process that will run it, where that is known already.
    """
    with store.database.write() as db:
        lost.sweep(db)
        row = db.execute(
            "SELECT id FROM jobs WHERE owner = ? AND plan_hash = ? AND state IN ('queued', 'running')", (owner, plan.hash)
        ).fetchone()
        if row is not None:
            return Admission(row["id"], False)
        comparison_id = store.add(db, plan.spec.name, owner, plan.hash, plan.to_yaml())
        pid, mark = handle or (None, "")
        values = (comparison_id, owner, plan.hash, "queued", _next_ticket(db), pid, mark, time.time())
        db.execute("INSERT INTO jobs (id, owner, plan_hash, state, ticket, pid, mark, touched) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
    return Admission(comparison_id, True)


def submit(store: Store, plan: Plan, owner: str = LOCAL_OWNER, engine: Engine | None = None) -> Admission:
    """Start the plan as a job of its own, by the very command that a user could type.

    Raises:
        StoreError: the store is full, or the process could not be started; the job is then marked failed.
    """
    admission = admit(store, plan, owner)
    if admission.new:
        folder = store.folder(admission.id)
        arguments = ["run", str(folder / "plan.yaml"), "--store", str(store.root), "--id", admission.id]
        _launch(store, admission.id, arguments, engine or LocalEngine())
    return admission


def resume(store: Store, comparison_id: str, engine: Engine | None = None) -> None:
    """Go on with a stopped comparison, as a job of its own.

    Raises:
        StoreError: it is active already, or could not be started.
    """
    requeue(store, comparison_id, None)
    _launch(store, comparison_id, ["resume", comparison_id, "--store", str(store.root)], engine or LocalEngine())


def step(store: Store, comparison_id: str, command: str, engine: Engine | None = None, more: Sequence[str] = ()) -> None:
    """A further step of a finished comparison (`oracle`, `certify`), as a job of its own; it is again what it was when that ends.

    Raises:
        StoreError: it is active already, or could not be started.
    """
    report = store.result(comparison_id).report()
    requeue(store, comparison_id, None)
    try:
        _launch(store, comparison_id, [command, comparison_id, "--store", str(store.root), *more], engine or LocalEngine())
    except StoreError:
        store.close(comparison_id, report["status"], report["verdict"]["text"])
        raise


def _launch(store: Store, comparison_id: str, arguments: list[str], engine: Engine) -> None:
    log = store.folder(comparison_id) / "job.log"
    try:
        handle = engine.start([sys.executable, "-m", "comparison", *arguments], log)
    except StoreError as error:
        store.close(comparison_id, "failed", reason=str(error))
        raise
    with store.database.write() as db:
        # The child may have noted itself already; a Stop in between has taken the job back.
        kept = db.execute(
            "UPDATE jobs SET pid = ?, mark = ? WHERE id = ? AND state IN ('queued', 'running')", (handle.pid, handle.mark, comparison_id)
        ).rowcount
        state = db.execute("SELECT state FROM jobs WHERE id = ?", (comparison_id,)).fetchone()
    if not kept and state is not None and state["state"] == "cancelled":
        engine.stop(handle)


def requeue(store: Store, comparison_id: str, handle: Handle | None) -> None:
    """Put a comparison that is not active back into the queue.

    Raises:
        StoreError: it is active, or the same plan of its owner is.
    """
    store.folder(comparison_id)
    lost.refresh(store)
    lost.end_orphans(store)
    pid, mark = handle or (None, "")
    with store.database.write() as db:
        lost.sweep(db)
        row = db.execute("SELECT * FROM jobs WHERE id = ?", (comparison_id,)).fetchone()
        if row is not None and row["state"] in ACTIVE:
            if row["pid"] is None and handle is not None:  # the app queued it and started this very process
                db.execute("UPDATE jobs SET pid = ?, mark = ? WHERE id = ?", (pid, mark, comparison_id))
                return
            if row["pid"] == pid and row["mark"] == mark:
                return
            raise StoreError(f"{comparison_id} is {row['state']} already.", "Wait for it, or stop it first.")
        card = db.execute("SELECT owner, plan_hash FROM comparisons WHERE id = ?", (comparison_id,)).fetchone()
        if card is None:
            raise StoreError(f"The database does not know {comparison_id}.", "Run `python -m comparison reindex` once.")
        values = (comparison_id, card["owner"], card["plan_hash"], "queued", _next_ticket(db), pid, mark, time.time())
        try:
            db.execute(
                "INSERT OR REPLACE INTO jobs (id, owner, plan_hash, state, ticket, pid, mark, touched) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )
        except sqlite3.IntegrityError:
            raise StoreError(
                f"The plan of {comparison_id} is active as another comparison.", "Wait for that one; its answers are shared."
            ) from None


def own_handle() -> Handle:
    """This process."""
    return Handle(os.getpid(), process.mark_of(os.getpid()))


def claim(store: Store, comparison_id: str) -> None:
    """This process is the one that runs the job.

    Raises:
        Cancelled: it was stopped before it began.
    """
    pid, mark = own_handle()
    with store.database.write() as db:
        changed = db.execute(
            "UPDATE jobs SET pid = ?, mark = ? WHERE id = ? AND state IN ('queued', 'running')", (pid, mark, comparison_id)
        ).rowcount
    if not changed:
        raise Cancelled(f"{comparison_id} is no longer waiting to be run.", "Resume it.")


def set_running(store: Store, comparison_id: str) -> None:
    with store.database.write() as db:
        db.execute("UPDATE jobs SET state = 'running', touched = ? WHERE id = ?", (time.time(), comparison_id))
        db.execute("UPDATE comparisons SET status = 'running', reason = '' WHERE id = ?", (comparison_id,))


def status(store: Store, comparison_id: str) -> JobStatus:
    """How it stands with a job, right now.

    Raises:
        StoreError: there is no such comparison.
    """
    store.folder(comparison_id)
    lost.refresh(store)
    with store.database.read() as db:
        row = db.execute(
            "SELECT c.status, c.reason, j.state, j.pid FROM comparisons c LEFT JOIN jobs j ON j.id = c.id WHERE c.id = ?", (comparison_id,)
        ).fetchone()
        queue = _queue(db)
    if row is None:
        raise StoreError(f"The database does not know {comparison_id}.", "Run `python -m comparison reindex` once.")
    state = row["state"] if row["state"] in ACTIVE else row["status"]
    position = queue.index(comparison_id) + 1 if state == "queued" and comparison_id in queue else 0
    return JobStatus(comparison_id, state, position, row["reason"], row["pid"])


def stop(store: Store, comparison_id: str, engine: Engine | None = None) -> JobStatus:
    """End a job: TERM to its group, KILL after 5 s. Its folder stays and can be resumed."""
    before = status(store, comparison_id)
    if not before.active:
        return before
    with store.database.write() as db:
        row = db.execute("SELECT pid, mark FROM jobs WHERE id = ?", (comparison_id,)).fetchone()
        if row["pid"] is None:
            db.execute("UPDATE jobs SET state = 'cancelled' WHERE id = ?", (comparison_id,))
    if row["pid"] is not None:
        gone = (engine or LocalEngine()).stop(Handle(row["pid"], row["mark"]))
        if not gone:
            raise StoreError(f"Some process of {comparison_id} could not be ended (group {row['pid']}).", "End it by hand.")
    with store.database.read() as db:
        ended = db.execute("SELECT status FROM comparisons WHERE id = ?", (comparison_id,)).fetchone()["status"]
    if ended in (*ACTIVE, "interrupted"):
        store.close(comparison_id, "cancelled")
    return status(store, comparison_id)


def remove(store: Store, comparison_id: str) -> None:
    """Delete a comparison that nobody runs or scores.

    Raises:
        StoreError: somebody does, or it is not there.
    """
    if status(store, comparison_id).active:
        raise StoreError(f"{comparison_id} is still running.", "Stop it first.")
    with alone(store.folder(comparison_id)):
        store.delete(comparison_id)


def listing(store: Store, owner: str | None = None) -> list[dict[str, Any]]:
    """All comparisons, the newest first, each {id, name, status, created, finished, verdict, reason, owner}."""
    lost.refresh(store)
    with store.database.read() as db:
        rows = db.execute(
            "SELECT c.*, j.state FROM comparisons c LEFT JOIN jobs j ON j.id = c.id WHERE ? IS NULL OR c.owner = ? ORDER BY c.id DESC",
            (owner, owner),
        ).fetchall()
    keys = ("id", "name", "status", "created", "finished", "verdict", "reason", "owner")
    return [{**{key: row[key] for key in keys}, "status": row["state"] if row["state"] in ACTIVE else row["status"]} for row in rows]


def waiting(store: Store) -> list[str]:
    """Ids of queued jobs, the oldest first."""
    lost.refresh(store)
    with store.database.read() as db:
        return _queue(db)


def _queue(db: sqlite3.Connection) -> list[str]:
    return [row["id"] for row in db.execute("SELECT id FROM jobs WHERE state = 'queued' ORDER BY ticket")]


def _next_ticket(db: sqlite3.Connection) -> int:
    return int(db.execute("SELECT coalesce(max(ticket), 0) + 1 FROM jobs").fetchone()[0])
