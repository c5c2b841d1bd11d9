"""The fold about forgetting: general questions before and after training, and what was gained on the task for what was lost."""

from __future__ import annotations

from typing import Any

import gradio as gr

from ui.context import Context
from ui.folds.filling import fill
from ui.handlers import forgetting
from ui.handlers.compare import Shown
from ui.shared import Shared

TITLE = "Forgetting"
KEY = "forgetting"


def build(shared: Shared, fold: gr.Accordion) -> None:
    """Lay it out and wire it."""
    plot = gr.Plot(show_label=False, visible=False, elem_id="forgetting_chart")
    page = gr.HTML(elem_id="forgetting_page")
    with gr.Row(elem_id="forgetting_asking"):
        ask = gr.Button("Ask general questions", elem_id="forgetting_ask", size="sm", min_width=220, scale=0)
    said = gr.HTML(elem_id="forgetting_said")

    def show(ctx: Context, shown: Shown) -> list[Any]:
        view = forgetting.view(ctx, shown)
        return [gr.update(value=view.figure, visible=view.figure is not None), view.html, gr.update(interactive=view.can_ask), view.said]

    fill(shared, fold, show, shared.shown, [plot, page, ask, said])

    def start(ctx: Context, shown: Shown) -> list[Any]:
        started, told = forgetting.started(ctx, shown)
        return [started or gr.skip(), gr.Timer(active=True) if started else gr.skip(), told]

    shared.on(ask.click, start, shared.shown, [shared.running, shared.tick, said], show_progress="minimal")
