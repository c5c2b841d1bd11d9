"""The Data tab: a source and a mapping become the current task, with a preview of what a model will be asked."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from adapters.prompts import word
from core.dataset import Dataset, DataSpec, load_dataset, preview
from core.errors import BakeoffError, DataError, PlanError
from core.records import Example
from core.specs import read_spec
from ui import uploads
from ui.context import Context
from ui.handlers import examples
from ui.markup import render
from ui.task import Task

MODELS = ("embedded/smollm2-135m-instruct", "HuggingFaceTB/SmolLM2-135M-Instruct", "fake/echo")
NO_COLUMN = ""
LISTED = 8


class Draft(NamedTuple):
    """What the tab's fields hold. `kept` is the path of an upload in the store, `name` its name for people."""

    kept: str = ""
    name: str = ""
    example: str = ""
    hub: str = ""
    input: str = ""
    output: str = ""
    instruction: str = ""
    train: float = 0.6
    validation: float = 0.15
    test: float = 0.25
    seed: int = 7


class Columns(NamedTuple):
    """The file's columns, and which of them seem to be the question and the answer; empty where the layout has no columns to map."""

    names: list[str]
    input: str
    output: str
    layout: str


class Found(NamedTuple):
    """The preview and what was found, as HTML; `usable` says whether the draft can become a task."""

    preview: str
    findings: str
    usable: bool


def keep(ctx: Context, uploaded: str) -> tuple[str, str]:
    """Keep an uploaded file: its place in the store, and its name for people."""
    return str(uploads.keep_data(ctx, uploaded)), Path(uploaded).stem[:60]


def columns(ctx: Context, draft: Draft) -> Columns:
    """The columns of a draft's file and a first guess. A Hub data set's are known once it is loaded."""
    path = _file(ctx, draft)
    if path is None:
        return Columns([], "", "", "")
    seen = preview(path)
    mapped = seen.mapping if seen.layout not in ("messages", "chat") else {}
    return Columns(list(seen.columns), mapped.get("input", ""), mapped.get("output", ""), seen.layout)


def _file(ctx: Context, draft: Draft) -> Path | None:
    if draft.kept:
        return Path(draft.kept)
    if draft.example:
        task = examples.task(ctx, draft.example)
        return Path(task.base, str(task.data["path"])) if task.data.get("path") else None
    return None


def as_task(ctx: Context, draft: Draft, current: Task, model: str) -> Task:
    """The task that a draft stands for. Documents, methods and metrics of the current task stay where the source is the same example.

    Raises:
        DataError: no source is named.
        PlanError: the model is a folder of the machine that others use, too.
    """
    if draft.example:
        base = examples.task(ctx, draft.example)
        data = {k: v for k, v in base.data.items() if k not in ("columns", "instruction", "split")}
        extra = {k: v for k, v in (base.data.get("columns") or {}).items() if k not in ("input", "output")}
        task = replace(base, data={**data, **_mapping(draft, extra)})
    elif draft.kept:
        task = Task(name=draft.name or "My data", base=str(Path(draft.kept).parent), data={"path": draft.kept, **_mapping(draft, {})})
    elif draft.hub:
        task = Task(name=draft.hub, base="/", data={"hub": {"id": draft.hub}, **_mapping(draft, {})})
    else:
        raise DataError("There are no examples yet.", "Choose a bundled example, upload a file, or name a Hub data set.")
    if not draft.example and current.knowledge:
        task = replace(task, knowledge={"path": str(current.documents)})
    model = model.strip() or ctx.settings.model
    if ctx.settings.public and (model.startswith((".", "/", "~")) or Path(task.base, model).is_dir()):
        raise PlanError("A folder cannot be the base model here: this app is shared.", "Name an embedded model or a Hub id.")
    return task.with_model(model, ctx.settings.embedder)


