"""The folds of the Compare tab below the items: one file each, in the order in which they stand on the page.

A fold module has `TITLE`, `KEY` (its element is `<KEY>_fold`) and `build(shared, fold)`, which lays it out and wires it. A fold costs nothing
until it is opened: it fills itself by `filling.fill`, and is closed and emptied when another result is shown.
"""

from __future__ import annotations

from types import ModuleType

import gradio as gr

from ui.folds import costs, curve, dataguard, errors, forgetting, groundedness, judge, people, statistics
from ui.shared import Shared

FOLDS: tuple[ModuleType, ...] = (errors, groundedness, judge, people, dataguard, forgetting, costs, curve, statistics)


def build(shared: Shared) -> None:
    """All folds, closed."""
    for module in FOLDS:
        with gr.Accordion(module.TITLE, open=False, elem_id=f"{module.KEY}_fold") as fold:
            module.build(shared, fold)
