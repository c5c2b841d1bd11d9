"""The Data tab: a source and a mapping become the current task, with a preview of what a model will be asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from adapters.prompts import word
from core.dataset import BadRow, Dataset, DataSpec, HubSpec, Preview, load_dataset, preview, preview_hub
from core.dataset.leakage import KINDS
from core.errors import BakeoffError, DataError, PlanError
from core.records import Example
from core.specs import read_spec
from ui import uploads
from ui.context import Context
from ui.handlers import examples
from ui.markup import render
from ui.task import Task

MODELS = ("embedded/smollm2-135m-instruct", "HuggingFaceTB/SmolLM2-135M-Instruct", "fake/echo")
LISTED = 8
SPLITS = ("train", "validation", "test")
ONE_FILE = "A file of mine"


class Kept(NamedTuple):
    """An uploaded file: its path in the store, under a name of ours, and its name for people; both "" for none."""

    path: str = ""
    name: str = ""


class Draft(NamedTuple):
    """What the tab's fields hold. `kept` is the path of an upload in the store, `name` its name for people; `parts` are three uploads by split."""

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
    parts: tuple[Kept, Kept, Kept] = (Kept(), Kept(), Kept())

    @property
    def files(self) -> dict[str, Kept]:
        """The uploads that are there, by split; one that is still to be cut stands under ""."""
        named = dict(zip(SPLITS, self.parts, strict=True)) if any(part.path for part in self.parts) else {"": Kept(self.kept, self.name)}
        return {split: part for split, part in named.items() if part.path}

    @property
    def chosen(self) -> bool:
        """Whether there is any source."""
        return bool(self.files or self.example or self.hub)


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


def keep(ctx: Context, uploaded: str) -> Kept:
    """Keep an uploaded file: its place in the store, and its name for people."""
    return Kept(str(uploads.keep_data(ctx, uploaded)), Path(uploaded).stem[:60])


def columns(ctx: Context, draft: Draft) -> Columns:
    """The columns of a draft's rows, of which the first are read, and a first guess. Of files for each split those of the training rows.

    Raises:
        BakeoffError: the rows cannot be read.
    """
    seen = _head(ctx, draft)
    if seen is None:
        return Columns([], "", "", "")
    mapped = seen.mapping if seen.layout not in ("messages", "chat") else {}
    return Columns(list(seen.columns), mapped.get("input", ""), mapped.get("output", ""), seen.layout)


def _head(ctx: Context, draft: Draft, named: Mapping[str, str] | None = None) -> Preview | None:
    with names_for_people(draft):
        if draft.files:
            return preview(Path(next(iter(draft.files.values())).path), named)
        if draft.hub:
            return preview_hub(read_spec(HubSpec, {"id": draft.hub}, "data.hub"), named)
        if draft.example:
            task = examples.task(ctx, draft.example)
            return preview(Path(task.base, str(task.data["path"])), named) if task.data.get("path") else None
        return None


@contextmanager
def names_for_people(draft: Draft) -> Iterator[None]:
    """Say of uploads what people called them, wherever a message would name the file in the store."""
    try:
        yield
    except BakeoffError as error:
        raise type(error)(shown_name(draft, error.message), shown_name(draft, error.remedy)) from error


def shown_name(draft: Draft, text: str) -> str:
    for part in draft.files.values():
        text = text.replace(Path(part.path).name, f"{part.name}{Path(part.path).suffix}")
    return text


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
    elif draft.files:
        name = next(iter(draft.files.values())).name
        folder = str(Path(next(iter(draft.files.values())).path).parent)
        task = Task(name="My data" if name in ("", *SPLITS) else name, base=folder, data={**_sources(draft), **_mapping(draft, {})})
    elif draft.hub:
        task = Task(name=draft.hub, base="/", data={"hub": {"id": draft.hub}, **_mapping(draft, {})})
    else:
        raise DataError("There are no examples yet.", "Choose a bundled example, upload a file, or name a Hub data set.")
    if not draft.example and current.knowledge:
        task = replace(task, knowledge={**current.knowledge, "path": str(current.documents)})
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


def _sources(draft: Draft) -> dict[str, Any]:
    """The plan's section for uploads.

    Raises:
        DataError: one of the files that every split needs is missing.
    """
    files = draft.files
    if "" in files:
        return {"path": files[""].path}
    for split, why in (("train", "that methods learn from"), ("test", "that every method is scored on")):
        if split not in files:
            remedy = f"Upload it, or choose “{ONE_FILE}” to have one file cut into all three."
            raise DataError(f"There is no {split} file yet: the rows {why}.", remedy)
    return {"files": {split: part.path for split, part in files.items()}}


