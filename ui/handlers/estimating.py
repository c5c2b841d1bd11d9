"""What a fine-tune will take, asked on the page before it is launched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from comparison.estimating import MethodEstimate, estimates
from comparison.events import Progressed
from comparison.pairing import refuse_files
from comparison.plan import read_plan
from comparison.ready import make_ready
from core.errors import PlanError
from ui import uploads
from ui.context import Context
from ui.markup import render
from ui.task import Task

BEGUN = "Loading the model and taking a few steps."


def estimate(ctx: Context, task: Task, kind: str, settings: Mapping[str, Any]) -> Iterator[str]:
    """How far it is, and at last the estimate, as HTML.

    Raises:
        BakeoffError: a setting, the data or the model is wrong, or the measured steps had no memory.
    """
    if not task.ready:
        raise PlanError("There is nothing to train on: no task is chosen.", "Open an example, or bring data on the Data tab.")
    yield render("caption", text=BEGUN)
    plan = read_plan(task.plan([{"kind": kind, **settings}], list(task.metrics)), Path(task.base))
    refuse_files(plan, public=ctx.settings.public, own=partial(uploads.is_own, ctx))
    for step in estimates(ctx.store, make_ready(plan, ctx.store.models)):
        if isinstance(step, MethodEstimate):
            remedy = step.estimate.remedy if step.estimate else ""
            yield render("estimate", words=step.words, trained=step.estimate is None, remedy=remedy)
        elif isinstance(step, Progressed):
            yield render(
                "caption", text=f"{step.stage.capitalize()} {step.done}/{step.total} {step.unit}" if step.total else step.stage.capitalize()
            )
