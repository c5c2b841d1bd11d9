"""The part of the Data tab that looks for near duplicates, within the fold about the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import gradio as gr

from core.errors import BakeoffError
from ui.context import Context
from ui.handlers import neardata
from ui.handlers.data import Draft
from ui.markup import render
from ui.shared import MODEL_WORK, Shared
from ui.task import Task

BUSY = "Comparing all rows with the test items. The first time this loads the embedder, which takes some seconds."


class NearParts(NamedTuple):
    look: gr.Button
    drop: gr.Button
    view: gr.HTML


def build() -> NearParts:
    """Lay it out."""
    with gr.Row(elem_id="near_row"):
        look = gr.Button("Look for near duplicates", size="sm", elem_id="near_look", min_width=200, scale=0)
        drop = gr.Button("Use this data without them", size="sm", visible=False, elem_id="near_drop", min_width=220, scale=0)
    view = gr.HTML(elem_id="near_view")
    return NearParts(look, drop, view)


def wire(
    parts: NearParts, shared: Shared, fields: list[Any], draft: Callable[..., Draft], model: Any, findings: gr.HTML, said: gr.HTML
) -> None:
    """Search on demand; forget what was found when the rows become others, which `findings` tells."""

    def look(ctx: Context, *given: Any) -> Iterator[list[Any]]:
        yield [render("caption", text=BUSY), gr.skip()]
        found = neardata.look(ctx, draft(*given))
        yield [found.html, gr.update(visible=bool(found.rows))]

    shared.on(parts.look.click, look, fields, [parts.view, parts.drop], concurrency_id=MODEL_WORK)

    def drop(ctx: Context, current: Task, model: str, *given: Any) -> list[Any]:
        try:
            task = neardata.without(ctx, draft(*given), current, model or "")
        except BakeoffError as error:
            return [gr.skip(), render("problem", message=error.message, remedy=error.remedy)]
        return [
            task,
            render("done", text=f"{task.name} is the current task. Rows near a test item are kept out of training and demonstrations."),
        ]

    shared.on(parts.drop.click, drop, [shared.task, model, *fields], [shared.task, said])

    def forget(ctx: Context) -> list[Any]:
        return ["", gr.update(visible=False)]

    shared.on(findings.change, forget, None, [parts.view, parts.drop])