def _mapping(draft: Draft, extra: dict[str, str]) -> dict[str, Any]:
    named = {**extra, **{k: v for k, v in (("input", draft.input), ("output", draft.output)) if v}}
    out: dict[str, Any] = {"split": {"train": draft.train, "validation": draft.validation, "test": draft.test, "seed": int(draft.seed)}}
    out |= {"columns": named} if named else {}
    return out | ({"instruction": draft.instruction} if draft.instruction.strip() else {})


def look(ctx: Context, draft: Draft, place: int = 0, *, whole: bool = False) -> Found:
    """Load the draft and show one test item as it will be asked, and what was found in the rows. What is wrong stands in the preview's place.

    Args:
        whole: read a data set of the hub to its end, too; else its first rows are looked at.
    """
    try:
        task = as_task(ctx, draft, Task(), "")
        if draft.hub and not whole:
            return _first_rows(ctx, draft, place)
        with names_for_people(draft):
            dataset = load_dataset(read_spec(DataSpec, dict(task.data), "data"), Path(task.base))
    except BakeoffError as error:
        return Found(render("problem", message=error.message, remedy=error.remedy), "", False)
    example = dataset.test[place % len(dataset.test)]
    asked = {"turns": word(example, dataset.instruction), "reference": example.reference}
    left_out = _left_out(draft, dataset.bad_rows, dataset.bad_count)
    shown = render("asked", **asked, what="Test item", place=place % len(dataset.test) + 1, total=len(dataset.test), left_out=left_out)
    return Found(shown, _findings(draft, findings(dataset), dataset.bad_rows, dataset.bad_count), True)


def _first_rows(ctx: Context, draft: Draft, place: int) -> Found:
    """The same of a hub data set's first rows, which come at once.

    Raises:
        BakeoffError: it cannot be read, or no columns were recognised or named.
    """
    seen = _head(ctx, draft, {field: column for field, column in (("input", draft.input), ("output", draft.output)) if column})
    if seen is None or not seen.examples:
        raise DataError(f"The columns of '{draft.hub}' fit no known layout.", "Choose the question column and the answer column.")
    example = seen.examples[place % len(seen.examples)]
    asked = {"turns": word(example, example.instruction or draft.instruction), "reference": example.reference}
    rows = len(seen.examples) + len(seen.bad_rows)
    left_out = _left_out(draft, seen.bad_rows, len(seen.bad_rows))
    shown = render("asked", **asked, what="Row", place=place % len(seen.examples) + 1, total=len(seen.examples), left_out=left_out)
    facts = [("Looked at", f"the first {rows} rows; all are read when you press “Use this data”"), ("Columns", ", ".join(seen.columns))]
    return Found(shown, _findings(draft, facts, seen.bad_rows, len(seen.bad_rows)), True)


def _left_out(draft: Draft, bad: Sequence[BadRow], count: int) -> str:
    """One sentence on the rows that cannot be used; "" where all can."""
    if not count:
        return ""
    first = f"In {_where(draft, bad[0])}: {bad[0].reason}"
    others = "another one stands" if count == 2 else f"{count - 1} more stand"
    more = f"; {others} under “What was found in the rows”" if count > 1 else ""
    return f"{count} {'row was' if count == 1 else 'rows were'} left out. {first}{more}."


def _where(draft: Draft, row: BadRow) -> str:
    """The line of a row; with the file, where there are several."""
    return f"{shown_name(draft, row.file)}, line {row.line}" if len(draft.files) > 1 else f"line {row.line}"


def _findings(draft: Draft, facts: Sequence[tuple[str, str]], bad: Sequence[BadRow], count: int) -> str:
    rows = [(_where(draft, row), shown_name(draft, row.reason)) for row in bad]
    return render("findings", facts=facts, bad=rows, more=count - len(rows))


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
        *_in_validation(dataset),
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


def _in_validation(dataset: Dataset) -> list[tuple[str, str]]:
    """Only where rows were compared: those that are cut from one file stand together."""
    found = dataset.in_validation
    again = ", ".join(f"{found[kind]} {kind}" for kind in KINDS if found.get(kind))
    return [("Training rows found again in the validation file", f"{again}; kept out of training")] if again else []


def _lengths(texts: list[str]) -> str:
    lengths = sorted(len(t.split()) for t in texts)
    if not lengths or lengths[0] == lengths[-1]:
        return str(lengths[0]) if lengths else "none"
    return f"{lengths[0]} to {lengths[-1]}, half of them under {lengths[len(lengths) // 2] + 1}"


def _repeated(everything: list[Example]) -> int:
    counted = Counter((e.instruction, e.input) for e in everything)
    return sum(n > 1 for n in counted.values())


def model_choices(ctx: Context) -> list[str]:
    return list(dict.fromkeys([ctx.settings.model, *MODELS]))
