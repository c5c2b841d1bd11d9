"""Near duplicates on the Data tab, on demand, since they take an embedder: rows that say nearly the same as a test item."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from comparison.near import Nearness
from comparison.ready import embedder_key_if_there
from comparison.vectors import Vectors
from core.dataset import Dataset, DataSpec, Near, compared_texts, load_dataset
from core.errors import BakeoffError
from core.records import Example
from core.specs import read_spec
from models.loading import ModelSpec
from ui.context import Context
from ui.handlers import data
from ui.handlers.data import Draft
from ui.markup import render
from ui.task import Task

SHOWN = 30


class Found(NamedTuple):
    """The pairs as HTML, and how many rows are near a test item."""

    html: str
    rows: int


def look(ctx: Context, draft: Draft) -> Found:
    """Search a draft's rows. What is wrong stands in the place of the pairs."""
    try:
        task = data.as_task(ctx, draft, Task(), "")
        with data.names_for_people(draft):
            spec = read_spec(DataSpec, dict(task.data), "data")
            dataset = load_dataset(spec, Path(task.base))
        pairs = _near(ctx, dataset, spec.near_from)
    except BakeoffError as error:
        return Found(render("problem", message=error.message, remedy=error.remedy), 0)
    rows = {e.id: e for e in [*dataset.train, *dataset.validation, *dataset.test]}
    others = len({pair.other for pair in pairs})
    shown = [(pair.similarity, rows[pair.test], rows[pair.other]) for pair in pairs[:SHOWN]]
    return Found(render("neardata", pairs=shown, rows=others, more=max(0, len(pairs) - SHOWN), at_least=spec.near_from), others)


def _near(ctx: Context, dataset: Dataset, at_least: float) -> list[Near]:
    home, embedder = ctx.store.models, ctx.settings.embedder
    model = ctx.settings.models.get(ModelSpec(id=ctx.settings.model, embedder=embedder), home)
    nearness = Nearness(Vectors(home, embedder_key_if_there(embedder, home), model.embedder), at_least)
    seen: list[Example] = [*dataset.train, *dataset.validation]
    return nearness.rows(compared_texts(dataset.test, dataset.instruction), compared_texts(seen, dataset.instruction))


def without(ctx: Context, draft: Draft, current: Task, model: str) -> Task:
    """The draft as a task whose plan keeps near rows out of training.

    Raises:
        BakeoffError: it cannot be used yet.
    """
    task = data.as_task(ctx, draft, current, model)
    return replace(task, data={**task.data, "near_duplicates": "drop"})
