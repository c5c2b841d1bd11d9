"""The right side of the Fine-tuning tab: loss curves, the figures of this moment, what the doctor says, and further curves in a fold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import gradio as gr

from ui import charts, traincharts
from ui.handlers import live
from ui.markup import render
from ui.progress import Curve

NO_CURVES = "Loss curves appear here with the first training steps."
NO_STEPS = "There are no curves of this fine-tune: it was fitted in one go, without steps."


class LiveParts(NamedTuple):
    """`outputs` is what `drawn` and `told` give updates of, in that order."""

    empty: gr.HTML
    plot: gr.Plot
    fold: gr.Accordion
    more: gr.Plot
    now: gr.HTML
    advice: gr.HTML

    @property
    def outputs(self) -> list[Any]:
        return list(self)


def build() -> LiveParts:
    """Lay it out."""
    advice = gr.HTML(elem_id="tune_advice")
    empty = gr.HTML(render("empty", text=NO_CURVES), elem_id="tune_empty")
    plot = gr.Plot(show_label=False, visible=False, elem_id="tune_plot")
    now = gr.HTML(elem_id="tune_now")
    with gr.Accordion("More curves", open=False, visible=False, elem_id="tune_more_fold") as fold:
        more = gr.Plot(show_label=False, elem_id="tune_more")
    return LiveParts(empty, plot, fold, more, now, advice)


def drawn(curve: Curve, empty: str = NO_CURVES) -> list[Any]:
    """Updates of the place without curves, and of the curves.

    Args:
        empty: what stands there without curves.
    """
    some = bool(curve)
    return [
        gr.update(visible=not some, value=render("empty", text=empty)),
        gr.update(value=charts.loss(curve) if some else None, visible=some),
        gr.update(visible=some),
        traincharts.details(curve) if some else None,
    ]


def told(curve: Curve, texts: Sequence[str], eta_s: float | None = None) -> list[str]:
    """Updates of the figures and of the advice."""
    return [live.figures(curve, eta_s), live.advice(texts)]
