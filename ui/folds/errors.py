"""The fold about errors: why answers are wrong, where, and whether retriever or generator is to blame."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from ui.context import Context
from ui.folds.filling import fill
from ui.handlers import errors
from ui.handlers.compare import Shown
from ui.shared import Shared

TITLE = "Errors"
KEY = "errors"


class Parts(NamedTuple):
    figure: gr.Plot
    table: gr.HTML
    facet: gr.Dropdown
    metric: gr.Dropdown
    slices: gr.HTML
    ask: gr.Button
    oracle: gr.HTML


def build(shared: Shared, fold: gr.Accordion) -> None:
    """Lay it out and wire it."""
    parts = _lay_out()

    def show(ctx: Context, shown: Shown) -> list[Any]:
        view = errors.view(ctx, shown)
        return [
            gr.update(value=view.figure, visible=view.figure is not None),
            view.table,
            gr.update(choices=view.facets, value=view.facets[0] if view.facets else None, interactive=len(view.facets) > 1),
            gr.update(choices=view.metrics, value=view.metric or None),
            view.slices,
            gr.update(interactive=view.can_ask),
            view.oracle,
        ]

    fill(shared, fold, show, shared.shown, list(parts))

    def slice_again(ctx: Context, shown: Shown, facet: str | None, metric: str | None) -> str:
        return errors.slices(ctx, shown, facet or "", metric or "")

    for control in (parts.facet, parts.metric):
        shared.on(control.input, slice_again, [shared.shown, parts.facet, parts.metric], parts.slices)

    def ask(ctx: Context, shown: Shown) -> list[Any]:
        started, said = errors.started(ctx, shown)
        return [started or gr.skip(), gr.Timer(active=True) if started else gr.skip(), said]

    shared.on(parts.ask.click, ask, shared.shown, [shared.running, shared.tick, parts.oracle], show_progress="minimal")


def _lay_out() -> Parts:
    with gr.Column(elem_id="errors_causes"):
        figure = gr.Plot(show_label=False, elem_id="errors_map")
        table = gr.HTML(elem_id="errors_table")
    gr.HTML('<h3 class="bk-h">Slices</h3>')
    with gr.Row(equal_height=False, elem_id="errors_slicing"):
        facet = gr.Dropdown([], label="Cut the items by", elem_id="errors_facet", interactive=True, min_width=200)
        metric = gr.Dropdown([], label="Score", elem_id="errors_metric", interactive=True, min_width=200)
    slices = gr.HTML(elem_id="errors_slices")
    gr.HTML('<h3 class="bk-h">Retriever or generator?</h3>')
    oracle = gr.HTML(elem_id="errors_oracle")
    with gr.Row(elem_id="errors_asking"):
        ask = gr.Button("Ask again with the gold passage", elem_id="errors_ask", size="sm", min_width=240, scale=0)
    return Parts(figure, table, facet, metric, slices, ask, oracle)
