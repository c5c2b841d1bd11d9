"""The fold about leaks: test items that stand elsewhere, with both texts, and the numbers without them in one click."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from ui.context import Context
from ui.folds.filling import fill
from ui.handlers import dataguard
from ui.handlers.compare import Shown
from ui.shared import TO_TOP, Shared

TITLE = "Data guard"
KEY = "dataguard"


class Parts(NamedTuple):
    view: gr.HTML
    row: gr.Row
    leaked: gr.Button
    listed: gr.Button
    again: gr.Button
    said: gr.HTML


def build(shared: Shared, fold: gr.Accordion) -> None:
    """Lay it out and wire it."""
    with gr.Row(visible=False, elem_id="dataguard_row") as row:
        leaked = gr.Button("", elem_id="dataguard_leaked", min_width=280, scale=0)
        listed = gr.Button("", elem_id="dataguard_listed", min_width=280, scale=0)
        again = gr.Button("Use all items again", elem_id="dataguard_again", min_width=180, scale=0)
    said = gr.HTML(elem_id="dataguard_said")
    view = gr.HTML(elem_id="dataguard_view")
    parts = Parts(view, row, leaked, listed, again, said)
    fill(shared, fold, _open, shared.shown, [*parts])
    for button, which in zip((leaked, listed, again), dataguard.CHOICES, strict=True):
        changed = shared.on(button.click, _without(which), shared.shown, [shared.shown, said], show_progress="minimal")
        changed.then(None, shared.shown, None, js=_to_top_if_own(), api_visibility="private")


def _to_top_if_own() -> str:
    """A comparison of one's own shows its new verdict above; an example shows the numbers beside the button."""
    return f"(shown) => {{ if (document.querySelector('#guard_numbers') === null) ({TO_TOP})(); }}"


def _open(ctx: Context, shown: Shown) -> list[Any]:
    found = dataguard.fold(ctx, shown)
    offered = [gr.update(visible=bool(n), value=text) for n, text in _buttons(found)]
    return [
        found.html,
        gr.update(visible=bool(found.leaked or found.listed or found.out)),
        *offered,
        gr.update(visible=bool(found.out)),
        "",
    ]


def _buttons(found: dataguard.Fold) -> list[tuple[int, str]]:
    def items(n: int) -> str:
        return f"{n} item" if n == 1 else f"{n} items"

    return [
        (found.leaked, f"Leave out the {items(found.leaked)} still given away"),
        (found.listed, f"Leave out all {items(found.listed)} that were found"),
    ]


def _without(which: str) -> Any:
    def recompute(ctx: Context, shown: Shown) -> list[Any]:
        done = dataguard.without(ctx, shown, which)
        return [done.shown or gr.skip(), done.html]

    return recompute
