"""The fold with the learning curve: over shots or training rows, started on demand."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ui.context import Context
from ui.folds.filling import fill
from ui.handlers import learning
from ui.handlers.compare import Shown
from ui.shared import Shared

TITLE = "Learning curve"
KEY = "curve"


def build(shared: Shared, fold: gr.Accordion) -> None:
    """Lay it out and wire it."""
    with gr.Row(equal_height=True, elem_id="curve_row"):
        over = gr.Radio(list(learning.CHOICES.items()), value="shots", label="Over", elem_id="curve_over", scale=3, min_width=220)
        metric = gr.Dropdown([], label="Quality", visible=False, elem_id="curve_metric", interactive=True, scale=2, min_width=160)
        run = gr.Button("Run the curve", elem_id="curve_run", scale=0, min_width=150)
    said = gr.HTML(elem_id="curve_said")
    view = gr.HTML(elem_id="curve_view")
    plot = gr.Plot(show_label=False, visible=False, elem_id="curve_chart")

    def show(ctx: Context, shown: Shown, over: str, metric: str | None) -> list[Any]:
        found = learning.fold(ctx, shown, over, metric or "")
        choices = gr.update(choices=found.metrics, value=found.metric or None, visible=len(found.metrics) > 1)
        return [
            found.html,
            choices,
            gr.update(value=found.figure, visible=found.figure is not None),
            gr.update(visible=found.can_start),
            "",
        ]

    inputs, outputs = [shared.shown, over, metric], [view, metric, plot, run, said]
    fill(shared, fold, show, inputs, outputs)
    for control in (over, metric):
        shared.on(control.input, show, inputs, outputs)

    def start(ctx: Context, shown: Shown, over: str) -> list[Any]:
        started = learning.start(ctx, shown, over)
        if not started.id:
            return [gr.skip(), gr.skip(), started.said]
        return [started.id, gr.Timer(active=True), started.said]

    shared.on(run.click, start, [shared.shown, over], [shared.running, shared.tick, said], show_progress="minimal")
