"""The part of the Compare tab that makes links to what is shown, lists them, and closes them."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from core.errors import BakeoffError
from ui.context import Context
from ui.folds.filling import fill
from ui.handlers import shares
from ui.handlers.compare import Shown
from ui.markup import note, render
from ui.shared import Shared

ABOUT = "A link opens this result as it is now, read only. Whoever has it can open it until it is closed; it stands here only once, when it is made."


class Share(NamedTuple):
    fold: gr.Accordion
    rows: gr.Checkbox
    expiry: gr.Dropdown
    copy: gr.Button
    link: gr.Textbox
    listed: gr.HTML
    closing: gr.Row
    links: gr.Dropdown
    close: gr.Button
    close_all: gr.Button
    said: gr.HTML

    @property
    def filled(self) -> list[Any]:
        """What `_filled` updates."""
        return [self.listed, self.closing, self.links, self.said]


def build() -> Share:
    with gr.Accordion("Share", open=False, elem_id="share_fold") as fold:
        gr.HTML(render("caption", text=ABOUT))
        rows = gr.Checkbox(False, label="With prompts and answers", info="Else the scores alone.", elem_id="share_rows")
        with gr.Row(equal_height=False, elem_id="share_row"):
            with gr.Column(scale=0, min_width=190):
                expiry = gr.Dropdown(list(shares.EXPIRIES), value="Never", label="Closes by itself", elem_id="share_expiry")
            copy = gr.Button("Copy link", variant="primary", elem_id="copy_link", min_width=120, scale=0)
        link = gr.Textbox(label="Link to this frozen result", visible=False, interactive=False, buttons=["copy"], elem_id="share_link")
        listed = gr.HTML(elem_id="share_list")
        with gr.Row(visible=False, equal_height=False, elem_id="share_closing") as closing:
            links = gr.Dropdown([], label="Open links", elem_id="share_links", min_width=240, scale=4)
            close = gr.Button("Close this link", elem_id="share_close", min_width=150, scale=0)
            close_all = gr.Button("Close all", elem_id="share_close_all", min_width=110, scale=0)
        said = gr.HTML(elem_id="share_said")
    return Share(fold, rows, expiry, copy, link, listed, closing, links, close, close_all, said)


def _filled(ctx: Context, shown: Shown, said: str = "") -> list[Any]:
    """Updates of `Share.filled`."""
    found = shares.listing(ctx, shown)
    links = gr.update(choices=found.open, value=found.open[0][1] if found.open else None)
    return [found.html, gr.update(visible=bool(found.open)), links, said]


def wire(parts: Share, shared: Shared) -> None:
    fill(shared, parts.fold, lambda ctx, shown: _filled(ctx, shown), shared.shown, parts.filled)
    made = shared.on_copy(parts.copy, shares.token, [shared.shown, parts.rows, parts.expiry], parts.link)
    shared.on(made.then, lambda ctx, shown: _filled(ctx, shown), shared.shown, parts.filled)
    for listen in (shared.shown.change, parts.rows.input, parts.expiry.input):
        shared.forget_link(listen, parts.link)

    def close(ctx: Context, shown: Shown, link: str | None) -> list[Any]:
        try:
            said = shares.close(ctx, shown, link)
        except BakeoffError as error:
            return [gr.skip(), gr.skip(), gr.skip(), render("problem", message=error.message, remedy=error.remedy)]
        return _filled(ctx, shown, note(said, tone="good"))

    shared.on(parts.close.click, close, [shared.shown, parts.links], parts.filled)
    shared.on(parts.close_all.click, lambda ctx, shown: close(ctx, shown, None), shared.shown, parts.filled)
    for button in (parts.close, parts.close_all):
        shared.forget_link(button.click, parts.link)
