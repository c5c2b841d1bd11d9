"""People: links to blind reviews, who voted, what it comes to beside the judge and the automatic scores, and the votes to take along.

The download is made in the browser from text that a handler of the owner's gave: no file is served, so none can be asked for.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from comparison.review import ITEMS
from core.errors import BakeoffError
from ui.context import Context
from ui.folds.filling import fill
from ui.handlers import people
from ui.handlers.compare import Shown
from ui.markup import note, render
from ui.shared import TO_CLIPBOARD, Shared

TITLE = "People"
KEY = "people"

TO_LINK = "(token) => token && !token.includes('?') ? location.origin + location.pathname + '?review=' + token : token"
TO_FILE = """(text) => {
  if (!text) return;
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'application/jsonl' }));
  link.download = 'preference-pairs.jsonl';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}"""


class People(NamedTuple):
    results: gr.HTML
    after: gr.Row
    tally: gr.Button
    take: gr.Button
    text: gr.Textbox
    said: gr.HTML
    form: gr.Column
    methods: gr.CheckboxGroup
    items: gr.Number
    make: gr.Button
    link: gr.Textbox
    told: gr.HTML
    closing: gr.Row
    links: gr.Dropdown
    close: gr.Button

    @property
    def filled(self) -> list[Any]:
        """Whatever `_filled` updates."""
        return [self.results, self.after, self.form, self.methods, self.closing, self.links, self.said, self.told]


def build(shared: Shared, fold: gr.Accordion) -> None:
    """Lay the fold out and wire it."""
    parts = _layout()

    def open_(ctx: Context, shown: Shown) -> list[Any]:
        return _filled(people.fold(ctx, shown))

    fill(shared, fold, open_, shared.shown, parts.filled)
    shared.forget_link(shared.shown.change, parts.link)
    _wire_links(shared, parts)
    _wire_votes(shared, parts)


def _layout() -> People:
    results = gr.HTML(elem_id="people_results")
    with gr.Row(visible=False, elem_id="people_after") as after:
        tally = gr.Button("Count the votes", elem_id="people_count", min_width=150, scale=0)
        take = gr.Button("Download preference pairs", elem_id="people_pairs", min_width=240, scale=0)
    text = gr.Textbox(visible=False, elem_id="people_text")
    said = gr.HTML(elem_id="people_said")
    with gr.Column(visible=False, elem_id="people_form") as form:
        gr.HTML(render("people_form"))
        methods = gr.CheckboxGroup([], label="Methods to review", info="At least two; shown two at a time.", elem_id="people_methods")
        help_ = "Drawn by chance from those that all these methods answered; the same for all raters."
        items = gr.Number(ITEMS, precision=0, minimum=1, label="Items", info=help_, elem_id="people_items")
        make = gr.Button("Make a review link", variant="primary", elem_id="people_make", min_width=180, scale=0)
        link = gr.Textbox(label="Link to the blind review", visible=False, interactive=False, buttons=["copy"], elem_id="people_link")
        told = gr.HTML(elem_id="people_told")
        with gr.Row(visible=False, elem_id="people_closing") as closing:
            help_ = "A link stands here only once, when it is made; what came in by it is kept."
            links = gr.Dropdown([], label="Open links", info=help_, elem_id="people_links", scale=4, min_width=240)
            close = gr.Button("Close this link", elem_id="people_close", min_width=150, scale=0)
    return People(results, after, tally, take, text, said, form, methods, items, make, link, told, closing, links, close)


def _filled(found: people.Fold, said: str = "", told: str = "", chosen: list[str] | None = None) -> list[Any]:
    """Updates of `People.filled`; all methods are ticked but where some were chosen."""
    names = [name for _, name in found.methods]
    links = gr.update(choices=found.links, value=found.links[-1][1] if found.links else None)
    ticked = gr.update(choices=found.methods, value=[name for name in names if chosen is None or name in chosen])
    shown = [gr.update(visible=found.voted), gr.update(visible=found.mine), ticked, gr.update(visible=bool(found.links)), links]
    return [found.html, *shown, said, told]


def _problem(error: BakeoffError) -> str:
    return render("problem", message=error.message, remedy=error.remedy)


def _wire_links(shared: Shared, parts: People) -> None:
    def make(ctx: Context, shown: Shown, methods: list[str], items: float | None) -> list[Any]:
        try:
            token = people.make(ctx, shown, methods, items)
        except BakeoffError as error:
            return [gr.update(value="", visible=False), *[gr.skip()] * 7, _problem(error)]
        told = note("Whoever has this link reads the questions, references and answers of its items, and may vote.")
        return [gr.update(value=token, visible=True), *_filled(people.fold(ctx, shown), told=told, chosen=methods)]

    made = shared.on(parts.make.click, make, [shared.shown, parts.methods, parts.items], [parts.link, *parts.filled])
    linked = made.success(None, parts.link, parts.link, js=TO_LINK, api_visibility="private")
    linked.then(None, parts.link, None, js=TO_CLIPBOARD, api_visibility="private")

    def close(ctx: Context, shown: Shown, link: str | None, methods: list[str]) -> list[Any]:
        try:
            people.close(ctx, shown, link)
        except BakeoffError as error:
            return [*[gr.skip()] * 8, _problem(error)]
        told = note("The link is closed. Votes that came in by it are kept.", tone="good")
        return [gr.update(value="", visible=False), *_filled(people.fold(ctx, shown), told=told, chosen=methods)]

    shared.on(parts.close.click, close, [shared.shown, parts.links, parts.methods], [parts.link, *parts.filled])


def _wire_votes(shared: Shared, parts: People) -> None:
    def count(ctx: Context, shown: Shown, methods: list[str]) -> list[Any]:
        try:
            told = people.count(ctx, shown)
        except BakeoffError as error:
            return [*[gr.skip()] * 6, _problem(error), ""]
        return _filled(people.fold(ctx, shown), note(told, tone="good"), chosen=methods)

    shared.on(parts.tally.click, count, [shared.shown, parts.methods], parts.filled)

    def take(ctx: Context, shown: Shown) -> list[Any]:
        try:
            text, told = people.pairs(ctx, shown)
        except BakeoffError as error:
            return ["", _problem(error)]
        return [text, note(told, tone="good")]

    taken = shared.on(parts.take.click, take, shared.shown, [parts.text, parts.said])
    saved = taken.success(None, parts.text, None, js=TO_FILE, api_visibility="private")
    shared.on(saved.then, lambda ctx: "", None, parts.text)
