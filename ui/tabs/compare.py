"""The Compare tab: examples, verdict, run row, table, chart, items. People land here on a finished comparison."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr
from gradio.components import Component

from core.errors import BakeoffError
from ui import folds, forms
from ui.context import Context, Settings
from ui.handlers import compare, examples, methods, runs
from ui.handlers.chart import draw
from ui.handlers.compare import Shown
from ui.handlers.items import page as item_page
from ui.itemview import FILTERS
from ui.markup import render
from ui.shared import Shared
from ui.tabs import chart, items, share
from ui.tabs.chart import Chart
from ui.tabs.items import CELL_CLICKED, Items
from ui.tabs.share import Share
from ui.task import Task

NOTHING = "Nothing has been run yet. Open an example, or bring your data on the Data tab; then tick methods and press Run."


class RunRow(NamedTuple):
    """The form; `settings` is by offer and field."""

    row: gr.Column
    ticked: gr.CheckboxGroup
    metrics: gr.Dropdown
    settings: dict[str, dict[str, Component]]
    limit: gr.Number
    forgetting: gr.Checkbox
    run: gr.Button
    notice: gr.HTML
    lines: gr.HTML

    @property
    def inputs(self) -> list[Component]:
        return [self.ticked, self.metrics, self.limit, self.forgetting, *(c for form in self.settings.values() for c in form.values())]

    def values(self, flat: tuple[Any, ...]) -> dict[str, dict[str, Any]]:
        """The settings' values, given in the order of `inputs` from the fifth on, as a plan's settings."""
        specs = {offer.name: offer.spec for offer in methods.offers()}
        rest = iter(flat)
        return {name: forms.settings(specs[name], {field: next(rest) for field in form}) for name, form in self.settings.items()}


class Results(NamedTuple):
    """Where a result stands."""

    verdict: gr.HTML
    body: gr.Column
    table: gr.HTML
    how: gr.HTML
    setup: gr.HTML
    leave: gr.Button


class CompareTab(NamedTuple):
    cards_row: gr.Row
    cards: dict[str, gr.Button]
    results: Results
    form: RunRow
    chart: Chart
    items: Items
    share: Share


def build(settings: Settings, shared: Shared) -> CompareTab:
    """Lay the tab out and wire it."""
    row, cards = _cards(settings)
    verdict = gr.HTML(render("empty", text=NOTHING), elem_id="verdict")
    leave = gr.Button("Make a comparison of my own", visible=False, elem_id="leave_frozen", min_width=240, scale=0)
    form = _run_row()
    with gr.Column(visible=False, elem_id="results") as body:
        table = gr.HTML(elem_id="table", js_on_load=CELL_CLICKED)
        with gr.Accordion("How is this computed?", open=False, elem_id="how_fold"):
            how = gr.HTML(elem_id="how")
        drawing = chart.build()
        single = items.build()
        folds.build(shared)
        with gr.Accordion("Configuration", open=False, elem_id="setup_fold"):
            setup = gr.HTML(elem_id="setup")
        sharing = share.build()
    tab = CompareTab(row, cards, Results(verdict, body, table, how, setup, leave), form, drawing, single, sharing)
    _wire_cards(tab, shared)
    _wire_results(tab, shared)
    _wire_form(tab, shared)
    chart.wire(drawing, shared)
    items.wire(single, table, shared)
    share.wire(sharing, shared)
    return tab


def _cards(settings: Settings) -> tuple[gr.Row, dict[str, gr.Button]]:
    with gr.Row(equal_height=True, elem_id="example_cards") as row:
        cards = {}
        for card in examples.cards(settings.examples):
            words = f"{card.title}\n{card.about}" + ("" if card.finished else "\nNot run yet")
            cards[card.name] = gr.Button(words, elem_id=f"example_{card.name}", elem_classes="bk-card", min_width=200)
    return row, cards


def _run_row() -> RunRow:
    start = methods.fill(Task())
    made: dict[str, dict[str, Component]] = {}
    with gr.Column(elem_id="run_row") as row:
        with gr.Row(equal_height=False):
            ticked = gr.CheckboxGroup(
                start.choices, value=start.ticked, label="Methods to compare", elem_id="methods", scale=6, min_width=260
            )
            run = gr.Button("Run", variant="primary", elem_id="run", scale=1, min_width=120)
        with gr.Accordion("Metrics and settings", open=False, elem_id="method_settings"):
            words = "What answers are scored by; the verdict is about the plan's primary one."
            choices = start.metric_choices
            metrics = gr.Dropdown(choices, value=start.metrics, multiselect=True, label="Metrics", info=words, elem_id="metrics")
            limit = gr.Number(
                None, label="Test items at most", info="For a quick try. Empty: all of them.", precision=0, minimum=1, elem_id="limit_test"
            )
            forgetting = gr.Checkbox(
                False,
                label="Ask fine-tunes general questions",
                info="168 of them, before and after training, to see what was forgotten. Minutes for each fine-tune on a CPU.",
                elem_id="ask_forgetting",
            )
            for offer in methods.offers():
                with gr.Accordion(offer.label, open=False, elem_id=f"settings_{offer.name}"):
                    made[offer.name] = forms.build(offer.spec, f"set_{offer.name}", only=methods.shown(offer))
        notice = gr.HTML(elem_id="run_notice")
        lines = gr.HTML(elem_id="run_lines")
    return RunRow(row, ticked, metrics, made, limit, forgetting, run, notice, lines)


def _wire_cards(tab: CompareTab, shared: Shared) -> None:
    def opens(name: str) -> Any:
        def open_example(ctx: Context) -> tuple[Task, Shown]:
            shown = Shown("example", name) if examples.result(ctx, name) else Shown()
            return examples.task(ctx, name), shown

        return open_example

    for name, button in tab.cards.items():
        shared.on(button.click, opens(name), None, [shared.task, shared.shown])

    def mark(ctx: Context, task: Task, shown: Shown) -> list[Any]:
        current = shown.key if shown.kind == "example" else task.example
        return [gr.update(elem_classes=["bk-card", "bk-chosen"] if name == current else ["bk-card"]) for name in tab.cards]

    if tab.cards:
        for state in (shared.task, shared.shown):
            shared.on(state.change, mark, [shared.task, shared.shown], list(tab.cards.values()))


def _wire_results(tab: CompareTab, shared: Shared) -> None:
    r, drawing, single = tab.results, tab.chart, tab.items

    def show(ctx: Context, shown: Shown, axis: str) -> list[Any]:
        frozen = shown.kind == "share"
        around = [*(gr.update(visible=not frozen) for _ in range(3)), gr.update(visible=frozen)]
        if not shown.kind:
            return [render("empty", text=NOTHING), gr.update(visible=False), *[gr.skip()] * 14, *around]
        view = compare.view(ctx, shown)
        drawn = [gr.update(choices=view.metrics, value=view.primary), *draw(ctx, shown, view.primary, axis)]
        first = [FILTERS[0], *items.page_of(item_page(ctx, shown, FILTERS[0], 0)), *items.order_of(ctx, shown, None)]
        return [view.verdict, gr.update(visible=True), view.table, view.how, view.setup, *drawn, *first, *around]

    outputs = [r.verdict, r.body, r.table, r.how, r.setup, drawing.metric, *drawing.drawn, single.wanted, *single.shown, *single.ordered]
    shared.on(shared.shown.change, show, [shared.shown, drawing.axis], [*outputs, tab.cards_row, tab.form.row, tab.share.fold, r.leave])

    def leave(ctx: Context) -> Shown:
        return compare.landing(ctx, "")

    shared.on(r.leave.click, leave, None, shared.shown)


def _wire_form(tab: CompareTab, shared: Shared) -> None:
    form = tab.form
    fields = [(name, field, component) for name, made in form.settings.items() for field, component in made.items()]

    def load(ctx: Context, task: Task) -> list[Any]:
        filled = methods.fill(task)
        limit = (task.data.get("limit") or {}).get("test")
        specs = {offer.name: offer.spec for offer in methods.offers()}
        values = [filled.values.get(name, {}).get(field, specs[name].model_fields[field].default) for name, field, _ in fields]
        ticked = gr.update(choices=filled.choices, value=filled.ticked)
        return [
            ticked,
            gr.update(choices=filled.metric_choices, value=filled.metrics),
            limit,
            bool(task.rest.get("forgetting")),
            *values,
            "",
        ]

    shared.on(shared.task.change, load, shared.task, [*form.inputs, form.notice])

    def run(
        ctx: Context, task: Task, key: str, ticked: list[str], metrics: list[str], limit: float | None, forgetting: bool, *flat: Any
    ) -> list[Any]:
        try:
            started = runs.start(ctx, task, methods.plan(task, ticked, form.values(flat), metrics, limit, forgetting), key)
        except BakeoffError as error:
            return [gr.skip(), gr.skip(), render("problem", message=error.message, remedy=error.remedy), ""]
        return [started, gr.Timer(active=True), "", render("empty", text="Starting.")]

    inputs, outputs = [shared.task, shared.judge_key, *form.inputs], [shared.running, shared.tick, form.notice, form.lines]
    shared.on(form.run.click, run, inputs, outputs, show_progress="minimal")

    def relabel(ctx: Context, task: Task, ticked: list[str], metrics: list[str], limit: float | None, forgetting: bool, *flat: Any) -> Any:
        return gr.update(choices=methods.choices(task, form.values(flat)))

    for _, field, component in fields:
        if field in ("shots", "selection", "rank", "epochs", "top_k"):
            shared.on(component.input, relabel, [shared.task, *form.inputs], form.ticked)  # type: ignore[attr-defined]
