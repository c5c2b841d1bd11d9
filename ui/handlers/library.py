"""The Library tab: this owner's comparisons, to open, clone, delete and share."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

from comparison import jobs, judge_key
from comparison.engines.local import LocalEngine
from comparison.judge_spec import kept_section
from comparison.sweep_run import of_result as sweep_of
from core.errors import StoreError
from ui.context import Context
from ui.handlers import examples
from ui.handlers.compare import Shown, own
from ui.present import in_words
from ui.task import Task, from_plan


class Row(NamedTuple):
    """One comparison."""

    id: str
    name: str
    created: str
    status: str
    verdict: str


def rows(ctx: Context) -> list[Row]:
    """This owner's comparisons, newest first."""
    found = jobs.listing(ctx.store, ctx.owner)
    return [Row(r["id"], r["name"], _when(r["created"]), r["status"], in_words(r.get("verdict") or "")) for r in found]


def _when(created: float | str) -> str:
    return created if isinstance(created, str) else time.strftime("%Y-%m-%d %H:%M", time.localtime(created))


def line(row: Row) -> str:
    """A comparison as one entry of the list: the first line names it, the second says what came out."""
    return f"{row.name} · {row.created} · {row.status}" + (f"\n{row.verdict}" if row.verdict else "")


def readable(ctx: Context, comparison_id: str) -> None:
    """Refuse to open what has no result.

    Raises:
        StoreError: it has no report yet, is not there, or is not this owner's.
    """
    result = own(ctx, comparison_id)
    if sweep_of(result) is not None:
        raise StoreError(
            "A sweep asks no test items, so it has no result to open.", "Its table stands on the Fine-tuning tab, under Sweep."
        )
    result.report()


def resume(ctx: Context, comparison_id: str, key: str = "") -> None:
    """Go on with a comparison that was stopped or interrupted.

    Args:
        key: for a judge behind a server.

    Raises:
        StoreError: it is running, or done.
    """
    result = own(ctx, comparison_id)
    status = jobs.status(ctx.store, comparison_id)
    if status.state == "done":
        raise StoreError("This comparison is done already.", "Open it, or clone it to change something.")
    section = kept_section(result.folder, result.plan())
    jobs.resume(ctx.store, comparison_id, LocalEngine(judge_key.for_child(section, key, public=ctx.settings.public)))


def clone(ctx: Context, comparison_id: str) -> Task:
    """The plan of a comparison as the current task, so that it can be changed and run again."""
    result = own(ctx, comparison_id)
    return from_plan(result.plan(), Path(result.folder))


def task_behind(ctx: Context, shown: Shown) -> Task:
    """The task that goes with what is shown; for a frozen result of somebody else's, the first example."""
    if shown.kind == "comparison":
        return clone(ctx, shown.key)
    known = examples.names(ctx.settings.examples)
    name = shown.key if shown.kind == "example" else next(iter(known), "")
    return examples.task(ctx, name) if name else Task()


def delete(ctx: Context, comparison_id: str) -> None:
    """Remove a comparison with its answers and links. Prepared indexes and weights stay: others may use them.

    Raises:
        StoreError: it is running, not there, or not this owner's.
    """
    own(ctx, comparison_id)
    jobs.remove(ctx.store, comparison_id)
