"""The statistics fold: every pair by a metric, what this test set could show, and the same method run twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from comparison import formats as format_run
from comparison.aa import choices, twins
from comparison.noise import item_sampling
from comparison.plan import Plan, read_plan
from core.errors import BakeoffError, PlanError
from ui import pairs, present
from ui.context import Context
from ui.costs import answering_s
from ui.figures import decimals, duration
from ui.handlers import again, library, runs
from ui.handlers.compare import Shown, locate
from ui.markup import note, render
from ui.task import Task

FROZEN = "A shared result cannot be run again; run an example or a comparison of your own twice."


class Fold(NamedTuple):
    """What stands in the fold.

    Attributes:
        html: all about the chosen metric.
        metrics, metric: choices as (label, name), and the chosen one.
        target: a difference to begin with, for `needed`.
        methods, method: those that can be run twice, and the first choice.
        why_not: why none can; "" otherwise.
    """

    html: str
    metrics: list[tuple[str, str]]
    metric: str
    target: float | None
    needed: str
    methods: list[tuple[str, str]]
    method: str
    why_not: str


class Started(NamedTuple):
    """`id` of the run that was started, or "" where none was needed or possible; `said` is HTML."""

    id: str
    said: str


def fold(ctx: Context, shown: Shown, metric: str = "") -> Fold:
    """Everything in the fold; an unknown metric falls back to the primary one.

    Raises:
        StoreError: what is shown is not there, or not this visitor's.
    """
    report = locate(ctx, shown).report
    names = present.metric_names(report)
    if not names:
        return Fold(render("empty", text="No method has scores, so there is nothing to compare."), [], "", None, "", [], "", FROZEN)
    chosen = metric if metric in names else names[0]
    shown_pairs = render("statistics", section=pairs.section(report, chosen), metric=present.metric_label(chosen))
    target = pairs.suggested(report, chosen)
    methods, first, why_not = _twins_on_offer(ctx, shown, report)
    labels = [(present.metric_label(name), name) for name in names]
    return Fold(shown_pairs, labels, chosen, target, needed(ctx, shown, chosen, target), methods, first, why_not)


def needed(ctx: Context, shown: Shown, metric: str, target: float | None) -> str:
    """How many items a difference takes, as HTML."""
    return render("caption", text=pairs.needed(locate(ctx, shown).report, metric, target))


def _plan(ctx: Context, shown: Shown) -> tuple[Task, Plan]:
    """The task and plan behind what is shown.

    Raises:
        PlanError: it is a frozen result of somebody else's, or its plan cannot be read any more.
    """
    if shown.kind not in ("example", "comparison"):
        raise PlanError(FROZEN, "")
    task = library.task_behind(ctx, shown)
    return task, read_plan(task.plan([dict(method) for method in task.methods], list(task.metrics)), Path(task.base))


def _twins_on_offer(ctx: Context, shown: Shown, report: present.Report) -> tuple[list[tuple[str, str]], str, str]:
    try:
        _, plan = _plan(ctx, shown)
    except BakeoffError as error:
        return [], "", str(error)
    able = choices(plan.methods)
    costs = {method["name"]: method.get("cost") or {} for method in report["methods"]}
    offered = []
    for spec in plan.methods:
        label = present.method_label({"name": spec.name, "kind": spec.kind})
        hint = _took(costs.get(str(spec.name), {})) if spec.name in able else "always answers the same"
        offered.append((f"{label} · {hint}" if hint else label, str(spec.name)))
    return offered, able[0] if able else str(plan.methods[0].name), ""


def _took(cost: Mapping[str, Any]) -> str:
    seconds = (cost.get("prepare_s") or 0.0) + (answering_s(cost) or 0.0)
    return f"one run took {duration(seconds)}" if seconds else ""


def formats(ctx: Context, shown: Shown) -> str:
    """Scores in each prompt format, or that there is one, as HTML."""
    found = locate(ctx, shown)
    section = found.report.get("prompt_format") or {}
    if not section:
        return render("empty", text="No method has prompts, so there is no prompt format.")
    labels = {method["name"]: present.method_label(method) for method in found.report["methods"]}
    info = present.infos(found.report).get(section.get("metric", "")) or {}
    digits = decimals([], float(info.get("low", 0.0)), float(info.get("high", 1.0)))
    rows = [
        {
            "label": labels.get(name, name),
            "means": [f"{mean:.{digits}f}" for mean in row["means"].values()],
            "spread": f"{row['high'] - row['low']:.{digits}f}",
        }
        for name, row in section.get("methods", {}).items()
    ]
    numbers, metric = list(section.get("best", ())), present.metric_label(section.get("metric", ""))
    said = render("formats", rows=rows, numbers=numbers, metric=metric, statement=present.in_words(section["statement"]))
    return said + again.ending(found, shown, format_run.COMMAND) + note(again.why_not(ctx, shown, _no_prompts))


def _no_prompts(report: Mapping[str, Any]) -> str:
    return "" if report.get("prompt_format") else "No method of this comparison has prompts."


def can_ask(ctx: Context, shown: Shown) -> bool:
    return not again.why_not(ctx, shown, _no_prompts)


def more_formats(ctx: Context, shown: Shown) -> tuple[str, str]:
    """Start asking in the other formats and say so: the id to follow, "" where it could not be started; and HTML."""
    return again.started(ctx, shown, format_run.COMMAND, _no_prompts)


def twice(ctx: Context, shown: Shown, method: str) -> Started:
    """Start an A/A run of a method; where it would answer the same again, say that instead."""
    try:
        task, plan = _plan(ctx, shown)
        found = twins(plan, method or None)
        if found.mapping is None:
            text = found.why + item_sampling(locate(ctx, shown).report, found.method)
            return Started("", note(present.in_words(text)))
        return Started(runs.start(ctx, task, found.mapping), "")
    except BakeoffError as error:
        return Started("", render("problem", message=error.message, remedy=error.remedy))
