"""The fold of the Fine-tuning tab that tries several settings as one job, and takes over the one that validation chose."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gradio as gr

from core.errors import BakeoffError
from ui.context import Context
from ui.handlers import sweeping
from ui.markup import render
from ui.shared import Shared
from ui.task import Task

HELP = {"rank": "With commas: 4, 8, 16.", "learning_rate": "With commas: 5e-4, 1e-3.", "epochs": "Empty: as in the form."}
STARTED = "Started; the table stands here when it is done."


class SweepParts(NamedTuple):
    texts: dict[str, gr.Textbox]
    seeds: gr.Number
    run: gr.Button
    said: gr.HTML
    view: gr.HTML
    use: gr.Button
    shown: gr.State


def build() -> SweepParts:
    """Lay it out."""
    with gr.Accordion("Sweep: try several settings", open=False, elem_id="sweep_fold"):
        with gr.Row(equal_height=False):
            texts = {
                name: gr.Textbox(label=label, info=HELP[name], elem_id=f"sweep_{name}", min_width=150)
                for name, label in sweeping.SWEPT.items()
            }
            seeds = gr.Number(
                1,
                label="Seeds",
                info="Trainings of each setting.",
                precision=0,
                minimum=1,
                maximum=10,
                elem_id="sweep_seeds",
                min_width=110,
            )
        with gr.Row():
            run = gr.Button("Run the sweep", elem_id="sweep_run", min_width=150, scale=0)
            use = gr.Button("Use the chosen setting", visible=False, elem_id="sweep_use", min_width=190, scale=0)
        said = gr.HTML(elem_id="sweep_said")
        view = gr.HTML(elem_id="sweep_view")
    return SweepParts(texts, seeds, run, said, view, use, gr.State(""))


def wire(
    parts: SweepParts,
    shared: Shared,
    given: list[Any],
    read: Callable[..., dict[str, Any]],
    filled: list[Any],
    fill: Callable[[str, dict[str, Any]], list[Any]],
) -> None:
    """Args:
    given: task, kind and the form's inputs; `read(ctx, *their values)` makes settings of them.
    filled: outputs of `fill(kind, settings)`, which puts settings into the form.
    """
    fields = [*parts.texts.values(), parts.seeds]

    def run(ctx: Context, *values: Any) -> list[Any]:
        *texts, seeds = values[: len(fields)]
        task: Task = values[len(fields)]
        kind: str = values[len(fields) + 1]
        try:
            settings = read(ctx, *values[len(fields) :])
            started = sweeping.start(ctx, task, kind, settings, dict(zip(parts.texts, texts, strict=True)), seeds)
        except BakeoffError as error:
            return [gr.skip(), gr.skip(), render("problem", message=error.message, remedy=error.remedy)]
        return [started, gr.Timer(active=True), render("caption", text=STARTED)]

    outputs = [shared.running, shared.tick, parts.said]
    shared.on(parts.run.click, run, [*fields, *given], outputs, show_progress="minimal", show_progress_on=parts.said)

    def look(ctx: Context, running: str) -> list[Any]:
        if running:
            return [gr.skip()] * 4
        found = sweeping.newest(ctx)
        return [found.html, found.id, gr.update(visible=bool(found.id)), ""]

    for listen in (shared.opens["finetuning"], shared.running.change):
        shared.on(listen, look, shared.running, [parts.view, parts.shown, parts.use, parts.said])

    def use(ctx: Context, shown: str) -> Sequence[Any]:
        return fill(*sweeping.chosen(ctx, shown))

    shared.on_told(parts.use.click, use, parts.shown, filled, parts.said, done="The form above has these settings now.")
