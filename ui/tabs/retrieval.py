"""The Retrieval tab: drop documents, search them, ask about them, and see what they were cut into."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import gradio as gr
from gradio.components import Component

from adapters.retrieved import RetrievalSettings
from core.errors import BakeoffError
from retrieval.documents import SUFFIXES
from ui import forms
from ui.context import Context, Settings
from ui.handlers import documents as documents_handler
from ui.handlers import retrieval
from ui.markup import render
from ui.shared import MODEL_WORK, Shared
from ui.task import Task


class RetrievalTab(NamedTuple):
    files: gr.File
    column: gr.Textbox
    refused: gr.HTML
    documents: gr.HTML
    query: gr.Textbox
    top_k: Component
    cutting: dict[str, Component]
    search: gr.Button
    ask: gr.Button
    stop: gr.Button
    progress: gr.HTML
    said: gr.HTML
    answer: gr.HTML
    found: gr.HTML
    document: gr.Dropdown
    passages: gr.HTML

    @property
    def form(self) -> dict[str, Component]:
        return {"top_k": self.top_k, **self.cutting}


def build(settings: Settings, shared: Shared) -> RetrievalTab:
    """Lay the tab out and wire it."""
    known = {field.name: field for field in forms.fields(RetrievalSettings)}
    with gr.Row(equal_height=False):
        with gr.Column(scale=4, min_width=280):
            documents = gr.HTML(elem_id="documents")
            label = "Documents of my own"
            files = gr.File(label=label, file_count="multiple", file_types=list(SUFFIXES), height=130, elem_id="documents_file")
            refused = gr.HTML(elem_id="documents_refused")
            with gr.Accordion("Tables of documents", open=False, elem_id="documents_tables"):
                column = gr.Textbox(
                    label="Column with the text (csv, tsv, jsonl)", placeholder="text", max_lines=1, elem_id="documents_column"
                )
            gr.HTML(documents_handler.limits(), elem_id="documents_limits")
            query = gr.Textbox(label="Question", lines=2, max_lines=8, placeholder="Ask about the documents", elem_id="query")
            top_k = forms.component(known["top_k"], "retrieval_top_k")
            with gr.Accordion("How documents are cut", open=False, elem_id="cutting_fold"):
                cutting = {name: forms.component(known[name], f"retrieval_{name}") for name in known if name.startswith("chunk")}
            with gr.Accordion("How passages are found", open=False, elem_id="search_fold"):
                rest = [name for name in known if name != "top_k" and name not in cutting]
                cutting |= {name: forms.component(known[name], f"retrieval_{name}") for name in rest}
            with gr.Row():
                search = gr.Button("Search", elem_id="search", min_width=90)
                ask = gr.Button("Ask", variant="primary", elem_id="retrieval_ask", min_width=90)
                stop = gr.Button("Stop", elem_id="retrieval_stop", min_width=80)
        with gr.Column(scale=6, min_width=280):
            progress = gr.HTML(elem_id="retrieval_progress")
            said = gr.HTML(elem_id="retrieval_said")
            answer = gr.HTML(elem_id="retrieval_answer")
            found = gr.HTML(
                render("empty", text="Search shows the passages nearest to a question; Ask answers from them."), elem_id="found"
            )
            with gr.Accordion("The passages of one document", open=False, elem_id="passages_fold"):
                document = gr.Dropdown([], label="Document", elem_id="document", interactive=True)
                passages = gr.HTML(elem_id="passages")
    tab = RetrievalTab(
        files, column, refused, documents, query, top_k, cutting, search, ask, stop, progress, said, answer, found, document, passages
    )
    _wire_documents(tab, shared)
    _wire_questions(tab, shared)
    return tab


def _wire_documents(tab: RetrievalTab, shared: Shared) -> None:
    def add(ctx: Context, task: Task, uploaded: list[str] | None, column: str) -> list[Any]:
        return [retrieval.add(ctx, task, uploaded, column or "") if uploaded else gr.skip()]

    def name_column(ctx: Context, task: Task, column: str) -> list[Any]:
        return [documents_handler.name_column(task, column or "")]

    shared.on_told(tab.files.upload, add, [shared.task, tab.files, tab.column], [shared.task], tab.refused)
    shared.on_told(tab.column.submit, name_column, [shared.task, tab.column], [shared.task], tab.refused)

    def follow(ctx: Context, task: Task) -> list[Any]:
        try:
            words, names = retrieval.listing(ctx, task)
        except BakeoffError as error:
            words, names = render("problem", message=error.message, remedy=error.remedy), []
        return [words, gr.update(choices=names, value=None), ""]

    shared.on(shared.task.change, follow, shared.task, [tab.documents, tab.document, tab.passages])

    def cut(ctx: Context, task: Task, document: str, *values: Any) -> Iterator[str]:
        try:
            yield from retrieval.passages(ctx, task, document, _settings(tab, values)) if document else ()
        except BakeoffError as error:
            yield render("problem", message=error.message, remedy=error.remedy)

    inputs = [shared.task, tab.document, *tab.form.values()]
    known: dict[str, Any] = tab.cutting
    for listen in (tab.document.input, known["chunker"].input, known["chunk_size"].submit, known["chunk_overlap"].submit):
        shared.on(listen, cut, inputs, tab.passages, concurrency_id=MODEL_WORK)


def _settings(tab: RetrievalTab, values: tuple[Any, ...]) -> dict[str, Any]:
    return forms.settings(RetrievalSettings, dict(zip(tab.form, values, strict=True)))


def _wire_questions(tab: RetrievalTab, shared: Shared) -> None:
    def runs(handler: Any) -> Any:
        def go(ctx: Context, task: Task, query: str, *values: Any) -> Iterator[list[Any]]:
            yield [render("caption", text="Looking"), "", ""]
            try:
                for shown in handler(ctx, task, query or "", _settings(tab, values)):
                    yield list(shown)
            except BakeoffError as error:
                yield [render("problem", message=error.message, remedy=error.remedy), "", ""]

        return go

    inputs, outputs = [shared.task, tab.query, *tab.form.values()], [tab.progress, tab.answer, tab.found]
    search, ask = runs(retrieval.search), runs(retrieval.ask)
    shared.on_ask([(tab.search.click, search), (tab.query.submit, search), (tab.ask.click, ask)], inputs, outputs, tab.stop, tab.said)
