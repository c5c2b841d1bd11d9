"""The folds of the Compare tab below the items: one file each, in the order in which they stand on the page.

A fold module has `TITLE`, `KEY` (its element is `<KEY>_fold`) and `build(shared, fold)`, which lays it out and wires it. A fold costs nothing
until it is opened: it fills itself by `fill`, and is closed and emptied when another result is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import gradio as gr

from ui.context import Context
from ui.guard import Handler
from ui.shared import Shared

FOLDS: tuple[ModuleType, ...] = ()


def build(shared: Shared) -> None:
    """All folds, closed."""
    for module in FOLDS:
        with gr.Accordion(module.TITLE, open=False, elem_id=f"{module.KEY}_fold") as fold:
            module.build(shared, fold)


def fill(shared: Shared, fold: gr.Accordion, handler: Handler, inputs: Any, outputs: Sequence[Any]) -> None:
    """Fill the outputs by `handler` when the fold is opened, and close the fold when another result is shown."""
    shared.on(fold.expand, handler, inputs, list(outputs))

    def close(ctx: Context) -> Any:
        return gr.update(open=False)

    shared.on(shared.shown.change, close, None, fold)
