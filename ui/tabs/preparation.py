"""The fold of the Fine-tuning tab about its training rows: filters, wordings, a further file, and a look at what would be trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import gradio as gr
from gradio.components import Component

from core.errors import BakeoffError
from ui import forms
from ui.context import Context
from ui.handlers import methods, preparation
from ui.handlers.preparation import Given
from ui.markup import render
from ui.shared import MODEL_WORK, Shared
from ui.task import Task
from ui.uploads import DATA_SUFFIXES


class PreparationParts(NamedTuple):
    filters: gr.CheckboxGroup
    wordings: gr.Textbox
    file: gr.File
    percent: gr.Number
    look: gr.Button
    view: gr.HTML
    record: gr.HTML

    @property
    def inputs(self) -> list[Component]:
        """In the order of `Given`."""
        return [self.filters, self.wordings, self.file, self.percent]


def build() -> PreparationParts:
    """Lay it out."""
    with gr.Accordion("Data preparation", open=False, elem_id="prep_fold"):
        choices = [(label, name) for name, label in preparation.FILTER_LABELS.items()]
        filters = gr.CheckboxGroup(choices, label="Leave out", info="Nothing is deleted; untick to have them back.", elem_id="prep_filters")
        wordings = gr.Textbox(
            label="Wordings of the task",
            info="One a line, instead of the data's instruction. Training rows take turns; questions have the first. {labels} are the labels.",
            lines=2,
            max_lines=8,
            elem_id="prep_wordings",
        )
        with gr.Row(equal_height=False):
            file = gr.File(
                label="Rows of another task", file_types=list(DATA_SUFFIXES), elem_id="prep_file", height=160, scale=3, min_width=220
            )
            percent = gr.Number(
                20,
                label="Share of all rows, in percent",
                info="How many of the training rows come from that file.",
                minimum=1,
                maximum=99,
                elem_id="prep_percent",
                scale=2,
                min_width=180,
            )
        look = gr.Button("Look at the rows", size="sm", elem_id="prep_look", min_width=160, scale=0)
        view = gr.HTML(elem_id="prep_view")
        record = gr.HTML(elem_id="prep_record")
    return PreparationParts(filters, wordings, file, percent, look, view, record)


def settings(ctx: Context, task: Task, kind: str, specs: Mapping[str, Any], given: tuple[Any, ...]) -> dict[str, Any]:
    """What the fold says, for a launch of this kind.

    Raises:
        BakeoffError: the further file cannot be used.
    """
    return preparation.settings(ctx, specs.get(kind), Given(*given), methods.fill(task).values.get(kind, {}))


def wire(
    parts: PreparationParts, shared: Shared, kind: gr.Dropdown, specs: Mapping[str, Any], inputs: list[Component], mine: Callable[..., Any]
) -> None:
    """Fill it from the task, look on demand, and forget what was seen when the task becomes another.

    Args:
        inputs: those of the forms of all kinds.
        mine: from kind and their values to the settings of that kind.
    """

    def fill(ctx: Context, task: Task, kind: str) -> list[Any]:
        filters, wordings = preparation.filled(methods.fill(task).values.get(kind, {}))
        return [filters, wordings, None, ""]

    outputs = [parts.filters, parts.wordings, parts.file, parts.view]
    shared.on(shared.task.change, fill, [shared.task, kind], outputs)

    def look(ctx: Context, task: Task, kind: str, *values: Any) -> Iterator[str]:
        fields = len(parts.inputs)
        try:
            chosen = settings(ctx, task, kind, specs, values[:fields])
            chosen |= forms.settings(specs[kind], mine(kind, values[fields:])) if kind in specs else {}
        except BakeoffError as error:
            yield render("problem", message=error.message, remedy=error.remedy)
            return
        yield from preparation.look(ctx, task, kind, chosen)

    shared.on(parts.look.click, look, [shared.task, kind, *parts.inputs, *inputs], parts.view, concurrency_id=MODEL_WORK)


def wire_record(parts: PreparationParts, shared: Shared, tuned: gr.Dropdown) -> None:
    """What was done to the rows of the fine-tune that is chosen for the chat."""

    def tell(ctx: Context, key: str) -> str:
        found = preparation.record(ctx, key or "")
        return f'<h4 class="bk-h">Of the fine-tune chosen below</h4>{found}' if found else ""

    shared.on(tuned.change, tell, tuned, parts.record)
