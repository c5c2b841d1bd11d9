"""The learning curve fold: the curve that a result has, and starting one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from comparison.curve import KIND, THINGS, curve_plan
from core.errors import BakeoffError, PlanError
from ui import costchart, present
from ui.context import Context
from ui.costs import answering_s, each
from ui.figures import about
from ui.handlers import library, runs
from ui.handlers.compare import Shown, locate
from ui.markup import note, render
from ui.present import Report

if TYPE_CHECKING:
    import plotly.graph_objects as go

CHOICES = {"Shots": "shots", "Training rows": "train_rows"}
NOTHING = {
    "shots": "No curve yet. It asks few-shot with 0, 1, 2, 4 and 8 demonstrations; what this result has answered already is found again.",
    "train_rows": "No curve yet. It trains LoRA on a quarter, half and all of the training rows; what is trained already is found again.",
}
FROZEN = "A frozen result has no data to run on; open an example or a comparison of your own."


class Fold(NamedTuple):
    """Attributes:
    figure: None where there is no curve to draw.
    can_start: whether a curve can be started from here.
    """

    html: str
    figure: go.Figure | None
    metrics: list[tuple[str, str]]
    metric: str
    can_start: bool


class Started(NamedTuple):
    """`id` of the run, or "" where it could not be started; `said` is HTML."""

    id: str
    said: str


def fold(ctx: Context, shown: Shown, over: str, metric: str = "") -> Fold:
    """The curve over shots or training rows by a metric.

    Raises:
        StoreError: what is shown is not there, or not this visitor's.
    """
    report = locate(ctx, shown).report
    over = over if over in KIND else "shots"
    can_start = shown.kind in ("example", "comparison")
    found = curve_in(report, over)
    if found is None:
        hint = _estimate(report, over) if can_start else ""
        return Fold(render("curve", empty=NOTHING[over] if can_start else FROZEN, hint=hint), None, [], "", can_start)
    names = list(found["metrics"])
    first = str((report.get("verdict") or {}).get("primary") or "")
    chosen = metric if metric in names else first if first in names else next(iter(names), "")
    one = found["metrics"].get(chosen) or {"points": [], "clause": ""}
    label, thing = present.metric_label(chosen), THINGS[over]
    clause = one["clause"][:1].upper() + one["clause"][1:]
    html = render("curve", empty="", hint="", clause=f"{clause}." if clause else "", rows=_rows(one["points"]), thing=thing, metric=label)
    figure = costchart.learning(one["points"], thing, label)
    return Fold(html, figure, [(present.metric_label(name), name) for name in names], chosen, can_start)


def curve_in(report: Report, over: str) -> Mapping[str, Any] | None:
    """The curve that a report is, or that was run beside it."""
    own = report.get("curve")
    if own and own["over"] == over:
        return dict(own)
    kept: Mapping[str, Any] | None = (report.get("curves") or {}).get(over)
    return kept


def _rows(points: list[Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    def interval(p: Mapping[str, Any]) -> str:
        return "–" if p["ci_low"] is None or p["ci_high"] is None else f"{p['ci_low']:.3f} to {p['ci_high']:.3f}"

    return [(f"{p['x']:,}", f"{p['mean']:.3f}", interval(p)) for p in points]


def _estimate(report: Report, over: str) -> str:
    """How long the new points may take, from what the nearest method took; "" where there is none."""
    wanted = [m for m in report["methods"] if m.get("kind") == KIND[over] and m["status"] == "done"]
    if not wanted:
        return ""
    cost, n = wanted[0].get("cost") or {}, wanted[0].get("n") or 0
    per = each(answering_s(cost), n)
    if per is None:
        return ""
    seconds = 4 * per * n if over == "shots" else 0.75 * float(cost.get("prepare_s") or 0.0) + 2 * per * n
    return f"On the machine that ran this result the new points would take about {about(seconds)}."


def start(ctx: Context, shown: Shown, over: str) -> Started:
    """Start a curve as a comparison of its own."""
    try:
        if shown.kind not in ("example", "comparison"):
            raise PlanError(FROZEN, "")
        task = library.task_behind(ctx, shown)
        rows = int(locate(ctx, shown).report["data"]["counts"]["train"])
        whole = task.plan([dict(method) for method in task.methods], list(task.metrics))
        plan = curve_plan(whole, over, rows, of=shown.key if shown.kind == "comparison" else "")
        return Started(
            runs.start(ctx, task, plan), note("Started; its progress stands under the header, and its result opens when it is done.")
        )
    except BakeoffError as error:
        return Started("", render("problem", message=error.message, remedy=error.remedy))
