"""The page: header, the current task's strip, the run's strip, and six tabs in the order of the work."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gradio as gr

from core.errors import StoreError
from ui.context import Context, Settings
from ui.guard import guard
from ui.handlers import compare, counts, examples, library, runs
from ui.handlers.compare import Shown
from ui.markup import note, render
from ui.shared import Shared
from ui.tabs import compare as compare_tab
from ui.tabs import data as data_tab
from ui.tabs import finetuning as finetuning_tab
from ui.tabs import library as library_tab
from ui.tabs import prompting as prompting_tab
from ui.tabs import retrieval as retrieval_tab
from ui.tabs.items import ARROW_KEYS
from ui.task import Task, words

POLL_S = 1.0
KEY_S = 3600


TABS = {
    "Compare": compare_tab,
    "Data": data_tab,
    "Prompting": prompting_tab,
    "Retrieval": retrieval_tab,
    "Fine-tuning": finetuning_tab,
    "Library": library_tab,
}


NEXT = {
    "compare": ("Next: choose the data", "data"),
    "data": ("Next: try a prompt", "prompting"),
    "prompting": ("Next: give it documents", "retrieval"),
    "retrieval": ("Next: fine-tune", "finetuning"),
    "finetuning": ("Next: compare all methods", "compare"),
    "library": ("Next: compare anew", "compare"),
}
"""The button that ends each tab, and the tab that it leads to."""

WITHOUT_TASK = ("prompting", "retrieval", "finetuning")
"""Tabs that can do nothing without a task, and say so on top."""


def build(settings: Settings) -> gr.Blocks:
    """The whole page, wired, not launched."""
    demo: gr.Blocks
    with gr.Blocks(title="Bakeoff", analytics_enabled=False, delete_cache=(3600, 86400)) as demo:
        gr.HTML(render("header"), elem_id="header")
        strip = gr.HTML(render("strip", words=words(Task())), elem_id="task_strip")
        with gr.Row(visible=False, elem_id="run_strip") as run_row:
            run_words = gr.HTML(elem_id="run_words", min_width=160)
            stop = gr.Button("Stop", size="sm", elem_id="stop", scale=0, min_width=80)
        arrived = gr.HTML(elem_id="arrived")
        states = gr.State(Task()), gr.State(Shown()), gr.State("")
        tick = gr.Timer(POLL_S, active=False)
        tabs = gr.Tabs(elem_id="tabs", selected="compare", overflow_behavior="wrap")
        judge_key = gr.State("", time_to_live=KEY_S)
        shared = Shared(settings, *states, tick, tabs, {}, strip, run_row, run_words, stop, judge_key)
        made: dict[str, Any] = {}
        with tabs:
            for label, module in TABS.items():
                key = label.lower().replace("-", "")
                with gr.Tab(label, id=key, elem_id=f"tab_{key}") as opened:
                    shared.opens[key] = opened.select
                    if key in WITHOUT_TASK:
                        _missing_task(shared, key)
                    made[key] = module.build(settings, shared)
                    _onward(shared, key)
        _wire_arrival(demo, shared, arrived)
        _wire_run(shared, made["compare"].form, made["finetuning"])
    return demo


def _missing_task(shared: Shared, key: str) -> None:
    """What stands on top of a tab as long as there is no task, with the button that mends it."""
    with gr.Column(visible=not examples.names(shared.settings.examples)) as missing:
        gr.HTML(render("empty", text="There is no task yet: no examples are chosen that a model could be asked."))
        begin = gr.Button("Choose the data", variant="primary", elem_id=f"{key}_begin", min_width=180, scale=0)
    shared.lead(begin, "data")
    shared.on(shared.task.change, lambda ctx, task: gr.update(visible=not task.ready), shared.task, missing)


def _onward(shared: Shared, key: str) -> None:
    label, following = NEXT[key]
    with gr.Row(elem_classes="bk-onward"):
        shared.lead(gr.Button(label, elem_id=f"{key}_onward", min_width=250, scale=0), following)


def _wire_arrival(demo: gr.Blocks, shared: Shared, arrived: gr.HTML) -> None:
    """What a fresh page shows, and a reloaded one again."""

    def arrive(ctx: Context) -> list[Any]:
        message = "" if ctx.wanted else note(runs.left_behind(ctx), tone="bad")
        try:
            shown = compare.landing(ctx, ctx.wanted)
        except Exception as error:
            if not ctx.wanted or not hasattr(error, "remedy"):
                raise
            shown, message = compare.landing(ctx, ""), note(str(error), tone="bad")
        task = library.task_behind(ctx, shown)
        going = runs.going_on(ctx)
        return [task, shown, going, gr.Timer(active=bool(going)), message]

    outputs = [shared.task, shared.shown, shared.running, shared.tick, arrived]
    demo.load(guard(shared.settings, arrive), None, outputs, api_visibility="private", show_progress="hidden")
    demo.load(None, None, None, js=ARROW_KEYS, api_visibility="private")

    def describe(ctx: Context, task: Task) -> str:
        return render("strip", words=words(counts.counted(ctx, task), counts.machine(task)))

    shared.on(shared.task.change, describe, shared.task, shared.strip)


def _wire_run(shared: Shared, form: compare_tab.RunRow, tuning: finetuning_tab.FinetuningTab) -> None:
    """Poll the run that is followed; show its result once it has ended, or say on both tabs that start runs why there is none."""

    def poll(ctx: Context, running: str) -> list[Any]:
        """Updates of (row, strip, lines, both notices, timer, running, shown, both buttons). After one run's end the owner's next is followed."""
        ready, idle = [gr.update(interactive=True, value=word) for word in ("Run", "Launch")], gr.Timer(active=False)
        if not running:
            return [gr.update(visible=False), "", "", gr.skip(), gr.skip(), idle, "", gr.skip(), *ready]
        try:
            look = runs.look(ctx, running)
        except StoreError as error:
            gone = note(error.message, error.remedy, tone="bad")
            return [gr.update(visible=False), "", "", gone, gone, idle, "", gr.skip(), *ready]
        if not look.over:
            busy = [gr.update(interactive=False, value="Running") for _ in ready]
            strip = render("strip", words=[look.strip])
            return [gr.update(visible=True), strip, look.lines, "", "", gr.skip(), gr.skip(), gr.skip(), *busy]
        shown = Shown("comparison", running, look.edition) if look.readable else gr.skip()
        ended, following = note(look.note, tone="bad"), runs.going_on(ctx)
        after = [gr.Timer(active=bool(following)), following, shown, *ready]
        return [gr.update(visible=False), "", "" if look.readable else look.lines, ended, ended, *after]

    outputs = [
        shared.run_row,
        shared.run_strip,
        form.lines,
        form.notice,
        tuning.notice,
        shared.tick,
        shared.running,
        shared.shown,
        form.run,
        tuning.launch,
    ]
    shared.on(shared.tick.tick, poll, shared.running, outputs, concurrency_limit=8)

    def stop(ctx: Context, running: str) -> Iterator[str]:
        yield render("strip", words=["Stopping"])
        if running:
            runs.stop(ctx, running)

    shared.on(shared.stop.click, stop, shared.running, shared.run_strip)
