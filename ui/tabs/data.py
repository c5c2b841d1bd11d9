"""The Data tab: where the examples come from, which columns count, how they are split, and what a model will be asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import gradio as gr
from gradio.components import Component

from core.dataset import SplitSpec
from core.errors import BakeoffError
from ui import forms
from ui.context import Context, Settings
from ui.handlers import data, examples
from ui.handlers.data import ONE_FILE, SPLITS, Draft, Kept
from ui.markup import render
from ui.shared import Shared
from ui.tabs import neardata
from ui.task import Task
from ui.uploads import DATA_SUFFIXES

EXAMPLE, FILE, PARTS, HUB = "Bundled example", ONE_FILE, "A file for each split", "Hub data set"
NOTHING = "Choose where the examples come from. What a model will be asked then stands here."


class DataTab(NamedTuple):
    source: gr.Radio
    example: gr.Dropdown
    file: gr.File
    parts: dict[str, gr.File]
    refused: gr.HTML
    hub: gr.Textbox
    read: gr.Button
    input: gr.Dropdown
    output: gr.Dropdown
    instruction: gr.Textbox
    model: gr.Dropdown
    split: dict[str, Component]
    preview: gr.HTML
    place: gr.State
    another: gr.Button
    findings: gr.HTML
    use: gr.Button
    said: gr.HTML
    kept: gr.State
    kept_parts: tuple[gr.State, ...]

    @property
    def fields(self) -> list[Any]:
        """What a `Draft` is read from, in the order of `draft`."""
        return [
            self.source,
            self.kept,
            *self.kept_parts,
            self.example,
            self.hub,
            self.input,
            self.output,
            self.instruction,
            *self.split.values(),
        ]


def draft(source: str, kept: Kept, train: Kept, validation: Kept, test: Kept, example: str, hub: str, *rest: Any) -> Draft:
    """The fields as a draft; only the chosen source counts."""
    chosen = {
        EXAMPLE: Draft(example=example or ""),
        FILE: Draft(kept=kept[0], name=kept[1]),
        PARTS: Draft(parts=(Kept(*train), Kept(*validation), Kept(*test))),
        HUB: Draft(hub=(hub or "").strip()),
    }.get(source, Draft())
    input_, output, instruction, *shares, seed = rest
    cut: dict[str, Any] = dict(zip(SPLITS, (float(share or 0) for share in shares), strict=True))
    return chosen._replace(input=input_ or "", output=output or "", instruction=instruction or "", seed=int(seed or 0), **cut)


def build(settings: Settings, shared: Shared) -> DataTab:
    """Lay the tab out and wire it."""
    ctx = Context(settings)
    names = examples.names(settings.examples)
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=280):
            source = gr.Radio([EXAMPLE, FILE, PARTS, HUB], value=EXAMPLE, label="Where the examples come from", elem_id="data_source")
            example = gr.Dropdown(
                [(n.replace("_", " ").capitalize(), n) for n in names],
                value=names[0] if names else None,
                label="Example",
                elem_id="data_example",
            )
            kinds: dict[str, Any] = {"file_types": list(DATA_SUFFIXES), "height": 140}
            file = gr.File(label="CSV, TSV, JSON, JSONL or Parquet, up to 50 MB", visible=False, elem_id="data_file", **kinds)
            with gr.Column(visible=False) as parts_column:
                parts = _parts(kinds)
            refused = gr.HTML(elem_id="data_refused")
            with gr.Row(equal_height=False, visible=False) as hub_row:
                hub = gr.Textbox(
                    label="Hub id", placeholder="organisation/name", info="Needs a connection to the Hub.", elem_id="data_hub", scale=3
                )
                read = gr.Button("Read", elem_id="data_read", scale=1, min_width=80)
            with gr.Row(equal_height=False):
                blank: dict[str, Any] = {"allow_custom_value": True, "interactive": True}
                input_ = gr.Dropdown(
                    [], label="Question column", info="What each row asks or holds.", elem_id="data_input", min_width=140, **blank
                )
                output = gr.Dropdown([], label="Answer column", info="The right answer.", elem_id="data_output", min_width=140, **blank)
            words = "What to do, if the rows don't say it. {labels} becomes the label set."
            instruction = gr.Textbox(label="Instruction", info=words, lines=2, max_lines=6, elem_id="data_instruction")
            base = "An embedded model, a Hub id, or a local folder."
            model = gr.Dropdown(
                data.model_choices(ctx), value=settings.model, label="Base model", info=base, allow_custom_value=True, elem_id="data_model"
            )
            with gr.Accordion("Split sizes and seed", open=False, elem_id="split_fold"):
                split = forms.build(SplitSpec, "split")
        with gr.Column(scale=6, min_width=280):
            preview = gr.HTML(render("empty", text=NOTHING), elem_id="data_preview")
            another = gr.Button("Another item", size="sm", elem_id="data_another")
            with gr.Accordion("What was found in the rows", open=False, elem_id="findings_fold"):
                findings = gr.HTML(elem_id="data_findings")
                near = neardata.build()
            use = gr.Button("Use this data", variant="primary", elem_id="data_use", min_width=140)
            said = gr.HTML(elem_id="data_said")
    states = gr.State(Kept()), tuple(gr.State(Kept()) for _ in SPLITS)
    tab = DataTab(
        source, example, file, parts, refused, hub, read, input_, output, instruction, model, split, preview, gr.State(0), another, findings, use, said, *states
    )  # fmt: skip
    _wire_uploads(tab, shared)
    _wire_source(tab, shared, parts_column, hub_row)
    _wire_mapping(tab, shared)
    _wire_use(tab, shared)
    neardata.wire(near, shared, tab.fields, draft, tab.model, tab.findings, tab.said)
    return tab


def _parts(kinds: dict[str, Any]) -> dict[str, gr.File]:
    """An upload for each split; the optional one is folded."""
    files = {}
    with gr.Row(equal_height=False):
        for split in ("train", "test"):
            files[split] = gr.File(label=f"{split.capitalize()} rows", elem_id=f"data_{split}", min_width=200, **kinds)
    with gr.Accordion("Validation rows (optional)", open=False, elem_id="data_validation_fold"):
        files["validation"] = gr.File(label="Without them, a share of the training rows is taken", elem_id="data_validation", **kinds)
    return {split: files[split] for split in SPLITS}


def _wire_source(tab: DataTab, shared: Shared, parts_column: gr.Column, hub_row: gr.Row) -> None:
    def switch(ctx: Context, source: str) -> list[Any]:
        return [gr.update(visible=source == kind) for kind in (EXAMPLE, FILE, PARTS, HUB)]

    shared.on(tab.source.input, switch, tab.source, [tab.example, tab.file, parts_column, hub_row])

    def read(ctx: Context, task: Task, *fields: Any) -> Iterator[list[Any]]:
        """Columns of a new source, and its preview; the mapping begins anew, or as the example or the task that it is has it."""
        seen = data.planned(ctx, draft(*fields), task)
        blank = [gr.update(choices=[], value=None) for _ in range(2)]
        cut = [getattr(seen, name) for name in tab.split]
        if not seen.chosen:
            yield [*blank, seen.instruction, *cut, render("empty", text=NOTHING), "", 0]
            return
        if seen.hub:
            yield [*[gr.skip()] * (len(outputs) - 3), render("caption", text=f"Asking the Hub for {seen.hub}."), "", 0]
        try:
            found = data.columns(ctx, seen)
        except BakeoffError as error:
            yield [*blank, seen.instruction, *cut, render("problem", message=error.message, remedy=error.remedy), "", 0]
            return
        seen = seen._replace(input=seen.input or found.input, output=seen.output or found.output)
        result = data.look(ctx, seen)
        choices = [gr.update(choices=found.names, value=value or None) for value in (seen.input, seen.output)]
        yield [*choices, seen.instruction, *cut, result.preview, result.findings, 0]

    def follow(ctx: Context, task: Task, *fields: Any) -> Iterator[list[Any]]:
        """Read again where another example became the task; a file's mapping stays as it was filled in."""
        if task.example and draft(*fields).example == task.example:
            yield from read(ctx, task, *fields)
        else:
            yield [gr.skip()] * len(outputs)

    outputs = [tab.input, tab.output, tab.instruction, *tab.split.values(), tab.preview, tab.findings, tab.place]
    inputs = [shared.task, *tab.fields]
    for listen in (tab.source.input, tab.example.input, tab.kept.change, tab.kept_parts[0].change, tab.read.click, tab.hub.submit):
        shared.on(listen, read, inputs, outputs, show_progress="minimal", show_progress_on=tab.preview)
    shared.on(shared.task.change, _mirror, [shared.task, *tab.fields], [tab.source, tab.example, tab.model]).then(
        **_plain(shared, follow, inputs, outputs)
    )


