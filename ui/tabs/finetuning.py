"""The Fine-tuning tab: four settings, Launch, live loss curves, Stop; then a chat with base and tuned model side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import gradio as gr
from gradio.components import Component

from core.errors import BakeoffError, StoreError
from core.fingerprint import fingerprint
from ui import forms
from ui.context import Context, Settings
from ui.handlers import estimating, finetuning, methods, runs
from ui.handlers import live as moment
from ui.handlers import preferring as brought
from ui.markup import render
from ui.shared import MODEL_WORK, Shared
from ui.tabs import handing, live, preferring, preparation, sweeping
from ui.task import Task

NO_TUNED = "No fine-tune is finished yet. Launch one above; then both models answer here."

ALIKE = ""
"""Under which name the settings stand that tuned kinds have alike; no kind has it."""


class FinetuningTab(NamedTuple):
    kind: gr.Dropdown
    about: gr.HTML
    groups: dict[str, gr.Column]
    forms: dict[str, dict[str, Component]]
    launch: gr.Button
    estimate: gr.Button
    stop: gr.Button
    estimated: gr.HTML
    notice: gr.HTML
    lines: gr.HTML
    live: live.LiveParts
    sweep: sweeping.SweepParts
    steps: gr.State
    no_tuned: gr.HTML
    tuned: gr.Dropdown
    text: gr.Textbox
    send: gr.Button
    base_said: gr.HTML
    tuned_said: gr.HTML
    prompt: gr.HTML
    chat_stop: gr.Button
    chat_note: gr.HTML
    prep: preparation.PreparationParts
    pairs: preferring.PreferringParts
    hand: handing.HandingParts
    filled: gr.State
    """For which task the forms are filled: that is slow for the browser, so it waits until the tab is looked at."""

    @property
    def inputs(self) -> list[Component]:
        return [c for form in self.forms.values() for c in form.values()]

    @property
    def given(self) -> list[Any]:
        """The kind, for which task the forms are filled, the file of pairs, and all that is set in them."""
        return [self.kind, self.filled, self.pairs.path, *self.prep.inputs, *self.inputs]


def build(settings: Settings, shared: Shared) -> FinetuningTab:
    """Lay the tab out and wire it."""
    kinds = finetuning.kinds()
    groups: dict[str, gr.Column] = {}
    made: dict[str, dict[str, Component]] = {}
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=280):
            names = [(offer.label, offer.kind) for offer in kinds]
            kind = gr.Dropdown(names, value=names[0][1] if names else None, label="Kind of fine-tuning", elem_id="tune_kind")
            about = gr.HTML(finetuning.about(names[0][1]) if names else "", elem_id="tune_about")
            alike = finetuning.shared_settings()
            for place, offer in enumerate(kinds):
                with gr.Column(visible=place == 0) as group:
                    known = frozenset(alike) if finetuning.takes_shared(offer.kind) else frozenset()
                    own, label = f"tune_{offer.kind}", "More settings of this kind"
                    made[offer.kind] = forms.build(offer.spec, own, first=finetuning.FIRST, leave_out=known, rest_label=label)
                groups[offer.kind] = group
            with (
                gr.Column(visible=finetuning.takes_shared(kinds[0].kind)) as groups[ALIKE],
                gr.Accordion("All other settings", open=False, elem_id="tune_rest"),
                gr.Row(equal_height=False),
            ):
                made[ALIKE] = {name: forms.component(field, f"tune_{name}") for name, field in alike.items()}
            pairs = preferring.build()
            prep = preparation.build()
            with gr.Row():
                launch = gr.Button("Launch", variant="primary", elem_id="launch", min_width=120)
                estimate = gr.Button("Estimate", elem_id="tune_estimate", min_width=100)
                stop = gr.Button("Stop", elem_id="tune_stop", min_width=80)
            estimated = gr.HTML(elem_id="tune_estimated")
            notice = gr.HTML(elem_id="tune_notice")
            lines = gr.HTML(elem_id="tune_lines")
        with gr.Column(scale=6, min_width=280):
            curves = live.build()
    sweep = sweeping.build()
    gr.HTML('<h3 class="bk-h">Chat with base and tuned side by side</h3>')
    with gr.Row(equal_height=False):
        tuned = gr.Dropdown(
            [],
            label="Fine-tune",
            info="Those that are finished, or were stopped after an epoch.",
            elem_id="tuned",
            interactive=True,
            scale=2,
            min_width=220,
        )
        text = gr.Textbox(
            label="Text", info="Asked with the task's instruction.", elem_id="chat_text", lines=2, max_lines=8, scale=3, min_width=220
        )
    with gr.Row():
        send = gr.Button("Ask both", variant="primary", elem_id="chat_send", min_width=120, scale=0)
        chat_stop = gr.Button("Stop", elem_id="chat_stop", min_width=80, scale=0)
    chat_note = gr.HTML(elem_id="chat_note")
    no_tuned = gr.HTML(render("empty", text=NO_TUNED), elem_id="chat_empty")
    with gr.Row(equal_height=False):
        with gr.Column(min_width=260):
            base_said = gr.HTML(elem_id="chat_base")
        with gr.Column(min_width=260):
            tuned_said = gr.HTML(elem_id="chat_tuned")
    with gr.Accordion("The exact prompt", open=False, elem_id="chat_prompt_fold"):
        prompt = gr.HTML(elem_id="chat_prompt")
    hand = handing.build()
    tab = FinetuningTab(
        kind, about, groups, made, launch, estimate, stop, estimated, notice, lines, curves, sweep, gr.State(0), no_tuned, tuned, text, send,
        base_said, tuned_said, prompt, chat_stop, chat_note, prep, pairs, hand, gr.State(""),
    )  # fmt: skip
    _wire_launch(tab, shared)
    _wire_stop(tab, shared)
    _wire_curves(tab, shared)
    _wire_chat(tab, shared)
    handing.wire(tab.hand, shared, tab.tuned)
    return tab


def _wire_launch(tab: FinetuningTab, shared: Shared) -> None:
    specs = {offer.kind: offer.spec for offer in finetuning.kinds()}
    places = [(kind, name) for kind, form in tab.forms.items() for name in form]

    def goes_with(of: str, kind: str) -> bool:
        return of == kind or (of == ALIKE and finetuning.takes_shared(kind))

    def switch(ctx: Context, kind: str) -> list[Any]:
        return [gr.update(visible=goes_with(of, kind)) for of in tab.groups]

    shared.on(tab.kind.input, switch, tab.kind, list(tab.groups.values()))

    def tell(ctx: Context, kind: str) -> str:
        return finetuning.about(kind)

    shared.on(tab.kind.change, tell, tab.kind, tab.about)

    def fill(ctx: Context, task: Task) -> list[Any]:
        planned = methods.fill(task).values
        alike, first = finetuning.shared_settings(), next((v for k, v in planned.items() if finetuning.takes_shared(k)), {})
        return [
            first.get(name, alike[name].default)
            if kind == ALIKE
            else planned.get(kind, {}).get(name, specs[kind].model_fields[name].default)
            for kind, name in places
        ]

    def look(ctx: Context, task: Task) -> str:
        return fingerprint(repr(task))

    shared.on(shared.opens["finetuning"], look, shared.task, tab.filled)
    shared.on(tab.filled.change, fill, shared.task, tab.inputs)

    def mine(kind: str, values: Sequence[Any]) -> dict[str, Any]:
        return {name: value for (of, name), value in zip(places, values, strict=True) if goes_with(of, kind)}

    preparation.wire(tab.prep, shared, tab.kind, specs, tab.inputs, mine)
    preferring.wire(tab.pairs, shared, tab.kind)

    def read(ctx: Context, task: Task, kind: str, filled: str, pairs: str, *values: Any) -> dict[str, Any]:
        fields = len(tab.prep.inputs)
        if filled != look(ctx, task):  # the forms are still another task's
            values = (*values[:fields], *fill(ctx, task))
        chosen = preparation.settings(ctx, task, kind, specs, values[:fields])
        typed = forms.settings(specs[kind], mine(kind, values[fields:])) if kind in specs else {}
        return {**chosen, **typed, **brought.settings(kind, pairs)}

    def launch(ctx: Context, task: Task, kind: str, *values: Any) -> list[Any]:
        try:
            started = finetuning.launch(ctx, task, kind, read(ctx, task, kind, *values))
        except BakeoffError as error:
            return [gr.skip(), gr.skip(), gr.skip(), render("problem", message=error.message, remedy=error.remedy)]
        return [started, gr.Timer(active=True), -1, ""]

    outputs = [shared.running, shared.tick, tab.steps, tab.notice]
    shared.on(
        tab.launch.click,
        launch,
        [shared.task, *tab.given],
        outputs,
        show_progress="minimal",
        show_progress_on=tab.notice,
    )

    def estimate(ctx: Context, task: Task, kind: str, *values: Any) -> Iterator[str]:
        try:
            yield from estimating.estimate(ctx, task, kind, read(ctx, task, kind, *values))
        except BakeoffError as error:
            yield render("problem", message=error.message, remedy=error.remedy)

    shared.on(tab.estimate.click, estimate, [shared.task, *tab.given], tab.estimated, concurrency_id=MODEL_WORK)

    def put(kind: str, settings: dict[str, Any]) -> list[Any]:
        shown = [gr.update(visible=goes_with(of, kind)) for of in tab.groups]
        return [kind, *shown, *(settings.get(name, gr.skip()) if goes_with(of, kind) else gr.skip() for of, name in places)]

    sweeping.wire(tab.sweep, shared, [shared.task, *tab.given], read, [tab.kind, *tab.groups.values(), *tab.inputs], put)


def _wire_stop(tab: FinetuningTab, shared: Shared) -> None:
    def stop(ctx: Context, running: str) -> Iterator[str]:
        yield render("caption", text="Stopping.")
        yield render("caption", text=finetuning.stop(ctx, running))

    stopped = shared.on(tab.stop.click, stop, shared.running, tab.estimated)

    def refresh(ctx: Context) -> list[Any]:
        found = finetuning.trained(ctx)
        return [gr.update(choices=found, value=found[0][1] if found else None), gr.update(visible=not found)]

    shared.on(stopped.then, refresh, None, [tab.tuned, tab.no_tuned])


def _wire_curves(tab: FinetuningTab, shared: Shared) -> None:
    def poll(ctx: Context, running: str, steps: int) -> list[Any]:
        """The curves, drawn anew only where there is a new point."""
        if not running:
            return [gr.skip()] * 8
        try:
            look, curve, texts = runs.look(ctx, running), finetuning.curves(ctx, running), moment.said(ctx, running)
            left = moment.eta_s(ctx, running)
        except StoreError:  # it was deleted meanwhile; the run's own strip says so
            return [gr.skip()] * 8
        count = sum(len(values) for values in curve.values())
        drawn = [gr.skip()] * 4 if count == steps else live.drawn(curve)
        return [look.lines, count, *drawn, *live.told(curve, texts, left)]

    shared.on(shared.tick.tick, poll, [shared.running, tab.steps], [tab.lines, tab.steps, *tab.live.outputs])

    def finished(ctx: Context, running: str) -> list[Any]:
        """What there is to chat with; and the newest curves, unless those of a run are being drawn."""
        found = finetuning.trained(ctx)
        newest = found[0][1] if found else None
        drawn = [gr.skip()] * 7 if running else [*_curves(ctx, newest or ""), ""]
        return [gr.update(choices=found, value=newest), gr.update(visible=not found), *drawn]

    outputs = [tab.tuned, tab.no_tuned, *tab.live.outputs, tab.lines]
    for listen in (shared.opens["finetuning"], shared.running.change):
        shared.on(listen, finished, shared.running, outputs)

    def pick(ctx: Context, key: str) -> list[Any]:
        return _curves(ctx, key)

    preparation.wire_record(tab.prep, shared, tab.tuned)
    shared.on(tab.tuned.input, pick, tab.tuned, tab.live.outputs)


def _curves(ctx: Context, key: str) -> list[Any]:
    curve, texts = (finetuning.curves_of(ctx, key), finetuning.findings_of(ctx, key)) if key else ({}, [])
    return [*live.drawn(curve, live.NO_STEPS if key else live.NO_CURVES), *live.told(curve, texts)]


def _wire_chat(tab: FinetuningTab, shared: Shared) -> None:
    def chat(ctx: Context, key: str, text: str) -> Iterator[list[Any]]:
        try:
            for pair in finetuning.chat(ctx, key or "", text or ""):
                yield list(pair)
        except BakeoffError as error:
            yield [render("problem", message=error.message, remedy=error.remedy), "", ""]

    inputs, outputs = [tab.tuned, tab.text], [tab.base_said, tab.tuned_said, tab.prompt]
    shared.on_ask([(tab.send.click, chat), (tab.text.submit, chat)], inputs, outputs, tab.chat_stop, tab.chat_note)
