"""Judge: whether it may be believed on this task, its win rates, and another judge for this comparison or the next run."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from core.errors import BakeoffError
from ui.context import Context
from ui.folds.filling import fill
from ui.handlers import judge
from ui.handlers.compare import Shown
from ui.handlers.judge import BASE, KINDS, OTHER, SERVER, Form
from ui.markup import note, render
from ui.shared import Shared
from ui.task import Task

TITLE = "Judge"
KEY = "judge"
KEPT = "A key is kept for this session, in this app's memory alone. It goes to the process that judges, and from there to the server."
MODEL_HELP = {OTHER: "A Hub id such as org/name, or a folder.", SERVER: "The server's name of the model."}


class Parts(NamedTuple):
    """`form` holds the fields in the order of `judge.Form`."""

    result: gr.HTML
    form: list[Any]
    key: gr.Textbox
    kept: gr.HTML
    again: gr.Button
    use: gr.Button
    said: gr.HTML
    model_row: gr.Row
    server: gr.Column


def build(shared: Shared, fold: gr.Accordion) -> None:
    """Lay the fold out and wire it."""
    parts = _layout()
    outputs = [parts.result, *parts.form, parts.model_row, parts.server, parts.again, parts.said]

    def open_(ctx: Context, shown: Shown) -> list[Any]:
        found = judge.fold(ctx, shown)
        why = "" if found.mine else note(judge.FOREIGN)
        return [found.html, *found.form, *_visible(found.form.kind), gr.update(interactive=found.mine), why]

    fill(shared, fold, open_, shared.shown, outputs)

    def choose(ctx: Context, kind: str) -> list[Any]:
        return [gr.update(info=MODEL_HELP.get(kind, "")), *_visible(kind)]

    shared.on(parts.form[0].input, choose, parts.form[0], [parts.form[1], parts.model_row, parts.server])
    _wire_key(shared, parts)
    _wire_buttons(shared, parts)


def _visible(kind: str) -> list[Any]:
    return [gr.update(visible=kind != BASE), gr.update(visible=kind == SERVER)]


def _layout() -> Parts:
    result = gr.HTML(elem_id="judge_result")
    with gr.Accordion("Another judge or rubric", open=False, elem_id="judge_change"):
        kind = gr.Radio(list(KINDS), value=BASE, label="Who judges", elem_id="judge_kind")
        with gr.Row(visible=False, elem_id="judge_which") as model_row:
            model = gr.Textbox(label="Model", info=MODEL_HELP[OTHER], max_lines=1, elem_id="judge_model", min_width=220)
        with gr.Column(visible=False, elem_id="judge_server") as server:
            url = gr.Textbox(label="Address", info="An OpenAI-compatible server, up to /v1.", max_lines=1, elem_id="judge_url")
            key = gr.Textbox(label="Key", type="password", info="Stands in no plan, report or log.", max_lines=1, elem_id="judge_key")
            kept = gr.HTML(elem_id="judge_kept")
            with gr.Accordion("Prices and a cap", open=False, elem_id="judge_spending"), gr.Row():
                read = gr.Number(None, label="Price of a million tokens read", minimum=0, elem_id="judge_price_read", min_width=150)
                written = gr.Number(
                    None, label="Price of a million tokens written", minimum=0, elem_id="judge_price_written", min_width=150
                )
                help_ = "Judging stops there; what is paid for is kept."
                cap = gr.Number(None, label="Spend at most", info=help_, minimum=0, elem_id="judge_cap", min_width=150)
        help_ = "What each mark stands for; 1 is the worst. Another rubric is checked and scored anew."
        rubric = gr.Textbox(judge.default_rubric(5), label="Rubric", info=help_, lines=4, max_lines=12, elem_id="judge_rubric")
        with gr.Row(equal_height=False):
            scale = gr.Number(5, label="Best mark", info="2 to 9.", precision=0, minimum=2, maximum=9, elem_id="judge_scale", min_width=120)
            help_ = "Two more calls for each item and pair of methods."
            pairwise = gr.Checkbox(False, label="Also judge in pairs, in both orders", info=help_, elem_id="judge_pairwise", min_width=240)
        with gr.Row(elem_id="judge_buttons"):
            again = gr.Button("Judge again", variant="primary", elem_id="judge_again", min_width=140, scale=0)
            use = gr.Button("Use in the next run", elem_id="judge_use", min_width=180, scale=0)
        said = gr.HTML(elem_id="judge_said")
    form = [kind, model, url, rubric, pairwise, scale, read, written, cap]
    return Parts(result, form, key, kept, again, use, said, model_row, server)


def _wire_key(shared: Shared, parts: Parts) -> None:
    """What is typed goes into the session's state on the server, and out of the field."""

    def keep(ctx: Context, typed: str, held: str) -> list[Any]:
        if not typed.strip():
            return [held, "", note(KEPT if held else "")]
        return [typed.strip(), "", note(KEPT, tone="good")]

    shared.on(parts.key.blur, keep, [parts.key, shared.judge_key], [shared.judge_key, parts.key, parts.kept])


def _wire_buttons(shared: Shared, parts: Parts) -> None:
    def again(ctx: Context, shown: Shown, typed: str, held: str, *fields: Any) -> list[Any]:
        try:
            started = judge.again(ctx, shown, Form(*fields), typed.strip() or held)
        except BakeoffError as error:
            return [gr.skip(), gr.skip(), render("problem", message=error.message, remedy=error.remedy)]
        return [started, gr.Timer(active=True), note("It is being judged again; the result is redrawn when that is done.", tone="good")]

    inputs = [shared.shown, parts.key, shared.judge_key, *parts.form]
    shared.on(parts.again.click, again, inputs, [shared.running, shared.tick, parts.said], show_progress="minimal")

    def use(ctx: Context, task: Task, *fields: Any) -> list[Any]:
        try:
            changed = judge.for_next_run(ctx, task, Form(*fields))
        except BakeoffError as error:
            return [gr.skip(), render("problem", message=error.message, remedy=error.remedy)]
        return [changed, note("The next run of this task is judged so. Press Run at the top.", tone="good")]

    shared.on(parts.use.click, use, [shared.task, *parts.form], [shared.task, parts.said])
