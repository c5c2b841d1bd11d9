"""The Library tab: past comparisons, to open, clone, go on with, share and delete."""

from __future__ import annotations

from typing import Any, NamedTuple

import gradio as gr

from ui.context import Context, Settings
from ui.handlers import library, shares
from ui.handlers.compare import Shown
from ui.markup import render
from ui.shared import Shared

NOTHING = "No comparison of yours is kept yet. Run one on the Compare tab; it then stands here."


class LibraryTab(NamedTuple):
    empty: gr.HTML
    begin: gr.Button
    chosen: gr.Radio
    actions: gr.Row
    open: gr.Button
    clone: gr.Button
    resume: gr.Button
    copy: gr.Button
    delete: gr.Button
    sure: gr.Row
    really: gr.Button
    keep: gr.Button
    said: gr.HTML
    link: gr.Textbox


def build(settings: Settings, shared: Shared) -> LibraryTab:
    """Lay the tab out and wire it."""
    empty = gr.HTML(render("empty", text=NOTHING), elem_id="library_empty")
    begin = gr.Button("Go to Compare", elem_id="library_begin", min_width=160, scale=0)
    chosen = gr.Radio([], label="Your comparisons, newest first", visible=False, elem_id="library")
    with gr.Row(visible=False, elem_id="library_actions") as actions:
        open_ = gr.Button("Open", variant="primary", elem_id="library_open", min_width=90, scale=0)
        clone = gr.Button("Clone", elem_id="library_clone", min_width=90, scale=0)
        resume = gr.Button("Resume", elem_id="library_resume", min_width=90, scale=0)
        copy = gr.Button("Copy link", elem_id="library_copy", min_width=110, scale=0)
        delete = gr.Button("Delete", elem_id="library_delete", min_width=90, scale=0)
    with gr.Row(visible=False, elem_id="library_sure") as sure:
        really = gr.Button("Delete it for good", variant="stop", elem_id="library_really", min_width=150, scale=0)
        keep = gr.Button("Keep it", elem_id="library_keep", min_width=90, scale=0)
    said = gr.HTML(elem_id="library_said")
    words = "Link to the scores of this frozen result; close it under Share on the Compare tab"
    link = gr.Textbox(label=words, visible=False, interactive=False, buttons=["copy"], elem_id="library_link")
    tab = LibraryTab(empty, begin, chosen, actions, open_, clone, resume, copy, delete, sure, really, keep, said, link)
    _wire_list(tab, shared)
    _wire_actions(tab, shared)
    _wire_link(tab, shared)
    return tab


def _listed(ctx: Context) -> list[Any]:
    """Updates of (empty, begin, chosen, actions, sure)."""
    rows = library.rows(ctx)
    choices = [(library.line(row), row.id) for row in rows]
    some = bool(rows)
    listed = gr.update(choices=choices, value=rows[0].id if some else None, visible=some)
    return [gr.update(visible=not some), gr.update(visible=not some), listed, gr.update(visible=some), gr.update(visible=False)]


def _wire_list(tab: LibraryTab, shared: Shared) -> None:
    def refresh(ctx: Context) -> list[Any]:
        return [*_listed(ctx), ""]

    outputs = [tab.empty, tab.begin, tab.chosen, tab.actions, tab.sure, tab.said]
    for listen in (shared.opens["library"], shared.shown.change, shared.running.change):
        shared.on(listen, refresh, None, outputs)


def _wire_actions(tab: LibraryTab, shared: Shared) -> None:
    def open_(ctx: Context, chosen: str) -> list[Any]:
        library.readable(ctx, chosen or "")
        return [Shown("comparison", chosen), library.clone(ctx, chosen), gr.Tabs(selected="compare")]

    shared.on_told(tab.open.click, open_, tab.chosen, [shared.shown, shared.task, shared.tabs], tab.said)

    shared.lead(tab.begin, "compare")

    def clone(ctx: Context, chosen: str) -> list[Any]:
        return [library.clone(ctx, chosen or ""), gr.Tabs(selected="compare")]

    shared.on_told(tab.clone.click, clone, tab.chosen, [shared.task, shared.tabs], tab.said)

    def resume(ctx: Context, chosen: str, key: str) -> list[Any]:
        library.resume(ctx, chosen or "", key)
        return [chosen, gr.Timer(active=True)]

    outputs = [shared.running, shared.tick]
    shared.on_told(tab.resume.click, resume, [tab.chosen, shared.judge_key], outputs, tab.said, done="It goes on where it was.")

    def ask(ctx: Context, sure: bool) -> list[Any]:
        return [gr.update(visible=not sure), gr.update(visible=sure)]

    for listen, sure in ((tab.delete.click, True), (tab.keep.click, False), (tab.chosen.input, False)):
        shared.on(listen, lambda ctx, sure=sure: ask(ctx, sure), None, [tab.actions, tab.sure])

    def really(ctx: Context, chosen: str, shown: Shown) -> list[Any]:
        library.delete(ctx, chosen or "")
        gone = Shown() if shown[:2] == ("comparison", chosen) else gr.skip()
        return [*_listed(ctx), gone]

    listed: list[Any] = [tab.empty, tab.begin, tab.chosen, tab.actions, tab.sure, shared.shown]
    done = "It is deleted, with its answers and links."
    shared.on_told(tab.really.click, really, [tab.chosen, shared.shown], listed, tab.said, done=done)


def _wire_link(tab: LibraryTab, shared: Shared) -> None:
    def make(ctx: Context, chosen: str) -> str:
        return shares.token(ctx, Shown("comparison", chosen or ""), False)

    shared.on_copy(tab.copy, make, [tab.chosen], tab.link)
    shared.forget_link(tab.chosen.change, tab.link)
