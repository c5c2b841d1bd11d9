"""The fold about statistics: pairs by a metric, what the test set could show, seeds, groups, and the A/A run."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from ui.context import Context
from ui.folds.filling import fill
from ui.handlers import statistics
from ui.handlers.compare import Shown
from ui.markup import render
from ui.shared import Shared

TITLE = "Statistics"
KEY = "statistics"


class Parts(NamedTuple):
    metric: gr.Dropdown
    view: gr.HTML
    target: gr.Number
    needed: gr.HTML
    method: gr.Dropdown
    run: gr.Button
    said: gr.HTML
    formats: gr.HTML
    ask: gr.Button


def build(shared: Shared, fold: gr.Accordion) -> None:
    """Lay it out and wire it."""
    parts = _lay_out()
    fill(shared, fold, _open, [shared.shown, parts.metric], [*parts])
    shared.on(parts.metric.input, _open, [shared.shown, parts.metric], [*parts])
    for listen in (parts.target.input, parts.target.submit):
        shared.on(listen, statistics.needed, [shared.shown, parts.metric, parts.target], parts.needed)

    def twice(ctx: Context, shown: Shown, method: str | None) -> list[Any]:
        started = statistics.twice(ctx, shown, method or "")
        if not started.id:
            return [gr.skip(), gr.skip(), started.said]
        return [started.id, gr.Timer(active=True), render("caption", text="Started; its progress stands under the header.")]

    def ask(ctx: Context, shown: Shown) -> list[Any]:
        started, said = statistics.more_formats(ctx, shown)
        return [started or gr.skip(), gr.Timer(active=True) if started else gr.skip(), said]

    shared.on(parts.ask.click, ask, shared.shown, [shared.running, shared.tick, parts.formats], show_progress="minimal")
    shared.on(parts.run.click, twice, [shared.shown, parts.method], [shared.running, shared.tick, parts.said], show_progress="minimal")


def _lay_out() -> Parts:
    metric = gr.Dropdown([], label="Metric", elem_id="statistics_metric", interactive=True)
    view = gr.HTML(elem_id="statistics_view")
    with gr.Row(equal_height=False):
        target = gr.Number(
            None,
            label="Items needed for a difference of",
            info="Between methods like the two best.",
            minimum=0,
            elem_id="statistics_target",
        )
        needed = gr.HTML(elem_id="statistics_needed", min_width=240)
    with gr.Row(equal_height=True, elem_id="statistics_aa_row"):
        method = gr.Dropdown(
            [],
            label="The same method twice",
            info="Under another seed: what the two differ by is noise.",
            elem_id="statistics_aa_method",
            interactive=True,
            scale=4,
            min_width=260,
        )
        run = gr.Button("Run A/A", elem_id="statistics_aa", min_width=120, scale=1)
    said = gr.HTML(elem_id="statistics_said")
    formats = gr.HTML(elem_id="statistics_formats")
    with gr.Row(elem_id="statistics_asking"):
        ask = gr.Button("Ask in two more formats", elem_id="statistics_ask", size="sm", min_width=240, scale=0)
    return Parts(metric, view, target, needed, method, run, said, formats, ask)


def _open(ctx: Context, shown: Shown, metric: str | None) -> list[Any]:
    found = statistics.fold(ctx, shown, metric or "")
    return [
        gr.update(choices=found.metrics, value=found.metric or None),
        found.html,
        found.target,
        found.needed,
        gr.update(choices=found.methods, value=found.method or None, interactive=bool(found.methods)),
        gr.update(interactive=bool(found.methods)),
        render("caption", text=found.why_not) if found.why_not else "",
        statistics.formats(ctx, shown),
        gr.update(interactive=statistics.can_ask(ctx, shown)),
    ]