def planned(ctx: Context, draft: Draft, task: Task) -> Draft:
    """A draft of a new source with the mapping, instruction and split that belong to it: those of the current task where that is
    this example, else of the example's plan. A file's columns are to be guessed anew, and no example's instruction goes with one's own rows.

    Raises:
        StoreError: there is no such example.
    """
    if not draft.example:
        borrowed = {examples.task(ctx, name).data.get("instruction") for name in examples.names(ctx.settings.examples)}
        own = draft._replace(instruction="" if draft.instruction in borrowed else draft.instruction)
        return own if draft.hub else own._replace(input="", output="")
    section = task.data if task.example == draft.example else examples.task(ctx, draft.example).data
    mapped, split = section.get("columns") or {}, section.get("split") or {}
    read = draft._replace(input=mapped.get("input") or "", output=mapped.get("output") or "", instruction=section.get("instruction") or "")
    return read._replace(**{name: split[name] for name in ("train", "validation", "test", "seed") if name in split})


def _mapping(draft: Draft, extra: dict[str, str]) -> dict[str, Any]:
    named = {**extra, **{k: v for k, v in (("input", draft.input), ("output", draft.output)) if v}}
    out: dict[str, Any] = {"split": {"train": draft.train, "validation": draft.validation, "test": draft.test, "seed": int(draft.seed)}}
    out |= {"columns": named} if named else {}
    return out | ({"instruction": draft.instruction} if draft.instruction.strip() else {})


def look(ctx: Context, draft: Draft, place: int = 0) -> Found:
    """Load the draft and show one test item as it will be asked, and what was found in the rows. What is wrong stands in the preview's place."""
    try:
        task = as_task(ctx, draft, Task(), "")
        dataset = load_dataset(read_spec(DataSpec, dict(task.data), "data"), Path(task.base))
    except BakeoffError as error:
        return Found(render("problem", message=error.message, remedy=error.remedy), "", False)
    example = dataset.test[place % len(dataset.test)]
    shown = render(
        "asked",
        turns=word(example, dataset.instruction),
        reference=example.reference,
        place=place % len(dataset.test) + 1,
        total=len(dataset.test),
    )
    return Found(
        shown, render("findings", facts=findings(dataset), bad=dataset.bad_rows, more=dataset.bad_count - len(dataset.bad_rows)), True
    )


def findings(dataset: Dataset) -> list[tuple[str, str]]:
    """What was found in the rows, as facts."""
    everything = [*dataset.train, *dataset.validation, *dataset.test]
    counts = dataset.counts
    twice = {k: v for k, v in dataset.leakage["train"].items() if isinstance(v, int) and k != "embedding"}
    again = ", ".join(f"{v} {k}" for k, v in twice.items() if v)
    facts = [
        ("Rows", f"{counts['train']} train, {counts['validation']} validation, {counts['test']} test"),
        ("Rows left out", str(dataset.bad_count) if dataset.bad_count else "none"),
        ("Test items found again in training rows", f"{again}; kept out of training" if again else "none"),
        ("Length of the question, in words", _lengths([e.question for e in everything])),
        ("Length of the answer, in words", _lengths([e.reference for e in everything])),
    ]
    if dataset.labels:
        counted = Counter(e.reference for e in everything).most_common(LISTED)
        facts.append(
            (
                f"Labels ({len(dataset.labels)})",
                ", ".join(f"{label} {n}" for label, n in counted) + (", …" if len(dataset.labels) > LISTED else ""),
            )
        )
    same = _repeated(everything)
    return [*facts, ("Questions that stand there more than once", str(same) if same else "none")]


def _lengths(texts: list[str]) -> str:
    lengths = sorted(len(t.split()) for t in texts)
    return f"{lengths[0]} to {lengths[-1]}, half of them under {lengths[len(lengths) // 2] + 1}" if lengths else "none"


def _repeated(everything: list[Example]) -> int:
    counted = Counter((e.instruction, e.input) for e in everything)
    return sum(n > 1 for n in counted.values())


def model_choices(ctx: Context) -> list[str]:
    return list(dict.fromkeys([ctx.settings.model, *MODELS]))
