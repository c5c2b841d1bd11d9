"""How a fold of the Compare tab fills itself. It stands apart from the list of folds, so that folds and list do not import each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from ui.context import Context
from ui.guard import Handler
from ui.shared import Shared


def fill(shared: Shared, fold: gr.Accordion, handler: Handler, inputs: Any, outputs: Sequence[Any]) -> None:
    """Fill the outputs by `handler` when the fold is opened, and close the fold when another result is shown."""
    shared.on(fold.expand, handler, inputs, list(outputs))

    def close(ctx: Context) -> Any:
        return gr.update(open=False)

    shared.on(shared.shown.change, close, None, fold)
