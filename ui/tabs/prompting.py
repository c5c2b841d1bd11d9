"""The Prompting tab: one item or a text of one's own, zero, one or few demonstrations, the exact prompt beside the answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import gradio as gr
from gradio.components import Component

from core.errors import BakeoffError
from models.base import GenerationConfig
from ui import forms
from ui.context import Context, Settings
from ui.handlers import prompting
from ui.handlers.prompting import ITEM, OWN, STYLES, Choice
from ui.markup import render
from ui.shared import MODEL_WORK, Shared
from ui.task import Task

NOTHING = "The exact prompt stands here once there is a task. Open an example on the Compare tab, or bring data on the Data tab."


class PromptingTab(NamedTuple):
    source: gr.Radio
    place: gr.Number
    own: gr.Textbox
    style: gr.Radio
    shots: gr.Number
    selection: gr.Radio
    decoding: dict[str, Component]
    ask: gr.Button
    stop: gr.Button
    prompt: gr.HTML
    answer: gr.HTML
    said: gr.HTML

    @property
    def fields(self) -> list[Component]:
        return [self.source, self.place, self.own, self.style, self.shots, self.selection]


def choice(source: str, place: float | None, own: str, style: str, shots: float | None, selection: str) -> Choice:
    """The fields as a choice; items are counted from 1 on the page."""
    return Choice(source, int(place or 1) - 1, own or "", style, int(shots or 0), selection)


def build(settings: Settings, shared: Shared) -> PromptingTab:
    """Lay the tab out and wire it."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=280):
            source = gr.Radio([ITEM, OWN], value=ITEM, label="What to ask", elem_id="ask_source")
            place = gr.Number(1, label="Item", info="Test items, counted from 1.", precision=0, minimum=1, elem_id="ask_place")
            own = gr.Textbox(label="Text", lines=3, max_lines=10, visible=False, elem_id="ask_own", placeholder="Ask in the task's words")
            style = gr.Radio(
                list(STYLES),
                value=STYLES[0],
                label="Demonstrations",
                info="Solved training examples before the question.",
                elem_id="ask_style",
            )
            with gr.Row(visible=False, equal_height=False) as demos:
                shots = gr.Number(4, label="Shots", info="1 to 32", precision=0, minimum=1, maximum=32, elem_id="ask_shots", min_width=100)
                words = "similar: nearest to the question"
                selection = gr.Radio(
                    ["random", "similar"], value="random", label="Chosen", info=words, elem_id="ask_selection", min_width=160
                )
            with gr.Accordion("Decoding", open=False, elem_id="decoding_fold"):
                decoding = forms.build(GenerationConfig, "decoding")
            with gr.Row():
                ask = gr.Button("Ask", variant="primary", elem_id="ask", min_width=110)
                stop = gr.Button("Stop", elem_id="ask_stop", min_width=80)
        with gr.Column(scale=6, min_width=280):
            prompt = gr.HTML(
                render(
                    "caption",
                    text="The exact prompt appears here. The first time, the model's files are prepared for it, which takes some seconds.",
                ),
                elem_id="ask_prompt",
            )
            answer = gr.HTML(elem_id="ask_answer")
            said = gr.HTML(elem_id="ask_said")
    tab = PromptingTab(source, place, own, style, shots, selection, decoding, ask, stop, prompt, answer, said)
    _wire_fields(tab, shared, demos)
    _wire_asking(tab, shared)
    return tab


def _wire_fields(tab: PromptingTab, shared: Shared, demos: gr.Row) -> None:
    def rearrange(ctx: Context, source: str, style: str) -> list[Any]:
        own, some = source == OWN, style != STYLES[0]
        return [gr.update(visible=not own), gr.update(visible=own), gr.update(visible=some), gr.update(visible=style == STYLES[2])]

    for control in (tab.source, tab.style):
        shared.on(control.input, rearrange, [tab.source, tab.style], [tab.place, tab.own, demos, tab.shots])

    def show(ctx: Context, task: Task, *fields: Any) -> list[Any]:
        picked = choice(*fields)
        if not task.ready:
            return [render("empty", text=NOTHING), ""]
        if picked.source == OWN and not picked.own.strip():
            return [render("empty", text="Type a text to see its prompt."), ""]
        try:
            return list(prompting.show(ctx, task, picked))
        except BakeoffError as error:
            return [render("problem", message=error.message, remedy=error.remedy), ""]

    def decode(ctx: Context, task: Task) -> list[Any]:
        planned = task.rest.get("generation") or {}
        return [planned.get(name, GenerationConfig.model_fields[name].default) for name in tab.decoding]

    shared.on(shared.task.change, decode, shared.task, list(tab.decoding.values()))
    inputs, outputs = [shared.task, *tab.fields], [tab.prompt, tab.answer]
    changed = [tab.source.input, tab.place.change, tab.own.blur, tab.style.input, tab.shots.change, tab.selection.input]
    for listen in changed:
        shared.on(listen, show, inputs, outputs, concurrency_id=MODEL_WORK)
    shared.on(
        shared.opens["prompting"], show, inputs, outputs, concurrency_id=MODEL_WORK, show_progress="minimal", show_progress_on=tab.prompt
    )


def _wire_asking(tab: PromptingTab, shared: Shared) -> None:
    def ask(ctx: Context, task: Task, *values: Any) -> Iterator[list[Any]]:
        count = len(tab.fields)
        generation = forms.settings(GenerationConfig, dict(zip(tab.decoding, values[count:], strict=True)), whole=True)
        try:
            for shown in prompting.answer(ctx, task, choice(*values[:count]), generation):
                yield list(shown)
        except BakeoffError as error:
            yield [render("problem", message=error.message, remedy=error.remedy), ""]

    inputs = [shared.task, *tab.fields, *tab.decoding.values()]
    shared.on_ask([(tab.ask.click, ask)], inputs, [tab.prompt, tab.answer], tab.stop, tab.said)
