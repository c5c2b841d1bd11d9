"""How a run ends, whatever ends it: the database and the log learn it, and a run that was cut off behind its report is set right later."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from comparison import event_log, jobs, lines
from comparison.events import Event, Finished
from comparison.plan import Plan
from comparison.store import Store
from core.errors import BakeoffError, Cancelled, StoreError


def until_the_end(plan: Plan, store: Store, comparison_id: str, steps: Iterator[Event]) -> Iterator[Event]:
    """The events of a run, kept in its log. What breaks it off is noted, and raised again."""
    log = event_log.kept(store.folder(comparison_id), steps)
    try:
        yield from log
    except Exception as error:
        status = "cancelled" if isinstance(error, Cancelled) else "failed"
        reason = plan.without_paths(str(error) if isinstance(error, BakeoffError) else f"A bug: {type(error).__name__}: {error}")
        _note(store, Finished(comparison_id, status, reason=reason))
        raise


def _note(store: Store, last: Finished) -> None:
    try:
        store.close(last.id, last.status, reason=last.reason, unless_ended=True)
        event_log.add(store.folder(last.id), last)
    except StoreError as error:
        # A full disk has no room for its own obituary; the dead process is then found out as interrupted.
        logging.getLogger(__name__).warning("Could not note how %s ended: %s", last.id, error.message)


def settle(store: Store, comparison_id: str) -> Iterator[Finished]:
    """The last steps of a run that was cut off behind its report: database and events learn how it ended. Does nothing for others."""
    found, own = jobs.status(store, comparison_id), jobs.own_handle()
    if found.state in ("done", "failed") or (found.active and found.pid not in (None, own.pid)):
        return
    jobs.requeue(store, comparison_id, own)
    result = store.result(comparison_id)
    name = result.report_names()[-1]
    report = result.report(name)
    last = Finished(comparison_id, report["status"], report["verdict"]["text"], name)
    lines.heal(result.folder / event_log.NAME)
    if next(reversed(list(result.events())), None) != last:
        event_log.add(result.folder, last)
    store.close(comparison_id, last.status, last.verdict)
    yield last
