"""Starting, following and stopping a run. The run is the command that a person could type, in its own process group; here is only asked how it is."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from comparison import jobs, judge_key
from comparison.database import ACTIVE
from comparison.engines.local import LocalEngine
from comparison.judging import check_server
from comparison.pairing import refuse_files
from comparison.plan import read_plan
from comparison.ready import make_ready
from comparison.stopped import Stopped, keep
from comparison.sweep_run import of_result as sweep_of
from core.errors import BakeoffError, PlanError
from ui import progress, uploads
from ui.context import Context
from ui.handlers.compare import own
from ui.markup import render
from ui.task import Task

MOST_ACTIVE, MOST_ACTIVE_SHARED = 20, 3
"""Runs of one owner that may run or wait at once: on a machine of one's own, and where many share it."""


class Look(NamedTuple):
    """How a run is at this moment.

    Attributes:
        lines: HTML, one line for each method.
        strip: the run in one line.
        over: nothing more will happen.
        readable: there is a report to show.
        note: why it ended without a result, with the remedy; "" otherwise.
        edition: how many reports there are: a further step on the same comparison writes another.
    """

    lines: str
    strip: str
    over: bool
    readable: bool
    note: str
    edition: int = 0


def start(ctx: Context, task: Task, plan: Mapping[str, Any], key: str = "") -> str:
    """Start a plan in the owner's name; its comparison's id. Whatever can be known wrong before is refused here, and nothing is stored.

    Args:
        key: for a judge behind a server; it goes into the run's environment and is kept nowhere.

    Raises:
        BakeoffError: the plan or the data is wrong.
    """
    if not task.ready:
        raise PlanError("There is nothing to run on: no task is chosen.", "Open an example, or bring data on the Data tab.")
    read = read_plan(plan, Path(task.base))
    store = ctx.store
    room(ctx)
    if read.spec.judge is not None:
        check_server(read.spec.judge, public=ctx.settings.public)
    refuse_files(read, public=ctx.settings.public, own=partial(uploads.is_own, ctx))
    make_ready(read, store.models)
    engine = LocalEngine(judge_key.for_child(read.mapping.get("judge"), key, public=ctx.settings.public))
    return jobs.submit(store, read, ctx.owner, engine).id


def room(ctx: Context) -> None:
    """Raises:
    PlanError: as many runs of this owner as may wait do so already.
    """
    most = MOST_ACTIVE_SHARED if ctx.settings.public else MOST_ACTIVE
    active = sum(row["status"] in ACTIVE for row in jobs.listing(ctx.store, ctx.owner))
    if active >= most:
        raise PlanError(f"At most {most} runs of yours may run or wait at once; {active} do.", "Wait for one of them, or stop one.")


def look(ctx: Context, comparison_id: str) -> Look:
    """Where a run of this owner is.

    Raises:
        StoreError: there is no such run.
    """
    result = own(ctx, comparison_id)
    job = jobs.status(ctx.store, comparison_id)
    run = progress.follow(result.events())
    name = run.name or str(result.card().get("name", ""))
    run = run._replace(name=name, status=job.state, queued=job.position)
    over = not job.active
    readable = over and bool(result.report_names())
    swept = sweep_of(result) if over and not readable else None
    return Look(
        render("progress", run=run),
        progress.strip(run),
        over,
        readable,
        _note(job.state, run.reason or job.reason, readable) if over and swept is None else "",
        len(result.report_names()),
    )


def _note(status: str, reason: str, readable: bool) -> str:
    """Why there is no result, or no further one: a step that failed leaves the comparison as it was, with its reason."""
    return (reason if status == "done" else "") if readable else _ending(status, reason)


def _ending(status: str, reason: str) -> str:
    said = {"cancelled": "The run was stopped.", "interrupted": "The run was interrupted."}.get(status, "The run failed.")
    remedy = "Resume it from the Library tab." if status in ("cancelled", "interrupted") else ""
    return " ".join(part for part in (said, reason, remedy) if part)


def left_behind(ctx: Context) -> str:
    """What to say to an owner whose newest run was interrupted and has not been taken up again; "" otherwise."""
    newest = next(iter(jobs.listing(ctx.store, ctx.owner)), None)
    if newest is None or newest["status"] != "interrupted":
        return ""
    return f"{newest['name']}: {_ending('interrupted', newest['reason'])}"


def stop(ctx: Context, comparison_id: str) -> list[Stopped]:
    """End a run of this owner; its group is empty within 10 s. What its fine-tunes had trained is kept as weights."""
    own(ctx, comparison_id)
    jobs.stop(ctx.store, comparison_id)
    try:
        return keep(ctx.store, comparison_id)
    except BakeoffError:  # the data or the model are not there any more; the checkpoints stay
        return []


def going_on(ctx: Context) -> str:
    """The id of this owner's newest run that has not ended, or ""."""
    active = [str(row["id"]) for row in jobs.listing(ctx.store, ctx.owner) if row["status"] in ACTIVE]
    return active[0] if active else ""
