"""The Library tab: this owner's comparisons, to open, clone, delete and share."""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

from ui.context import Context
from ui.handlers.compare import own
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
    from comparison import jobs

    found = jobs.listing(ctx.store, ctx.owner)
    return [Row(r["id"], r["name"], _when(r["created"]), r["status"], r.get("verdict") or "") for r in found]


def _when(created: float | str) -> str:
    return created if isinstance(created, str) else time.strftime("%Y-%m-%d %H:%M", time.localtime(created))


def clone(ctx: Context, comparison_id: str) -> Task:
    """The plan of a comparison as the current task, so that it can be changed and run again."""
    result = own(ctx, comparison_id)
    return from_plan(result.plan(), Path(result.folder))


def delete(ctx: Context, comparison_id: str) -> None:
    """Remove a comparison with its answers and links. Prepared indexes and weights stay: others may use them."""
    own(ctx, comparison_id)
    ctx.store.delete(comparison_id)