def _plain(shared: Shared, handler: Any, inputs: Any, outputs: Any) -> dict[str, Any]:
    """A guarded handler as keyword arguments of `then`."""
    from ui.guard import guard

    return {
        "fn": guard(shared.settings, handler),
        "inputs": inputs,
        "outputs": outputs,
        "api_visibility": "private",
        "show_progress": "hidden",
    }


def _mirror(ctx: Context, task: Task, source: str, *fields: Any) -> list[Any]:
    """The tab follows the task: an example that was opened elsewhere is chosen here, too."""
    model = task.model.get("id") or gr.skip()
    return [EXAMPLE, task.example, model] if task.example else [gr.skip(), gr.skip(), model]


def _wire_uploads(tab: DataTab, shared: Shared) -> None:
    """Uploads are kept as they come. Each has a state of its own, since several may come at the same time."""

    def keep(ctx: Context, uploaded: str | None) -> list[Kept]:
        return [data.keep(ctx, uploaded) if uploaded else Kept()]

    for file, kept in ((tab.file, tab.kept), *zip(tab.parts.values(), tab.kept_parts, strict=True)):
        shared.on_told(file.change, keep, file, [kept], tab.refused)


def _wire_mapping(tab: DataTab, shared: Shared) -> None:
    def look(ctx: Context, place: int, *fields: Any) -> list[Any]:
        result = data.look(ctx, draft(*fields), place)
        return [result.preview, result.findings]

    listened = [tab.input.input, tab.output.input, tab.instruction.blur, *(kept.change for kept in tab.kept_parts[1:])]
    listened += [component.input for component in tab.split.values()]  # type: ignore[attr-defined]
    for listen in listened:
        shared.on(
            listen, look, [tab.place, *tab.fields], [tab.preview, tab.findings], show_progress="minimal", show_progress_on=tab.preview
        )

    def step(ctx: Context, place: int, *fields: Any) -> list[Any]:
        return [place + 1, *look(ctx, place + 1, *fields)]

    shared.on(tab.another.click, step, [tab.place, *tab.fields], [tab.place, tab.preview, tab.findings])


def _wire_use(tab: DataTab, shared: Shared) -> None:
    def use(ctx: Context, current: Task, model: str, *fields: Any) -> list[Any]:
        result = data.look(ctx, draft(*fields), whole=True)
        if not result.usable:
            said = render("problem", message="This data cannot be used yet.", remedy="What is missing stands above.")
            return [gr.skip(), result.preview, result.findings, said]
        try:
            task = data.as_task(ctx, draft(*fields), current, model or "")
        except BakeoffError as error:
            return [gr.skip(), result.preview, result.findings, render("problem", message=error.message, remedy=error.remedy)]
        said = render("done", text=f"{task.name} is the current task. Compare, Prompting, Retrieval and Fine-tuning now use it.")
        return [task, result.preview, result.findings, said]

    shared.on(
        tab.use.click,
        use,
        [shared.task, tab.model, *tab.fields],
        [shared.task, tab.preview, tab.findings, tab.said],
        show_progress="minimal",
        show_progress_on=tab.said,
    )
