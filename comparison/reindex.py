"""The database anew from the folders: for a lost or damaged `bakeoff.db`, or folders that were copied in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from comparison import events, process, share
from comparison.answers import read_answers
from comparison.result import CARD, Result
from comparison.store import ID_PATTERN, Store
from core.errors import StoreError

Rows = dict[str, list[tuple[Any, ...]]]


def reindex(store: Store) -> int:
    """Enter every comparison's folder into the database; how many there were. Jobs that live keep their state."""
    count = 0
    for folder in sorted(p for p in store.comparisons.iterdir() if ID_PATTERN.match(p.name)):
        if not (folder / CARD).exists():
            continue
        _enter(store, folder)
        count += 1
    return count


def _enter(store: Store, folder: Path) -> None:
    result = Result(folder)
    card = result.card()
    status, verdict, reason = _ending(result)
    keys = _keys(result)
    with store.database.write() as db:
        job = db.execute("SELECT pid, mark, state FROM jobs WHERE id = ?", (folder.name,)).fetchone()
        if job is not None and job["state"] in ("queued", "running") and process.alive(job["pid"], job["mark"]):
            return
        row = (folder.name, card["name"], card["owner"], card["created"], card["plan_hash"], status, reason, verdict)
        db.execute(
            "INSERT INTO comparisons (id, name, owner, created, plan_hash, status, reason, verdict) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT(id) DO UPDATE SET status = excluded.status, reason = excluded.reason, verdict = excluded.verdict",
            row,
        )
        db.execute("UPDATE jobs SET state = ? WHERE id = ?", (status, folder.name))
        for table, rows in keys.items():
            if rows:
                known = " ON CONFLICT(digest) DO UPDATE SET revoked = max(revoked, excluded.revoked)" if table == "shares" else ""
                verb = "INSERT" if known else "INSERT OR IGNORE"
                db.executemany(f"{verb} INTO {table} VALUES ({', '.join('?' * len(rows[0]))}){known}", rows)


def _ending(result: Result) -> tuple[str, str, str]:
    """Status, verdict and reason, as the folder tells."""
    last = next((event for event in reversed(list(result.events())) if isinstance(event, (events.Finished, events.Started))), None)
    if isinstance(last, events.Finished):
        return last.status, last.verdict, last.reason
    try:
        report = result.report()
    except StoreError:
        return "interrupted", "", "It was stopped before it was done; resume goes on where it was."
    return report["status"], report["verdict"]["text"], ""


def _keys(result: Result) -> Rows:
    """Where batches, whole methods, scores and shares of this folder are found."""
    name = result.folder.name
    rows: Rows = {"batches": [], "method_keys": [], "score_keys": [], "shares": []}
    for path in sorted((result.folder / "answers").glob("*.jsonl*")):
        method = path.name.removesuffix(".gz").removesuffix(".jsonl")
        saved = read_answers(result.folder, method)
        rows["batches"] += [(key, name, method) for key in saved.batches]
        if saved.complete:
            rows["method_keys"].append((saved.head["method_key"], name, method))
    rows["score_keys"] = [(row["key"], name, row["method"], row["metric"]) for row in result.score_rows() if row["key"]]
    try:
        rows["shares"] = [tuple(found.values()) for found in share.saved(result.folder)]
    except (json.JSONDecodeError, AttributeError) as error:
        raise StoreError(f"{share.SHARES} of {name} cannot be read ({error}).", "Move it aside; its links are then closed.") from error
    return rows
