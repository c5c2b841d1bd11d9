"""The fold about groundedness: how much of the answers stands in the passages that they were given."""

from __future__ import annotations

import gradio as gr

from ui.folds.filling import fill
from ui.handlers import groundedness
from ui.shared import Shared

TITLE = "Groundedness"
KEY = "groundedness"


def build(shared: Shared, fold: gr.Accordion) -> None:
    """Lay it out and wire it."""
    page = gr.HTML(elem_id="groundedness_page")
    fill(shared, fold, groundedness.view, shared.shown, [page])
