"""The Retrieval tab: documents, the passages they are cut into, search with scores, and an answer from what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from adapters.retrieved import PassageFinder, RetrievalSettings
from comparison.artefacts import Artefact, obtain
from core.errors import DataError
from core.records import Retrieved
from ui.context import Context
from ui.handlers import asking, cutting
from ui.handlers import documents as brought
from ui.handlers.asking import Desk
from ui.markup import fold, render
from ui.task import Task

LISTED_DOCUMENTS = 200


class Shown(NamedTuple):
    """The tab's places, as HTML: progress, the answer, the passages."""

    progress: str
    answer: str
    found: str


def add(ctx: Context, task: Task, uploaded: list[str], text_column: str = "") -> Task:
    """The task with these documents instead of those it had.

    Raises:
        DataError: one of them cannot be kept, or none can be read.
    """
    return brought.add(ctx, task, uploaded, text_column)


def listing(ctx: Context, task: Task) -> tuple[str, list[str]]:
    """The documents in words, and their names."""
    if task.documents is None:
        return render("empty", text="There are no documents yet. Drop some here, or open an example that has them."), []
    loaded = brought.load(task)
    return brought.report(loaded), [d.id for d in loaded.documents[:LISTED_DOCUMENTS]]


def _desk(ctx: Context, task: Task, settings: Mapping[str, Any]) -> Desk:
    if task.documents is None:
        raise DataError("There are no documents to search.", "Drop some in the box above, or open an example that has them.")
    return asking.desk(ctx, task, {"kind": "rag", **settings})


def _spec(at: Desk) -> RetrievalSettings:
    spec = at.method.spec
    if not isinstance(spec, RetrievalSettings):
        raise TypeError(f"{spec.kind} does not retrieve")
    return spec


def _finder(ctx: Context, at: Desk) -> Iterator[str | PassageFinder]:
    """What finds passages, over the index of the task's documents, built where it is not there yet; progress in words before it."""
    recipe = at.method.recipes(at.setting)[0]
    for step in obtain(ctx.store, recipe, []):
        if isinstance(step, Artefact):
            yield PassageFinder(at.setting, [Path(step.path)], _spec(at))
        else:
            yield f"{step.stage} {step.done}/{step.total} {step.unit}" if step.total else step.stage


def search(ctx: Context, task: Task, query: str, settings: Mapping[str, Any]) -> Iterator[Shown]:
    """The best passages for a query, best first.

    Raises:
        BakeoffError: there are no documents, or the query is empty.
    """
    at = _desk(ctx, task, settings)
    question = asking.own_example(at.dataset, query)
    for step in _finder(ctx, at):
        yield Shown(_waiting(step), "", "") if isinstance(step, str) else Shown("", "", _found(at, step.found([question])[0]))


def ask(ctx: Context, task: Task, query: str, settings: Mapping[str, Any]) -> Iterator[Shown]:
    """An answer from the passages, as it is written, with the exact prompt and the passages that stand in it."""
    at = _desk(ctx, task, settings)
    question = asking.own_example(at.dataset, query)
    for step in _finder(ctx, at):
        if isinstance(step, str):
            yield Shown(_waiting(step), "", "")
    paths = [ctx.store.artefacts / recipe.fingerprint for recipe in at.method.recipes(at.setting)]
    asked = asking.word(at, at.method.bind(at.setting, paths), question)
    prompt = render("prompt", turns=asking.turns(asked.prompt), facts=[f"{len(asked.ids):,} tokens of {at.setting.prompt_budget:,}"])
    found = _found(at, list(asked.prompt.passages), asked.prompt.dropped_passages) + fold("The exact prompt", prompt)
    blank: dict[str, Any] = {"scores": [], "reference": ""}
    yield Shown("", render("answer", text="", done=False, waiting="Loading the model", **blank), found)
    text = ""
    for text in asking.stream(at, asked):
        yield Shown("", render("answer", text=text, done=False, waiting="", **blank), found)
    yield Shown("", render("answer", text=text, done=True, waiting="", **blank), found)


def passages(ctx: Context, task: Task, document: str, settings: Mapping[str, Any]) -> Iterator[str]:
    """What one document is cut into with these settings; no index is needed for it.

    Raises:
        BakeoffError: there are no documents, or a setting is wrong.
    """
    at = _desk(ctx, task, settings)
    chosen = next((d for d in at.setting.documents if d.id == document), None)
    if chosen is None:
        raise DataError(f"There is no document '{document}' any more.", "Choose one of the list.")
    yield _waiting("cutting the document")
    yield cutting.preview(chosen, _spec(at).cutting(), at.setting.embedder())


def _found(at: Desk, found: list[Retrieved], dropped: int = 0) -> str:
    rows = []
    for one in found:
        before, after = cutting.around(one.passage, at.setting.documents)
        rows.append({"where": _where(at, one), "text": one.passage.text, "before": before, "after": after})
    return render("found", rows=rows, note=f"{dropped} more did not fit into the prompt." if dropped else "")


def _where(at: Desk, one: Retrieved) -> str:
    spec, passage = _spec(at), one.passage
    score = "similarity" if spec.retriever == "dense" and not spec.reranker else "score"
    place = [f"{one.rank + 1}. {passage.document}, characters {passage.start} to {passage.end}", *cutting.marks(passage)]
    return " · ".join([*place, f"{score} {one.score:.2f}"])


def _waiting(text: str) -> str:
    return render("caption", text=text.capitalize())
