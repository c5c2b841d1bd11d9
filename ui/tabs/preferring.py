"""The fold of the Fine-tuning tab for kinds that learn from preferences: bring a file of pairs, and see its first ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from ui.context import Context
from ui.handlers import preferring
from ui.markup import render
from ui.shared import Shared
from ui.uploads import DATA_SUFFIXES

HELP = "A file with the columns prompt, chosen and rejected; it goes before a path that is typed in the settings."


class PreferringParts(NamedTuple):
    """`path` is that of the file as it was kept, "" without one."""

    fold: gr.Accordion
    file: gr.File
    view: gr.HTML
    path: gr.State


def build() -> PreferringParts:
    """Lay it out."""
    with gr.Accordion("Preference pairs", visible=False, elem_id="pairs_fold") as fold:
        gr.HTML(render("caption", text=HELP))
        file = gr.File(label="File of pairs", file_types=list(DATA_SUFFIXES), elem_id="pairs_file", height=120)
        view = gr.HTML(render("caption", text=preferring.SYNTHETIC), elem_id="pairs_view")
    return PreferringParts(fold, file, view, gr.State(""))


def wire(parts: PreferringParts, shared: Shared, kind: gr.Dropdown) -> None:
    """Show it for kinds with pairs, read what is brought, and forget it with the task."""

    def switch(ctx: Context, kind: str) -> Any:
        return gr.update(visible=preferring.takes_pairs(kind))

    shared.on(kind.change, switch, kind, parts.fold)

    def bring(ctx: Context, uploaded: str | None) -> list[Any]:
        return list(preferring.bring(ctx, uploaded))

    shared.on(parts.file.change, bring, parts.file, [parts.path, parts.view])

    def forget(ctx: Context) -> None:
        return None

    shared.on(shared.task.change, forget, None, parts.file)
