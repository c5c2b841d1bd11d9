"""The fold about costs: prices and limits to try out, who is best within them, costs by method, and break-even."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from ui.context import Context
from ui.folds.filling import fill
from ui.handlers import costing
from ui.handlers.compare import Shown
from ui.handlers.costing import Given
from ui.shared import Shared

TITLE = "Costs"
KEY = "costs"


class Parts(NamedTuple):
    per_hour: gr.Number
    prompt: gr.Number
    completion: gr.Number
    currency: gr.Textbox
    seconds: gr.Number
    money: gr.Number
    said: gr.HTML
    view: gr.HTML
    plot: gr.Plot

    @property
    def fields(self) -> list[Any]:
        """What a `Given` is read from, in its order."""
        return [self.per_hour, self.prompt, self.completion, self.currency, self.seconds, self.money]


def build(shared: Shared, fold: gr.Accordion) -> None:
    """Lay it out and wire it."""
    parts = _lay_out()
    outputs = [parts.said, parts.view, parts.plot]

    def open_(ctx: Context, shown: Shown) -> list[Any]:
        found = costing.fold(ctx, shown)
        return [*found.given, found.said, found.view, found.figure]

    fill(shared, fold, open_, shared.shown, [*parts.fields, *outputs])

    def change(ctx: Context, shown: Shown, *given: Any) -> list[Any]:
        found = costing.fold(ctx, shown, Given(*given))
        return [found.said, found.view, found.figure]

    for field in parts.fields:
        for listen in (field.submit, field.blur):
            shared.on(listen, change, [shared.shown, *parts.fields], outputs)


def _lay_out() -> Parts:
    with gr.Row(equal_height=False, elem_id="costs_prices"):
        per_hour = _number("Price of an hour of the machine", "costs_per_hour")
        prompt = _number("Price of a million tokens read", "costs_prompt")
        completion = _number("Price of a million tokens written", "costs_completion")
        currency = gr.Textbox("EUR", label="Currency", max_length=8, elem_id="costs_currency", min_width=90, scale=1)
    with gr.Row(equal_height=False, elem_id="costs_limits"):
        seconds = _number("Most seconds for an answer", "costs_seconds")
        money = _number("Most money for 1,000 answers", "costs_money")
    said = gr.HTML(elem_id="costs_said")
    view = gr.HTML(elem_id="costs_view")
    plot = gr.Plot(show_label=False, elem_id="costs_chart")
    return Parts(per_hour, prompt, completion, currency, seconds, money, said, view, plot)


def _number(label: str, key: str) -> gr.Number:
    return gr.Number(None, label=label, minimum=0, elem_id=key, min_width=150, scale=2)
