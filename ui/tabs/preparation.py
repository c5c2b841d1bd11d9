"""The fold of the Fine-tuning tab about its training rows: filters, wordings, a further file, and a look at what would be trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
    fold: gr.Accordion
    filters: gr.CheckboxGroup
    back: gr.Dropdown
    wordings: gr.Textbox
    files: gr.File
    shares: gr.Textbox
    look: gr.Button
    view: gr.HTML
    record: gr.HTML

    @property
    def inputs(self) -> list[Component]:
        """In the order of `Given`."""
        return [self.filters, self.back, self.wordings, self.files, self.shares]


def build() -> PreparationParts:
    """Lay it out."""
    with gr.Accordion("Data preparation", open=False, elem_id="prep_fold") as fold:
        choices = [(label, name) for name, label in preparation.FILTER_LABELS.items()]
        filters = gr.CheckboxGroup(choices, label="Leave out", info="Nothing is deleted; untick to have them back.", elem_id="prep_filters")
        back = gr.Dropdown(
            [],
            label="Take back",
            info="Rows that stay although a filter would leave them out. Look at the rows first: those that are left out can be chosen here.",
            multiselect=True,
            elem_id="prep_back",
        )
        wordings = gr.Textbox(
            label="Wordings of the task",
            info="One a line, instead of the data's instruction. Training rows take turns; questions have the first. {labels} are the labels.",
            lines=2,
            max_lines=8,
            elem_id="prep_wordings",
        )
        with gr.Row(equal_height=False):
            files = gr.File(
                label="Rows of other tasks",
                file_count="multiple",
                file_types=list(DATA_SUFFIXES),
                elem_id="prep_file",
                height=160,
                scale=3,
                min_width=220,
            )
            shares = gr.Textbox(
                "20",
                label="Share of all rows, in percent",
                info="How many of the training rows come from a file. For several files: 20, 10, in their order.",
                elem_id="prep_percent",
                scale=2,
                min_width=180,
            )
        look = gr.Button("Look at the rows", size="sm", elem_id="prep_look", min_width=160, scale=0)
        view = gr.HTML(elem_id="prep_view")
        record = gr.HTML(elem_id="prep_record")
    return PreparationParts(fold, filters, back, wordings, files, shares, look, view, record)


def settings(ctx: Context, task: Task, kind: str, specs: Mapping[str, Any], given: tuple[Any, ...]) -> dict[str, Any]:
    """What the fold says, for a launch of this kind.

    Raises:
        BakeoffError: a further file cannot be used.
    """
    return preparation.settings(ctx, specs.get(kind), Given(*given), methods.fill(task).values.get(kind, {}))


def wire(
    parts: PreparationParts, shared: Shared, kind: gr.Dropdown, specs: Mapping[str, Any], inputs: list[Component], mine: Callable[..., Any]
) -> None:
    """Show it for kinds that prepare their rows, fill it from the task, look on demand, and forget what was seen when the task becomes another.

    Args:
        inputs: those of the forms of all kinds.
        mine: from kind and their values to the settings of that kind.
    """

    def fill(ctx: Context, task: Task, kind: str) -> list[Any]:
        filters, back, wordings = preparation.filled(methods.fill(task).values.get(kind, {}))
        return [filters, gr.update(choices=back, value=back), wordings, None, ""]

    outputs = [parts.filters, parts.back, parts.wordings, parts.files, parts.view]
    shared.on(shared.task.change, fill, [shared.task, kind], outputs)

    def switch(ctx: Context, kind: str) -> Any:
        return gr.update(visible=preparation.prepares(specs.get(kind)))

    shared.on(kind.change, switch, kind, parts.fold)

    def look(ctx: Context, task: Task, kind: str, *values: Any) -> Iterator[list[Any]]:
        fields = len(parts.inputs)
        try:
            chosen = settings(ctx, task, kind, specs, values[:fields])
            chosen |= forms.settings(specs[kind], mine(kind, values[fields:])) if kind in specs else {}
        except BakeoffError as error:
            yield [render("problem", message=error.message, remedy=error.remedy), gr.skip()]
            return
        for html, left_out in preparation.look(ctx, task, kind, chosen):
            yield [html, gr.skip() if left_out is None else _choices(left_out, chosen.get("keep_rows", ()))]

    given, outputs = [shared.task, kind, *parts.inputs, *inputs], [parts.view, parts.back]
    for listen in (parts.look.click, parts.back.input):
        shared.on(listen, look, given, outputs, concurrency_id=MODEL_WORK)


def _choices(left_out: list[tuple[str, str]], back: Sequence[str]) -> Any:
    there = {name for _, name in left_out}
    return gr.update(choices=left_out, value=[name for name in back if name in there])


def wire_record(parts: PreparationParts, shared: Shared, tuned: gr.Dropdown) -> None:
    """What was done to the rows of the fine-tune that is chosen for the chat."""

    def tell(ctx: Context, key: str) -> str:
        found = preparation.record(ctx, key or "")
        return f'<h4 class="bk-h">Of the fine-tune chosen below</h4>{found}' if found else ""

    shared.on(tuned.change, tell, tuned, parts.record)
